//! The reports: `Q/reports/<run>/<faultId>.md` for people and `.json` for programs.
//!
//! An earlier report of the fault is moved to `<faultId>~<stamp>` first, never written over. Then the `.md` is written,
//! and the `.json` last: where it stands, both do. Its (drainId, seq) says whose it is; the last line of the `.md` says
//! so too, for the crash between the two.

use haltline_files::{FileError, Folder};
use haltline_protocol::{
    Filing, Layout, Receipt, ReportFile, Sink, candidate_names, report_tells_of, report_text, run_part,
};
use jiff::Timestamp;
use rustix::io::Errno;

use crate::factory::{Activity, SinkDeclaration, SinkFactory, SinkOpenError};
use crate::filing::{Filer, FilingSink};

/// The name of the sink.
const SINK: &str = "report";
/// The most that is read of an earlier report, in bytes; a larger file is no work of ours and is kept unread.
const LONGEST_REPORT: u64 = 16 << 20;
/// How often another drain may take a name in between before the sink says so.
const TRIES: usize = 3;

/// Opens the sink of reports.
pub(super) struct Reports;

impl SinkFactory for Reports {
    fn declaration(&self) -> &SinkDeclaration {
        &SinkDeclaration {
            name: SINK,
            docs: "each report as skill-faults/reports/<run>/<faultId>.md and .json",
            writes: &["skill-faults/reports/*/*.md", "skill-faults/reports/*/*.json"],
            opens_for: Activity::has_events,
            ..SinkDeclaration::DEFAULT
        }
    }

    fn open(&self, settings: &toml::Table, layout: &Layout) -> Result<Box<dyn Sink>, SinkOpenError> {
        self.check(settings)?;
        let filer = ReportFiler { layout: layout.clone() };
        filer
            .reports()
            .and_then(|folder| folder.check_writable())
            .map_err(|problem| SinkOpenError::Unusable { sink: SINK, problem })?;
        Ok(Box::new(FilingSink::new(filer)))
    }
}

struct ReportFiler {
    layout: Layout,
}

impl Filer for ReportFiler {
    const SINK: &'static str = SINK;

    fn file(&self, filing: &Filing) -> Result<bool, FileError> {
        let key = filing.event.key();
        let folder = self.reports()?.ensure_child(&run_part(&key.run_id))?;
        let stem = Layout::report_stem(&key);
        let (text_name, json_name) = (format!("{stem}.md"), format!("{stem}.json"));
        for _ in 0..TRIES {
            if is_filed(&folder, &json_name, filing)? {
                return Ok(false);
            }
            let text_stands = keep_earlier(&folder, &stem, filing)?;
            if !text_stands && !folder.create_new(&text_name, report_text(filing).as_bytes())? {
                continue;
            }
            let json =
                ReportFile::new(filing).to_bytes().map_err(|error| FileError::new("write", folder.path(), error))?;
            if folder.create_new(&json_name, &json)? {
                return Ok(true);
            }
        }
        Err(FileError::new("write", folder.path().join(json_name), Errno::EXIST))
    }

    fn receipt(count: u32) -> Receipt {
        Receipt { reports: count, ..Receipt::default() }
    }
}

impl ReportFiler {
    fn reports(&self) -> Result<Folder, FileError> {
        Folder::ensure(&self.layout.queue().join("reports"))
    }
}

/// Whether this very report stands there already, under its own name or under the one that it was kept by when a later
/// one came.
fn is_filed(folder: &Folder, json_name: &str, filing: &Filing) -> Result<bool, FileError> {
    for (place, name) in candidate_names(json_name, filing.ts).enumerate() {
        match read(folder, &name)?.as_deref().map(ReportFile::parse) {
            Some(Some(file)) if file.tells_of(&filing.drain_id, filing.seq) => return Ok(true),
            None if place > 0 => break,
            _ => {}
        }
    }
    Ok(false)
}

/// Reads a file of the folder. What cannot be ours, as one too large, a symbolic link or no regular file at all, reads as
/// empty, and is moved out of the way like any earlier report.
fn read(folder: &Folder, name: &str) -> Result<Option<Vec<u8>>, FileError> {
    let bytes = folder.read(name, LONGEST_REPORT);
    match bytes.as_ref().map_err(|error| Errno::from_io_error(&error.source)) {
        Err(Some(Errno::FBIG | Errno::LOOP | Errno::INVAL | Errno::ISDIR | Errno::NXIO)) => Ok(Some(Vec::new())),
        _ => bytes,
    }
}

