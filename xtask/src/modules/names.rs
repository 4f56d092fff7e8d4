//! Follows the paths that a file names to the files that define what they lead to.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::Regex;

use super::tree::{Module, Tree};
use super::uses::Use;

static PATH: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b\w+(?:::\w+)+").expect("the pattern is a constant"));

/// How many re-exports of a name are followed. No honest name passes through more.
const MOST_REEXPORTS: usize = 16;

/// One file needs something that another one defines.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The file that imports, by its path from the root of the repository.
    pub from: String,
    /// The file that defines what is imported.
    pub to: String,
    /// The line in `from`, from 1.
    pub line: usize,
    /// The name that is imported.
    pub name: String,
}

/// What a path leads to.
enum Target {
    Module(Vec<String>),
    /// What a file defines.
    Item(String),
}

impl Tree<'_> {
    /// Every import between two files of the crate, outside tests.
    ///
    /// A re-export counts for the file that defines the name, not for the file that hands it on.
    pub fn imports(&self) -> Vec<Import> {
        let mut imports = BTreeSet::new();
        for (path, module) in &self.modules {
            let mut add = |segments: &[String], offset: usize| {
                for to in self.files_of(path, segments, MOST_REEXPORTS) {
                    if to != module.file {
                        let name = segments.last().cloned().unwrap_or_default();
                        imports.insert(Import {
                            from: module.file.clone(),
                            to,
                            line: module.source.line(offset),
                            name,
                        });
                    }
                }
            };
            for used in module.uses.iter().filter(|used| module.needs(used)) {
                add(&module.seen_from_file(&used.path, used.span.start), used.span.start);
            }
            for (segments, offset) in module.inline_paths() {
                add(&module.seen_from_file(&segments, offset), offset);
            }
            for child in &module.registered {
                let file = self.modules.get(&below(path, child)).map(|child| child.file.clone());
                imports.extend(file.map(|to| Import { from: module.file.clone(), to, line: 1, name: child.clone() }));
            }
        }
        imports.into_iter().collect()
    }

    /// The files that define what a path names, as seen from a module.
    fn files_of(&self, from: &[String], segments: &[String], depth: usize) -> Vec<String> {
        let is_glob = segments.last().is_some_and(|last| last == "*");
        let segments = if is_glob { &segments[..segments.len() - 1] } else { segments };
        let targets = self.resolve(from, segments, depth);
        let file = |target| match target {
            Target::Item(file) => Some(file),
            // A module by itself is no import: what is used of it is named by a longer path, or by a glob.
            Target::Module(path) if is_glob => self.modules.get(&path).map(|module| module.file.clone()),
            Target::Module(_) => None,
        };
        targets.into_iter().filter_map(file).collect()
    }

    fn resolve(&self, from: &[String], segments: &[String], depth: usize) -> Vec<Target> {
        let Some((first, rest)) = segments.split_first().filter(|_| depth > 0) else { return Vec::new() };
        match first.as_str() {
            "crate" => self.descend(Vec::new(), rest, depth),
            "self" => self.descend(from.to_vec(), rest, depth),
            "super" => {
                let mut at = from.to_vec();
                let ups = segments.iter().take_while(|segment| *segment == "super").count();
                at.truncate(from.len().saturating_sub(ups));
                self.descend(at, &segments[ups..], depth)
            }
            // A name that the module does not bind is another crate's, or its own.
            name if self.binds(from, name) => self.descend(from.to_vec(), segments, depth),
            _ => Vec::new(),
        }
    }

    fn binds(&self, module: &[String], name: &str) -> bool {
        self.modules.get(module).is_some_and(|module| {
            module.children.iter().any(|child| child == name) || module.uses.iter().any(|used| used.name == name)
        })
    }

    /// Follows segments from a module on.
    fn descend(&self, mut at: Vec<String>, segments: &[String], depth: usize) -> Vec<Target> {
        for (index, segment) in segments.iter().enumerate() {
            let Some(module) = self.modules.get(&at) else { return Vec::new() };
            let bound: Vec<&Use> = module.uses.iter().filter(|used| used.name == *segment).collect();
            let is_last = index + 1 == segments.len();
            if self.modules.contains_key(&below(&at, segment)) && (bound.is_empty() || !is_last) {
                at = below(&at, segment);
                continue;
            }
            if bound.is_empty() {
                return vec![Target::Item(module.file.clone())];
            }
            let follow = |used: &&Use| {
                let targets = self.resolve(&at, &used.path, depth - 1).into_iter();
                targets.flat_map(|target| match target {
                    Target::Module(module) => self.descend(module, &segments[index + 1..], depth - 1),
                    item @ Target::Item(_) => vec![item],
                })
            };
            return bound.iter().flat_map(follow).collect();
        }
        vec![Target::Module(at)]
    }
}

