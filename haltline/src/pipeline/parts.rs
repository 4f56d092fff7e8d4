//! The parts of a pipeline, and how its actors are started.

use std::sync::Arc;

use haltline_analytics::{Analytics, AnalyticsSummary, OpenSinks};
use haltline_consumer::Progress;
use haltline_dispatcher::{Dispatcher, DispatcherSummary, Source};
use haltline_protocol::{DispatchRequest, Investigator, Queue, Record, RecordBatch, Sink, SinkError};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::PipelineError;

/// Requests that wait for the dispatcher; it takes up to `jobs` at once, and the worker never sends more.
const REQUESTS: usize = 1;
/// Batches that wait for analytics: one is written while the next is moved.
const BATCHES: usize = 1;

/// A queue, an investigator and sinks, ready to be connected.
#[derive(Debug)]
pub struct Pipeline {
    pub(super) queue: Arc<dyn Queue>,
    pub(super) source: Source,
    pub(super) sinks: OpenSinks,
    pub(super) progress: Option<mpsc::Sender<Progress>>,
    pub(super) stop: CancellationToken,
    pub(super) cut: CancellationToken,
}

/// The actors of a running pipeline.
pub(super) struct Actors {
    pub(super) dispatcher: mpsc::Sender<DispatchRequest>,
    pub(super) analytics: mpsc::Sender<RecordBatch>,
    dispatching: JoinHandle<DispatcherSummary>,
    recording: JoinHandle<AnalyticsSummary>,
}

impl Pipeline {
    /// A pipeline without sinks.
    pub fn new(queue: Arc<dyn Queue>, source: Source) -> Self {
        let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
        Self { queue, source, sinks: OpenSinks::default(), progress: None, stop, cut }
    }

    /// Hands outcomes to these sinks, in place of those that it had.
    #[must_use]
    pub fn with_sinks(self, sinks: OpenSinks) -> Self {
        Self { sinks, ..self }
    }

    /// Adds a required sink.
    #[must_use]
    pub fn with_sink(mut self, sink: Box<dyn Sink>) -> Self {
        self.sinks.push(sink);
        self
    }

    /// Asks this investigator, and no other.
    #[must_use]
    pub fn with_investigator(self, investigator: Arc<dyn Investigator>) -> Self {
        Self { source: Source::Given(investigator), ..self }
    }

    /// Tells how far it is to whoever watches.
    #[must_use]
    pub fn with_progress(self, progress: Option<mpsc::Sender<Progress>>) -> Self {
        Self { progress, ..self }
    }

    /// Ends early: `stop` claims no more and lets running investigations finish, `cut` ends them.
    #[must_use]
    pub fn with_stop(self, stop: CancellationToken, cut: CancellationToken) -> Self {
        Self { stop, cut, ..self }
    }
}

impl Actors {
    /// Starts dispatcher and analytics. `cut` ends running investigations; after `stop`, best-effort sinks get no time of
    /// grace.
    pub(super) fn start(
        source: Source,
        jobs: usize,
        sinks: OpenSinks,
        stop: CancellationToken,
        cut: CancellationToken,
    ) -> Self {
        let (dispatcher, requests) = mpsc::channel(REQUESTS);
        let (analytics, batches) = mpsc::channel(BATCHES);
        let dispatching = tokio::spawn(Dispatcher::new(source, jobs).run(requests, cut));
        let recording = tokio::spawn(Analytics::new(sinks).run(batches, stop));
        Self { dispatcher, analytics, dispatching, recording }
    }

    /// Hands a record to the sinks. Where analytics is gone, [`finish`](Self::finish) says so.
    ///
    /// # Errors
    /// A required sink does not take it.
    pub(super) async fn record(&self, record: Record) -> Result<(), SinkError> {
        let (acknowledge, acknowledged) = oneshot::channel();
        let batch = RecordBatch { records: vec![record], replay: false, acknowledge };
        if self.analytics.send(batch).await.is_err() {
            return Ok(());
        }
        acknowledged.await.unwrap_or(Ok(()))
    }

    /// Waits until both have done all that was asked of them. Nobody else may keep a channel to them.
    pub(super) async fn finish(self) -> Result<AnalyticsSummary, PipelineError> {
        let Self { dispatcher, analytics, dispatching, recording } = self;
        drop((dispatcher, analytics));
        let summary = recording.await.map_err(|_| PipelineError::ActorGone("analytics"))?;
        dispatching.await.map_err(|_| PipelineError::ActorGone("dispatcher"))?;
        Ok(summary)
    }
}
