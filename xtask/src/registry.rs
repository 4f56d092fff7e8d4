//! The modules that a `registry!` macro declares, which neither `cargo fmt` nor rustfmt finds by itself.

use std::sync::LazyLock;

use anyhow::{Result, bail};
use regex::Regex;

use crate::source::{Source, closing};
use crate::workspace::Workspace;

static INVOCATION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\bregistry!\s*\{").expect("the pattern is a constant"));
static ROW: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(\w+)\s*=>\s*\w+").expect("the pattern is a constant"));

/// The files of all modules that registries declare, by path from the root.
///
/// # Errors
/// A row names a module that has no file.
pub fn module_files(workspace: &Workspace) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for (path, source) in workspace.sources() {
        let folder = module_folder(path);
        for module in declared_modules(source) {
            let candidates = [format!("{folder}/{module}.rs"), format!("{folder}/{module}/mod.rs")];
            match candidates.iter().find(|candidate| workspace.text(candidate).is_some()) {
                Some(file) => files.push(file.clone()),
                None => bail!("{path}: the registry has a row for `{module}`, but there is no {}", candidates[0]),
            }
        }
    }
    Ok(files)
}

/// The modules that the registries of a file declare.
pub(crate) fn declared_modules(source: &Source) -> Vec<&str> {
    let code = source.code();
    let rows = |open: usize| ROW.captures_iter(&code[open..closing(code, open)]);
    INVOCATION
        .find_iter(code)
        .flat_map(|invocation| rows(invocation.end() - 1))
        .filter_map(|row| row.get(1).map(|module| module.as_str()))
        .collect()
}

/// Where the modules of a file lie.
pub(crate) fn module_folder(path: &str) -> String {
    let (folder, name) = path.rsplit_once('/').unwrap_or((".", path));
    match name {
        "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
        _ => format!("{folder}/{}", name.trim_end_matches(".rs")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REGISTRY: &str = "//! Sinks.\nhaltline_protocol::registry! {\n    /// The sinks.\n    \
                            pub static SINKS: SinkFactory = { jsonl => Jsonl, // old => Old,\n    inbox => Inbox }\n}\n";

    #[test]
    fn each_row_gives_the_file_of_its_module() {
        let files = [("a/src/sinks/mod.rs", REGISTRY), ("a/src/sinks/jsonl.rs", ""), ("a/src/sinks/inbox/mod.rs", "")];
        assert_eq!(module_files(&Workspace::of(&files)).unwrap(), ["a/src/sinks/jsonl.rs", "a/src/sinks/inbox/mod.rs"]);

        let files = [("a/src/sinks.rs", REGISTRY), ("a/src/sinks/jsonl.rs", ""), ("a/src/sinks/inbox.rs", "")];
        assert_eq!(module_files(&Workspace::of(&files)).unwrap(), ["a/src/sinks/jsonl.rs", "a/src/sinks/inbox.rs"]);
    }

    #[test]
    fn a_row_without_a_file_is_an_error() {
        let error = module_files(&Workspace::of(&[("a/src/lib.rs", REGISTRY)])).unwrap_err().to_string();
        assert!(error.contains("`jsonl`") && error.contains("a/src/jsonl.rs"), "{error}");
    }

    #[test]
    fn the_definition_of_the_macro_is_no_registry() {
        let text = "macro_rules! registry {\n ($a:ident => $b:ident) => { mod $a; };\n}\n";
        assert_eq!(module_files(&Workspace::of(&[("p/src/registry.rs", text)])).unwrap(), Vec::<String>::new());
    }
}
