//! A record as one line, for files of haltline's own: what lies in an outbox.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Citation, DrainId, DrainTotals, Filing, FitReport, HaltEvent, MoveState, Record, Row, RowDraft, UpgradeSummary,
    Usage,
};

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum RecordLine<'a> {
    #[serde(rename_all = "camelCase")]
    Settled {
        ts: Timestamp,
        drain_id: Cow<'a, DrainId>,
        seq: u64,
        draft: Cow<'a, RowDraft>,
        moved: MoveState,
        errno: Cow<'a, Option<String>>,
    },
    #[serde(rename_all = "camelCase")]
    Reported {
        ts: Timestamp,
        drain_id: Cow<'a, DrainId>,
        seq: u64,
        /// The event's own bytes, which are UTF-8.
        event: Cow<'a, str>,
        occurrences: u32,
        report: Cow<'a, FitReport>,
        usage: Cow<'a, Usage>,
        citations: Cow<'a, [Citation]>,
    },
    Drained(Cow<'a, DrainTotals>),
    Upgraded(Cow<'a, UpgradeSummary>),
}

impl Record {
    /// Writes the record as one line, without a newline.
    ///
    /// # Errors
    /// A value cannot be written as JSON.
    pub fn to_line(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&match self {
            Self::Settled(row) => RecordLine::Settled {
                ts: row.ts,
                drain_id: Cow::Borrowed(&row.drain_id),
                seq: row.seq,
                draft: Cow::Borrowed(&row.draft),
                moved: row.moved,
                errno: Cow::Borrowed(&row.errno),
            },
            Self::Reported(filing) => RecordLine::Reported {
                ts: filing.ts,
                drain_id: Cow::Borrowed(&filing.drain_id),
                seq: filing.seq,
                event: String::from_utf8_lossy(filing.event.raw()),
                occurrences: filing.occurrences,
                report: Cow::Borrowed(&filing.report),
                usage: Cow::Borrowed(&filing.usage),
                citations: Cow::Borrowed(&filing.citations),
            },
            Self::Drained(totals) => RecordLine::Drained(Cow::Borrowed(totals)),
            Self::Upgraded(summary) => RecordLine::Upgraded(Cow::Borrowed(summary)),
        })
    }

    /// Reads a line; none where it is no record, or one of a later release.
    pub fn from_line(line: &[u8]) -> Option<Self> {
        Some(match serde_json::from_slice(line).ok()? {
            RecordLine::Settled { ts, drain_id, seq, draft, moved, errno } => Self::Settled(Row {
                ts,
                drain_id: drain_id.into_owned(),
                seq,
                draft: draft.into_owned(),
                moved,
                errno: errno.into_owned(),
            }),
            RecordLine::Reported { ts, drain_id, seq, event, occurrences, report, usage, citations } => {
                Self::Reported(Arc::new(Filing {
                    ts,
                    drain_id: drain_id.into_owned(),
                    seq,
                    event: HaltEvent::parse(event.as_bytes()).ok()?.into(),
                    occurrences,
                    report: report.into_owned(),
                    usage: usage.into_owned(),
                    citations: citations.into_owned(),
                }))
            }
            RecordLine::Drained(totals) => Self::Drained(Box::new(totals.into_owned())),
            RecordLine::Upgraded(summary) => Self::Upgraded(Box::new(summary.into_owned())),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DrainCounts;
    use crate::formats::samples::{HOSTILE, filing};
    use crate::{CostSource, Failure, MoveOutcome, Receipt, RowOutcome, Usd};

    fn check(record: &Record) {
        let line = record.to_line().unwrap();
        assert!(!line.contains(&b'\n'));
        let read = Record::from_line(&line).unwrap();
        assert_eq!(format!("{read:?}"), format!("{record:?}"));
        assert!(Record::from_line(&line[..line.len() - 1]).is_none());
    }

    #[test]
    fn every_record_reads_as_it_was_written() {
        let ts = "2026-05-20T08:14:00.123456789Z".parse().unwrap();
        let report = filing("").report;
        let draft = RowDraft {
            fault_id: Some("f".into()),
            cost_usd: Some(Usd::from_micros(100_000)),
            cost_source: Some(CostSource::Reported),
            failure: Some(Failure::Quota),
            occurrences: Some(2),
            passed_over: vec!["claude: auth".into()],
            investigation: Some(Box::new(report)),
            ..RowDraft::new(RowOutcome::Investigated, "x.json")
        };
        let outcomes = [MoveOutcome::Moved, MoveOutcome::AlreadyGone, MoveOutcome::Denied { errno: "EROFS".into() }];
        for outcome in &outcomes {
            check(&Record::Settled(Row::complete(ts, "d".into(), 7, draft.clone(), outcome)));
        }
        check(&Record::Reported(filing("").into()));
        check(&Record::Reported(filing(HOSTILE).into()));
        check(&Record::Drained(Box::new(DrainTotals {
            ts,
            drain_id: "d".into(),
            run_id: None,
            state_slug: Some("s".into()),
            duration_ms: 1,
            counts: DrainCounts {
                processed: 2,
                short_circuited: 3,
                skipped: 4,
                failed: 5,
                deferred: 6,
                collapsed: 7,
                duplicates: 8,
                quarantined: 9,
                dispatched: 10,
                dead_lettered: 11,
                recovered: 12,
                avoided: 13,
                cost_usd: Usd::from_micros(250_000),
                ..DrainCounts::default()
            },
            filed: Receipt { reports: 1, notes: 2, proposals: 3 },
            aborted: true,
        })));
        check(&Record::Upgraded(Box::new(UpgradeSummary {
            ts: "2026-05-20T08:14:00.123Z".parse().unwrap(),
            upgrade_id: "u".into(),
            seq: 1,
            version: "1.40.5.0".into(),
            complete: true,
            duration_ms: 12,
            rewritten: 3,
            already_gone: 1,
            failed: 1,
            errnos: vec!["EACCES".into()],
        })));
    }

    #[test]
    fn what_is_no_record_is_none() {
        for line in ["", "{}", "\0", r#"{"settled":{}}"#, r#"{"newer":{"seq":1}}"#] {
            assert!(Record::from_line(line.as_bytes()).is_none(), "{line}");
        }
        let line = Record::Reported(filing("").into()).to_line().unwrap();
        let odd = String::from_utf8(line).unwrap().replace("faultId", "faultIdd");
        assert!(Record::from_line(odd.as_bytes()).is_none());
    }
}
