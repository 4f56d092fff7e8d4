//! The suite that every implementation of the ports [`Survey`] and [`Control`] has to pass.

#![expect(missing_docs, reason = "a case is named after what it checks")]

use std::time::Duration;

use haltline_protocol::{
    Change, Closed, Control, ControlError, Delivery, Destination, EventState, HaltEvent, Holding, RowOutcome, Survey,
    WaitingBody,
};
use jiff::Timestamp;

use crate::suite::{QueueBench, begin, claim_all, delivery, key, settle_free, settlement, tickets};

/// A queue under test, and the ways to look at it and to change it by hand.
pub struct ControlBench {
    /// The queue, empty.
    pub bench: QueueBench,
    /// What looks at it.
    pub survey: Box<dyn Survey>,
    /// What changes it by hand.
    pub control: Box<dyn Control>,
}

/// Makes one test of every case of the suite. `$run` gets the case, makes a [`ControlBench`], and runs the one on the
/// other.
#[macro_export]
macro_rules! control_suite {
    ($run:path) => {
        $crate::control_suite! { @cases $run:
            a_queue_without_events_has_nothing_to_show,
            each_event_is_seen_where_it_stands,
            what_a_dead_drain_left_is_told,
            what_was_given_up_on_is_due_again,
            what_is_held_waits_until_it_is_released,
            what_a_drain_holds_is_not_changed,
            what_is_settled_and_old_is_purged,
        }
    };
    (@cases $run:path: $($case:ident),* $(,)?) => {
        $(
            #[test]
            fn $case() {
                $run(|bench| Box::pin($crate::control_suite::$case(bench)));
            }
        )*
    };
}

impl ControlBench {
    /// The faults that are seen, each with its state and the drain that holds it.
    fn seen(&self) -> Vec<(String, EventState, Option<String>)> {
        let mut seen = Vec::new();
        let mut show = |fault: &HaltEvent, state, drain_id: Option<&str>| {
            seen.push((fault.fault_id.to_string(), state, drain_id.map(str::to_owned)));
        };
        self.survey
            .look_through(&EventState::ALL, &mut |one| {
                if let WaitingBody::Event(event) = &one.waiting.body {
                    show(event, one.state, one.drain_id);
                }
            })
            .expect("the queue can be read");
        seen.sort_by(|one, other| one.0.cmp(&other.0));
        seen
    }

    fn states(&self) -> Vec<EventState> {
        self.seen().into_iter().map(|(_, state, _)| state).collect()
    }

    fn count(&self, closed: Closed) -> u64 {
        self.survey.count(closed).expect("the queue can be read").count
    }

    fn change(&self, fault: &str, change: Change) -> Result<usize, ControlError> {
        self.control.change(&key(fault), change).map(|changed| changed.len())
    }
}

pub async fn a_queue_without_events_has_nothing_to_show(bench: ControlBench) {
    let survey = &bench.survey;
    assert!(!survey.is_stopped().expect("the queue can be read"));
    assert!(!survey.has_work().expect("the queue can be read"));
    assert_eq!(survey.holders().expect("the queue can be read"), []);
    assert!(survey.leftovers().expect("the queue can be read").is_empty());
    assert_eq!((bench.seen(), bench.count(Closed::Processed)), (Vec::new(), 0));
}

pub async fn each_event_is_seen_where_it_stands(bench: ControlBench) {
    for fault in ["a", "b"] {
        bench.bench.put(fault);
    }
    assert_eq!(bench.states(), [EventState::Pending; 2]);
    assert!(bench.survey.has_work().expect("the queue can be read"));
    let session = bench.bench.open().await;
    let seen = tickets(&*session).await;
    settle_free(&*session, &seen[..1]).await;
    let held = claim_all(&*bench.bench.open().await).await;
    assert_eq!((held.len(), bench.count(Closed::Processed)), (1, 1));
    let states = bench.states();
    assert!(states.contains(&EventState::Processed) && states.contains(&EventState::Abandoned), "{states:?}");
    let mut only = Vec::new();
    let look = bench.survey.look_through(&[EventState::Abandoned], &mut |seen| only.push(seen.state));
    look.expect("the queue can be read");
    assert_eq!(only, [EventState::Abandoned], "what was not asked for is not shown");
}

