//! A best-effort sink as the actor sees it: an outbox to put records into, and the relay that empties it.

use std::sync::{Arc, Mutex, PoisonError};

use haltline_protocol::{Record, SinkError};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::open::BestEffortSink;
use crate::outbox::Outbox;
use crate::relay::Relay;

/// A best-effort sink at work.
pub(crate) struct OutboxSlot {
    name: String,
    takes: fn(&Record) -> bool,
    outbox: Arc<Outbox>,
    failure: Arc<Mutex<Option<SinkError>>>,
    /// Wakes the relay. One wake is enough for all that lies there.
    wake: Option<mpsc::Sender<()>>,
    relay: Option<JoinHandle<()>>,
    /// Why there is no relay, or why records could not be put.
    problem: Option<String>,
}

/// What is left of the work of one best-effort sink.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxTally {
    /// The name of the outbox: the sink's, with a number from the second entry of that kind on.
    pub sink: String,
    /// Records that wait in the outbox for a later drain.
    pub waiting: u64,
    /// Records that this drain gave up: too old, too many, or not to be written or read.
    pub dropped: u64,
}

impl OutboxSlot {
    pub(crate) fn start(sink: BestEffortSink) -> Self {
        let BestEffortSink { name, takes, outbox, sink } = sink;
        let failure = Arc::default();
        let (wake, wakes) = mpsc::channel(1);
        let (relay, problem) = match sink {
            Ok(sink) => {
                let relay = Relay { sink, outbox: Arc::clone(&outbox), failure: Arc::clone(&failure) };
                (Some(tokio::spawn(relay.run(wakes))), None)
            }
            Err(error) => (None, Some(error.to_string())),
        };
        Self { name, takes, outbox, failure, wake: Some(wake), relay, problem }
    }

    /// Puts the records that concern the sink into its outbox, durably, and delivers none.
    pub(crate) async fn put(&mut self, records: &Arc<Vec<Record>>, replay: bool) {
        if !records.iter().any(self.takes) {
            return;
        }
        let (outbox, records, takes) = (Arc::clone(&self.outbox), Arc::clone(records), self.takes);
        match tokio::task::spawn_blocking(move || outbox.put(&records, takes, replay)).await {
            Ok(Ok(())) => {}
            Ok(Err(problem)) => self.problem = Some(problem.to_string()),
            Err(error) => self.problem = Some(error.to_string()),
        }
        if let Some(wake) = &self.wake {
            // A full channel has a wake in it that is as good.
            wake.try_send(()).ok();
        }
    }

    /// Says that nothing more comes.
    pub(crate) fn close(&mut self) {
        self.wake = None;
    }

    /// Waits for the relay until the given time or a stop, and tells what is left.
    pub(crate) async fn finish(mut self, end: Instant, stop: &CancellationToken) -> OutboxTally {
        if let Some(mut relay) = self.relay.take() {
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                ended = timeout_at(end, &mut relay) => {
                    if let Ok(Err(error)) = ended {
                        self.problem = Some(error.to_string());
                    }
                }
            }
            relay.abort();
        }
        let outbox = Arc::clone(&self.outbox);
        let waiting = tokio::task::spawn_blocking(move || outbox.waiting()).await.unwrap_or_default();
        let tally = OutboxTally { sink: self.name, waiting, dropped: self.outbox.dropped() };
        if tally.waiting + tally.dropped > 0 {
            let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
            let reason = failure.map(|failure| failure.to_string()).or(self.problem);
            tracing::warn!(
                sink = tally.sink,
                waiting = tally.waiting,
                dropped = tally.dropped,
                reason = reason.as_deref().unwrap_or("the drain ended before they were delivered"),
                "records of a best-effort sink are not delivered; those that wait are tried again by later drains"
            );
        }
        tally
    }
}
