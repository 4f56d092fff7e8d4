//! All rules over one home.

use std::path::Path;

use anyhow::Result;

use super::survey::{Survey, stub_lines};
use super::{conservation, rest, rows, spawns, traces};
use crate::crash::history::History;

/// What cannot be asked for after every kind of fault.
#[derive(Debug, Clone, Copy)]
pub(in crate::crash) struct Strictness {
    /// A report that was printed whole is never paid for again. A power cut may take it, an error may hide it.
    pub(in crate::crash) reports_survive: bool,
    /// A settled file that was seen stays. A power cut may undo a move that nobody was told of.
    pub(in crate::crash) moves_survive: bool,
    /// A result is on disk before a sink sees it. An error may keep it off.
    pub(in crate::crash) results_are_kept: bool,
}

/// What a home breaks of what was promised, after its history and one undisturbed drain; nothing where all is well.
///
/// `log` is the stub investigator's.
///
/// # Errors
/// The home cannot be read.
pub(in crate::crash) fn violations(
    home: &Path,
    history: &History,
    log: &str,
    strictness: Strictness,
) -> Result<Vec<String>> {
    let survey = Survey::read(home)?;
    let mut found = conservation::check(&survey, history);
    if strictness.moves_survive {
        found.extend(conservation::check_settled(&survey, history));
    }
    found.extend(rows::check(&survey));
    found.extend(spawns::check(&survey, &stub_lines(log), strictness.reports_survive));
    found.extend(traces::check(&survey, strictness.results_are_kept));
    found.extend(rest::check(&survey));
    Ok(found)
}

