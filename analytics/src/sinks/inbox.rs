//! The notes for people: `Q/inbox/<YYYY-MM-DD>-halt-<faultId>.md`, one for each severe fault that somebody has to act
//! on. A note that is there is never touched: the next one gets `-2`, `-3` …

use std::path::PathBuf;

use haltline_files::{FileError, Folder};
use haltline_protocol::{Filing, Layout, Receipt, Severity, Sink, note_names, note_tells_of, note_text};
use rustix::io::Errno;
use serde::Deserialize;

use crate::factory::{Activity, SinkDeclaration, SinkEntry, SinkFactory, SinkOpenError, read_settings};
use crate::filing::{Filer, FilingSink};

/// The name of the sink.
const SINK: &str = "inbox";
/// The setting that says where notes go.
const FOLDER: &str = "folder";
/// The most that is read of a note to see whose it is, in bytes. Ours are a few kilobytes; people add to them.
const LONGEST_NOTE: u64 = 4 << 20;
/// The most notes on one fault and day; more are no accident.
const MOST_NOTES: usize = 10_000;

/// Opens the sink of notes.
pub(super) struct Inbox;

impl SinkFactory for Inbox {
    fn declaration(&self) -> &SinkDeclaration {
        &SinkDeclaration {
            name: SINK,
            docs: "a note per severe fault to act on, in skill-faults/inbox or in the folder that `folder` or --inbox names",
            writes: &["skill-faults/inbox/*.md"],
            opens_for: Activity::has_events,
            ..SinkDeclaration::DEFAULT
        }
    }

    fn check(&self, settings: &toml::Table) -> Result<(), SinkOpenError> {
        Settings::read(settings).map(drop)
    }

    fn open(&self, settings: &toml::Table, layout: &Layout) -> Result<Box<dyn Sink>, SinkOpenError> {
        let folder = match Settings::read(settings)?.folder {
            // The user named the folder, so a symbolic link there is the user's own.
            Some(folder) => folder.canonicalize().unwrap_or(folder),
            None => layout.inbox(),
        };
        Folder::ensure(&folder)
            .and_then(|folder| folder.check_writable())
            .map_err(|problem| SinkOpenError::Unusable { sink: SINK, problem })?;
        Ok(Box::new(FilingSink::new(NoteFiler { folder, layout: layout.clone() })))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    /// Where notes go instead of the queue's own inbox: an absolute path.
    folder: Option<PathBuf>,
}

impl Settings {
    fn read(settings: &toml::Table) -> Result<Self, SinkOpenError> {
        let read: Self = read_settings(SINK, settings)?;
        match &read.folder {
            Some(folder) if folder.is_relative() => {
                let reason = format!("`folder` must be an absolute path, and is `{}`", folder.display());
                Err(SinkOpenError::Settings { sink: SINK, reason })
            }
            _ => Ok(read),
        }
    }
}

/// Returns the folder that entries name for notes; none where notes go to the queue's own inbox.
pub fn inbox_folder(entries: &[SinkEntry]) -> Option<PathBuf> {
    let folders = entries.iter().filter(|entry| entry.kind == SINK).filter_map(|entry| entry.settings.get(FOLDER));
    folders.filter_map(toml::Value::as_str).next().map(PathBuf::from)
}

/// Sets the folder for notes, an absolute path, whatever the entries say.
pub fn set_inbox_folder(entries: &mut Vec<SinkEntry>, folder: &str) {
    entries.retain(|entry| entry.kind != SINK);
    let settings = [(FOLDER.to_owned(), folder.into())].into_iter().collect();
    entries.push(SinkEntry { kind: SINK.to_owned(), settings });
}

struct NoteFiler {
    folder: PathBuf,
    layout: Layout,
}

impl Filer for NoteFiler {
    const SINK: &'static str = SINK;

    fn file(&self, filing: &Filing) -> Result<bool, FileError> {
        if filing.event.severity() < Severity::High || !filing.report.outcome.asks_for_action() {
            return Ok(false);
        }
        let folder = Folder::ensure(&self.folder)?;
        let key = filing.event.key();
        let report_path = self.layout.queue().join(Layout::report_in_queue(&key));
        let text = note_text(filing, &report_path);
        for name in note_names(filing).take(MOST_NOTES) {
            if folder.create_new(&name, text.as_bytes())? {
                return Ok(true);
            }
            if is_note_of(&folder, &name, filing)? {
                return Ok(false);
            }
        }
        let name = note_names(filing).next().unwrap_or_default();
        Err(FileError::new("find a free name for", folder.path().join(name), Errno::EXIST))
    }