pub async fn what_a_dead_drain_left_is_told(bench: ControlBench) {
    for fault in ["a", "b"] {
        bench.bench.put(fault);
    }
    let session = bench.bench.open().await;
    let held = claim_all(&*session).await;
    begin(&*session, &held[..1]).await;
    let (id, lead) = (session.id().to_string(), held[0].1.key());
    let live = Holding { drain_id: id.clone(), is_live: true };
    assert_eq!(bench.survey.holders().expect("the queue can be read"), [live]);
    assert!(bench.survey.leftovers().expect("the queue can be read").is_empty(), "it lives");
    assert!(bench.seen().iter().all(|(_, state, by)| *state == EventState::InFlight && *by == Some(id.clone())));
    let attempts = bench.survey.attempts(&id).expect("the queue can be read");
    assert_eq!(attempts.iter().map(|attempt| attempt.lead.key()).collect::<Vec<_>>(), [lead]);
    drop(session);
    let dead = bench.survey.leftovers().expect("the queue can be read");
    let left = dead[0].left.as_ref().expect("it held something");
    assert_eq!((dead.len(), left.put_back, left.attempts.len(), left.attempts[0].events), (1, 1, 1, 1));
}

/// Gives up on a fault after three attempts.
async fn give_up(bench: &QueueBench, fault: &str) {
    bench.put(fault);
    let session = bench.open().await;
    let held = claim_all(&*session).await;
    let slot = begin(&*session, &held).await;
    let last = settlement(&held[0].0, Destination::DeadLetter(delivery(3)), RowOutcome::DeadLettered);
    session.finish(&slot, vec![last]).await.expect("the queue can be written");
    session.acknowledge(session.id(), u64::MAX).await.expect("the journal can be written");
    session.close(session.id()).await.expect("an idle session can be closed");
}

pub async fn what_was_given_up_on_is_due_again(bench: ControlBench) {
    give_up(&bench.bench, "a").await;
    assert_eq!((bench.states(), bench.count(Closed::DeadLetter)), (vec![EventState::DeadLetter], 1));
    assert_eq!(bench.change("a", Change::Hold).expect("nobody else is there"), 0, "it does not wait");
    assert_eq!(bench.change("a", Change::Retry).expect("nobody else is there"), 1);
    assert_eq!((bench.states(), bench.count(Closed::DeadLetter)), (vec![EventState::Pending], 0));
    let held = claim_all(&*bench.bench.open().await).await;
    assert_eq!(held[0].1.delivery, Delivery { attempts: 0, ..delivery(0) });
}

pub async fn what_is_held_waits_until_it_is_released(bench: ControlBench) {
    for fault in ["a", "b"] {
        bench.bench.put(fault);
    }
    assert_eq!(bench.change("a", Change::Hold).expect("nobody else is there"), 1);
    assert_eq!(bench.change("a", Change::Hold).expect("nobody else is there"), 0, "it is held already");
    assert_eq!(bench.states(), [EventState::Held, EventState::Pending]);
    assert_eq!(bench.change("a", Change::Release).expect("nobody else is there"), 1);
    assert_eq!(bench.states(), [EventState::Pending; 2]);
}

pub async fn what_a_drain_holds_is_not_changed(bench: ControlBench) {
    bench.bench.put("a");
    let session = bench.bench.open().await;
    claim_all(&*session).await;
    let id = session.id().to_string();
    let refused = bench.change("a", Change::Retry);
    assert!(matches!(&refused, Err(ControlError::InFlight(by)) if *by == id), "{refused:?}");
    drop(session);
    let refused = bench.change("a", Change::Hold);
    assert!(matches!(&refused, Err(ControlError::Abandoned(by)) if *by == id), "{refused:?}");
    assert_eq!(bench.states(), [EventState::Abandoned]);
}

pub async fn what_is_settled_and_old_is_purged(bench: ControlBench) {
    bench.bench.put("a");
    let session = bench.bench.open().await;
    let settled = settle_free(&*session, &tickets(&*session).await).await;
    session.acknowledge(session.id(), settled.len() as u64).await.expect("the journal can be written");
    session.close(session.id()).await.expect("an idle session can be closed");
    let (past, future) = (Timestamp::UNIX_EPOCH, Timestamp::now() + Duration::from_secs(60));
    assert!(bench.control.find_purgeable(past).expect("the queue can be read").is_empty);
    assert_eq!(bench.control.find_purgeable(future).expect("the queue can be read").processed.count, 1);
    assert_eq!(bench.count(Closed::Processed), 1, "looking removes nothing");
    assert_eq!(bench.control.purge(future).expect("nobody else is there").processed.count, 1);
    assert_eq!(bench.count(Closed::Processed), 0);
}
