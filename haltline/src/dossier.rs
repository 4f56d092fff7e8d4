//! All that is known of one fault: its events, its rows, and where its report, its notes and its attempts are. Nothing
//! is moved or locked.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use haltline_files::{FileError, Folder};
use haltline_protocol::{
    DrainId, FaultKey, HaltEvent, Layout, ReportFile, RowLine, Severity, Usd, fault_part, note_tells_of,
};
use haltline_spool::LARGEST_ROW;

use crate::case::{Case, CaseError};
use crate::cli::{DrainArgs, OneFault};
use crate::config;
use crate::rows::rows;
use crate::sighting::State;

/// The most that is read of a report or a note, in bytes.
const LONGEST_FILE: u64 = 16 << 20;

/// All that is known of one fault.
#[derive(Debug)]
pub(crate) struct Dossier {
    pub(crate) case: Case,
    /// What became of it, in the order in which it was recorded.
    pub(crate) rows: Vec<RowLine<'static>>,
    /// The last report.
    pub(crate) report: Option<SeenReport>,
    /// Earlier reports, for people and for programs.
    pub(crate) earlier_reports: Vec<PathBuf>,
    /// Notes in the inbox.
    pub(crate) notes: Vec<PathBuf>,
    /// Folders of attempts that drains still hold.
    pub(crate) attempts: Vec<PathBuf>,
    /// How many attempts a fault has before it is given up on.
    pub(crate) max_attempts: u32,
    /// Milder faults are left alone by drains.
    pub(crate) severity_min: Severity,
}

/// A report, where it is and what it says in short.
#[derive(Debug)]
pub(crate) struct SeenReport {
    /// For people.
    pub(crate) path: PathBuf,
    pub(crate) says: Option<ReportFile<'static>>,
}

impl Dossier {
    /// Gathers it. A fault whose files are gone is known by its rows.
    ///
    /// # Errors
    /// There is no such fault, or more than one, or a file that matters cannot be read.
    pub(crate) fn gather(layout: &Layout, args: &OneFault) -> Result<Self, CaseError> {
        let case = match Case::find(layout, &args.id, args.run_id.as_deref()) {
            Err(CaseError::Unknown { queue, id, of_run, near }) => match known_by_rows(layout, args)? {
                Some(key) => Case { key, events: Vec::new(), resolved: None },
                None => return Err(CaseError::Unknown { queue, id, of_run, near }),
            },
            found => found?,
        };
        let key = &case.key;
        let is_its = |row: &RowLine<'static>| {
            row.fault_id.as_deref() == Some(key.fault_id.as_str()) && row.run_id.as_deref() == Some(key.run_id.as_str())
        };
        let rows = rows(layout, is_its)?;
        // A configuration that cannot be used hides only what it would change; `doctor` tells of it.
        let settings = config::in_force(None, &DrainArgs::default()).ok();
        let inbox = settings.as_ref().and_then(|settings| settings.inbox.clone()).unwrap_or_else(|| layout.inbox());
        let (max_attempts, severity_min) = settings
            .map_or((3, Severity::Medium), |settings| (settings.max_attempts.value, settings.severity_min.value));
        let Reports { last: report, earlier: earlier_reports, investigations } = reports(layout, key)?;
        let notes = notes(&inbox, key, &investigations)?;
        let attempts = attempts(&case)?;
        Ok(Self { rows, report, earlier_reports, notes, attempts, max_attempts, severity_min, case })
    }

    /// What is known to have been spent on it, in US dollars.
    pub(crate) fn cost_usd(&self) -> Usd {
        self.rows.iter().filter_map(|row| row.cost_usd).sum()
    }

    /// The failed attempts that count for the fault.
    pub(crate) fn failed_attempts(&self) -> u32 {
        let counted = self.case.events.iter().filter(|sighted| sighted.state != State::Processed);
        counted.map(|sighted| sighted.event.delivery.attempts).max().unwrap_or(0)
    }
}

/// The one fault that rows tell of under an id or a file name.
fn known_by_rows(layout: &Layout, args: &OneFault) -> Result<Option<FaultKey>, CaseError> {
    let rows = rows(layout, |row| {
        (row.fault_id.as_deref() == Some(args.id.as_str()) || row.file == args.id)
            && args.run_id.as_ref().is_none_or(|run_id| row.run_id.as_deref() == Some(run_id))
    })?;
    let keys: BTreeSet<_> = rows
        .into_iter()
        .filter_map(|row| Some(FaultKey { run_id: (&*row.run_id?).into(), fault_id: (&*row.fault_id?).into() }))
        .collect();
    if keys.len() > 1 {
        return Err(CaseError::several(&args.id, &keys));
    }
    Ok(keys.into_iter().next())
}

