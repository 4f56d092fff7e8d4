//! The commit that a work tree stands at, read from git's own files: nothing is started for it.
//! The layout is that of gitrepository-layout(5).

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use crate::regular_file::{open_regular, read_small};

/// The most that is read of a file with one ref or one path in it, in bytes; a path is at most 4096.
const LARGEST_SMALL_FILE: u64 = 8 * 1024;
/// The most that is read of `packed-refs`, in bytes: some 250,000 refs.
const LARGEST_PACKED_REFS: u64 = 16 * 1024 * 1024;
/// How many symbolic refs are followed, as git does.
const DEEPEST_SYMREF: usize = 5;

/// The commit that a work tree stands at, in hex. Empty where there is none or it cannot be told from files: no
/// repository, a branch without a commit, or refs that are kept in a reftable.
pub fn git_head(worktree: &Path) -> String {
    let Some(repository) = Repository::of(worktree) else { return String::new() };
    repository.resolve("HEAD").unwrap_or_default()
}

struct Repository {
    /// What is this work tree's alone: HEAD.
    own: PathBuf,
    /// What all work trees of the repository share: branches.
    common: PathBuf,
}

impl Repository {
    fn of(worktree: &Path) -> Option<Self> {
        let dot_git = worktree.join(".git");
        let own = if dot_git.is_dir() {
            dot_git
        } else {
            let text = read_small(&dot_git, LARGEST_SMALL_FILE)?;
            worktree.join(line_of(text.strip_prefix("gitdir:")?))
        };
        let common = match read_small(&own.join("commondir"), LARGEST_SMALL_FILE) {
            Some(text) => own.join(line_of(&text)),
            None => own.clone(),
        };
        Some(Self { own, common })
    }

    fn resolve(&self, name: &str) -> Option<String> {
        let mut name = name.to_owned();
        for _ in 0..DEEPEST_SYMREF {
            let Some(text) = self.loose(&name) else { return self.packed(&name) };
            match text.strip_prefix("ref:") {
                Some(target) => name = inside_refs(line_of(target))?.to_owned(),
                None => return commit(line_of(&text)),
            }
        }
        None
    }

    fn loose(&self, name: &str) -> Option<String> {
        read_small(&self.own.join(name), LARGEST_SMALL_FILE)
            .or_else(|| read_small(&self.common.join(name), LARGEST_SMALL_FILE))
    }

    fn packed(&self, name: &str) -> Option<String> {
        let (file, _) = open_regular(&self.common.join("packed-refs")).ok()?;
        let mut lines = BufReader::new(file.take(LARGEST_PACKED_REFS));
        let mut line = Vec::new();
        loop {
            line.clear();
            if lines.read_until(b'\n', &mut line).ok()? == 0 {
                return None;
            }
            let found = std::str::from_utf8(&line).ok().and_then(|line| line_of(line).split_once(' '));
            if let Some((hex, _)) = found.filter(|(_, packed)| *packed == name) {
                return commit(hex);
            }
        }
    }
}

/// A ref's name, if it cannot lead out of the repository.
fn inside_refs(name: &str) -> Option<&str> {
    (name.starts_with("refs/") && name.split('/').all(|part| part != ".." && !part.contains('\0'))).then_some(name)
}

/// A commit's name: 40 hex digits, or 64 in a repository with SHA-256.
fn commit(text: &str) -> Option<String> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    (is_hex && matches!(text.len(), 40 | 64)).then(|| text.to_owned())
}

fn line_of(text: &str) -> &str {
    text.trim_start_matches([' ', '\t']).trim_end_matches(['\n', '\r'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "the reader is compared with git itself")]
    fn git(folder: &Path, arguments: &[&str]) -> String {
        let output = std::process::Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"])
            .args(arguments)
            .current_dir(folder)
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn repository() -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let tree = home.path().join("tree");
        std::fs::create_dir(&tree).unwrap();
        git(&tree, &["init", "-q", "-b", "main"]);
        git(&tree, &["commit", "-q", "--allow-empty", "-m", "one"]);
        (home, tree)
    }

    fn check(tree: &Path) {
        let expected = git(tree, &["rev-parse", "HEAD"]);
        assert_eq!(expected.len(), 40);
        assert_eq!(git_head(tree), expected);
    }

    #[test]
    fn the_head_is_the_one_that_git_tells() {
        let (_home, tree) = repository();
        check(&tree);
        git(&tree, &["pack-refs", "--all"]);
        assert!(!tree.join(".git/refs/heads/main").is_file());
        check(&tree);
        git(&tree, &["commit", "-q", "--allow-empty", "-m", "two"]);
        check(&tree);
        git(&tree, &["checkout", "-q", "--detach", "HEAD~1"]);
        check(&tree);
        git(&tree, &["checkout", "-q", "-b", "deep/er"]);
        git(&tree, &["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
        git(&tree, &["symbolic-ref", "HEAD", "refs/heads/alias"]);
        check(&tree);
    }

    #[test]
    fn a_linked_work_tree_has_its_own_head() {
        let (home, tree) = repository();
        let linked = home.path().join("linked");
        git(&tree, &["worktree", "add", "-q", "-b", "side", linked.to_str().unwrap()]);
        git(&linked, &["commit", "-q", "--allow-empty", "-m", "side"]);
        assert_ne!(git_head(&linked), git_head(&tree));
        check(&linked);
        git(&tree, &["pack-refs", "--all"]);
        check(&linked);
        check(&tree);
    }

    #[test]
    fn a_long_hash_is_read_and_a_reftable_is_not_guessed_at() {
        let home = tempfile::tempdir().unwrap();
        for (format, is_read) in [("--object-format=sha256", true), ("--ref-format=reftable", false)] {
            let tree = home.path().join(&format[2..]);
            std::fs::create_dir(&tree).unwrap();
            git(&tree, &["init", "-q", "-b", "main", format]);
            git(&tree, &["commit", "-q", "--allow-empty", "-m", "one"]);
            let head = git(&tree, &["rev-parse", "HEAD"]);
            assert_eq!(git_head(&tree), if is_read { head } else { String::new() });
        }
    }

    #[test]
    fn what_has_no_head_gives_nothing() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(git_head(home.path()), "");
        git(home.path(), &["init", "-q", "-b", "unborn"]);
        assert_eq!(git_head(home.path()), "");
        let hex = "a".repeat(40);
        std::fs::write(home.path().join("secret"), &hex).unwrap();
        for head in ["", "ref:", "ref: refs/../../secret", "ref: HEAD", "ref: /etc/passwd", "zzz", "abc\0"] {
            std::fs::write(home.path().join(".git/HEAD"), head).unwrap();
            assert_eq!(git_head(home.path()), "", "{head:?}");
        }
        std::fs::write(home.path().join(".git/HEAD"), format!("{hex}\n")).unwrap();
        assert_eq!(git_head(home.path()), hex);
        std::fs::write(home.path().join(".git/HEAD"), "ref: refs/heads/circle\n").unwrap();
        std::fs::write(home.path().join(".git/refs/heads/circle"), "ref: refs/heads/circle\n").unwrap();
        assert_eq!(git_head(home.path()), "");
    }
}
