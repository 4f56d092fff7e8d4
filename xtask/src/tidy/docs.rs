//! The map names every room, and the README every exit code.

use std::sync::LazyLock;

use regex::Regex;

use super::Violation;
use crate::workspace::Workspace;

const MAP: &str = "docs/ARCHITECTURE.md";
const README: &str = "README.md";

/// The codes that the program ends with.
const EXIT_CODES: [&str; 6] = ["0", "1", "2", "74", "75", "78"];

static HEADING: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(?im)^#+ .*\bexit codes?\b.*$").expect("the pattern is a constant"));

pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    let rooms = workspace.text(MAP).map(|map| unnamed_rooms(workspace, map));
    let codes = workspace.text(README).map(unnamed_codes);
    rooms.into_iter().chain(codes).flatten().collect()
}

fn unnamed_rooms(workspace: &Workspace, map: &str) -> Vec<Violation> {
    let unnamed = workspace.crate_folders().filter(|folder| !map.contains(&format!("{folder}/")));
    unnamed
        .map(|folder| Violation::new(MAP, 1, format!("`{folder}/` is not named"), "give the crate its paragraph"))
        .collect()
}

/// A README without a heading about exit codes has none to check.
fn unnamed_codes(readme: &str) -> Vec<Violation> {
    let Some(heading) = HEADING.find(readme) else { return Vec::new() };
    let line = crate::source::line_of(readme, heading.start());
    let section = readme[heading.end()..].split("\n#").next().unwrap_or_default();
    let words: Vec<_> = section.split(|c: char| !c.is_ascii_alphanumeric()).collect();
    let unnamed = EXIT_CODES.iter().filter(|code| !words.contains(*code));
    unnamed
        .map(|code| Violation::new(README, line, format!("exit code {code} is not named"), "say what it means"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_the_map_does_not_name_is_found() {
        let texts = [("a/Cargo.toml", ""), ("b/Cargo.toml", ""), (MAP, "`a/` is the first room.")];
        let found = check(&Workspace::of(&texts));
        assert_eq!(found.iter().map(|violation| violation.what.as_str()).collect::<Vec<_>>(), ["`b/` is not named"]);
        assert_eq!(check(&Workspace::of(&texts[..2])), []);
    }

    #[test]
    fn an_exit_code_that_the_readme_does_not_name_is_found() {
        let readme =
            "# haltline\n\n## Exit codes\n\n`0` well, `1` failed, `2` usage, `74` files, `78` config\n\n## 75\n";
        let found = check(&Workspace::of(&[(README, readme)]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].to_string(), "README.md:3: exit code 75 is not named; say what it means");
        assert_eq!(check(&Workspace::of(&[(README, "# haltline\n")])), []);
    }
}
