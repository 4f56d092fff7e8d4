//! Delivers what lies in the outbox of one best-effort sink, beside the drain.
//!
//! The actor puts records into the outbox and wakes the relay, so nobody waits for a delivery. Each delivery has a
//! deadline, and after one that failed the relay rests. When the wakes end, the relay makes no further try.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use haltline_files::FileError;
use haltline_protocol::{Sink, SinkError};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};

use crate::outbox::{Access, Outbox};
use crate::problem::{off_the_runtime, sink_error};

/// The longest that one delivery may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long the relay rests after a first failure; then twice as long each time.
const FIRST_REST: Duration = Duration::from_secs(1);
/// The longest that it rests.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Delivers to one sink.
pub(crate) struct Relay {
    pub(crate) sink: Box<dyn Sink>,
    pub(crate) outbox: Arc<Outbox>,
    /// Why the last delivery failed.
    pub(crate) failure: Arc<Mutex<Option<SinkError>>>,
}

/// What came of looking through the outbox.
enum Round {
    /// Nothing waits.
    Done,
    /// Another drain delivers from this outbox.
    Busy,
}

impl Relay {
    /// Delivers what waits, then what comes each time that it is woken, until the wakes end.
    pub(crate) async fn run(mut self, mut wakes: mpsc::Receiver<()>) {
        let mut rest = FIRST_REST;
        loop {
            let round = self.deliver_all().await;
            let goes_on = match &round {
                Ok(Round::Done) => wakes.recv().await.is_some(),
                Ok(Round::Busy) | Err(_) => pause(&mut wakes, rest).await,
            };
            rest = if round.is_ok() { FIRST_REST } else { (2 * rest).min(LONGEST_REST) };
            *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = round.err();
            if !goes_on {
                return;
            }
        }
    }

    async fn deliver_all(&mut self) -> Result<Round, SinkError> {
        let sink = self.sink.name();
        let outbox = &self.outbox;
        let _lock = match look(sink, outbox, Outbox::lock).await? {
            Access::Ours(lock) => lock,
            Access::Theirs => return Ok(Round::Busy),
            Access::Missing => return Ok(Round::Done),
        };
        while let Some((batch, records)) = look(sink, outbox, Outbox::oldest).await? {
            if !records.is_empty() {
                // What lies in an outbox may have been delivered before a crash.
                match timeout(DEADLINE, self.sink.deliver(&records, true)).await {
                    Ok(delivered) => drop(delivered?),
                    Err(_) => {
                        let reason = format!("it took no records within {} s", DEADLINE.as_secs());
                        return Err(SinkError::Retriable { sink, reason });
                    }
                }
            }
            look(sink, outbox, move |outbox| outbox.remove(&batch, records.len())).await?;
        }
        Ok(Round::Done)
    }
}

/// Does file work in an outbox where it may block.
async fn look<T: Send + 'static>(
    sink: &'static str,
    outbox: &Arc<Outbox>,
    work: impl FnOnce(&Outbox) -> Result<T, FileError> + Send + 'static,
) -> Result<T, SinkError> {
    let outbox = Arc::clone(outbox);
    off_the_runtime(sink, move || work(&outbox)).await?.map_err(|problem| sink_error(sink, &problem))
}

/// Rests, whatever comes meanwhile. Answers `false` as soon as the wakes end.
async fn pause(wakes: &mut mpsc::Receiver<()>, rest: Duration) -> bool {
    let rested = sleep(rest);
    tokio::pin!(rested);
    loop {
        tokio::select! {
            () = &mut rested => return true,
            wake = wakes.recv() => if wake.is_none() { return false },
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use haltline_protocol::{MoveOutcome, Receipt, Record, Row, RowDraft, RowOutcome};
    use tokio::sync::Notify;
    use tokio::time::Instant;

    use super::*;

    /// Hangs once, then fails as often as it is told, then takes everything.
    struct Slow {
        failures: u32,
        has_hung: bool,
        taken: Arc<Notify>,
    }

    #[async_trait]
    impl Sink for Slow {
        fn name(&self) -> &'static str {
            "slow"
        }

        async fn deliver(&mut self, _records: &[Record], _replay: bool) -> Result<Receipt, SinkError> {
            if !std::mem::replace(&mut self.has_hung, true) {
                std::future::pending::<()>().await;
            }
            if self.failures > 0 {
                self.failures -= 1;
                return Err(SinkError::Retriable { sink: "slow", reason: "busy".to_owned() });
            }
            self.taken.notify_one();
            Ok(Receipt::default())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_delivery_ends_at_its_deadline_and_the_rests_grow() {
        let home = tempfile::tempdir().unwrap();
        let outbox = Arc::new(Outbox::new(home.path().to_owned(), "slow"));
        let draft = RowDraft::new(RowOutcome::AuditSkipped, "x.json");
        let row = Row::complete(jiff::Timestamp::UNIX_EPOCH, "d".into(), 1, draft, &MoveOutcome::Moved);
        outbox.put(&[Record::Settled(row)], |_| true, false).unwrap();

        let taken = Arc::new(Notify::new());
        let sink = Box::new(Slow { failures: 2, has_hung: false, taken: Arc::clone(&taken) });
        let relay = Relay { sink, outbox: Arc::clone(&outbox), failure: Arc::default() };
        let (wake, wakes) = mpsc::channel(1);
        let started = Instant::now();
        let running = tokio::spawn(relay.run(wakes));
        taken.notified().await;
        let expected = DEADLINE + FIRST_REST + 2 * FIRST_REST + 4 * FIRST_REST;
        let elapsed = started.elapsed();
        assert!(elapsed >= expected && elapsed < expected + FIRST_REST, "{elapsed:?}");
        drop(wake);
        running.await.unwrap();
        assert_eq!((outbox.waiting(), outbox.dropped()), (0, 0));
    }
}
