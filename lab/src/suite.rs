//! The suite that every implementation of the queue ports has to pass.

#![expect(missing_docs, reason = "a case is named after what it checks")]

use std::any::Any;
use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::Arc;

use haltline_protocol::{
    AttemptGrant, AttemptRequest, AttemptSlot, Delivery, Destination, FaultId, FaultKey, HaltEvent, Holder, Intake,
    LARGEST_GROUP, MoveOutcome, NewRow, Orphan, Queue, RowDraft, RowKind, RowOutcome, RunId, Session, Settled,
    Settlement, Ticket, WaitingBody,
};
use jiff::Timestamp;

/// A queue under test, empty.
pub struct QueueBench {
    /// The queue.
    pub queue: Arc<dyn Queue>,
    /// What puts rows into it.
    pub intake: Box<dyn Intake>,
    /// What has to live as long as the queue does, as a folder.
    pub keep: Box<dyn Any>,
}

/// A running test.
pub type Running = Pin<Box<dyn Future<Output = ()>>>;

/// Makes one test of every case of the suite. `$run` gets the case, makes a [`QueueBench`], and runs the one on the other.
#[macro_export]
macro_rules! queue_suite {
    ($run:path) => {
        $crate::queue_suite! { @cases $run:
            a_row_that_is_put_is_shown_once_as_what_it_is,
            occurrences_of_a_fault_stand_beside_each_other,
            each_row_of_a_group_is_answered_and_stands_beside_the_others,
            a_marker_is_known_before_the_events_are_read,
            one_session_at_a_time_settles_free,
            what_is_settled_is_gone_and_has_one_row,
            what_was_claimed_is_gone_for_others_and_comes_back_as_it_was,
            a_claim_on_what_has_changed_fails,
            a_free_settle_of_what_was_claimed_meanwhile_fails,
            a_failed_attempt_leaves_its_delivery_in_the_event,
            a_dead_letter_is_known_by_its_fault,
            a_claim_that_failed_has_a_row,
            rows_of_one_session_are_numbered_without_gaps_or_repeats,
            an_adopted_event_is_the_sessions_alone,
            a_fault_is_held_by_whoever_claimed_it,
            an_investigation_by_hand_holds_its_fault_and_moves_nothing,
            of_a_dead_session_the_unstarted_goes_back,
            of_a_dead_session_the_attempt_is_handed_over_with_its_events,
            of_a_dead_session_the_rows_come_again_until_they_are_acknowledged,
            a_live_session_is_not_recovered,
            an_orphan_is_finished_once,
            a_preview_changes_nothing,
        }
    };
    (@cases $run:path: $($case:ident),* $(,)?) => {
        $(
            #[test]
            fn $case() {
                $run(|bench| Box::pin($crate::suite::$case(bench)));
            }
        )*
    };
}

/// A claimed event.
pub(crate) type Held = (Ticket, HaltEvent);

pub(crate) fn key(fault: &str) -> FaultKey {
    FaultKey { run_id: RunId::from("run"), fault_id: FaultId::from(fault) }
}

fn stamp() -> Timestamp {
    Timestamp::constant(1_700_000_000, 0)
}

fn row(fault: &str) -> String {
    format!(
        "{{\n  \"faultId\": \"{fault}\",\n  \"runId\": \"run\",\n  \"stateSlug\": \"s\",\n  \"kind\": \"PHASE_FAILED\",\n  \
         \"severity\": \"HIGH\",\n  \"timestamp\": \"{}\",\n  \"message\": \"m\",\n  \"pointers\": {{}},\n  \
         \"snapshot\": {{}}\n}}\n",
        stamp()
    )
}

impl QueueBench {
    pub(crate) fn put(&self, fault: &str) {
        self.put_row(RowKind::Event, fault, &row(fault));
    }

    fn put_row(&self, kind: RowKind, fault: &str, row: &str) {
        let row = NewRow { kind, key: key(fault), stamp: stamp(), row: row.as_bytes() };
        self.intake.put(&row).expect("the queue can be written");
    }

    pub(crate) async fn open(&self) -> Arc<dyn Session> {
        self.queue.open().await.expect("the queue can be opened")
    }

