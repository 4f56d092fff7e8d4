//! Each Rust file opens by saying what it is for.

use super::Violation;
use crate::workspace::Workspace;

/// Programs that a test compiles (most of them are not to compile).
pub(super) const FIXTURES: &str = "/tests/ui/";

pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    let sources = workspace.sources().filter(|(path, _)| !path.contains(FIXTURES));
    let silent = sources.filter(|(_, source)| !source.text().starts_with("//! "));
    silent
        .map(|(path, _)| {
            Violation::new(path, 1, "the file does not open with `//! `", "say in a sentence what it is for")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_an_opening_is_found() {
        let texts = [("a/src/a.rs", "//! Does a.\n"), ("a/src/b.rs", "use a;\n//! Late.\n"), ("a/tests/ui/c.rs", "fn")];
        let found = check(&Workspace::of(&texts));
        assert_eq!(found.iter().map(|violation| violation.file.as_str()).collect::<Vec<_>>(), ["a/src/b.rs"]);
    }
}
