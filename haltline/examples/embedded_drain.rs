//! A program that drains a queue with a sink and an investigator of its own: `embedded_drain HOME`.

#![expect(clippy::print_stdout, reason = "the example talks to whoever runs it")]

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use haltline::{DrainOptions, Pipeline, PipelineError};
use haltline_protocol::{
    Assignment, DispatchFailure, Investigation, Investigator, Receipt, Record, Report, ReportOutcome, Sink, SinkError,
    Usage,
};
use tokio_util::sync::CancellationToken;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let home = std::env::args_os().nth(1).ok_or("usage: embedded_drain HOME")?;
    println!("investigated: {}", drain(home.as_ref()).await?);
    Ok(())
}

pub(crate) async fn drain(home: &Path) -> Result<u64, PipelineError> {
    let pipeline = Pipeline::of_home(home)?.with_sink(Box::new(PrintRows)).with_investigator(Arc::new(DiskIsFull));
    let drained = pipeline.drain(DrainOptions::default()).await?;
    Ok(drained.report.counts.processed)
}

/// Prints one line for each outcome.
struct PrintRows;

#[async_trait]
impl Sink for PrintRows {
    fn name(&self) -> &'static str {
        "print-rows"
    }

    async fn deliver(&mut self, records: &[Record], _replay: bool) -> Result<Receipt, SinkError> {
        for record in records {
            if let Record::Settled(row) = record {
                println!("{}: {}", row.draft.outcome, row.draft.file);
            }
        }
        Ok(Receipt::default())
    }
}

/// Answers every fault alike.
#[derive(Debug)]
struct DiskIsFull;

#[async_trait]
impl Investigator for DiskIsFull {
    fn name(&self) -> &str {
        "disk-is-full"
    }

    async fn investigate(
        &self,
        assignment: &Assignment,
        _cut: CancellationToken,
    ) -> Result<Investigation, DispatchFailure> {
        let usage = Usage { provider: self.name().to_owned(), ..Usage::default() };
        let report = Report {
            fault_id: assignment.event.fault_id.clone(),
            outcome: ReportOutcome::NeedsHuman,
            duplicate_of_path: None,
            root_cause: "the disk is full".to_owned(),
            evidence: Vec::new(),
            proposed_fix: None,
            learned_pattern_proposal: None,
        };
        Ok(Investigation { report: report.into(), usage, citations: Vec::new() })
    }

    async fn salvage(&self, _assignment: &Assignment) -> Option<Investigation> {
        None
    }
}
