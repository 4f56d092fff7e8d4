//! Each ban of `clippy.toml` says why.

use super::Violation;
use crate::workspace::Workspace;

const FILE: &str = "clippy.toml";

pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    let Some(text) = workspace.text(FILE) else { return Vec::new() };
    let table: toml::Table = match text.parse() {
        Ok(table) => table,
        Err(error) => return vec![Violation::new(FILE, 1, format!("no TOML: {}", error.message()), "mend it")],
    };
    let lists = table.iter().filter(|(key, _)| key.starts_with("disallowed-")).filter_map(|(_, list)| list.as_array());
    lists.flatten().filter_map(|ban| unexplained(text, ban)).collect()
}

fn unexplained(text: &str, ban: &toml::Value) -> Option<Violation> {
    let field = |name| ban.get(name).and_then(toml::Value::as_str).unwrap_or_default();
    if !field("reason").trim().is_empty() {
        return None;
    }
    let path = ban.as_str().unwrap_or(field("path"));
    let line = text.lines().position(|line| line.contains(&format!("\"{path}\""))).map_or(1, |line| line + 1);
    Some(Violation::new(FILE, line, format!("the ban of `{path}` has no reason"), "add `reason = \"…\"`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ban_without_a_reason_is_found() {
        let text = "disallowed-methods = [\n    { path = \"a::b\", reason = \"because\" },\n    { path = \"c::d\" },\n    \
                    \"e::f\",\n    { path = \"g::h\", reason = \" \" },\n]\n";
        let found = check(&Workspace::of(&[(FILE, text)]));
        assert_eq!(found.iter().map(|violation| violation.line).collect::<Vec<_>>(), [3, 4, 5]);
        assert!(found[0].what.contains("`c::d`"));
    }

    #[test]
    fn a_file_that_is_no_toml_is_found() {
        assert_eq!(check(&Workspace::of(&[(FILE, "a = [")])).len(), 1);
    }
}
