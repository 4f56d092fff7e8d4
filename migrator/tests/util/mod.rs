//! A home to migrate.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use haltline_migrator::{MigrationRun, RunState, count_line, upgrade};
use haltline_protocol::{Layout, MigrationReport};

pub(crate) const VERSION: &str = "1.40.5.0";
pub(crate) const FOLDERS: [&str; 3] = ["pending-investigations", "processed", "dead-letter"];
pub(crate) const MESSAGES: [&str; 3] = [
    "drain-faults subcommand invoked (queue)",
    "mark-shipped subcommand invoked for feature 3 (PR #42)",
    "--mark-phase-committed invoked for phase 2.1",
];

pub(crate) struct Home {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) layout: Layout,
}

impl Home {
    /// A home without a queue.
    pub(crate) fn fresh() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path().join("home"));
        Self { dir, layout }
    }

    /// A home with an empty queue.
    pub(crate) fn empty() -> Self {
        let home = Self::fresh();
        for folder in FOLDERS {
            std::fs::create_dir_all(home.path(folder)).unwrap();
        }
        home
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.layout.queue().join(below)
    }

    pub(crate) fn write(&self, below: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn text(&self, below: &str) -> String {
        std::fs::read_to_string(self.path(below)).unwrap()
    }

    pub(crate) fn marker(&self) -> PathBuf {
        self.path(&format!(".migrations/v{VERSION}.done"))
    }

    pub(crate) fn is_marked(&self) -> bool {
        std::fs::symlink_metadata(self.marker()).is_ok_and(|found| found.is_file())
    }

    pub(crate) fn upgrade(&self, dry_run: bool) -> MigrationRun {
        upgrade(&self.layout, dry_run, &mut |_| ()).unwrap().remove(0)
    }

    #[expect(clippy::disallowed_methods, reason = "the test moves what it made itself")]
    pub(crate) fn move_file(&self, from: &Path, below: &str) {
        std::fs::rename(from, self.path(below)).unwrap();
    }

    pub(crate) fn forget_marker(&self) {
        self.move_file(&self.marker(), "forgotten-marker");
    }

    /// Runs it and compares the end, the counts and whether there is a marker.
    #[track_caller]
    pub(crate) fn check(&self, state: RunState, counts: &str) -> MigrationReport {
        let run = self.upgrade(false);
        let report = run.report.unwrap();
        assert_eq!(count_line(&report), counts, "{report:#?}");
        assert_eq!((run.state, run.error), (state, None));
        assert_eq!(self.is_marked(), state == RunState::Completed);
        report
    }

    /// Every file with its bytes, inode, mode and time.
    pub(crate) fn snapshot(&self) -> BTreeMap<PathBuf, (Vec<u8>, u64, u32, i64, i64)> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.dir.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                let stat = path.symlink_metadata().unwrap();
                let bytes = if stat.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
                if stat.is_dir() {
                    folders.push(path.clone());
                }
                found.insert(path, (bytes, stat.ino(), stat.mode(), stat.mtime(), stat.mtime_nsec()));
            }
        }
        found
    }
}

/// A row as earlier releases wrote it.
pub(crate) fn row(id: &str, kind: &str, message: &str) -> String {
    format!(
        "{{\n  \"faultId\": \"{id}\",\n  \"runId\": \"r\",\n  \"stateSlug\": \"s\",\n  \"kind\": \"{kind}\",\n  \
         \"severity\": \"HIGH\",\n  \"timestamp\": \"2026-05-20T08:14:00.123Z\",\n  \"message\": \"{message}\",\n  \
         \"pointers\": {{\n    \"stateFile\": \"\"\n  }},\n  \"snapshot\": {{}}\n}}\n"
    )
}

/// A recovery row as earlier releases wrote it.
pub(crate) fn recovery(id: &str) -> String {
    row(id, "MANUAL_RECOVERY_INVOKED", MESSAGES[0])
}

/// What becomes of a pretty row.
pub(crate) fn flagged(text: &str) -> String {
    format!("{},\n  \"investigate\": false\n}}\n", text.strip_suffix("\n}\n").unwrap())
}

pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