    /// What waits, as a new session sees it: names of faults, in their order.
    async fn waiting(&self) -> Vec<String> {
        let session = self.open().await;
        let mut faults: Vec<_> =
            events(&*session).await.into_iter().map(|(_, event)| event.fault_id.as_str().to_owned()).collect();
        session.close(session.id()).await.expect("an idle session can be closed");
        faults.sort();
        faults
    }
}

/// All events that a session sees.
async fn events(session: &dyn Session) -> Vec<Held> {
    let mut events = Vec::new();
    loop {
        let batch = session.scan().await.expect("the queue can be read");
        if batch.is_empty() {
            return events;
        }
        events.extend(batch.into_iter().filter_map(|waiting| match waiting.body {
            WaitingBody::Event(event) => Some((waiting.ticket, *event)),
            _ => None,
        }));
    }
}

/// The tickets of all events.
pub(crate) async fn tickets(session: &dyn Session) -> Vec<Ticket> {
    events(session).await.into_iter().map(|(ticket, _)| ticket).collect()
}

/// Claims all that waits.
pub(crate) async fn claim_all(session: &dyn Session) -> Vec<Held> {
    let tickets = tickets(session).await;
    let claims = session.claim(&tickets).await.expect("the queue can be written");
    claims.into_iter().map(|claim| claim.expect("nobody else claims")).collect()
}

/// Why each ticket could not be claimed; none where it could.
async fn claim_failures(session: &dyn Session, tickets: &[Ticket]) -> Vec<Option<MoveOutcome>> {
    session.claim(tickets).await.expect("the queue can be written").into_iter().map(Result::err).collect()
}

pub(crate) async fn begin(session: &dyn Session, held: &[Held]) -> AttemptSlot {
    let mut tickets = held.iter().map(|(ticket, _)| ticket.clone());
    let lead = tickets.next().expect("an attempt has a leader");
    let request = AttemptRequest { number: 1, lead, followers: tickets.collect() };
    match session.begin_attempt(request).await.expect("the queue can be written") {
        AttemptGrant::Granted(slot) => slot,
        other => panic!("not granted: {other:?}"),
    }
}

pub(crate) fn settlement(ticket: &Ticket, to: Destination, outcome: RowOutcome) -> Settlement {
    let draft = RowDraft::new(outcome, ticket.name.to_string());
    Settlement { ticket: ticket.clone(), to, draft: Some(draft) }
}

pub(crate) async fn settle_free(session: &dyn Session, tickets: &[Ticket]) -> Vec<Settled> {
    let right = session.free_settles().await.expect("the right can be asked for").expect("nobody else has it");
    let orders = tickets.iter().map(|ticket| settlement(ticket, Destination::Processed, RowOutcome::AuditSkipped));
    session.settle_free(&right, orders.collect()).await.expect("the queue can be written")
}

async fn acknowledge(session: &dyn Session, settled: &[Settled]) {
    let last = settled.iter().filter_map(|settled| settled.row.as_ref()).map(|row| row.seq).max();
    session.acknowledge(session.id(), last.unwrap_or(0)).await.expect("the journal can be written");
}

async fn recover(session: &dyn Session) -> Vec<Orphan> {
    let right = session.free_settles().await.expect("the right can be asked for").expect("nobody else has it");
    session.recover(&right).await.expect("what is left can be taken over")
}

pub(crate) fn delivery(attempts: u32) -> Delivery {
    Delivery { attempts, not_before: None, last_error: Some("crash: it ended".to_owned()) }
}