/// A folder where it is there.
fn open(path: &Path) -> Result<Option<Folder>, FileError> {
    match Folder::open(path) {
        Err(error) if error.is_missing() => Ok(None),
        opened => opened.map(Some),
    }
}

fn sorted_names(folder: &Folder) -> Result<Vec<String>, FileError> {
    let mut names: Vec<_> = folder.names()?.into_iter().map(|entry| entry.name).collect();
    names.sort_unstable();
    Ok(names)
}

/// Which investigation a file is of, as its last line says it.
type Investigation = (DrainId, u64);

/// The reports of a fault.
#[derive(Default)]
struct Reports {
    last: Option<SeenReport>,
    earlier: Vec<PathBuf>,
    /// What all of them are of.
    investigations: Vec<Investigation>,
}

fn reports(layout: &Layout, key: &FaultKey) -> Result<Reports, FileError> {
    let mut reports = Reports::default();
    let Some(folder) = open(&layout.reports_of(key))? else { return Ok(reports) };
    let stem = Layout::report_stem(key);
    let (text_name, json_name) = (format!("{stem}.md"), format!("{stem}.json"));
    for name in sorted_names(&folder)? {
        let is_kept = name.strip_prefix(&stem).is_some_and(|rest| rest.starts_with('~'));
        let path = folder.path().join(&name);
        if name == text_name {
            reports.last = Some(SeenReport { path, says: says(&folder, &json_name) });
        } else if is_kept {
            reports.earlier.push(path);
        }
        if (is_kept && name.ends_with(".json")) || name == json_name {
            reports.investigations.extend(says(&folder, &name).map(|says| (says.drain_id.into_owned(), says.seq)));
        }
    }
    Ok(reports)
}

/// What a report says; none where it cannot be read as one.
fn says(folder: &Folder, name: &str) -> Option<ReportFile<'static>> {
    ReportFile::parse(&folder.read(name, LONGEST_FILE).ok()??)
}

/// The notes of a fault's investigations. Other runs may have notes of the same name.
fn notes(inbox: &Path, key: &FaultKey, investigations: &[Investigation]) -> Result<Vec<PathBuf>, FileError> {
    let Some(folder) = open(inbox)? else { return Ok(Vec::new()) };
    let part = format!("-halt-{}", fault_part(&key.fault_id));
    let is_its = |name: &String| {
        let file = folder.read(name, LONGEST_FILE).ok().flatten().unwrap_or_default();
        investigations.iter().any(|(drain_id, seq)| note_tells_of(&file, drain_id, *seq))
    };
    let names = sorted_names(&folder)?.into_iter().filter(|name| name.contains(&part) && name.ends_with(".md"));
    Ok(names.filter(is_its).map(|name| folder.path().join(name)).collect())
}

/// The folders of attempts at the fault in the holds that have its events.
fn attempts(case: &Case) -> Result<Vec<PathBuf>, FileError> {
    let held = case.events.iter().filter(|sighted| matches!(sighted.state, State::InFlight | State::Abandoned));
    let holds: BTreeSet<_> = held.filter_map(|sighted| sighted.path.parent()).collect();
    let mut found = Vec::new();
    for hold in holds {
        let Some(folder) = open(&hold.join("attempts"))? else { continue };
        for name in sorted_names(&folder)? {
            let row = folder.open_child(&name).and_then(|attempt| attempt.read("lead.json", LARGEST_ROW));
            let lead = row.ok().flatten().and_then(|row| HaltEvent::parse(&row).ok());
            if lead.is_some_and(|lead| shares(&lead, case)) {
                found.push(folder.path().join(name));
            }
        }
    }
    Ok(found)
}

/// Whether the attempt of a leader is one at the fault: its own, or that of its run's trouble with its provider.
fn shares(lead: &HaltEvent, case: &Case) -> bool {
    let is_kind = |kind| case.events.iter().any(|sighted| sighted.event.kind == kind);
    lead.key() == case.key || (lead.kind.is_provider() && lead.run_id == case.key.run_id && is_kind(lead.kind.clone()))
}