impl Module<'_> {
    /// Whether the file itself needs a name that it brings in: one that is public in a file of modules is handed on.
    fn needs(&self, used: &Use) -> bool {
        !self.declares() || self.names_outside_uses(&used.name)
    }

    fn declares(&self) -> bool {
        !self.children.is_empty()
    }

    fn names_outside_uses(&self, name: &str) -> bool {
        let code = self.source.code();
        let is_word = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        code.match_indices(name).any(|(start, _)| {
            let bytes = code.as_bytes();
            let before = start.checked_sub(1).map(|before| bytes[before]);
            let is_whole = !is_word(before) && !is_word(bytes.get(start + name.len()).copied());
            is_whole && !self.source.is_test_item(start) && !self.in_use(start) && !self.declares_module(start)
        })
    }

    fn in_use(&self, offset: usize) -> bool {
        self.uses.iter().any(|used| used.span.contains(&offset))
    }

    /// Whether the name at this offset is that of a `mod` declaration.
    fn declares_module(&self, offset: usize) -> bool {
        self.source.code()[..offset].trim_end().ends_with(" mod") || self.source.code()[..offset].ends_with("\nmod ")
    }

    /// The paths of two segments and more outside `use` declarations and tests.
    fn inline_paths(&self) -> impl Iterator<Item = (Vec<String>, usize)> {
        let paths = PATH.find_iter(self.source.code());
        let paths = paths.filter(|path| !self.source.is_test_item(path.start()) && !self.in_use(path.start()));
        paths.map(|path| (path.as_str().split("::").map(str::to_owned).collect(), path.start()))
    }

    /// A path as it reads from the file's own module: one `super` less within a module that has no file of its own.
    fn seen_from_file(&self, path: &[String], offset: usize) -> Vec<String> {
        let nested = self.inline.iter().filter(|range| range.contains(&offset)).count();
        let supers = path.iter().take_while(|segment| *segment == "super").count();
        if nested == 0 || supers == 0 {
            return path.to_vec();
        }
        let rest = path[nested.min(supers)..].iter().cloned();
        if supers > nested { rest.collect() } else { ["self".to_owned()].into_iter().chain(rest).collect() }
    }
}

fn below(path: &[String], name: &str) -> Vec<String> {
    path.iter().map(String::as_str).chain([name]).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Workspace;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let workspace = Workspace::of(files);
        let short = |file: &str| file.trim_start_matches("x/src/").to_owned();
        let imports = Tree::read(&workspace, "x/src/lib.rs").imports();
        imports.iter().map(|it| format!("{}:{} {} {}", short(&it.from), it.line, it.name, short(&it.to))).collect()
    }

    #[test]
    fn a_name_is_followed_to_the_file_that_defines_it() {
        let files = [
            ("x/src/lib.rs", "mod a;\nmod b;\nmod c;\npub use a::A;"),
            ("x/src/a.rs", "pub struct A;"),
            ("x/src/b.rs", "use crate::c::{C, D};\nfn f(c: C) -> crate::A { crate::A }"),
            ("x/src/c/mod.rs", "mod inner;\npub use inner::C;\npub use super::a::A as D;"),
            ("x/src/c/inner.rs", "use super::D;\nuse std::fs;"),
        ];
        let expected = ["b.rs:1 D a.rs", "b.rs:2 A a.rs", "b.rs:1 C c/inner.rs", "c/inner.rs:1 D a.rs"];
        assert_eq!(found(&files), expected);
    }

    #[test]
    fn paths_within_code_count_by_the_module_that_they_begin_with() {
        let files = [
            ("x/src/lib.rs", "mod a;\nmod b;\nfn f() { a::g(); }"),
            ("x/src/a.rs", "use crate::b;\npub fn g() { b::h(); }"),
            (
                "x/src/b.rs",
                "pub fn h() { super::f(); b::other(); }\nmod not { fn i() { super::h(); super::super::f() } }",
            ),
        ];
        assert_eq!(found(&files), ["a.rs:2 h b.rs", "b.rs:1 f lib.rs", "b.rs:2 f lib.rs", "lib.rs:3 g a.rs"]);
    }

    #[test]
    fn tests_comments_and_texts_are_passed_over() {
        let files = [
            ("x/src/lib.rs", "mod a;\nmod b;\n#[cfg(test)]\nmod c;"),
            (
                "x/src/a.rs",
                "// crate::b::B\nfn f() { g(\"crate::b::B\") }\n#[cfg(test)]\nmod tests { use crate::b::B; }",
            ),
            ("x/src/b.rs", "pub struct B;"),
            ("x/src/c.rs", "use crate::b::B;"),
        ];
        assert_eq!(found(&files), Vec::<String>::new());
    }

    #[test]
    fn a_registry_imports_its_rows() {
        let registry = "registry! { pub static ALL: Thing = { one => One } }\nuse crate::thing::Thing;";
        let files = [
            ("x/src/lib.rs", "mod all;\nmod thing;\n"),
            ("x/src/all/mod.rs", registry),
            ("x/src/all/one.rs", "pub struct One;"),
            ("x/src/thing.rs", "use crate::all::ALL;"),
        ];
        let expected = ["all/mod.rs:1 one all/one.rs", "all/mod.rs:2 Thing thing.rs", "thing.rs:1 ALL all/mod.rs"];
        assert_eq!(found(&files), expected);
    }
}
