//! The rules of the house hold for the repository as it is.

use xtask::tidy;
use xtask::workspace::Workspace;

#[test]
fn the_house_is_tidy() {
    let violations = tidy::check(&Workspace::load().unwrap()).unwrap();
    let lines: Vec<_> = violations.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "`cargo xtask tidy` says:\n{}", lines.join("\n"));
}
