//! Links from one file of the repository to another lead somewhere.

use std::sync::LazyLock;

use regex::Regex;

use super::Violation;
use crate::source::line_of;
use crate::workspace::Workspace;

static LINK: LazyLock<Regex> = LazyLock::new(|| {
    let inline = r#"\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)"#;
    let reference = r"(?m)^ {0,3}\[[^\]]+\]:\s+<?([^\s>]+)>?";
    Regex::new(&format!("{inline}|{reference}")).expect("the pattern is a constant")
});
static CODE: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?ms)^ *```.*?^ *```|`[^`\n]*`").expect("the pattern is a constant"));

pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, text) in workspace.texts().filter(|(path, _)| is_prose(path)) {
        let prose = without_code(text);
        let targets = LINK.captures_iter(&prose).filter_map(|found| found.get(1).or(found.get(2)));
        for target in targets.filter(|target| is_relative(target.as_str())) {
            let place = resolve(path, target.as_str());
            if !place.as_ref().is_some_and(|place| workspace.has(place)) {
                let what = format!("the link to `{}` leads nowhere", target.as_str());
                violations.push(Violation::new(path, line_of(text, target.start()), what, "mend the path"));
            }
        }
    }
    violations
}

/// What people wrote; a golden file is what a program wrote, hostile text included.
fn is_prose(path: &str) -> bool {
    path.ends_with(".md") && !path.contains("/golden/")
}

fn without_code(text: &str) -> String {
    let blank = |found: &regex::Captures<'_>| {
        found[0].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect::<String>()
    };
    CODE.replace_all(text, blank).into_owned()
}

fn is_relative(target: &str) -> bool {
    !target.starts_with('#') && !target.contains("://") && !target.starts_with("mailto:")
}

/// The path from the root; none where it leaves the repository.
fn resolve(file: &str, target: &str) -> Option<String> {
    let target = target.split(['#', '?']).next().unwrap_or_default();
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_lead_nowhere_are_found() {
        let text = "[a](gone.md)\n[b](../../out.md)\n![c](img/no.png \"title\")\n\n[d]: nowhere.md\n";
        let found = check(&Workspace::of(&[("docs/a.md", text)]));
        assert_eq!(found.iter().map(|violation| violation.line).collect::<Vec<_>>(), [1, 2, 3, 5]);
        assert_eq!(found[0].to_string(), "docs/a.md:1: the link to `gone.md` leads nowhere; mend the path");
    }

    #[test]
    fn links_that_lead_somewhere_and_code_pass() {
        let text = "[a](../b.md#part) [c](./a.md) [d](#here) [e](https://example.org/x) [f](mailto:a@example.org)\n\
                    `[g](gone.md)`\n```text\n[h](gone.md)\n```\n[i](..) [j](../docs/)\n";
        assert_eq!(check(&Workspace::of(&[("docs/a.md", text), ("b.md", "")])), []);
    }
}
