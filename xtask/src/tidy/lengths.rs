//! A file of more than 600 lines is two files.

use super::Violation;
use crate::workspace::Workspace;

/// Lines of one Rust file, tests included. 150 to 400 are comfortable.
const LIMIT: usize = 600;

pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    let lengths = workspace.sources().map(|(path, source)| (path, source.text().lines().count()));
    lengths
        .filter(|(_, lines)| *lines > LIMIT)
        .map(|(path, lines)| {
            Violation::new(path, LIMIT + 1, format!("{lines} lines, more than {LIMIT}"), "split it by purpose")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_may_have_600_lines_and_no_more() {
        let (full, over) = ("//! A.\n".repeat(600), "//! A.\n".repeat(601));
        let found = check(&Workspace::of(&[("full.rs", &full), ("over.rs", &over)]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].to_string(), "over.rs:601: 601 lines, more than 600; split it by purpose");
    }
}
