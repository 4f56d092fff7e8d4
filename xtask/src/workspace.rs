//! The files of the repository, read once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::source::Source;

/// The endings of the files that hold text for people and compilers.
const TEXT_ENDINGS: [&str; 6] = ["rs", "md", "toml", "sh", "yml", "yaml"];

/// Files without such an ending that are read all the same.
const TEXTS_BY_PATH: [&str; 1] = [".ci/run"];

/// The mark that cargo puts into every target folder.
const CACHE_MARK: &str = "CACHEDIR.TAG";

/// Every file of the repository by its path from the root, with `/` between folders.
///
/// What is no text (and what is no UTF-8) is known by name only.
#[derive(Debug, Default)]
pub struct Workspace {
    root: PathBuf,
    files: BTreeMap<String, Option<String>>,
    sources: BTreeMap<String, Source>,
}

impl Workspace {
    /// Reads the repository that xtask was built from.
    ///
    /// # Errors
    /// A folder or a text cannot be read.
    pub fn load() -> Result<Self> {
        let manifest_dir = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&manifest_dir).parent().context("xtask has no folder above it")?.to_owned();
        let mut files = BTreeMap::new();
        walk(&root, "", &mut files)?;
        Ok(Self::new(root, files))
    }

    /// A repository that consists of these texts, for tests of rules.
    pub fn of(texts: &[(&str, &str)]) -> Self {
        let files = texts.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned()))).collect();
        Self::new(PathBuf::new(), files)
    }

    fn new(root: PathBuf, files: BTreeMap<String, Option<String>>) -> Self {
        let rust = files.iter().filter(|(path, _)| path.ends_with(".rs"));
        let sources =
            rust.filter_map(|(path, text)| Some((path.clone(), Source::read(path, text.as_ref()?)))).collect();
        Self { root, files, sources }
    }

    /// The folder of the root manifest.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The texts by path.
    pub fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// One text.
    pub fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// The Rust files, read as far as the rules need it.
    pub fn sources(&self) -> impl Iterator<Item = (&str, &Source)> {
        self.sources.iter().map(|(path, source)| (path.as_str(), source))
    }

    /// One Rust file.
    pub fn source(&self, path: &str) -> Option<&Source> {
        self.sources.get(path)
    }

    /// Whether there is a file or a folder of this path.
    pub fn has(&self, path: &str) -> bool {
        let path = path.trim_end_matches('/');
        let folder = format!("{path}/");
        path.is_empty() || self.files.keys().any(|file| file == path || file.starts_with(&folder))
    }

    /// The folders right below the root that hold a crate.
    pub fn crate_folders(&self) -> impl Iterator<Item = &str> {
        self.files.keys().filter_map(|path| path.strip_suffix("/Cargo.toml")).filter(|folder| !folder.contains('/'))
    }
}

fn walk(root: &Path, below: &str, files: &mut BTreeMap<String, Option<String>>) -> Result<()> {
    let folder = root.join(below);
    if folder.join(CACHE_MARK).try_exists()? {
        return Ok(());
    }
    let entries = match fs::read_dir(&folder) {
        // A test's folder that went away while the tree was walked.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !below.is_empty() => return Ok(()),
        entries => entries.with_context(|| format!("cannot read the folder {}", folder.display()))?,
    };
    for entry in entries {
        let entry = entry.with_context(|| format!("cannot read the folder {}", folder.display()))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name == ".git" {
            continue;
        }
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        let file_type = entry.file_type()?;
        if file_type.is_dir() {
            walk(root, &path, files)?;
        } else if file_type.is_file() {
            let text = if is_text(&path) { read_text(&entry.path())? } else { None };
            files.insert(path, text);
        }
    }
    Ok(())
}

fn is_text(path: &str) -> bool {
    let ending = Path::new(path).extension().and_then(|ending| ending.to_str());
    TEXTS_BY_PATH.contains(&path) || ending.is_some_and(|ending| TEXT_ENDINGS.contains(&ending))
}

fn read_text(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        // A fixture may hold bytes that are no UTF-8.
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Ok(None),
        // An editor's or a test's file that went away while the tree was walked.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_and_caches_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in [
            ("a/src/lib.rs", "//! A."),
            ("a/Cargo.toml", ""),
            ("a/logo.png", "x"),
            ("built/CACHEDIR.TAG", ""),
            ("built/b.rs", "x"),
            (".git/c.md", "x"),
        ] {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let mut files = BTreeMap::new();
        walk(dir.path(), "", &mut files).unwrap();
        let workspace = Workspace::new(dir.path().to_owned(), files);
        assert_eq!(workspace.texts().map(|(path, _)| path).collect::<Vec<_>>(), ["a/Cargo.toml", "a/src/lib.rs"]);
        assert_eq!(workspace.crate_folders().collect::<Vec<_>>(), ["a"]);
        assert!(workspace.has("a/logo.png") && workspace.has("a/src/") && workspace.has("a"));
        assert!(!workspace.has("a/sr") && !workspace.has("built"));
    }
}