pub async fn a_row_that_is_put_is_shown_once_as_what_it_is(bench: QueueBench) {
    for fault in ["a", "b", "c"] {
        bench.put(fault);
    }
    let session = bench.open().await;
    let mut shown = events(&*session).await;
    shown.sort_by(|one, other| one.1.fault_id.cmp(&other.1.fault_id));
    assert_eq!(shown.iter().map(|(_, event)| event.fault_id.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
    assert!(
        shown
            .iter()
            .all(|(ticket, event)| !ticket.claimed && ticket.stamp == stamp() && event.timestamp == Some(stamp()))
    );
    assert!(shown.iter().all(|(_, event)| String::from_utf8_lossy(event.raw()) == row(event.fault_id.as_str())));
}

pub async fn occurrences_of_a_fault_stand_beside_each_other(bench: QueueBench) {
    for _ in 0..3 {
        bench.put("a");
    }
    assert_eq!(bench.waiting().await, ["a", "a", "a"]);
}

pub async fn each_row_of_a_group_is_answered_and_stands_beside_the_others(bench: QueueBench) {
    let faults: Vec<_> = (0..LARGEST_GROUP).map(|number| format!("f{:02}", number / 2)).collect();
    let texts: Vec<_> = faults.iter().map(|fault| row(fault)).collect();
    let rows = faults.iter().zip(&texts).map(|(fault, text)| NewRow {
        kind: RowKind::Event,
        key: key(fault),
        stamp: stamp(),
        row: text.as_bytes(),
    });
    let put = bench.intake.put_group(&rows.collect::<Vec<_>>()).expect("the queue can be written");
    let places: BTreeSet<_> = put.into_iter().map(|place| place.expect("the queue can be written")).collect();
    assert_eq!(places.len(), LARGEST_GROUP);
    assert_eq!(bench.waiting().await, faults);
}

pub async fn a_marker_is_known_before_the_events_are_read(bench: QueueBench) {
    bench.put("a");
    let marker = format!(r#"{{"event":"SKILL_FAULT_RESOLVED","timestamp":"{}","runId":"run","faultId":"a"}}"#, stamp());
    bench.put_row(RowKind::Resolved, "a", &marker);
    let session = bench.open().await;
    let markers = session.markers().await.expect("the queue can be read");
    let [(ticket, marker)] = markers.as_slice() else { panic!("{markers:?}") };
    assert_eq!((&marker.key, marker.timestamp), (&key("a"), Some(stamp())));
    assert!(session.markers().await.expect("the queue can be read").is_empty());
    let right = session.free_settles().await.expect("the right can be asked for").expect("nobody else has it");
    let moved = Settlement { ticket: ticket.clone(), to: Destination::Processed, draft: None };
    let settled = session.settle_free(&right, vec![moved]).await.expect("the queue can be written");
    assert!(settled[0].row.is_none() && settled[0].outcome == MoveOutcome::Moved, "{settled:?}");
    drop(right);
    let other = bench.open().await;
    assert!(other.markers().await.expect("the queue can be read").is_empty());
    assert_eq!(tickets(&*other).await.len(), 1);
}

pub async fn one_session_at_a_time_settles_free(bench: QueueBench) {
    let (one, other) = (bench.open().await, bench.open().await);
    let right = one.free_settles().await.expect("the right can be asked for");
    assert!(right.is_some());
    assert!(other.free_settles().await.expect("the right can be asked for").is_none());
    drop(right);
    assert!(other.free_settles().await.expect("the right can be asked for").is_some());
}

pub async fn what_is_settled_is_gone_and_has_one_row(bench: QueueBench) {
    bench.put("a");
    bench.put("b");
    let (session, late) = (bench.open().await, bench.open().await);
    let seen = tickets(&*session).await;
    let seen_late = tickets(&*late).await;
    let settled = settle_free(&*session, &seen).await;
    assert!(settled.iter().all(|settled| settled.outcome == MoveOutcome::Moved), "{settled:?}");
    assert!(settled.iter().all(|settled| settled.row.as_ref().is_some_and(|row| row.drain_id == *session.id())));
    assert_eq!(bench.waiting().await, [""; 0]);
    let settled = settle_free(&*late, &seen_late).await;
    assert!(settled.iter().all(|settled| settled.outcome == MoveOutcome::AlreadyGone), "{settled:?}");
}

pub async fn what_was_claimed_is_gone_for_others_and_comes_back_as_it_was(bench: QueueBench) {
    bench.put("a");
    let (one, other) = (bench.open().await, bench.open().await);
    let seen = tickets(&*other).await;
    let held = claim_all(&*one).await;
    assert!(held[0].0.claimed && held[0].1.fault_id.as_str() == "a");
    assert_eq!(claim_failures(&*other, &seen).await, [Some(MoveOutcome::AlreadyGone)]);
    assert_eq!(bench.waiting().await, [""; 0]);
    let back = Settlement { ticket: held[0].0.clone(), to: Destination::Pending(None), draft: None };
    one.settle_claimed(vec![back]).await.expect("the queue can be written");
    one.close(one.id()).await.expect("an idle session can be closed");
    let after = events(&*bench.open().await).await;
    assert_eq!(String::from_utf8_lossy(after[0].1.raw()), row("a"));
}

pub async fn a_claim_on_what_has_changed_fails(bench: QueueBench) {
    bench.put("a");
    let (one, other) = (bench.open().await, bench.open().await);
    let seen = tickets(&*other).await;
    // It comes back with another number of attempts.
    let held = claim_all(&*one).await;
    let slot = begin(&*one, &held).await;
    let failed = settlement(&held[0].0, Destination::Pending(Some(delivery(1))), RowOutcome::DispatchFailed);
    one.finish(&slot, vec![failed]).await.expect("the queue can be written");
    assert_eq!(claim_failures(&*other, &seen).await, [Some(MoveOutcome::AlreadyGone)]);
    assert_eq!(bench.waiting().await, ["a"]);
}

pub async fn a_free_settle_of_what_was_claimed_meanwhile_fails(bench: QueueBench) {
    bench.put("a");
    let (one, other) = (bench.open().await, bench.open().await);
    let seen = tickets(&*other).await;
    let held = claim_all(&*one).await;
    bench.put("a");
    let right = other.free_settles().await.expect("the right can be asked for").expect("nobody else has it");
    let order = settlement(&seen[0], Destination::Processed, RowOutcome::PatternMatched);
    let settled = other.settle_free(&right, vec![order]).await.expect("the queue can be written");
    assert_eq!(settled[0].outcome, MoveOutcome::AlreadyGone, "the newer occurrence is another event");
    assert_eq!((bench.waiting().await.len(), held.len()), (1, 1));
}

pub async fn a_failed_attempt_leaves_its_delivery_in_the_event(bench: QueueBench) {
    bench.put("a");
    let session = bench.open().await;
    let held = claim_all(&*session).await;
    let slot = begin(&*session, &held).await;
    assert_eq!((&slot.session, slot.number), (session.id(), 1));
    let failed = settlement(&held[0].0, Destination::Pending(Some(delivery(1))), RowOutcome::DispatchFailed);
    let settled = session.finish(&slot, vec![failed]).await.expect("the queue can be written");
    acknowledge(&*session, &settled).await;
    session.close(session.id()).await.expect("an idle session can be closed");
    let after = events(&*bench.open().await).await;
    assert_eq!(after[0].1.delivery, delivery(1));
}

pub async fn a_dead_letter_is_known_by_its_fault(bench: QueueBench) {
    bench.put("a");
    let session = bench.open().await;
    assert_eq!(session.dead_letters().await.expect("they can be read"), []);
    let held = claim_all(&*session).await;
    let slot = begin(&*session, &held).await;
    let last = settlement(&held[0].0, Destination::DeadLetter(delivery(3)), RowOutcome::DeadLettered);
    session.finish(&slot, vec![last]).await.expect("the queue can be written");
    assert_eq!(session.dead_letters().await.expect("they can be read"), [key("a")]);
    assert_eq!(bench.waiting().await, [""; 0]);
}

pub async fn a_claim_that_failed_has_a_row(bench: QueueBench) {
    bench.put("a");
    let session = bench.open().await;
    let seen = tickets(&*session).await;
    let denied = MoveOutcome::Denied { errno: "EACCES".to_owned() };
    let order = settlement(&seen[0], Destination::Stay(denied.clone()), RowOutcome::MoveFailed);
    let settled = session.settle_claimed(vec![order]).await.expect("the journal can be written");
    assert_eq!(settled[0].outcome, denied);
    assert!(settled[0].row.as_ref().is_some_and(|row| row.seq == 1));
    assert_eq!(bench.waiting().await, ["a"]);
}

pub async fn rows_of_one_session_are_numbered_without_gaps_or_repeats(bench: QueueBench) {
    for number in 0..5 {
        bench.put(&format!("f{number}"));
    }
    let session = bench.open().await;
    let seen = tickets(&*session).await;
    let mut numbers = Vec::new();
    for part in [&seen[..2], &seen[2..]] {
        numbers.extend(settle_free(&*session, part).await.into_iter().filter_map(|settled| Some(settled.row?.seq)));
    }
    assert_eq!(numbers, [1, 2, 3, 4, 5]);
}

pub async fn an_adopted_event_is_the_sessions_alone(bench: QueueBench) {
    let session = bench.open().await;
    let event = HaltEvent::parse(row("own").as_bytes()).expect("an event");
    let ticket = session.adopt(&event).await.expect("the queue can be written");
    assert!(ticket.claimed);
    assert_eq!(bench.waiting().await, [""; 0]);
    let order = settlement(&ticket, Destination::Processed, RowOutcome::AuditSkipped);
    let settled = session.settle_claimed(vec![order]).await.expect("the queue can be written");
    assert_eq!(settled[0].outcome, MoveOutcome::Moved);
    acknowledge(&*session, &settled).await;
    session.close(session.id()).await.expect("an idle session can be closed");
    assert!(recover(&*bench.open().await).await.is_empty());
}

pub async fn a_fault_is_held_by_whoever_claimed_it(bench: QueueBench) {
    bench.put("a");
    let (one, other) = (bench.open().await, bench.open().await);
    let held = claim_all(&*one).await;
    let faults = [key("a"), key("b")];
    assert_eq!(other.holders(&faults).await.expect("they can be read"), [Some(Holder::Live), None]);
    assert_eq!(one.holders(&faults).await.expect("they can be read"), [None, None], "it asks for others");
    let back = Settlement { ticket: held[0].0.clone(), to: Destination::Pending(None), draft: None };
    one.settle_claimed(vec![back]).await.expect("the queue can be written");
    assert!(!other.is_held_elsewhere(&faults).await.expect("they can be read"));
}

pub async fn an_investigation_by_hand_holds_its_fault_and_moves_nothing(bench: QueueBench) {
    bench.put("a");
    let (one, other) = (bench.open().await, bench.open().await);
    let event = HaltEvent::parse(row("a").as_bytes()).expect("an event");
    let slot = one.begin_by_hand(&event).await.expect("the queue can be written").expect("nobody has it");
    assert_eq!(other.begin_by_hand(&event).await.expect("the queue can be written").err(), Some(Holder::Live));
    assert_eq!(other.holders(&[key("a")]).await.expect("they can be read"), [Some(Holder::Live)]);
    assert_eq!(bench.waiting().await, ["a"]);
    drop(one);
    assert_eq!(other.holders(&[key("a")]).await.expect("they can be read"), [Some(Holder::CutOff)]);
    let orphans = recover(&*other).await;
    let attempt = orphans.iter().flat_map(|orphan| &orphan.attempts).next().expect("it is handed over");
    assert_eq!((attempt.slot.seq, attempt.events.len()), (slot.seq, 0));
    for orphan in orphans {
        other.close(&orphan.session).await.expect("an orphan can be closed");
    }
    assert_eq!(bench.waiting().await, ["a"]);
}

pub async fn of_a_dead_session_the_unstarted_goes_back(bench: QueueBench) {
    bench.put("a");
    let dead = bench.open().await;
    claim_all(&*dead).await;
    drop(dead);
    let session = bench.open().await;
    let orphans = recover(&*session).await;
    assert_eq!((orphans.len(), orphans[0].put_back, orphans[0].attempts.len()), (1, 1, 0));
    session.close(&orphans[0].session).await.expect("an orphan can be closed");
    let after = events(&*session).await;
    assert_eq!((after.len(), after[0].1.delivery.attempts), (1, 0));
}

pub async fn of_a_dead_session_the_attempt_is_handed_over_with_its_events(bench: QueueBench) {
    bench.put("a");
    bench.put("a");
    let dead = bench.open().await;
    let held = claim_all(&*dead).await;
    let slot = begin(&*dead, &held).await;
    let dead_id = dead.id().clone();
    drop(dead);
    let session = bench.open().await;
    let mut orphans = recover(&*session).await;
    let orphan = orphans.pop().expect("the dead session left something");
    let [attempt] = orphan.attempts.as_slice() else { panic!("{orphan:?}") };
    assert_eq!((&attempt.slot.session, attempt.slot.seq, &attempt.slot.folder), (&dead_id, slot.seq, &slot.folder));
    assert_eq!((attempt.occurrences, attempt.events.len(), attempt.is_lead_held), (2, 2, true));
    let back =
        |(ticket, _): &Held| settlement(ticket, Destination::Pending(Some(delivery(1))), RowOutcome::DispatchFailed);
    let orders = attempt.events.iter().map(back).collect();
    let settled = session.finish(&attempt.slot, orders).await.expect("the queue can be written");
    let rows: Vec<_> = settled.iter().filter_map(|settled| settled.row.as_ref()).collect();
    assert!(rows.len() == 2 && rows.iter().all(|row| row.drain_id == dead_id && row.seq > slot.seq), "{rows:?}");
    session.acknowledge(&dead_id, rows[1].seq).await.expect("the journal can be written");
    session.close(&dead_id).await.expect("an orphan can be closed");
    assert!(events(&*session).await.iter().all(|(_, event)| event.delivery == delivery(1)));
}

pub async fn of_a_dead_session_the_rows_come_again_until_they_are_acknowledged(bench: QueueBench) {
    for fault in ["a", "b"] {
        bench.put(fault);
    }
    let dead = bench.open().await;
    let seen = tickets(&*dead).await;
    let settled = settle_free(&*dead, &seen).await;
    dead.acknowledge(dead.id(), 1).await.expect("the journal can be written");
    let dead_id = dead.id().clone();
    drop(dead);
    let session = bench.open().await;
    let orphans = recover(&*session).await;
    let [orphan] = orphans.as_slice() else { panic!("{orphans:?}") };
    let numbers: Vec<_> = orphan.rows.iter().map(|row| (row.drain_id.clone(), row.seq)).collect();
    assert_eq!(numbers, [(dead_id.clone(), 2)], "of {settled:?}");
    assert_eq!(orphan.last_planned, 2);
    session.acknowledge(&dead_id, orphan.last_planned).await.expect("the journal can be written");
    session.close(&dead_id).await.expect("an orphan can be closed");
    assert!(recover(&*bench.open().await).await.is_empty());
}

pub async fn a_live_session_is_not_recovered(bench: QueueBench) {
    bench.put("a");
    let live = bench.open().await;
    claim_all(&*live).await;
    let session = bench.open().await;
    assert!(recover(&*session).await.is_empty());
    assert_eq!(bench.waiting().await, [""; 0]);
}

pub async fn an_orphan_is_finished_once(bench: QueueBench) {
    bench.put("a");
    let dead = bench.open().await;
    let held = claim_all(&*dead).await;
    begin(&*dead, &held).await;
    drop(dead);
    let session = bench.open().await;
    let orphans = recover(&*session).await;
    let attempt = &orphans[0].attempts[0];
    let done = settlement(&attempt.events[0].0, Destination::Processed, RowOutcome::Investigated);
    let settled = session.finish(&attempt.slot, vec![done]).await.expect("the queue can be written");
    let row = settled[0].row.as_ref().expect("it has a row");
    session.acknowledge(&row.drain_id, row.seq).await.expect("the journal can be written");
    session.close(&orphans[0].session).await.expect("an orphan can be closed");
    assert!(recover(&*bench.open().await).await.is_empty());
    assert_eq!(bench.waiting().await, [""; 0]);
}

pub async fn a_preview_changes_nothing(bench: QueueBench) {
    bench.put("a");
    let preview = bench.queue.open_preview().await.expect("the queue can be read");
    let seen = tickets(&*preview).await;
    let right = preview.free_settles().await.expect("the right can be asked for").expect("a preview always has it");
    let order = settlement(&seen[0], Destination::Processed, RowOutcome::AuditSkipped);
    let settled = preview.settle_free(&right, vec![order]).await.expect("it answers as if");
    assert_eq!(settled[0].outcome, MoveOutcome::Moved);
    preview.close(preview.id()).await.expect("a preview can be closed");
    assert_eq!(bench.waiting().await, ["a"]);
}
