//! The door for migrations.

use std::path::Path;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::MoveOutcome;

/// Brings what earlier releases wrote up to date. It runs only when the user says so, once.
pub trait Migration: Send + Sync {
    /// Returns the version that it migrates to, as `1.2.0`; migrations run in its numeric order.
    fn version(&self) -> &'static str;

    /// Says what it does, in one line, for `upgrade --status`.
    fn summary(&self) -> &'static str;

    /// Runs it on a home, or with `dry_run` only tells what it would do. `tell` hears of each step.
    ///
    /// What it did is durable when it returns. Whatever goes wrong is told in the report, so that one bad row holds
    /// up no other. But for a dry run, the caller holds the queue's settle lock.
    fn run(&self, home: &Path, dry_run: bool, tell: &mut dyn FnMut(MigrationStep)) -> MigrationReport;
}

/// What a migration tells while it runs.
#[derive(Debug)]
pub enum MigrationStep {
    /// Files were found that it will look at.
    FilesFound(u64),
    /// It has looked at one of them.
    FileChecked,
    /// The rewrite of a file ended.
    RewriteEnded(MoveOutcome),
}

/// What a migration did, or in a dry run would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MigrationReport {
    /// What it counted, under labels of its own, in the order in which people are told.
    pub counts: Vec<(&'static str, u64)>,
    /// Files that could not be read as what they should be; their bytes are as they were.
    pub malformed: Vec<RowTrouble>,
    /// Files and folders that could not be read or rewritten.
    pub failed: Vec<RowTrouble>,
    /// Rows that came up during the run, or that a drain holds, and want another run.
    pub appeared: Vec<RowTrouble>,
}

/// One file that keeps a migration from being complete.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct RowTrouble {
    /// The file's path, for messages.
    pub file: String,
    /// What was found, and what to do.
    pub reason: String,
}

impl MigrationReport {
    /// Makes an empty report that counts under these labels.
    pub fn counting(labels: &[&'static str]) -> Self {
        Self { counts: labels.iter().map(|label| (*label, 0)).collect(), ..Self::default() }
    }

    /// Counts one more under a label.
    pub fn add(&mut self, label: &'static str) {
        match self.counts.iter_mut().find(|(known, _)| *known == label) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((label, 1)),
        }
    }

    /// Returns what was counted under a label.
    pub fn count(&self, label: &str) -> u64 {
        self.counts.iter().find(|(known, _)| *known == label).map_or(0, |(_, count)| *count)
    }

    /// Tells whether all is done, so that the marker may be written.
    pub fn is_complete(&self) -> bool {
        self.malformed.is_empty() && self.failed.is_empty() && self.appeared.is_empty()
    }
}

/// Writes each count as a field of its own, named by its label in camel case.
impl Serialize for MigrationReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (label, count) in &self.counts {
            map.serialize_entry(&camel_case(label), count)?;
        }
        for (name, troubles) in [("malformed", &self.malformed), ("failed", &self.failed), ("appeared", &self.appeared)]
        {
            map.serialize_entry(name, troubles)?;
        }
        map.end()
    }
}

fn camel_case(label: &str) -> String {
    let mut words = label.split(' ');
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(word.len().min(1));
        name.push_str(&first.to_ascii_uppercase());
        name.push_str(rest);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_written_under_their_labels_in_order() {
        let mut report = MigrationReport::counting(&["already done", "moved"]);
        report.add("moved");
        report.add("moved");
        report.failed.push(RowTrouble { file: "f".into(), reason: "r".into() });
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            r#"{"alreadyDone":0,"moved":2,"malformed":[],"failed":[{"file":"f","reason":"r"}],"appeared":[]}"#
        );
        assert_eq!((report.count("moved"), report.count("other"), report.is_complete()), (2, 0, false));
    }
}