    fn receipt(count: u32) -> Receipt {
        Receipt { notes: count, ..Receipt::default() }
    }
}

/// Whether a file is the filing's note; what cannot be read as a note of ours is not, and is passed over.
fn is_note_of(folder: &Folder, name: &str, filing: &Filing) -> Result<bool, FileError> {
    match folder.read(name, LONGEST_NOTE) {
        Ok(Some(bytes)) => Ok(note_tells_of(&bytes, &filing.drain_id, filing.seq)),
        Ok(None) => Ok(false),
        Err(error) => match Errno::from_io_error(&error.source) {
            Some(Errno::FBIG | Errno::INVAL | Errno::LOOP | Errno::NXIO) => Ok(false),
            _ => Err(error),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use haltline_protocol::{HaltEvent, Report, ReportOutcome, Usage};

    use super::*;

    fn filing(severity: &str, outcome: ReportOutcome, seq: u64) -> Filing {
        let event = serde_json::json!({
            "faultId": "F:all:1", "runId": "r", "stateSlug": "s", "kind": "F", "severity": severity,
            "timestamp": "2026-05-19T08:14:00Z", "message": "m", "pointers": {}, "snapshot": {}
        });
        Filing {
            ts: "2026-05-20T23:59:59+00:00".parse().unwrap(),
            drain_id: "d".into(),
            seq,
            event: HaltEvent::parse(event.to_string().as_bytes()).unwrap().into(),
            occurrences: 1,
            report: Report {
                fault_id: "F:all:1".into(),
                outcome,
                duplicate_of_path: None,
                root_cause: "c".into(),
                evidence: Vec::new(),
                proposed_fix: None,
                learned_pattern_proposal: None,
            }
            .into(),
            usage: Usage::default(),
            citations: Vec::new(),
        }
    }

    fn setup() -> (tempfile::TempDir, NoteFiler) {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path());
        (home, NoteFiler { folder: layout.inbox(), layout })
    }

    fn names(home: &tempfile::TempDir) -> BTreeSet<String> {
        let entries = std::fs::read_dir(home.path().join("skill-faults/inbox")).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_note_is_filed_for_a_severe_fault_that_somebody_can_act_on_and_for_no_other() {
        use ReportOutcome::{DuplicateOf, NeedsHuman, NoContext, RootCauseIdentified, SelfHealed};
        let (_home, filer) = setup();
        let mut seq = 0;
        for (severity, is_severe) in
            [("CRITICAL", true), ("HIGH", true), ("odd", true), ("MEDIUM", false), ("LOW", false)]
        {
            for (outcome, asks) in [
                (RootCauseIdentified, true),
                (NeedsHuman, true),
                (SelfHealed, false),
                (NoContext, false),
                (DuplicateOf, false),
            ] {
                seq += 1;
                let filed = filer.file(&filing(severity, outcome, seq)).unwrap();
                assert_eq!(filed, is_severe && asks, "{severity} {outcome:?}");
            }
        }
    }

    #[test]
    fn a_taken_name_is_counted_and_a_replay_files_nothing() {
        let (home, filer) = setup();
        for seq in [1, 2, 3] {
            assert!(filer.file(&filing("HIGH", ReportOutcome::NeedsHuman, seq)).unwrap());
        }
        let expected = ["2026-05-20-halt-F:all:1-2.md", "2026-05-20-halt-F:all:1-3.md", "2026-05-20-halt-F:all:1.md"];
        assert_eq!(names(&home), expected.map(String::from).into());
        // A person wrote beneath the note meanwhile.
        let note = home.path().join("skill-faults/inbox").join(expected[0]);
        let text = std::fs::read_to_string(&note).unwrap();
        std::fs::write(&note, text + "\nlooked at it\n").unwrap();
        for seq in [1, 2, 3] {
            assert!(!filer.file(&filing("HIGH", ReportOutcome::NeedsHuman, seq)).unwrap());
        }
        assert_eq!(names(&home).len(), 3);
    }

    #[test]
    fn what_is_no_note_is_passed_over() {
        let (home, filer) = setup();
        let inbox = home.path().join("skill-faults/inbox");
        std::fs::create_dir_all(inbox.join("2026-05-20-halt-F:all:1.md")).unwrap();
        let link = inbox.join("2026-05-20-halt-F:all:1-2.md");
        std::os::unix::fs::symlink(home.path().join("elsewhere"), link).unwrap();
        assert!(filer.file(&filing("HIGH", ReportOutcome::NeedsHuman, 1)).unwrap());
        assert!(names(&home).contains("2026-05-20-halt-F:all:1-3.md"));
        assert!(!home.path().join("elsewhere").try_exists().unwrap());
    }

    #[tokio::test]
    async fn the_user_can_keep_notes_elsewhere() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("target");
        std::fs::create_dir(&target).unwrap();
        let link = home.path().join("my-inbox");
        std::os::unix::fs::symlink(&target, &link).unwrap();
        let mut entries = Vec::new();
        set_inbox_folder(&mut entries, link.to_str().unwrap());
        assert_eq!(inbox_folder(&entries), Some(link));
        let mut sink = Inbox.open(&entries[0].settings, &Layout::new(home.path())).unwrap();
        let record = haltline_protocol::Record::Reported(filing("HIGH", ReportOutcome::NeedsHuman, 1).into());
        assert_eq!(sink.deliver(&[record], false).await.unwrap().notes, 1);
        assert!(target.join("2026-05-20-halt-F:all:1.md").is_file());
        assert!(!home.path().join("skill-faults").try_exists().unwrap());
    }
}
