//! Only `files` makes the system calls that move and remove files, only spool moves and removes files of the queue, and
//! only process starts programs.

use std::sync::LazyLock;

use regex::Regex;

use super::Violation;
use crate::workspace::Workspace;

static FILE_MOVE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\b(?:renameat\w*|unlinkat|rename\s*\(|remove_file|remove_dir_all)").expect("the pattern is a constant")
});
static QUEUE_MOVE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\.(?:move_to|remove_own\w*)\s*\(").expect("the pattern is a constant"));
static PROGRAM_START: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(clap::)?\b(?:Command::new|CommandWrap::with_new)\b").expect("the pattern is a constant")
});

/// Where the system calls are made that move files: the file systems, the queue that asks them, and the bare loop that
/// they are measured against.
const MOVERS: [&str; 4] = ["files/", "lab/", "spool/", "xtask/src/floor/"];

/// Where files are moved and removed by the handle of a folder: in the queue, among the reports, and in outboxes.
const QUEUE_MOVERS: [&str; 4] = ["files/", "spool/", "analytics/src/outbox.rs", "analytics/src/sinks/report.rs"];

/// Where programs are started.
const STARTERS: [&str; 2] = ["process/src/", "xtask/src/run.rs"];

pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, source) in workspace.sources() {
        if !MOVERS.iter().any(|mover| path.starts_with(mover)) {
            let moves = FILE_MOVE.find_iter(source.code()).filter(|found| !source.is_test(found.start()));
            violations.extend(moves.map(|found| {
                let what = format!("`{}` outside files/ and spool/", found.as_str().trim_end_matches('('));
                Violation::new(path, source.line(found.start()), what, "let spool move or remove the file")
            }));
        }
        if !QUEUE_MOVERS.iter().any(|mover| path.starts_with(mover)) {
            let moves = QUEUE_MOVE.find_iter(source.code()).filter(|found| !source.is_test(found.start()));
            violations.extend(moves.map(|found| {
                let what = format!("`{}` outside spool/", found.as_str().trim_matches(['.', '(']));
                Violation::new(path, source.line(found.start()), what, "let spool move or remove the file")
            }));
        }
        if !STARTERS.iter().any(|starter| path.starts_with(starter)) {
            let starts = PROGRAM_START.captures_iter(source.code()).filter(|found| found.get(1).is_none());
            let starts = starts.filter_map(|found| found.get(0)).filter(|found| !source.is_test(found.start()));
            violations.extend(starts.map(|found| {
                let what = format!("`{}` outside {}", found.as_str(), STARTERS.join(" and "));
                Violation::new(path, source.line(found.start()), what, "start the program there")
            }));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        check(&Workspace::of(&[(path, text)])).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn moves_outside_spool_are_found() {
        for code in [
            "fs::rename(a, b)",
            "renameat_with(a, b)",
            "unlinkat(d, n)",
            "use std::fs::remove_file;",
            "a.move_to(n, b, n)",
            "a.remove_own_tree(n)",
        ] {
            let text = format!("//! A.\nfn f() {{ {code} }}");
            assert_eq!(found("emitter/src/a.rs", &text).len(), 1, "{code}");
            assert_eq!(found("spool/src/a.rs", &text), Vec::<String>::new());
            assert_eq!(found("emitter/tests/a.rs", &text), Vec::<String>::new());
            assert_eq!(
                found("emitter/src/a.rs", &format!("#[cfg(test)] mod tests {{ {text} }}")),
                Vec::<String>::new()
            );
        }
        let harmless = "// unlinkat\n#[serde(rename = \"a\")] #[serde(rename_all = \"b\")] fn f() { g(\"rename(\") }";
        assert_eq!(found("emitter/src/a.rs", harmless), Vec::<String>::new());
    }

    #[test]
    fn programs_started_elsewhere_are_found() {
        let text = "fn f() { std::process::Command::new(\"git\"); clap::Command::new(\"x\"); }";
        assert_eq!(
            found("emitter/src/a.rs", text),
            ["emitter/src/a.rs:1: `Command::new` outside process/src/ and xtask/src/run.rs; start the program there"]
        );
        assert_eq!(found("consumer/src/a.rs", "fn f() { CommandWrap::with_new(\"git\", |_| {}); }").len(), 1);
        assert_eq!(found("process/src/child.rs", text), Vec::<String>::new());
        assert_eq!(found("haltline/tests/a.rs", text), Vec::<String>::new());
    }
}
