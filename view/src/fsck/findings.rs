//! All that a look through the files of a home found, and what of it is mended.

use std::path::PathBuf;

use haltline_protocol::{Control, ControlError, Layout, QueueError, Repair, Survey};
use jiff::Timestamp;
use serde::Serialize;

use super::known::KnownFiles;
use super::seen::Seen;
use super::{contents, dead_drains, walk};
use crate::advice::Advice;
use crate::error::ViewError;

/// A look through the files of a home.
#[derive(Debug)]
pub struct Fsck<'a> {
    survey: &'a dyn Survey,
    layout: &'a Layout,
    known: KnownFiles,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FsckReport {
    /// There is no problem.
    pub ok: bool,
    /// The home.
    pub home: PathBuf,
    /// How many things were mended before the look.
    pub repaired: u64,
    /// What a person has to mend: no drain does it, or it endangers what is kept.
    pub problems: Vec<Advice>,
    /// What could be better, or the next drain mends.
    pub hints: Vec<Advice>,
    /// What can be mended without a doubt.
    #[serde(skip)]
    pub repairs: Vec<Repair>,
}

impl<'a> Fsck<'a> {
    /// Prepares a look. `known` lists what belongs into a home as [patterns](haltline_protocol::pattern_has_file), which
    /// end in `/` for a folder that is not looked into.
    pub fn new(survey: &'a dyn Survey, layout: &'a Layout, known: Vec<&'static str>) -> Self {
        Self { survey, layout, known: KnownFiles::new(known) }
    }

    /// Looks through everything beneath the home.
    ///
    /// # Errors
    /// A folder exists and cannot be read.
    pub fn look(&self) -> Result<FsckReport, ViewError> {
        let mut seen = Seen::default();
        walk::look(self.layout, &self.known, &mut seen, Timestamp::now())?;
        contents::look(self.survey, self.layout, &mut seen)?;
        let (mut problems, mut hints) = seen.advice();
        dead_drains::look(self.survey, &mut problems, &mut hints)?;
        let (ok, home) = (problems.is_empty(), self.layout.home().to_owned());
        Ok(FsckReport { ok, home, repaired: 0, problems, hints, repairs: seen.repairs })
    }

    /// Mends what can be mended without a doubt, and looks again.
    ///
    /// # Errors
    /// Somebody else works on the queue, something cannot be mended, or a folder cannot be read.
    pub fn repair(&self, control: &dyn Control) -> Result<FsckReport, ControlError> {
        let found = self.look().map_err(QueueError::from)?;
        if found.repairs.is_empty() {
            return Ok(found);
        }
        let repaired = control.repair(&found.repairs)?;
        let found = self.look().map_err(QueueError::from)?;
        Ok(FsckReport { repaired, ..found })
    }
}
