//! v1.40.5.0: earlier releases wrote the events of manual recovery without `investigate`, so a drain would pay for an
//! investigation of each. This flags them as what they are: audit only.
//!
//! Rows that wait, that are settled and that were given up on are rewritten; what a drain holds is not, since only that
//! drain may touch it. A last scan looks for recovery rows that are still without the field: one that an earlier
//! release emitted meanwhile, or that a drain holds. It goes the way of an event, so that one that moves on is met
//! again, and looks at the holds twice, since an event may also be put back.

use std::collections::HashSet;
use std::path::Path;

use haltline_files::{FileError, Folder, errno_name};
use haltline_protocol::{
    Investigate, Layout, MANUAL_RECOVERY_INVOKED, Migration, MigrationReport, MigrationStep, MoveOutcome, QueueRow,
    RowTrouble,
};
use haltline_spool::{LARGEST_ROW, Replacement, Rewrite, clear_rewrites, rewrite_all};

use crate::rows::{self, Found, OpenRow, RowFile};
use crate::splice::with_last_field;

/// How the messages begin that the three recovery commands write.
const PREFIXES: [&str; 3] =
    ["drain-faults subcommand invoked", "mark-shipped subcommand invoked", "--mark-phase-committed invoked"];
/// What it counts.
const FLAGGED: &str = "flagged";
const ALREADY_FLAGGED: &str = "already flagged";
const UNTOUCHED: &str = "untouched";
/// How often a row is read again that somebody changes at the same time. More often is no accident.
const MOST_READS: u32 = 5;
/// Rows that are rewritten together; each takes two open files meanwhile.
const GROUP: usize = 64;
/// Bytes of rows after which a group is rewritten although it is not full.
const GROUP_BYTES: usize = 4 * 1024 * 1024;

/// Adds `"investigate": false` to the rows of manual recovery.
pub(crate) struct FlagRecoveryRows;

impl Migration for FlagRecoveryRows {
    fn version(&self) -> &'static str {
        "1.40.5.0"
    }

    fn summary(&self) -> &'static str {
        "flag the events of manual recovery as audit only, so that no drain pays for them"
    }

    fn run(&self, home: &Path, dry_run: bool, tell: &mut dyn FnMut(MigrationStep)) -> MigrationReport {
        let layout = Layout::new(home);
        let report = MigrationReport::counting(&[FLAGGED, ALREADY_FLAGGED, UNTOUCHED]);
        let mut pass = Pass { dry_run, report, named: Named::default(), tell };
        for path in [layout.pending(), layout.processed(), layout.dead_letter()] {
            pass.in_folder(&path, Pass::flag_folder);
        }
        pass.find_latecomers(&layout);
        pass.report.malformed.sort();
        pass.report.failed.sort();
        pass.report.appeared.sort();
        pass.report
    }
}

/// What a row is to this migration.
enum Class {
    Flagged,
    Unflagged,
    Other,
}

fn classify(row: &QueueRow) -> Class {
    let QueueRow::Event(event) = row else { return Class::Other };
    let is_recovery = event.kind.as_str() == MANUAL_RECOVERY_INVOKED
        && PREFIXES.iter().any(|prefix| event.message.starts_with(prefix));
    match event.investigate {
        _ if !is_recovery => Class::Other,
        Investigate::Absent => Class::Unflagged,
        Investigate::False | Investigate::Other => Class::Flagged,
    }
}

/// The row with the field; `None` where that would be no row that a drain takes for audit only.
fn flagged(bytes: &[u8]) -> Option<Vec<u8>> {
    let written = with_last_field(bytes, "investigate", "false")?;
    let is_row = written.len() as u64 <= LARGEST_ROW
        && matches!(QueueRow::parse(&written), Ok(QueueRow::Event(event)) if event.is_audit_only());
    is_row.then_some(written)
}

/// Files that the report names already, by path and by inode, since they may be moved meanwhile.
#[derive(Default)]
struct Named {
    paths: HashSet<String>,
    inodes: HashSet<u64>,
}

