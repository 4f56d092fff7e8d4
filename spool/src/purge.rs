//! Taking away what is settled and old, when a person asks for it.
//!
//! Nothing goes that belongs to a fault which waits or is in flight, and nothing whose row may not be recorded: such a
//! file stands in a journal by its version, and recovery looks for it. Under the settle lock nobody else takes anything
//! out of the folders of settled events, and no name there is ever given to another file; so what was looked at is what
//! is removed. A kill leaves the rest for the next time.

use std::collections::HashSet;
use std::path::Path;

use haltline_files::{Entry, FileError, Folder};
use haltline_protocol::{FaultKey, Layout, Purge, PurgeTally, WaitingBody, fault_part, run_part};
use jiff::Timestamp;
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use crate::looking::open_if_there;
use crate::operator::{Operator, unrecorded};
use crate::scan::{is_row_name, look_at, modified};
use crate::session_folder::ATTEMPTS;
use crate::sessions::{holdings, read_lead, sessions};
use crate::version::versions;

/// What may go, and the files that it consists of.
#[derive(Debug, Default)]
pub(crate) struct PurgePlan {
    /// What may go, by kind, and what has to stay for now.
    pub(crate) purge: Purge,
    /// The folders with what goes from each, in the order in which it goes.
    doomed: Vec<(Folder, Vec<Doomed>)>,
    /// A folder of reports is empty already, and goes too.
    has_empty_run: bool,
}

#[derive(Debug)]
struct Doomed {
    name: String,
    stat: Stat,
}

impl PurgePlan {
    /// Looks for what has not changed since a time, moves included, and may go. Nothing is touched.
    ///
    /// # Errors
    /// A folder of the queue is there and cannot be read.
    pub(crate) fn look(layout: &Layout, before: Timestamp) -> Result<Self, FileError> {
        let mut plan = Self::default();
        let purge = &mut plan.purge;
        let mut needed = HashSet::new();
        // In the order in which events move, so that one on its way is seen at least once.
        if let Some(pending) = open_if_there(&layout.pending())? {
            needed.extend(look_into(&pending)?.into_iter().filter_map(|(_, _, key)| key));
        }
        let in_flight = open_if_there(&layout.in_flight())?;
        if let Some(in_flight) = &in_flight {
            for (_, session) in sessions(in_flight)? {
                needed.extend(look_into(&session)?.into_iter().filter_map(|(_, _, key)| key));
                needed.extend(leads(&session)?);
            }
        }
        let open = |path: &Path| -> Result<Option<(Folder, Vec<Found>)>, FileError> {
            let Some(folder) = open_if_there(path)? else { return Ok(None) };
            let found = look_into(&folder)?;
            Ok(Some((folder, found)))
        };
        let processed = open(&layout.processed())?;
        let dead_letter = open(&layout.dead_letter())?;
        let quarantine = open_if_there(&layout.quarantine())?.map(files).transpose()?;
        // After the files: what was there when they were listed stood in a journal before.
        let unrecorded = in_flight.as_ref().map(unrecorded).transpose()?.unwrap_or_default();
        let is_unrecorded = |stat: &Stat| versions(stat).iter().any(|version| unrecorded.contains_key(version));

        let is_old = |stat: &Stat| changed(stat) < before;
        let mut remaining: HashSet<(String, String)> = needed.iter().map(parts).collect();
        let mut settled = Vec::new();
        for (pile, found) in [processed, dead_letter].into_iter().enumerate() {
            let Some((folder, found)) = found else { continue };
            let mut doomed = Vec::new();
            for (name, stat, key) in found {
                let Some(key) = key else { continue };
                let is_needed = needed.contains(&key);
                let is_unrecorded = is_unrecorded(&stat);
                if is_old(&stat) && !is_needed && !is_unrecorded {
                    let tally = if pile == 0 { &mut purge.processed } else { &mut purge.dead_letter };
                    add(tally, &stat);
                    doomed.push(Doomed { name, stat });
                    continue;
                }
                remaining.insert(parts(&key));
                purge.still_needed += u64::from(is_old(&stat) && is_needed);
                purge.unrecorded += u64::from(is_old(&stat) && !is_needed && is_unrecorded);
            }
            settled.push((folder, doomed));
        }
        plan.look_at_reports(layout, is_old, &remaining)?;
        plan.doomed.extend(settled);
        let purge = &mut plan.purge;
        if let Some((folder, found)) = quarantine {
            let mut doomed = Vec::new();
            for Doomed { name, stat } in found.into_iter().filter(|found| is_old(&found.stat)) {
                if is_unrecorded(&stat) {
                    purge.unrecorded += 1;
                    continue;
                }
                add(&mut purge.quarantine, &stat);
                doomed.push(Doomed { name, stat });
            }
            plan.doomed.push((folder, doomed));
        }
        plan.purge.is_empty = !plan.has_empty_run && plan.doomed.iter().all(|(_, doomed)| doomed.is_empty());
        Ok(plan)
    }

