//! What was done to a home, as far as the checker has to know it.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// An event that somebody emitted, or was about to.
#[derive(Debug, Clone)]
pub(super) struct Emitted {
    /// Whether the emitter was told that it is kept.
    pub(super) acknowledged: bool,
    /// The bytes of its file, where nobody could have touched it before they were read.
    pub(super) bytes: Option<Vec<u8>>,
    /// Whether `upgrade` may flag it.
    pub(super) may_be_flagged: bool,
}

/// What was done to a home.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    /// Every event by its token.
    pub(super) emitted: BTreeMap<String, Emitted>,
    /// The settled files that were seen so far, by path below the queue, with their bytes.
    pub(super) settled: BTreeMap<PathBuf, Vec<u8>>,
    /// What was done, one line a step, for the report of a violation.
    pub(super) steps: Vec<String>,
}

impl History {
    /// Notes that an emitter is about to start.
    pub(super) fn begin(&mut self, token: &str) {
        let emitted = Emitted { acknowledged: false, bytes: None, may_be_flagged: false };
        self.emitted.insert(token.to_owned(), emitted);
    }

    /// Notes that an event is kept, and what its file holds.
    pub(super) fn acknowledge(&mut self, token: &str, bytes: Option<Vec<u8>>) {
        let may_be_flagged = self.emitted.get(token).is_some_and(|emitted| emitted.may_be_flagged);
        self.emitted.insert(token.to_owned(), Emitted { acknowledged: true, bytes, may_be_flagged });
    }

    /// Notes a step.
    pub(super) fn step(&mut self, step: impl Into<String>) {
        self.steps.push(step.into());
    }
}
