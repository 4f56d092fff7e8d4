//! Looks through the files of a home: their permissions, what is out of place, what was left behind. Nothing is changed.

mod holds;
mod kind;
mod rows;
mod walk;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use haltline_files::{FileError, Folder};
use haltline_protocol::Layout;
use haltline_spool::{Operator, OperatorError, Repair};
use jiff::Timestamp;

use crate::folders::Advice;
use crate::output::visible_line;

use kind::Kind;

/// The most letters of a file name.
const NAME_LETTERS: usize = 120;

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// What no drain mends, or what endangers what is kept.
    pub(crate) problems: Vec<Advice>,
    /// What could be better, or the next drain mends.
    pub(crate) hints: Vec<Advice>,
    repairs: Vec<(PathBuf, String, Repair)>,
    has_killed_rewrites: bool,
}

impl Findings {
    /// Looks through everything beneath a home.
    ///
    /// # Errors
    /// A folder is there and cannot be read.
    pub(crate) fn look(layout: &Layout) -> Result<Self, FileError> {
        let mut seen = Seen::default();
        walk::look(layout, &mut seen, Timestamp::now())?;
        rows::look(layout, &mut seen)?;
        let mut findings = Self { repairs: seen.repairs, ..Self::default() };
        for ((kind, folder), Many { count, first }) in seen.kinds {
            findings.has_killed_rewrites |= kind == Kind::KilledRewrite;
            let files = if count == 1 { "" } else { ", and others" };
            let first = visible_line(&first, NAME_LETTERS);
            let problem = format!("{}: {}: {count} (`{first}`{files})", folder.display(), kind.problem());
            let advice = Advice::new(problem, kind.remedy());
            if kind.is_problem() { findings.problems.push(advice) } else { findings.hints.push(advice) }
        }
        holds::look(layout, &mut findings)?;
        Ok(findings)
    }

    /// Mends what can be mended without a doubt. Returns how many things were.
    ///
    /// # Errors
    /// The settle lock is held, or something cannot be mended.
    pub(crate) fn repair(&self, layout: &Layout) -> Result<u64, OperatorError> {
        if self.repairs.is_empty() && !self.has_killed_rewrites {
            return Ok(0);
        }
        let operator = Operator::open(layout)?;
        let mut mended = 0;
        for (folder, name, repair) in &self.repairs {
            mended += u64::from(operator.repair(&Folder::open(folder)?, name, *repair)?);
        }
        if self.has_killed_rewrites {
            operator.clear_rewrites(layout)?;
            mended += 1;
        }
        Ok(mended)
    }
}

/// How many files of a folder have one thing in common.
#[derive(Debug)]
struct Many {
    count: u64,
    first: String,
}

/// What was seen, by kind and folder.
#[derive(Debug, Default)]
struct Seen {
    kinds: BTreeMap<(Kind, PathBuf), Many>,
    repairs: Vec<(PathBuf, String, Repair)>,
}

impl Seen {
    fn add(&mut self, kind: Kind, folder: &Path, name: &str) {
        let many = self.kinds.entry((kind, folder.to_owned())).or_insert(Many { count: 0, first: name.to_owned() });
        many.count += 1;
        if let Some(repair) = kind.repair() {
            self.repairs.push((folder.to_owned(), name.to_owned(), repair));
        }
    }
}

/// A folder where it is there.
fn open(path: &Path) -> Result<Option<Folder>, FileError> {
    match Folder::open(path) {
        Err(error) if error.is_missing() => Ok(None),
        opened => opened.map(Some),
    }
}
