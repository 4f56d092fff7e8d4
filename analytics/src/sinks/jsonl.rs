//! The analytics rows: `H/analytics/skill-faults.jsonl`, one line an outcome.
//!
//! On a replay the file is read through, and only rows whose (drainId, seq) is not there yet are written.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use haltline_protocol::{DrainId, QueueError, Receipt, Record, Row, RowLine, Sink, SinkError};

use crate::append::AppendFile;
use crate::factory::{SinkContext, SinkFactory, SinkOpenError};
use crate::problem::{off_the_runtime, sink_error};

/// The name of the sink.
const SINK: &str = "jsonl";
/// The file within the analytics folder.
const FILE: &str = "skill-faults.jsonl";

/// Opens the sink of analytics rows.
pub(super) struct Jsonl;

impl SinkFactory for Jsonl {
    fn name(&self) -> &'static str {
        SINK
    }

    fn docs(&self) -> &'static str {
        "one row per outcome in analytics/skill-faults.jsonl"
    }

    fn example_config(&self) -> &'static str {
        "[[sinks]]\nkind = \"jsonl\"\n"
    }

    fn is_built_in(&self) -> bool {
        true
    }

    fn open(&self, settings: &toml::Table, context: &SinkContext) -> Result<Box<dyn Sink>, SinkOpenError> {
        self.check(settings)?;
        let file = AppendFile::open(context.layout.analytics(), FILE)
            .map_err(|problem| SinkOpenError::Unusable { sink: SINK, problem })?;
        Ok(Box::new(RowSink { file: Arc::new(file) }))
    }
}

struct RowSink {
    file: Arc<AppendFile>,
}

#[async_trait]
impl Sink for RowSink {
    fn name(&self) -> &'static str {
        SINK
    }

    async fn deliver(&mut self, records: &[Record], replay: bool) -> Result<Receipt, SinkError> {
        let mut lines = Lines::default();
        for record in records {
            if let Record::Settled(row) = record {
                lines.add(row, replay)?;
            }
        }
        if !lines.bytes.is_empty() {
            let file = Arc::clone(&self.file);
            off_the_runtime(SINK, move || append(&file, lines)).await?.map_err(|problem| sink_error(SINK, &problem))?;
        }
        Ok(Receipt::default())
    }
}

/// Rows as they are written, each with its newline.
#[derive(Default)]
struct Lines {
    bytes: Vec<u8>,
    /// On a replay: where each row ends, and the pair that it is known by.
    rows: Vec<(usize, (DrainId, u64))>,
}

impl Lines {
    fn add(&mut self, row: &Row, replay: bool) -> Result<(), SinkError> {
        let written = match &row.draft.investigation {
            None => serde_json::to_writer(&mut self.bytes, row),
            Some(report) => {
                let mut row = row.clone();
                row.draft.investigation = Some(Box::new((**report).clone().made_fit()));
                serde_json::to_writer(&mut self.bytes, &row)
            }
        };
        written.map_err(|error| SinkError::Permanent {
            sink: SINK,
            reason: format!("row {} of drain {} cannot be written as JSON: {error}", row.seq, row.drain_id),
        })?;
        self.bytes.push(b'\n');
        if replay {
            self.rows.push((self.bytes.len(), (row.drain_id.clone(), row.seq)));
        }
        Ok(())
    }

    /// The rows of these pairs alone.
    fn of(&self, pairs: &HashSet<&(DrainId, u64)>) -> Vec<u8> {
        let begins = std::iter::once(0).chain(self.rows.iter().map(|(end, _)| *end));
        let wanted = begins.zip(&self.rows).filter(|(_, (_, pair))| pairs.contains(pair));
        wanted.flat_map(|(begin, (end, _))| &self.bytes[begin..*end]).copied().collect()
    }
}

fn append(file: &AppendFile, lines: Lines) -> Result<(), QueueError> {
    let file = file.lock()?;
    if lines.rows.is_empty() {
        return file.append(&lines.bytes);
    }
    let mut missing: HashSet<&(DrainId, u64)> = lines.rows.iter().map(|(_, pair)| pair).collect();
    file.for_each_line(|line| {
        if let Some(RowLine { drain_id, seq, .. }) = RowLine::parse(line) {
            missing.remove(&(DrainId::from(&*drain_id), seq));
        }
    })?;
    file.append(&lines.of(&missing))
}

#[cfg(test)]
mod tests {
    use haltline_protocol::{Layout, MoveOutcome, RowDraft, RowOutcome};

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
        let context = SinkContext { layout: Layout::new(home.path()), inbox_override: None };
        Jsonl.open(&toml::Table::new(), &context).unwrap()
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
        let context = SinkContext { layout: Layout::new(home.path()), inbox_override: None };
        let error = Jsonl.open(&toml::Table::new(), &context).err().unwrap();
        assert!(matches!(error, SinkOpenError::Unusable { .. }), "{error}");
        assert!(!home.path().join("elsewhere").try_exists().unwrap());
    }
}
