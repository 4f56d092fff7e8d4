//! `cargo xtask lint`: what the compiler's friends have to say.

use anyhow::Result;

use crate::run::{cargo, shown, succeeds};
use crate::workspace::Workspace;

const CLIPPY: [&str; 7] = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];

/// Runs clippy with every warning an error, then cargo-deny where it is installed.
///
/// # Errors
/// One of them finds something.
pub fn run(workspace: &Workspace) -> Result<()> {
    let cargo = cargo();
    shown(workspace.root(), &cargo, &CLIPPY)?;
    if succeeds(&cargo, &["deny", "--version"]) {
        return shown(workspace.root(), &cargo, &["deny", "--workspace", "--locked", "check"]);
    }
    println!("SKIP cargo deny check: cargo-deny is not installed; `cargo install --locked cargo-deny` brings it");
    Ok(())
}