/// Moves an earlier report out of the way, the `.md` first, both to the same stem. Answers whether the `.md` that
/// stands there is this report's own, from before a crash.
fn keep_earlier(folder: &Folder, stem: &str, filing: &Filing) -> Result<bool, FileError> {
    let (text_name, json_name) = (format!("{stem}.md"), format!("{stem}.json"));
    let earlier = read(folder, &json_name)?;
    let text = read(folder, &text_name)?;
    match (&earlier, &text) {
        (None, None) => return Ok(false),
        (None, Some(text)) if report_tells_of(text, &filing.drain_id, filing.seq) => return Ok(true),
        _ => {}
    }
    let time = earlier.as_deref().and_then(ReportFile::parse).and_then(|earlier| earlier.ts.parse().ok());
    for kept_json in candidate_names(&json_name, time.unwrap_or_else(Timestamp::now)).skip(1) {
        let kept_text = format!("{}.md", kept_json.trim_end_matches(".json"));
        let is_free = |name: &str| matches!(folder.stat(name), Err(Errno::NOENT));
        if (text.is_some() && !is_free(&kept_text)) || (earlier.is_some() && !is_free(&kept_json)) {
            continue;
        }
        if text.is_some() {
            keep(folder, &text_name, &kept_text)?;
        }
        if earlier.is_some() {
            keep(folder, &json_name, &kept_json)?;
        }
        folder.sync()?;
        return Ok(false);
    }
    Err(FileError::new("find a free name to keep", folder.path().join(json_name), Errno::EXIST))
}