    fn look_at_reports(
        &mut self,
        layout: &Layout,
        is_old: impl Fn(&Stat) -> bool,
        remaining: &HashSet<(String, String)>,
    ) -> Result<(), FileError> {
        let Some(reports) = open_if_there(&layout.queue().join(Layout::REPORTS))? else { return Ok(()) };
        for run in reports.names()? {
            let is_folder = reports.stat(&run.name).is_ok_and(|stat| is_a(&stat, FileType::Directory));
            let Some((folder, found)) = is_folder.then(|| reports.open_child(&run.name).and_then(files)).transpose()?
            else {
                continue;
            };
            self.has_empty_run |= found.is_empty();
            let mut doomed = Vec::new();
            for Doomed { name, stat } in found {
                let stem = name.strip_suffix(".json").or_else(|| name.strip_suffix(".md"));
                // A report that was kept has a stamp behind a `~`, which no plain fault part has.
                let Some(stem) = stem.and_then(|stem| stem.split('~').next()) else { continue };
                if is_old(&stat) && !remaining.contains(&(run.name.clone(), stem.to_owned())) {
                    add(&mut self.purge.reports, &stat);
                    doomed.push(Doomed { name, stat });
                }
            }
            self.doomed.push((folder, doomed));
        }
        Ok(())
    }
}

fn add(tally: &mut PurgeTally, stat: &Stat) {
    let time = changed(stat);
    tally.count += 1;
    tally.bytes += u64::try_from(stat.st_size).unwrap_or(0);
    tally.oldest = Some(tally.oldest.map_or(time, |oldest| oldest.min(time)));
    tally.newest = tally.newest.max(Some(time));
}

impl Operator {
    /// Removes what has not changed since a time and may go, durably. Returns what that was.
    ///
    /// # Errors
    /// The queue failed: a part may be gone, and the rest goes the next time.
    pub(crate) fn purge(&self, layout: &Layout, before: Timestamp) -> Result<Purge, FileError> {
        let plan = PurgePlan::look(layout, before)?;
        for (folder, doomed) in plan.doomed.iter().filter(|(_, doomed)| !doomed.is_empty()) {
            for Doomed { name, stat } in doomed {
                // A report may have been filed anew.
                if folder.stat(name).is_ok_and(|found| is_same(&found, stat)) {
                    folder.remove_own(name)?;
                }
            }
            folder.sync()?;
        }
        clear_empty_runs(layout)?;
        Ok(plan.purge)
    }
}

/// Removes folders of reports that are empty. A drain that lives may be about to file into one.
fn clear_empty_runs(layout: &Layout) -> Result<(), FileError> {
    let Some(reports) = open_if_there(&layout.queue().join(Layout::REPORTS))? else { return Ok(()) };
    if holdings(layout)?.iter().any(|session| session.is_live) {
        return Ok(());
    }
    for run in reports.names()? {
        match reports.remove_empty_child(&run.name) {
            Ok(()) | Err(Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR | Errno::NOENT) => {}
            Err(errno) => return Err(FileError::new("remove the folder", reports.path().join(run.name), errno)),
        }
    }
    reports.sync()
}

/// A row's name, what stands under it, and whose it is where it is a readable row.
type Found = (String, Stat, Option<FaultKey>);

fn look_into(folder: &Folder) -> Result<Vec<Found>, FileError> {
    let names = folder.names()?.into_iter().filter(|entry| is_row_name(&entry.name));
    let look = |entry: Entry| {
        let key = match look_at(folder, &entry.name)?.body {
            WaitingBody::Event(event) => Some(event.key()),
            WaitingBody::Marker(marker) => Some(marker.key),
            _ => None,
        };
        // After its body: a file that is changed meanwhile is a younger one.
        let stat = folder.stat(&entry.name).ok()?;
        Some((entry.name, stat, key))
    };
    Ok(names.filter_map(look).collect())
}

/// The regular files of a folder, hidden ones apart, in the order of their names.
fn files(folder: Folder) -> Result<(Folder, Vec<Doomed>), FileError> {
    let mut found = Vec::new();
    for entry in folder.names()?.into_iter().filter(|entry| !entry.name.starts_with('.')) {
        if let Ok(stat) = folder.stat(&entry.name)
            && is_a(&stat, FileType::RegularFile)
        {
            found.push(Doomed { name: entry.name, stat });
        }
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok((folder, found))
}

/// The faults that led the attempts of a session: their events may have left it before the others.
fn leads(session: &Folder) -> Result<Vec<FaultKey>, FileError> {
    let Ok(attempts) = session.open_child(ATTEMPTS) else { return Ok(Vec::new()) };
    let lead = |entry: Entry| read_lead(session, &entry.name).map(|event| event.key());
    Ok(attempts.names()?.into_iter().filter_map(lead).collect())
}

fn parts(key: &FaultKey) -> (String, String) {
    (run_part(&key.run_id), fault_part(&key.fault_id))
}

fn is_a(stat: &Stat, file_type: FileType) -> bool {
    FileType::from_raw_mode(stat.st_mode) == file_type
}

/// When a file last changed in any way: a move counts, so that what was settled yesterday is young.
fn changed(stat: &Stat) -> Timestamp {
    let nanos = i32::try_from(stat.st_ctime_nsec).unwrap_or(0);
    modified(stat).max(Timestamp::new(stat.st_ctime, nanos).unwrap_or(Timestamp::UNIX_EPOCH))
}

fn is_same(found: &Stat, seen: &Stat) -> bool {
    (found.st_dev, found.st_ino, changed(found)) == (seen.st_dev, seen.st_ino, changed(seen))
}
