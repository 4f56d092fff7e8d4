//! What stands in the files: events that are none, reports without events, quarantine without reasons, torn rows.

use std::collections::HashSet;
use std::path::Path;

use haltline_files::FileError;
use haltline_protocol::{EventState, FaultKey, Layout, RowLine, Survey, WaitingBody, fault_part, run_part};
use jiff::{SignedDuration, Timestamp};

use super::kind::Kind;
use super::seen::Seen;
use crate::error::ViewError;
use crate::open::open;
use crate::rows::has_torn_line;

/// No limit of an investigator lasts longer; a later `notBefore` that holds nothing was written by a wrong clock.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_hours(33 * 24);

/// The parts of file names that stand for a fault.
type Parts = (String, String);

pub(super) fn look(survey: &dyn Survey, layout: &Layout, seen: &mut Seen) -> Result<(), ViewError> {
    let known = look_at_events(survey, seen)?;
    look_at_reports(layout, seen, &known)?;
    look_at_quarantine(layout, seen)?;
    if has_torn_line(layout)? {
        seen.add(Kind::TornRow, &layout.analytics(), RowLine::FILE);
    }
    Ok(())
}

/// Looks at every event; the faults that have one.
fn look_at_events(survey: &dyn Survey, seen: &mut Seen) -> Result<HashSet<Parts>, ViewError> {
    let latest = Timestamp::now().checked_add(LONGEST_WAIT).unwrap_or(Timestamp::MAX);
    let mut known = HashSet::new();
    survey.look_through(&EventState::ALL, &mut |found| {
        let (state, folder, name) = (found.state, Path::new(found.place), &found.waiting.ticket.name);
        let is_settled = matches!(state, EventState::Processed | EventState::DeadLetter);
        match &found.waiting.body {
            WaitingBody::Event(event) => {
                if state == EventState::Deferred && event.delivery.not_before.is_some_and(|time| time > latest) {
                    seen.add(Kind::FarWait, folder, name);
                }
                known.insert(parts(&event.key()));
            }
            WaitingBody::Malformed(_) if is_settled => seen.add(Kind::Malformed, folder, name),
            WaitingBody::Malformed(_) if state.waits() => seen.add(Kind::Waiting, folder, name),
            WaitingBody::Unreadable { .. } => seen.add(Kind::Unreadable, folder, name),
            // Those of drains are told with the drains, and what is special with the names.
            WaitingBody::Malformed(_) | WaitingBody::Marker(_) | WaitingBody::Unfinished | WaitingBody::Special(_) => {}
        }
    })?;
    Ok(known)
}

fn parts(key: &FaultKey) -> Parts {
    (run_part(&key.run_id), fault_part(&key.fault_id))
}

fn look_at_reports(layout: &Layout, seen: &mut Seen, known: &HashSet<Parts>) -> Result<(), FileError> {
    let Some(reports) = open(&layout.queue().join("reports"))? else { return Ok(()) };
    for run in reports.names()? {
        let Ok(folder) = reports.open_child(&run.name) else { continue };
        let mut names: Vec<_> = folder.names()?.into_iter().map(|entry| entry.name).collect();
        names.sort_unstable();
        for name in names.iter().filter(|name| name.ends_with(".md")) {
            let stem = name.trim_end_matches(".md");
            let fault = stem.split('~').next().unwrap_or(stem);
            if !known.contains(&(run.name.clone(), fault.to_owned())) {
                seen.add(Kind::ReportAlone, folder.path(), name);
            } else if names.binary_search(&format!("{stem}.json")).is_err() {
                seen.add(Kind::HalfReport, folder.path(), name);
            }
        }
    }
    Ok(())
}

fn look_at_quarantine(layout: &Layout, seen: &mut Seen) -> Result<(), FileError> {
    let Some(folder) = open(&layout.quarantine())? else { return Ok(()) };
    let names: HashSet<String> = folder.names()?.into_iter().map(|entry| entry.name).collect();
    // A reason may have a stamp where its name was taken.
    let reason_of = |name: &str| {
        let stem = name.strip_suffix(".json")?;
        stem.rsplit_once(".reason")
            .filter(|(_, rest)| rest.is_empty() || rest.starts_with('~'))
            .map(|(file, _)| file.to_owned())
    };
    let explained: HashSet<String> = names.iter().filter_map(|name| reason_of(name)).collect();
    let mut sorted: Vec<_> = names.iter().filter(|name| !name.starts_with('.') && !name.ends_with(".tmp")).collect();
    sorted.sort_unstable();
    for name in sorted {
        match reason_of(name) {
            Some(file) if !names.contains(&file) => seen.add(Kind::ReasonAlone, folder.path(), name),
            None if !explained.contains(name) => seen.add(Kind::NoReason, folder.path(), name),
            _ => {}
        }
    }
    Ok(())
}
