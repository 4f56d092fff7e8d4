//! What was seen, by kind and folder.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use haltline_protocol::Repair;

use super::kind::Kind;
use crate::advice::Advice;
use crate::text::visible_line;

/// The most letters of a file name.
const NAME_LETTERS: usize = 120;

/// What was seen, by kind and folder.
#[derive(Debug, Default)]
pub(super) struct Seen {
    kinds: BTreeMap<(Kind, PathBuf), Many>,
    /// What can be mended without a doubt.
    pub(super) repairs: Vec<Repair>,
}

/// How many files of a folder have one thing in common.
#[derive(Debug)]
struct Many {
    count: u64,
    first: String,
}

impl Seen {
    /// Adds a file or a folder by its name.
    pub(super) fn add(&mut self, kind: Kind, folder: &Path, name: &str) {
        let many = self.kinds.entry((kind, folder.to_owned())).or_insert(Many { count: 0, first: name.to_owned() });
        many.count += 1;
        let (folder, name) = (folder.to_owned(), name.to_owned());
        match kind {
            Kind::OthersWrite | Kind::OthersRead => self.repairs.push(Repair::Tighten { folder, name }),
            Kind::StaleTemporary => self.repairs.push(Repair::Reap { folder, name }),
            Kind::KilledRewrite if !self.repairs.contains(&Repair::ClearRewrites) => {
                self.repairs.push(Repair::ClearRewrites);
            }
            _ => {}
        }
    }

    /// Says what was seen: the problems, then the hints.
    pub(super) fn advice(&self) -> (Vec<Advice>, Vec<Advice>) {
        let (mut problems, mut hints) = (Vec::new(), Vec::new());
        for ((kind, folder), Many { count, first }) in &self.kinds {
            let files = if *count == 1 { "" } else { ", and others" };
            let first = visible_line(first, NAME_LETTERS);
            let problem = format!("{}: {}: {count} (`{first}`{files})", folder.display(), kind.problem());
            let advice = Advice::new(problem, kind.remedy());
            if kind.is_problem() { problems.push(advice) } else { hints.push(advice) }
        }
        (problems, hints)
    }
}
