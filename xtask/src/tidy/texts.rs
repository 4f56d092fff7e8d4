//! The texts speak of the project alone: no path of a developer's machine, no host of a package registry.

use std::sync::LazyLock;

use regex::Regex;

use super::Violation;
use crate::source::line_of;
use crate::workspace::Workspace;

// The words are taken apart so that this file is not found by its own rule.
static MACHINE_PATH: LazyLock<Regex> = LazyLock::new(|| {
    let folders = [concat!("/wo", "rk"), concat!("/ro", "ot"), concat!("/Us", "ers")].join("|");
    Regex::new(&format!(r#"(?:^|[\s"'`(=:\[<])((?:{folders})/[\w./-]*)"#)).expect("the pattern is a constant")
});
static REGISTRY_HOST: LazyLock<Regex> = LazyLock::new(|| {
    let hosts = [
        concat!("crates", r"\.io"),
        concat!("npm", "js"),
        concat!("pypi", r"\.org"),
        concat!("ruby", r"gems\.org"),
        concat!("proxy", r"\.golang\.org"),
        concat!("ghcr", r"\.io"),
        concat!("docker", r"\.io"),
    ];
    Regex::new(&format!(r"\b({})\b", hosts.join("|"))).expect("the pattern is a constant")
});

pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    let rules = [
        (&*MACHINE_PATH, "path of one machine", "write it relative, or invent one that no machine has"),
        (&*REGISTRY_HOST, "package registry's host", "speak of the package, not of its host"),
    ];
    let mut violations = Vec::new();
    for (path, text) in workspace.texts() {
        for (pattern, what, remedy) in rules {
            let places = pattern.captures_iter(text).filter_map(|found| found.get(1));
            violations.extend(places.map(|found| {
                let what = format!("`{}`, a {what}", found.as_str());
                Violation::new(path, line_of(text, found.start()), what, remedy)
            }));
        }
    }
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_a_machine_are_found() {
        let text = concat!("a\nsee `/wo", "rk/main/x.rs`\n\"/ro", "ot/.cargo\"\n");
        let found = check(&Workspace::of(&[("a.md", text)]));
        assert_eq!(found.iter().map(|violation| violation.line).collect::<Vec<_>>(), [2, 3]);
        assert!(found[0].what.ends_with("main/x.rs`, a path of one machine"));
    }

    #[test]
    fn hosts_of_registries_are_found() {
        for host in [concat!("index.crates", ".io"), concat!("registry.npm", "js.org")] {
            assert_eq!(check(&Workspace::of(&[("a.toml", host)])).len(), 1, "{host}");
        }
    }

    #[test]
    fn relative_paths_and_other_hosts_pass() {
        let text = "homework/a.rs git/work/tree https://example.org/work/x /home/ana/checkout crates io";
        assert_eq!(check(&Workspace::of(&[("a.md", text)])), []);
    }
}
