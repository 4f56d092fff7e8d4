//! A test that a table of the documents names is there.
//!
//! In a row of a table, a name in code that ends in `.rs` is a file, those of `haltline/tests/` without their folder;
//! the names behind it that look like a test's are tests in it.

use std::sync::LazyLock;

use regex::Regex;

use super::Violation;
use crate::workspace::Workspace;

/// The documents that say which test holds which promise.
const DOCUMENTS: [&str; 2] = ["docs/COVERAGE.md", "docs/design/faults.md"];

/// Where a file lies that is named without a folder.
const USUAL_FOLDER: &str = "haltline/tests";

static CODE: LazyLock<Regex> = LazyLock::new(|| Regex::new("`([^`]+)`").expect("the pattern is a constant"));

pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    let texts = DOCUMENTS.into_iter().filter_map(|path| Some((path, workspace.text(path)?)));
    texts.flat_map(|(path, text)| missing(workspace, path, text)).collect()
}

fn missing(workspace: &Workspace, path: &str, text: &str) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| line.starts_with('|')) {
        let mut file = None;
        for word in CODE.captures_iter(line).filter_map(|found| found.get(1)).map(|word| word.as_str()) {
            let what = if word.ends_with(".rs") {
                let place = if word.contains('/') { word.to_owned() } else { format!("{USUAL_FOLDER}/{word}") };
                file = workspace.text(&place);
                file.is_none().then(|| format!("there is no file `{place}`"))
            } else {
                let is_gone = |text: &str| is_test_name(word) && !text.contains(&format!("fn {word}("));
                file.is_some_and(is_gone).then(|| format!("there is no test `{word}` in the file before it"))
            };
            let remedy = "name the test that holds it now";
            violations.extend(what.map(|what| Violation::new(path, number + 1, what, remedy)));
        }
    }
    violations
}

/// Names of tests are sentences.
fn is_test_name(word: &str) -> bool {
    let is_part = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    word.contains('_') && word.chars().all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_or_a_file_that_is_gone_is_found() {
        let tests = ("haltline/tests/a.rs", "fn it_holds() {}\nfn it_holds_well() {}\n");
        let other = ("spool/src/b.rs", "fn a_unit_holds() {}\n");
        let check = |row: &str| {
            let text = format!("# Faults\n\n`c.rs`: `never_looked_at`\n| 1 | {row} |\n");
            let found = check(&Workspace::of(&[tests, other, ("docs/design/faults.md", &text)]));
            found.into_iter().map(|violation| format!("{}: {}", violation.line, violation.what)).collect::<Vec<_>>()
        };
        assert_eq!(check("`a_word` | `a.rs`: `it_holds`, `it_holds_well`; `spool/src/b.rs`: `a_unit_holds`"), [""; 0]);
        assert_eq!(check("`a.rs`: all; `floods-stdout`, `failed`"), [""; 0]);
        assert_eq!(check("`a.rs`: `it_hold`"), ["4: there is no test `it_hold` in the file before it"]);
        assert_eq!(check("`b.rs`: `a_unit_holds`"), ["4: there is no file `haltline/tests/b.rs`"]);
    }
}