/// Takes note of what is settled by now, and says which settled files are gone or changed since the last look.
///
/// # Errors
/// The home cannot be read.
pub(in crate::crash) fn observe(home: &Path, history: &mut History) -> Result<Vec<String>> {
    let survey = Survey::read(home)?;
    let found = conservation::check_settled(&survey, history);
    history.settled = survey.settled();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;
    use tempfile::TempDir;

    use super::*;
    use crate::crash::history::Emitted;

    const STRICT: Strictness = Strictness { reports_survive: true, moves_survive: true, results_are_kept: true };

    /// A home in which one event was investigated and another skipped, with what the stub wrote.
    struct Home {
        dir: TempDir,
        history: History,
        log: String,
    }

    impl Home {
        fn sound() -> Self {
            let mut home = Self { dir: tempfile::tempdir().unwrap(), history: History::default(), log: String::new() };
            for (token, file) in [("tok-1-", "a.json"), ("tok-2-", "b.json")] {
                let bytes = event(token, file);
                home.write(&format!("skill-faults/processed/{file}"), &bytes);
                let emitted = Emitted { acknowledged: true, bytes: Some(bytes.into_bytes()), may_be_flagged: false };
                home.history.emitted.insert(token.to_owned(), emitted);
            }
            let rows = [row(1, "a.json", "audit-skipped"), row(3, "b.json", "investigated")];
            home.write("analytics/skill-faults.jsonl", &rows.concat());
            home.write("skill-faults/in-flight/settle.lock", "");
            home.write("skill-faults/reports/r/b.json", r#"{"faultId": "b.json", "drainId": "d", "seq": 2}"#);
            home.write("skill-faults/reports/r/b.md", "# b\n\n<!-- haltline drainId=d seq=2 -->\n");
            home.write("skill-faults/inbox/b.md", "b\n\n<!-- haltline drainId=d seq=2 -->\n");
            home.log = "begin\tr\tb.json\tattempts/2\nend\tr\tb.json\tattempts/2\n".to_owned();
            let found = observe(home.dir.path(), &mut home.history).unwrap();
            assert_eq!(found, Vec::<String>::new());
            home
        }

        fn write(&self, below: &str, text: &str) {
            let path = self.dir.path().join(below);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn append(&self, below: &str, text: &str) {
            let old = fs::read_to_string(self.dir.path().join(below)).unwrap();
            self.write(below, &(old + text));
        }

        #[expect(clippy::disallowed_methods, reason = "a test takes a file away")]
        fn remove(&self, below: &str) {
            fs::remove_file(self.dir.path().join(below)).unwrap();
        }

        fn violations(&self) -> Vec<String> {
            violations(self.dir.path(), &self.history, &self.log, STRICT).unwrap()
        }
    }

    /// Its faultId is the name of its file.
    fn event(token: &str, file: &str) -> String {
        json!({"faultId": file, "runId": "r", "message": token}).to_string()
    }

    fn row(seq: u64, file: &str, outcome: &str) -> String {
        let row = json!({"drainId": "d", "seq": seq, "faultId": file, "runId": "r", "outcome": outcome,
            "move": "moved", "file": file});
        format!("{row}\n")
    }

    #[test]
    fn a_sound_home_breaks_nothing() {
        let home = Home::sound();
        assert_eq!(home.violations(), Vec::<String>::new());
        home.append("analytics/skill-faults.jsonl", "{\"torn\": \n");
        home.write("skill-faults/pending-investigations/.x.tmp", "{");
        assert_eq!(home.violations(), Vec::<String>::new());
    }

    #[test]
    fn each_broken_promise_is_found() {
        type Break = fn(&mut Home);
        let breaks: [(&str, Break); 20] = [
            ("tok-1- was acknowledged and is lost", |home| home.remove("skill-faults/processed/a.json")),
            ("a.json was settled and is gone", |home| home.remove("skill-faults/processed/a.json")),
            ("tok-1- is in 2 places", |home| home.write("skill-faults/dead-letter/a.json", &event("tok-1-", "a.json"))),
            ("a.json is not what was emitted", |home| {
                home.write("skill-faults/processed/a.json", &event("tok-1- ", "a.json"));
            }),
            ("a.json was settled and is overwritten", |home| {
                home.write("skill-faults/processed/a.json", &event("tok-2-", "a.json"));
            }),
            ("tok-9- was never emitted", |home| {
                home.write("skill-faults/processed/c.json", &event("tok-9-", "c.json"))
            }),
            ("nobody wrote", |home| home.write("skill-faults/processed/c.json", "{\"faultId\"")),
            ("still waits", |home| {
                home.write("skill-faults/pending-investigations/c.json", &event("tok-1-", "c.json"))
            }),
            ("1 files of Some((\"r\", \"a.json\")) in Processed have 0 settled rows", |home| {
                home.write("analytics/skill-faults.jsonl", &row(3, "b.json", "investigated"));
            }),
            ("1 files of Some((\"r\", \"a.json\")) in Processed have 2 settled rows", |home| {
                home.append("analytics/skill-faults.jsonl", &row(4, "a.json", "resolved"));
            }),
            ("0 files of Some((\"r\", \"c.json\")) in DeadLetter have 1 settled rows", |home| {
                home.append("analytics/skill-faults.jsonl", &row(4, "c.json", "dead-lettered"));
            }),
            ("2 rows have the pair d, 3", |home| {
                home.append("analytics/skill-faults.jsonl", &row(3, "b.json", "dispatch-failed"));
            }),
            ("attempts/2 was started 2 times", |home| home.log.insert_str(0, "begin\tr\tb.json\tattempts/2\n")),
            ("its attempts allow 1", |home| home.log.insert_str(0, "begin\tr\tb.json\tattempts/1\n")),
            ("after its report was printed whole", |home| home.log.push_str("begin\tr\tb.json\tattempts/5\n")),
            ("b.json has 1 rows of a report and 0 reports", |home| home.remove("skill-faults/reports/r/b.json")),
            ("1 reports, 1 texts of reports and 0 notes", |home| home.remove("skill-faults/inbox/b.md")),
            ("are of one attempt", |home| {
                home.write("skill-faults/inbox/b-2.md", "b\n\n<!-- haltline drainId=d seq=2 -->\n");
            }),
            ("in-flight/d is left", |home| home.write("skill-faults/in-flight/d/lock", "")),
            (".new-x is a stray", |home| home.write("skill-faults/processed/.new-x", "")),
        ];
        for (expected, break_it) in breaks {
            let mut home = Home::sound();
            break_it(&mut home);
            let found = home.violations();
            assert!(found.iter().any(|violation| violation.contains(expected)), "{expected}: {found:#?}");
        }
    }

    #[test]
    fn an_emission_that_nobody_was_told_of_may_be_there_or_not() {
        let mut home = Home::sound();
        home.history.begin("tok-3-");
        assert_eq!(home.violations(), Vec::<String>::new());
        let held_back = event("tok-3-", "c.json").replace('}', r#","delivery":{"attempts":1,"notBefore":"2100-"}}"#);
        home.write("skill-faults/pending-investigations/c.json", &held_back);
        assert_eq!(home.violations(), Vec::<String>::new());
    }

    #[test]
    fn a_failed_attempt_pays_for_one_more_start() {
        let mut home = Home::sound();
        let tried = event("tok-2-", "b.json").replace('}', r#","delivery":{"attempts":1}}"#);
        home.write("skill-faults/processed/b.json", &tried);
        home.log.insert_str(0, "begin\tr\tb.json\tattempts/1\n");
        assert_eq!(home.violations(), Vec::<String>::new());
    }

    #[test]
    fn an_occurrence_that_could_not_be_claimed_pays_for_one_more_start_where_errors_come() {
        let mut home = Home::sound();
        home.write("skill-faults/processed/b2.json", &event("tok-4-", "b.json"));
        home.history.begin("tok-4-");
        home.log.insert_str(0, "begin\tr\tb.json\tattempts/1\n");
        home.append("analytics/skill-faults.jsonl", &row(4, "b.json", "investigated"));
        let found = |strictness| {
            let found = violations(home.dir.path(), &home.history, &home.log, strictness).unwrap();
            found.iter().any(|violation| violation.contains("its attempts allow"))
        };
        assert!(found(STRICT));
        assert!(!found(Strictness { reports_survive: false, ..STRICT }));
    }

    #[test]
    fn a_note_of_an_attempt_that_was_cut_off_is_no_trouble_where_its_result_was_not_kept() {
        let home = Home::sound();
        home.write("skill-faults/inbox/b-2.md", "b\n\n<!-- haltline drainId=d seq=1 -->\n");
        let cut_off = row(1, "b.json", "dispatch-failed").replace("\"move\"", "\"failure\":\"interrupted\",\"move\"");
        home.append("analytics/skill-faults.jsonl", &cut_off.replace("\"seq\":1", "\"seq\":4"));
        let found = |strictness| {
            let found = violations(home.dir.path(), &home.history, &home.log, strictness).unwrap();
            found.iter().any(|violation| violation.contains("2 notes"))
        };
        assert!(found(STRICT));
        assert!(!found(Strictness { results_are_kept: false, ..STRICT }));
    }
}
