//! What no code of the house contains.

use std::sync::LazyLock;

use regex::Regex;

use super::Violation;
use crate::workspace::Workspace;

struct Ban {
    pattern: Regex,
    tests_only: bool,
    what: &'static str,
    remedy: &'static str,
}

static BANS: LazyLock<Vec<Ban>> = LazyLock::new(|| {
    let ban = |pattern: &str, tests_only, what, remedy| Ban {
        pattern: Regex::new(pattern).expect("the pattern is a constant"),
        tests_only,
        what,
        remedy,
    };
    vec![
        ban(r"\bunbounded_channel\b", false, "an unbounded channel", "give it a bound and say why that one"),
        ban(r"\btodo!", false, "a `todo!`", "do it, or leave the code out"),
        ban(r"#\[ignore", false, "an ignored test", "make it run, or drop it"),
        ban(r"\bshould_panic\b", false, "`should_panic`", "return an error and check what it says"),
        ban(r"\bthread::sleep\b", false, "`thread::sleep`", "wait for the thing itself"),
        ban(
            r"\btime::sleep\b|\btime::\{[^}]*\bsleep\b",
            true,
            "`time::sleep` in a test",
            "wait for the thing itself, or pause the clock and advance it",
        ),
    ]
});

pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, source) in workspace.sources() {
        for ban in BANS.iter() {
            let places = ban.pattern.find_iter(source.code()).map(|found| found.start());
            let places = places.filter(|place| !ban.tests_only || source.is_test(*place));
            violations.extend(places.map(|place| Violation::new(path, source.line(place), ban.what, ban.remedy)));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_banned_thing_is_found_once() {
        for code in [
            "fn f() { tokio::sync::mpsc::unbounded_channel(); }",
            "fn f() { todo!() }",
            "#[ignore]\nfn f() {}",
            "#[ignore = \"slow\"]\nfn f() {}",
            "#[should_panic(expected = \"a\")]\nfn f() {}",
            "fn f() { std::thread::sleep(d) }",
            "#[cfg(test)]\nmod tests { fn f() { tokio::time::sleep(d) } }",
            "#[cfg(test)]\nmod tests { use tokio::time::{Duration, sleep}; }",
        ] {
            assert_eq!(check(&Workspace::of(&[("a.rs", code)])).len(), 1, "{code}");
        }
    }

    #[test]
    fn texts_about_it_and_pauses_of_the_product_pass() {
        let text = "// todo!() and unbounded_channel\nfn f() { g(\"thread::sleep\"); tokio::time::sleep(d); }";
        assert_eq!(check(&Workspace::of(&[("a.rs", text)])), []);
    }
}
