//! The actor: events that are emitted while a group is flushed form the next group.

use std::sync::Arc;

use haltline_protocol::{FaultId, Intake, LARGEST_GROUP, QueueError};
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::task::spawn_blocking;

use crate::emit::new_row;
use crate::{Emission, EmitError, FaultDraft};

/// Emits events without blocking the caller's thread. Clones share one actor, which ends when the last of them is
/// dropped and everything that they asked for is done.
#[derive(Debug, Clone)]
pub struct Emitter {
    requests: mpsc::Sender<Emit>,
}

/// The actor behind an [`Emitter`]: puts what waits into the queue, a group at a time.
#[derive(Debug)]
pub struct GroupCommit {
    intake: Arc<dyn Intake>,
    requests: mpsc::Receiver<Emit>,
}

/// Asks for one event.
#[derive(Debug)]
struct Emit {
    emission: Emission,
    reply: oneshot::Sender<Result<String, QueueError>>,
}

impl Emitter {
    /// Makes a handle and its actor, which the caller has to run.
    pub fn new(intake: Arc<dyn Intake>) -> (Self, GroupCommit) {
        // One full group waits while another is flushed; more would only hide that the disk does not keep up.
        let (sender, requests) = mpsc::channel(LARGEST_GROUP);
        (Self { requests: sender }, GroupCommit { intake, requests })
    }

    /// Starts the actor as a task of the current runtime.
    ///
    /// # Panics
    /// There is no current Tokio runtime.
    pub fn start(intake: Arc<dyn Intake>) -> Self {
        let (emitter, actor) = Self::new(intake);
        tokio::spawn(actor.run());
        emitter
    }

    /// Makes an event of a fault, as of now, and puts it into the queue. Returns the fault's id once the event is
    /// durable.
    ///
    /// # Errors
    /// As [`FaultDraft::build`] and [`put`](Self::put).
    pub async fn emit(&self, draft: FaultDraft<'_>) -> Result<FaultId, EmitError> {
        let emission = draft.build(Timestamp::now())?;
        let fault_id = emission.fault_id().clone();
        self.put(emission).await?;
        Ok(fault_id)
    }

    /// Puts an event into the queue. Returns where it is, to be shown to a person, once it is durable.
    ///
    /// An event whose future is dropped may be in the queue or not; one that was answered is, whatever is dropped.
    ///
    /// # Errors
    /// The queue cannot be written; the error is this event's alone. Nothing half written is left, and the caller may
    /// emit again.
    pub async fn put(&self, emission: Emission) -> Result<String, EmitError> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Emit { emission, reply }).await.map_err(|_| EmitError::Ended)?;
        Ok(answer.await.map_err(|_| EmitError::Ended)??)
    }
}

impl GroupCommit {
    /// Works until there are no handles left and nothing waits.
    pub async fn run(mut self) {
        let mut group = Vec::with_capacity(LARGEST_GROUP);
        while self.requests.recv_many(&mut group, LARGEST_GROUP).await > 0 {
            let (intake, requests) = (Arc::clone(&self.intake), std::mem::take(&mut group));
            // Where the intake panics, the replies are dropped unanswered, which tells the callers.
            spawn_blocking(move || put_group(&*intake, requests)).await.ok();
        }
    }
}

/// Puts a group into the queue and answers each request.
fn put_group(intake: &dyn Intake, requests: Vec<Emit>) {
    let rows: Vec<_> = requests.iter().map(|request| new_row(&request.emission)).collect();
    let put_each = || rows.iter().map(|row| intake.put(row)).collect();
    let outcomes = match rows.as_slice() {
        [_] => put_each(),
        // A row that cannot be written must not fail the others.
        rows => intake.put_group(rows).unwrap_or_else(|_| put_each()),
    };
    for (request, outcome) in requests.into_iter().zip(outcomes) {
        // Nobody waits where the future was dropped.
        request.reply.send(outcome).ok();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, mpsc as blocking};

    use haltline_protocol::Pointers;

    use super::*;
    use crate::Snapshot;
    use crate::testing::MemoryIntake;

    type Answer = oneshot::Receiver<Result<String, QueueError>>;

    fn draft(message: &str) -> FaultDraft<'_> {
        FaultDraft {
            kind: "PHASE_FAILED".parse().unwrap(),
            severity: None,
            run_id: "r",
            state_slug: "s",
            message,
            pointers: Pointers::default(),
            snapshot: Snapshot::default(),
        }
    }

    fn put(intake: &MemoryIntake, messages: &[&str]) -> Vec<Option<String>> {
        let request = |message: &&str| {
            let (reply, answer) = oneshot::channel();
            (Emit { emission: draft(message).build(Timestamp::UNIX_EPOCH).unwrap(), reply }, answer)
        };
        let (requests, answers): (Vec<Emit>, Vec<Answer>) = messages.iter().map(request).unzip();
        put_group(intake, requests);
        answers.into_iter().map(|mut answer| answer.try_recv().unwrap().ok()).collect()
    }

    #[test]
    fn a_group_is_flushed_once_and_each_request_is_answered_in_its_place() {
        let intake = MemoryIntake::default();
        assert_eq!(put(&intake, &["a", "b", "c"]), ["0", "1", "2"].map(|place| Some(place.to_owned())));
        assert_eq!(intake.calls(), [3]);
    }

    #[test]
    fn a_row_that_cannot_be_written_fails_alone() {
        let intake = MemoryIntake { refused: Some("bad"), ..MemoryIntake::default() };
        assert_eq!(put(&intake, &["a", "bad", "c"]), [Some("0".to_owned()), None, Some("1".to_owned())]);
        assert_eq!(intake.calls(), [1, 1]);
    }

    #[tokio::test]
    async fn what_waits_while_a_group_is_flushed_is_the_next_group_and_is_put_though_the_handles_are_dropped() {
        let (gate, closed) = blocking::channel();
        let intake = Arc::new(MemoryIntake { gate: Some(Mutex::new(closed)), ..MemoryIntake::default() });
        let (emitter, actor) = Emitter::new(intake.clone());
        let running = tokio::spawn(actor.run());
        let emit = |message: String| {
            let emitter = emitter.clone();
            tokio::spawn(async move { emitter.emit(draft(&message)).await.unwrap() })
        };
        let mut emitting = vec![emit("first".to_owned())];
        intake.begun.notified().await;
        emitting.extend((0..LARGEST_GROUP).map(|number| emit(number.to_string())));
        while emitter.requests.capacity() > 0 {
            tokio::task::yield_now().await;
        }
        // One that nobody waits for any longer is put all the same.
        emitting.pop().unwrap().abort();
        drop((emitter, gate));
        for emitted in emitting {
            assert!(emitted.await.unwrap().as_str().starts_with("PHASE_FAILED:all:"));
        }
        running.await.unwrap();
        assert_eq!(intake.calls(), [1, LARGEST_GROUP]);
    }

    #[tokio::test]
    async fn an_emitter_whose_actor_is_gone_says_so() {
        let (emitter, actor) = Emitter::new(Arc::new(MemoryIntake::default()));
        drop(actor);
        let error = emitter.emit(draft("m")).await.unwrap_err();
        assert!(matches!(error, EmitError::Ended) && !error.is_usage());
    }
}