fn keep(folder: &Folder, name: &str, kept: &str) -> Result<(), FileError> {
    folder
        .move_to(name, folder, kept)
        .map_err(|errno| FileError::new("keep the earlier", folder.path().join(name), errno))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use haltline_protocol::{HaltEvent, Report, ReportOutcome, Usage};

    use super::*;

    fn filing(drain: &str, seq: u64, ts: &str) -> Filing {
        let event = br#"{"faultId":"F:all:1","runId":"r","stateSlug":"s","kind":"F","severity":"HIGH",
            "timestamp":"2026-05-20T08:14:00.123Z","message":"m","pointers":{},"snapshot":{}}"#;
        Filing {
            ts: ts.parse().unwrap(),
            drain_id: drain.into(),
            seq,
            event: HaltEvent::parse(event).unwrap().into(),
            occurrences: 1,
            report: Report {
                fault_id: "F:all:1".into(),
                outcome: ReportOutcome::NeedsHuman,
                duplicate_of_path: None,
                root_cause: format!("as {drain} says"),
                evidence: Vec::new(),
                proposed_fix: None,
                learned_pattern_proposal: None,
            }
            .into(),
            usage: Usage::default(),
            citations: Vec::new(),
        }
    }

    fn files(home: &tempfile::TempDir) -> BTreeMap<String, String> {
        let entries = fs::read_dir(home.path().join("skill-faults/reports/r")).unwrap();
        entries
            .map(|entry| {
                let entry = entry.unwrap();
                (entry.file_name().into_string().unwrap(), fs::read_to_string(entry.path()).unwrap())
            })
            .collect()
    }

    fn setup() -> (tempfile::TempDir, ReportFiler) {
        let home = tempfile::tempdir().unwrap();
        let filer = ReportFiler { layout: Layout::new(home.path()) };
        (home, filer)
    }

    #[test]
    fn an_earlier_report_is_kept_and_each_is_filed_once() {
        let (home, filer) = setup();
        let first = filing("a", 1, "2026-05-20T09:00:00Z");
        let second = filing("b", 1, "2026-05-20T10:00:00Z");
        let third = filing("c", 1, "2026-05-20T10:00:00Z");
        for filing in [&first, &second, &third] {
            assert!(filer.file(filing).unwrap());
        }
        let filed = files(&home);
        let expected = [("", "c"), ("~20260520T090000000Z", "a"), ("~20260520T100000000Z", "b")];
        for (suffix, drain) in expected {
            for ending in ["md", "json"] {
                assert!(filed[&format!("F:all:1{suffix}.{ending}")].contains(&format!("as {drain} says")), "{suffix}");
            }
        }
        assert_eq!(filed.len(), 6);
        for filing in [&first, &second, &third] {
            assert!(!filer.file(filing).unwrap());
        }
        assert_eq!(files(&home), filed);
    }

    #[test]
    fn a_crash_at_any_step_ends_as_if_there_had_been_none() {
        let (first, second) = (filing("a", 1, "2026-05-20T09:00:00Z"), filing("b", 1, "2026-05-20T10:00:00Z"));
        let expected = {
            let (home, filer) = setup();
            filer.file(&first).unwrap();
            filer.file(&second).unwrap();
            files(&home)
        };
        for steps in 0..4 {
            let (home, filer) = setup();
            filer.file(&first).unwrap();
            let folder = Folder::open(&home.path().join("skill-faults/reports/r")).unwrap();
            let kept = "F:all:1~20260520T090000000Z";
            if steps > 0 {
                folder.move_to("F:all:1.md", &folder, &format!("{kept}.md")).unwrap();
            }
            if steps > 1 {
                folder.move_to("F:all:1.json", &folder, &format!("{kept}.json")).unwrap();
            }
            if steps > 2 {
                folder.create_new("F:all:1.md", report_text(&second).as_bytes()).unwrap();
            }
            assert!(filer.file(&second).unwrap());
            assert_eq!(files(&home), expected, "after {steps} steps");
        }
    }

    #[test]
    fn a_report_that_was_put_aside_for_a_later_one_is_not_filed_again() {
        let (home, filer) = setup();
        let first = filing("a", 1, "2026-05-20T09:00:00Z");
        filer.file(&first).unwrap();
        // The later one's drain died before it wrote anything.
        let folder = Folder::open(&home.path().join("skill-faults/reports/r")).unwrap();
        keep_earlier(&folder, "F:all:1", &filing("b", 1, "2026-05-20T10:00:00Z")).unwrap();
        let before = files(&home);
        assert!(!filer.file(&first).unwrap());
        assert_eq!(files(&home), before);
    }

    #[test]
    fn what_is_no_report_is_kept_too() {
        let (home, filer) = setup();
        let folder = Folder::ensure(&home.path().join("skill-faults/reports/r")).unwrap();
        folder.create_new("F:all:1.json", b"\0 no JSON").unwrap();
        folder.create_new("F:all:1.md", b"somebody's own").unwrap();
        assert!(filer.file(&filing("a", 1, "2026-05-20T09:00:00Z")).unwrap());
        let filed = files(&home);
        assert_eq!(filed.len(), 4);
        assert!(filed.iter().any(|(name, text)| name.starts_with("F:all:1~") && text == "somebody's own"));
    }

    #[test]
    fn nothing_is_written_through_a_symbolic_link() {
        for (link, is_folder) in
            [("reports", true), ("reports/r", true), ("reports/r/F:all:1.json", false), ("reports/r/F:all:1.md", false)]
        {
            let (home, filer) = setup();
            let path = home.path().join("skill-faults").join(link);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::create_dir(home.path().join("elsewhere")).unwrap();
            std::os::unix::fs::symlink(home.path().join("elsewhere"), &path).unwrap();
            let filed = filer.file(&filing("a", 1, "2026-05-20T09:00:00Z"));
            assert_eq!(fs::read_dir(home.path().join("elsewhere")).unwrap().count(), 0, "{link}");
            if is_folder {
                filed.unwrap_err();
                continue;
            }
            // A link in place of a report is kept beside the report, which must not wait for somebody to remove it.
            assert!(filed.unwrap(), "{link}");
            assert!(path.symlink_metadata().unwrap().is_file(), "{link}");
            let kept = fs::read_dir(path.parent().unwrap())
                .unwrap()
                .filter(|entry| entry.as_ref().unwrap().file_type().unwrap().is_symlink());
            assert_eq!(kept.count(), 1, "{link}");
        }
    }

    #[test]
    fn programs_find_the_report_and_what_it_took() {
        let filing = filing("a", 1, "2026-05-20T09:00:00Z");
        let file = ReportFile::new(&filing).to_bytes().unwrap();
        let json: serde_json::Value = serde_json::from_slice(&file).unwrap();
        let expected = serde_json::json!({
            "faultId": "F:all:1", "outcome": "needs-human", "rootCause": "as a says", "evidence": [],
            "proposedFix": null, "learnedPatternProposal": null, "drainId": "a", "seq": 1,
            "ts": "2026-05-20T09:00:00.000Z", "runId": "r", "kind": "F", "severity": "HIGH", "message": "m",
            "occurrences": 1, "provider": "", "model": null, "costUsd": null, "costSource": null, "durationMs": 0,
            "tokensIn": null, "tokensCached": null, "tokensOut": null, "citations": [], "passedOver": [],
        });
        assert_eq!(json, expected);
    }
}
