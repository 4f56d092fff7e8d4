//! The analytics rows: `H/analytics/skill-faults.jsonl`, one line an outcome.
//!
//! On a replay only rows are written whose (drainId, seq) is not there yet.

use haltline_protocol::{DrainId, Layout, Record, RowLine, Sink};

use crate::factory::{Activity, SinkDeclaration, SinkFactory, SinkOpenError};
use crate::lines::{LineFormat, LineSink};

/// Opens the sink of analytics rows.
pub(super) struct Jsonl;

impl SinkFactory for Jsonl {
    fn declaration(&self) -> &SinkDeclaration {
        &SinkDeclaration {
            name: Rows::SINK,
            docs: "one row per outcome in analytics/skill-faults.jsonl",
            writes: &["analytics/skill-faults.jsonl"],
            opens_for: Activity::has_events,
            ..SinkDeclaration::DEFAULT
        }
    }

    fn open(&self, settings: &toml::Table, layout: &Layout) -> Result<Box<dyn Sink>, SinkOpenError> {
        self.check(settings)?;
        LineSink::<Rows>::open(layout)
    }
}

struct Rows;

impl LineFormat for Rows {
    const SINK: &'static str = "jsonl";
    const FILE: &'static str = "skill-faults.jsonl";
    type Key = (DrainId, u64);

    fn write(record: &Record, line: &mut Vec<u8>) -> Result<bool, serde_json::Error> {
        let Record::Settled(row) = record else { return Ok(false) };
        serde_json::to_writer(line, row)?;
        Ok(true)
    }

    fn key(line: &[u8]) -> Option<Self::Key> {
        let RowLine { drain_id, seq, .. } = RowLine::parse(line)?;
        Some((DrainId::from(&*drain_id), seq))
    }
}

#[cfg(test)]
mod tests {
    use haltline_protocol::{MoveOutcome, Row, RowDraft, RowOutcome};

    use super::*;

    fn row(drain: &str, seq: u64) -> Record {
        let draft = RowDraft::new(RowOutcome::AuditSkipped, format!("{seq}.json"));
        let ts = "2026-05-20T08:14:00.123Z".parse().unwrap();
        Record::Settled(Row::complete(ts, drain.into(), seq, draft, &MoveOutcome::Moved))
    }

    fn text(record: &Record) -> String {
        let Record::Settled(row) = record else { unreachable!("only rows here") };
        serde_json::to_string(row).unwrap()
    }

    fn open(home: &tempfile::TempDir) -> Box<dyn Sink> {
        let layout = Layout::new(home.path());
        Jsonl.open(&toml::Table::new(), &layout).unwrap()
    }

    #[tokio::test]
    async fn a_replay_writes_what_is_missing_and_no_more() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("analytics/skill-faults.jsonl");
        let mut sink = open(&home);
        sink.deliver(&[row("a", 1), row("b", 2)], false).await.unwrap();
        // The third row of the crashed drain is torn, the fourth lost its newline only.
        let whole = std::fs::read_to_string(&path).unwrap();
        let third = text(&row("a", 3));
        let torn = format!("{whole}{}\n{}", &third[..third.len() - 1], text(&row("a", 4)));
        std::fs::write(&path, &torn).unwrap();

        sink.deliver(&[row("a", 1), row("a", 2), row("a", 3), row("a", 4)], true).await.unwrap();
        let written = std::fs::read_to_string(&path).unwrap();
        assert_eq!(written, format!("{torn}\n{}\n{third}\n", text(&row("a", 2))));
    }

    #[tokio::test]
    async fn a_report_of_megabytes_makes_no_row_of_megabytes_and_is_known_again() {
        let home = tempfile::tempdir().unwrap();
        let Record::Settled(mut row) = row("a", 1) else { unreachable!("it is a row") };
        let report = serde_json::json!({
            "faultId": "f", "outcome": "no-context", "rootCause": "x".repeat(10 << 20), "evidence": []
        });
        row.draft.investigation = Some(Box::new(serde_json::from_value(report).unwrap()));
        let mut sink = open(&home);
        sink.deliver(&[Record::Settled(row.clone())], false).await.unwrap();
        sink.deliver(&[Record::Settled(row)], true).await.unwrap();
        let written = std::fs::read_to_string(home.path().join("analytics/skill-faults.jsonl")).unwrap();
        assert_eq!(written.lines().count(), 1);
        assert!(written.len() < 100 << 10 && written.contains("[cut: 10452992 more bytes]"), "{}", written.len());
    }

    #[tokio::test]
    async fn a_foreign_line_is_no_row_of_ours() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("analytics/skill-faults.jsonl");
        let mut sink = open(&home);
        let foreign = "\u{0}\u{0}\n[1]\n{\"drainId\":7,\"seq\":1}\n{\"drainId\":\"a\",\"seq\":1,\"seq\":1}\n";
        std::fs::write(&path, foreign).unwrap();
        sink.deliver(&[row("a", 1)], true).await.unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{foreign}{}\n", text(&row("a", 1))));
    }

    #[test]
    fn a_symbolic_link_is_refused_before_anything_is_spent() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("analytics")).unwrap();
        let link = home.path().join("analytics/skill-faults.jsonl");
        std::os::unix::fs::symlink(home.path().join("elsewhere"), link).unwrap();
        let layout = Layout::new(home.path());
        let error = Jsonl.open(&toml::Table::new(), &layout).err().unwrap();
        assert!(matches!(error, SinkOpenError::Unusable { .. }), "{error}");
        assert!(!home.path().join("elsewhere").try_exists().unwrap());
    }
}