impl Named {
    /// Whether the file is not yet named; from now on it is.
    fn add(&mut self, path: &str, inode: u64) -> bool {
        let (new_path, new_inode) = (self.paths.insert(path.to_owned()), self.inodes.insert(inode));
        new_path && new_inode
    }
}

/// A row that is to be flagged.
struct Due {
    file: RowFile,
    name: String,
    open: Box<OpenRow>,
    written: Vec<u8>,
}

struct Pass<'a> {
    dry_run: bool,
    report: MigrationReport,
    named: Named,
    tell: &'a mut dyn FnMut(MigrationStep),
}

impl Pass<'_> {
    /// Works on a folder; that it is not there is no trouble.
    fn in_folder(&mut self, path: &Path, work: impl FnOnce(&mut Self, &Folder) -> Result<(), FileError>) {
        let done = match Folder::open(path) {
            Ok(folder) => work(self, &folder),
            Err(error) if error.is_missing() => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            let file = path.display().to_string();
            if self.named.paths.insert(file.clone()) {
                self.report.failed.push(RowTrouble { file, reason: error.to_string() });
            }
        }
    }

    fn flag_folder(&mut self, folder: &Folder) -> Result<(), FileError> {
        if !self.dry_run {
            clear_rewrites(folder)?;
        }
        let mut group: Vec<Due> = Vec::new();
        let mut bytes = 0;
        for file in self.list(folder)? {
            (self.tell)(MigrationStep::FileChecked);
            let Some(due) = self.look(folder, file) else { continue };
            // Two names of one file: the first is rewritten before the second is looked at.
            let is_apart = group.iter().all(|other| other.open.seen.st_ino != due.open.seen.st_ino);
            if !is_apart || group.len() == GROUP || bytes > GROUP_BYTES {
                self.flag_group(folder, std::mem::take(&mut group));
                bytes = 0;
            }
            bytes += due.written.len();
            group.push(due);
        }
        self.flag_group(folder, group);
        // Also where nothing was flagged: a run that was killed may have left rewrites that are not yet durable.
        if self.dry_run { Ok(()) } else { folder.sync() }
    }

    fn list(&mut self, folder: &Folder) -> Result<Vec<RowFile>, FileError> {
        let files = rows::list(folder)?;
        (self.tell)(MigrationStep::FilesFound(files.len() as u64));
        Ok(files)
    }

    /// Reads a row; `None` where it is not to be rewritten, or cannot be.
    fn look(&mut self, folder: &Folder, file: RowFile) -> Option<Due> {
        let name = match &file.name {
            Ok(name) => name.clone(),
            Err(shown) => {
                self.failed(folder, shown, file.inode, "its name is no UTF-8; rename it");
                return None;
            }
        };
        let open = match rows::read(folder, &name) {
            Found::Row(open) => open,
            Found::Malformed(reason) => {
                self.malformed(folder, &name, file.inode, reason);
                return None;
            }
            Found::Unreadable(reason) => {
                self.failed(folder, &name, file.inode, reason);
                return None;
            }
            Found::Nothing => return None,
        };
        match classify(&open.row) {
            Class::Other => self.report.add(UNTOUCHED),
            Class::Flagged => self.report.add(ALREADY_FLAGGED),
            Class::Unflagged => match flagged(&open.bytes) {
                Some(_) if self.dry_run => self.report.add(FLAGGED),
                Some(written) => return Some(Due { file, name, open, written }),
                None => {
                    let reason =
                        format!("with the field it would be no row of {LARGEST_ROW} bytes at most; shorten it");
                    self.failed(folder, &name, open.seen.st_ino, reason);
                }
            },
        }
        None
    }

    /// Rewrites rows, and looks again at those that somebody changed meanwhile.
    fn flag_group(&mut self, folder: &Folder, mut group: Vec<Due>) {
        for _ in 0..MOST_READS {
            let replacements: Vec<_> = group
                .iter()
                .map(|due| Replacement {
                    name: &due.name,
                    row: &due.open.file,
                    seen: &due.open.seen,
                    bytes: &due.written,
                })
                .collect();
            let ended = rewrite_all(folder, &replacements);
            let mut changed = Vec::new();
            for (due, ended) in group.into_iter().zip(ended) {
                let outcome = match ended {
                    Ok(Rewrite::Done) => {
                        self.report.add(FLAGGED);
                        MoveOutcome::Moved
                    }
                    Ok(Rewrite::Gone) => MoveOutcome::AlreadyGone,
                    Ok(Rewrite::Changed) => {
                        changed.extend(self.look(folder, due.file));
                        continue;
                    }
                    Err(error) => {
                        self.failed(folder, &due.name, due.open.seen.st_ino, error.to_string());
                        MoveOutcome::Denied { errno: errno_name(error.errno()) }
                    }
                };
                (self.tell)(MigrationStep::RewriteEnded(outcome));
            }
            group = changed;
        }
        for due in group {
            let reason = "somebody keeps writing to it; run `haltline upgrade` again";
            self.failed(folder, &due.name, due.file.inode, reason);
            (self.tell)(MigrationStep::RewriteEnded(MoveOutcome::TargetTaken));
        }
    }

    /// Names the recovery rows that are still without the field. In a dry run those are all, so it looks at what
    /// drains hold, which no run would flag.
    fn find_latecomers(&mut self, layout: &Layout) {
        self.in_folder(&layout.in_flight(), Self::scan_holds);
        if self.dry_run {
            return;
        }
        self.in_folder(&layout.pending(), Self::scan_folder);
        self.in_folder(&layout.in_flight(), Self::scan_holds);
        self.in_folder(&layout.processed(), Self::scan_folder);
        self.in_folder(&layout.dead_letter(), Self::scan_folder);
    }

    fn scan_holds(&mut self, in_flight: &Folder) -> Result<(), FileError> {
        let fail = |source| FileError { action: "list", path: in_flight.path().to_owned(), source, hint: None };
        for entry in std::fs::read_dir(in_flight.path()).map_err(fail)? {
            let entry = entry.map_err(fail)?;
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                self.in_folder(&entry.path(), Self::scan_folder);
            }
        }
        Ok(())
    }

    fn scan_folder(&mut self, folder: &Folder) -> Result<(), FileError> {
        for file in self.list(folder)? {
            (self.tell)(MigrationStep::FileChecked);
            let name = match &file.name {
                Ok(name) => name,
                Err(shown) => {
                    self.failed(folder, shown, file.inode, "its name is no UTF-8; rename it");
                    continue;
                }
            };
            match rows::read(folder, name) {
                Found::Row(open) if matches!(classify(&open.row), Class::Unflagged) => {
                    self.appeared(folder, name, open.seen.st_ino);
                }
                Found::Row(_) | Found::Nothing => {}
                Found::Malformed(reason) => self.malformed(folder, name, file.inode, reason),
                Found::Unreadable(reason) => self.failed(folder, name, file.inode, reason),
            }
        }
        Ok(())
    }

    fn malformed(&mut self, folder: &Folder, name: &str, inode: u64, reason: impl Into<String>) {
        self.report.malformed.extend(self.named.trouble(folder, name, inode, reason));
    }

    fn failed(&mut self, folder: &Folder, name: &str, inode: u64, reason: impl Into<String>) {
        self.report.failed.extend(self.named.trouble(folder, name, inode, reason));
    }

    fn appeared(&mut self, folder: &Folder, name: &str, inode: u64) {
        let reason = "a recovery row without `investigate`; run `haltline upgrade` again when no drain runs";
        self.report.appeared.extend(self.named.trouble(folder, name, inode, reason));
    }
}

impl Named {
    /// Names a file and what is wrong with it, unless it is named already.
    fn trouble(&mut self, folder: &Folder, name: &str, inode: u64, reason: impl Into<String>) -> Option<RowTrouble> {
        let file = folder.path().join(name).display().to_string();
        self.add(&file, inode).then(|| RowTrouble { file, reason: reason.into() })
    }
}
