//! The modules of one crate, and the file of each.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::uses::{Use, uses};
use crate::registry::{declared_modules, module_folder};
use crate::source::{Source, closing};
use crate::workspace::Workspace;

static DECLARATION: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\bmod\s+(\w+)\s*([;{])").expect("the pattern is a constant"));

/// One module that has a file of its own.
#[derive(Debug)]
pub(super) struct Module<'a> {
    pub(super) file: String,
    pub(super) source: &'a Source,
    pub(super) uses: Vec<Use>,
    /// The modules below it that have files of their own, those for tests apart.
    pub(super) children: Vec<String>,
    /// The children that a `registry!` declares, which the registry itself imports.
    pub(super) registered: Vec<String>,
    /// Where modules without a file of their own stand in it.
    pub(super) inline: Vec<std::ops::Range<usize>>,
}

/// The modules of one crate by their path from its root, as in `["actor", "state"]`.
#[derive(Debug)]
pub struct Tree<'a> {
    pub(super) modules: BTreeMap<Vec<String>, Module<'a>>,
}

impl<'a> Tree<'a> {
    /// Reads the crate whose root is this file. Modules that are compiled for tests alone are left out.
    pub fn read(workspace: &'a Workspace, root: &str) -> Self {
        let mut tree = Self { modules: BTreeMap::new() };
        let folder = root.rsplit_once('/').map_or(".", |(folder, _)| folder);
        tree.add(workspace, Vec::new(), root, folder);
        tree
    }

    fn add(&mut self, workspace: &'a Workspace, path: Vec<String>, file: &str, folder: &str) {
        let Some(source) = workspace.source(file) else { return };
        let code = source.code();
        let mut children = Vec::new();
        let mut inline = Vec::new();
        for declaration in DECLARATION.captures_iter(code) {
            let (Some(whole), Some(name)) = (declaration.get(0), declaration.get(1)) else { continue };
            if source.is_test_item(whole.start()) {
                continue;
            }
            if declaration.get(2).is_some_and(|end| end.as_str() == "{") {
                inline.push(whole.start()..closing(code, whole.end() - 1));
            } else {
                children.push(name.as_str().to_owned());
            }
        }
        let registered: Vec<_> = declared_modules(source).into_iter().map(str::to_owned).collect();
        children.extend(registered.iter().cloned());
        for child in &children {
            let candidates = [format!("{folder}/{child}.rs"), format!("{folder}/{child}/mod.rs")];
            if let Some(file) = candidates.iter().find(|candidate| workspace.source(candidate).is_some()) {
                let below = path.iter().chain([child]).cloned().collect();
                self.add(workspace, below, file, &module_folder(file));
            }
        }
        let mut uses = uses(code);
        uses.retain(|declared| !source.is_test_item(declared.span.start));
        self.modules.insert(path, Module { file: file.to_owned(), source, uses, children, registered, inline });
    }
}
