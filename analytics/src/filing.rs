//! What the sinks that file reports have in common.

use std::sync::Arc;

use async_trait::async_trait;
use haltline_files::FileError;
use haltline_protocol::{Filing, Receipt, Record, Sink, SinkError};

use crate::problem::{off_the_runtime, sink_error};

/// Files one report at a time.
pub(crate) trait Filer: Send + Sync + 'static {
    /// The name of the sink.
    const SINK: &'static str;

    /// Files a report durably, unless it is there already. Answers whether something was made anew for a person.
    fn file(&self, filing: &Filing) -> Result<bool, FileError>;

    /// Says what so many things that were made anew are.
    fn receipt(count: u32) -> Receipt;
}

/// A sink that hands the reports of a batch to its filer, and passes over everything else.
pub(crate) struct FilingSink<F> {
    filer: Arc<F>,
    /// What was made and is in no receipt yet: a batch that fails half way has none.
    filed: u32,
}

impl<F: Filer> FilingSink<F> {
    pub(crate) fn new(filer: F) -> Self {
        Self { filer: Arc::new(filer), filed: 0 }
    }
}

#[async_trait]
impl<F: Filer> Sink for FilingSink<F> {
    fn name(&self) -> &'static str {
        F::SINK
    }

    async fn deliver(&mut self, records: &[Record], _replay: bool) -> Result<Receipt, SinkError> {
        let filings: Vec<Arc<Filing>> = records
            .iter()
            .filter_map(|record| match record {
                Record::Reported(filing) => Some(Arc::clone(filing)),
                _ => None,
            })
            .collect();
        if filings.is_empty() {
            return Ok(Receipt::default());
        }
        let filer = Arc::clone(&self.filer);
        let (filed, failure) = off_the_runtime(F::SINK, move || file_all(&*filer, &filings)).await?;
        self.filed += filed;
        match failure {
            Some(failure) => Err(failure),
            None => Ok(F::receipt(std::mem::take(&mut self.filed))),
        }
    }
}

/// Files what can be filed: a report that cannot be, does not hold up the others. Where it may pass, the rest waits, so
/// that the reports of a fault are filed in their order.
fn file_all<F: Filer>(filer: &F, filings: &[Arc<Filing>]) -> (u32, Option<SinkError>) {
    let (mut filed, mut failure) = (0, None);
    for filing in filings {
        match filer.file(filing) {
            Ok(made) => filed += u32::from(made),
            Err(problem) => {
                let error = sink_error(F::SINK, &problem);
                let may_pass = matches!(error, SinkError::Retriable { .. });
                failure = Some(worse(failure, error));
                if may_pass {
                    break;
                }
            }
        }
    }
    (filed, failure)
}

/// Of two failures the one that will not pass; else the first.
pub(crate) fn worse(first: Option<SinkError>, second: SinkError) -> SinkError {
    match first {
        Some(first @ SinkError::Permanent { .. }) => first,
        Some(first) if matches!(second, SinkError::Retriable { .. }) => first,
        _ => second,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use haltline_protocol::{HaltEvent, Report, ReportOutcome, Usage};
    use rustix::io::Errno;

    use super::*;

    /// Fails at one report once, and notes what it filed.
    struct Stumbling {
        at: Mutex<Option<(u64, Errno)>>,
        filed: Mutex<Vec<u64>>,
    }

    impl Filer for Stumbling {
        const SINK: &'static str = "stumbling";

        fn file(&self, filing: &Filing) -> Result<bool, FileError> {
            if let Some((_, errno)) = self.at.lock().unwrap().take_if(|(seq, _)| *seq == filing.seq) {
                return Err(FileError::new("write", "/x", errno));
            }
            let mut filed = self.filed.lock().unwrap();
            let is_new = !filed.contains(&filing.seq);
            if is_new {
                filed.push(filing.seq);
            }
            Ok(is_new)
        }

        fn receipt(count: u32) -> Receipt {
            Receipt { notes: count, ..Receipt::default() }
        }
    }

    fn record(seq: u64) -> Record {
        let event = br#"{"faultId":"f","runId":"r","stateSlug":"s","kind":"F","severity":"HIGH",
            "timestamp":"2026-05-20T08:14:00.123Z","message":"m","pointers":{},"snapshot":{}}"#;
        Record::Reported(Arc::new(Filing {
            ts: jiff::Timestamp::UNIX_EPOCH,
            drain_id: "d".into(),
            seq,
            event: HaltEvent::parse(event).unwrap().into(),
            occurrences: 1,
            report: Report {
                fault_id: "f".into(),
                outcome: ReportOutcome::NoContext,
                duplicate_of_path: None,
                root_cause: String::new(),
                evidence: Vec::new(),
                proposed_fix: None,
                learned_pattern_proposal: None,
            }
            .into(),
            usage: Usage::default(),
            citations: Vec::new(),
        }))
    }

    async fn deliver_twice(errno: Errno) -> (Result<Receipt, SinkError>, Receipt, Vec<u64>) {
        let at = Mutex::new(Some((2, errno)));
        let mut sink = FilingSink::new(Stumbling { at, filed: Mutex::default() });
        let records = [record(1), record(2), record(3)];
        let first = sink.deliver(&records, false).await;
        let second = sink.deliver(&records, true).await.unwrap();
        let filed = sink.filer.filed.lock().unwrap().clone();
        (first, second, filed)
    }

    #[tokio::test]
    async fn what_may_pass_keeps_the_order_and_every_report_is_counted_once() {
        let (first, second, filed) = deliver_twice(Errno::NOSPC).await;
        assert!(matches!(first, Err(SinkError::Retriable { .. })));
        assert_eq!(filed, [1, 2, 3]);
        assert_eq!(second.notes, 3);
    }

    #[tokio::test]
    async fn a_report_that_cannot_be_filed_does_not_hold_up_the_others() {
        let (first, second, filed) = deliver_twice(Errno::LOOP).await;
        assert!(matches!(first, Err(SinkError::Permanent { .. })));
        assert_eq!(filed, [1, 3, 2]);
        assert_eq!(second.notes, 3);
    }
}
