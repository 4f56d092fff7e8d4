//! All that is known of one fault: its events, its rows, and where its report, its notes and its attempts are.

use std::collections::BTreeSet;
use std::path::PathBuf;

use haltline_protocol::{EventState, FaultKey, HaltEvent, Layout, RowLine, Severity, Survey, Usd};

use crate::error::ViewError;
use crate::fault::FaultView;
use crate::find::{FindError, only};
use crate::notes::notes_of;
use crate::reports::{LastReport, Reports};
use crate::rows::rows;

/// What is in force when a drain decides, as far as it is told of a fault.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The folder of notes.
    pub inbox: PathBuf,
    /// How many attempts a fault has before it is given up on.
    pub max_attempts: u32,
    /// Milder faults are left alone by drains.
    pub severity_min: Severity,
}

/// All that is known of one fault.
#[derive(Debug)]
pub struct FaultDetail {
    /// The fault with its events.
    pub fault: FaultView,
    /// What became of it, in the order in which it was recorded.
    pub rows: Vec<RowLine<'static>>,
    /// The last report.
    pub report: Option<LastReport>,
    /// Earlier reports, for people and for programs.
    pub earlier_reports: Vec<PathBuf>,
    /// Notes in the inbox.
    pub notes: Vec<PathBuf>,
    /// Where the attempts are that drains still hold, for people.
    pub attempts: Vec<String>,
}

impl FaultDetail {
    /// Gathers all that is known of the fault that has an id, or a file of that name. A fault whose events are gone is
    /// known by its rows.
    ///
    /// # Errors
    /// There is no such fault, or more than one, or a file that matters cannot be read.
    pub fn find(
        survey: &dyn Survey,
        layout: &Layout,
        rules: &Rules,
        id: &str,
        run_id: Option<&str>,
    ) -> Result<Self, FindError> {
        let fault = match FaultView::find(survey, id, run_id) {
            Err(unknown @ FindError::Unknown { .. }) => match known_by_rows(layout, id, run_id)? {
                Some(key) => FaultView { key, events: Vec::new(), resolved: None },
                None => return Err(unknown),
            },
            found => found?,
        };
        Ok(Self::of(survey, layout, rules, fault)?)
    }

    fn of(survey: &dyn Survey, layout: &Layout, rules: &Rules, fault: FaultView) -> Result<Self, ViewError> {
        let key = &fault.key;
        let rows = rows(layout, |row| {
            row.fault_id.as_deref() == Some(key.fault_id.as_str()) && row.run_id.as_deref() == Some(key.run_id.as_str())
        })?;
        let Reports { last: report, earlier: earlier_reports, investigations } = Reports::of(layout, key)?;
        let notes = notes_of(&rules.inbox, key, &investigations)?;
        let attempts = attempts(survey, &fault)?;
        Ok(Self { fault, rows, report, earlier_reports, notes, attempts })
    }

    /// Returns what is known to have been spent on it, in US dollars.
    pub fn cost_usd(&self) -> Usd {
        self.rows.iter().filter_map(|row| row.cost_usd).sum()
    }

    /// Counts the failed attempts that count for the fault.
    pub fn failed_attempts(&self) -> u32 {
        let counted = self.fault.events.iter().filter(|event| event.state != EventState::Processed);
        counted.map(|event| event.event.delivery.attempts).max().unwrap_or(0)
    }
}

/// Finds the one fault that rows tell of under an id or a file name.
fn known_by_rows(layout: &Layout, id: &str, run_id: Option<&str>) -> Result<Option<FaultKey>, FindError> {
    let rows = rows(layout, |row| {
        (row.fault_id.as_deref() == Some(id) || row.file == id)
            && run_id.is_none_or(|run_id| row.run_id.as_deref() == Some(run_id))
    });
    let rows = rows.map_err(ViewError::from)?;
    let keys: BTreeSet<_> = rows
        .into_iter()
        .filter_map(|row| Some(FaultKey { run_id: (&*row.run_id?).into(), fault_id: (&*row.fault_id?).into() }))
        .collect();
    only(id, keys)
}

/// Finds the attempts at the fault that the drains hold which have its events.
fn attempts(survey: &dyn Survey, fault: &FaultView) -> Result<Vec<String>, ViewError> {
    let drains: BTreeSet<_> = fault.events.iter().filter_map(|event| event.drain_id.as_deref()).collect();
    let mut found = Vec::new();
    for drain_id in drains {
        let attempts = survey.attempts(drain_id)?.into_iter();
        found.extend(attempts.filter(|attempt| shares(&attempt.lead, fault)).map(|attempt| attempt.place));
    }
    Ok(found)
}

/// Tells whether the attempt of a leader is one at the fault: its own, or that of its run's trouble with its provider.
fn shares(lead: &HaltEvent, fault: &FaultView) -> bool {
    let is_kind = |kind| fault.events.iter().any(|event| event.event.kind == kind);
    lead.key() == fault.key
        || (lead.kind.is_provider() && lead.run_id == fault.key.run_id && is_kind(lead.kind.clone()))
}
