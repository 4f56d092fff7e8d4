//! A queue in memory that is no file: it reads in the order of dispatch and claims in one step. It shows that the ports
//! fit other queues than the spool, and gives tests a quick one.

mod survey;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use haltline_protocol::{
    AttemptGrant, AttemptRequest, AttemptSlot, Claim, DrainId, FaultKey, FreeSettles, HaltEvent, Holder, Intake,
    MoveOutcome, NewRow, Orphan, OrphanedAttempt, Queue, QueueError, QueueRow, ResolvedMarker, Row, Session, Settled,
    Settlement, Ticket, Waiting, WaitingBody, candidate_names, event_name, marker_name,
};
use haltline_protocol::{Destination, RowKind};
use jiff::Timestamp;
use tokio::sync::Notify;

/// Rows by their names.
type Rows = BTreeMap<Box<str>, Stored>;

/// A queue in memory.
#[derive(Debug, Clone, Default)]
pub struct MemoryQueue {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Rows,
    settled: BTreeMap<&'static str, Rows>,
    sessions: BTreeMap<Box<str>, Held>,
    settles_free: bool,
    is_stopped: bool,
    /// What the next attempts are answered; then all are granted.
    grants: VecDeque<AttemptGrant>,
    attempts: PathBuf,
    versions: u64,
}

#[derive(Debug, Clone)]
struct Stored {
    version: u64,
    changed: Timestamp,
    row: Vec<u8>,
}

/// What one session holds.
#[derive(Debug, Default)]
struct Held {
    is_live: bool,
    events: Rows,
    attempts: BTreeMap<u64, Attempt>,
    by_hand: Option<HaltEvent>,
    rows: VecDeque<Row>,
    last_seq: u64,
    lost: Arc<Notify>,
}

#[derive(Debug, Clone)]
struct Attempt {
    number: u32,
    begun: Timestamp,
    lead: HaltEvent,
    names: Vec<Box<str>>,
}

/// Where settled rows are.
const PROCESSED: &str = "processed";
const DEAD_LETTER: &str = "dead-letter";
const QUARANTINE: &str = "quarantine";

impl MemoryQueue {
    /// An empty queue whose attempts get folders beneath `attempts`.
    pub fn new(attempts: impl Into<PathBuf>) -> Self {
        let queue = Self::default();
        queue.state().attempts = attempts.into();
        queue
    }

    /// Answers the next request for an attempt with something else than a grant.
    pub fn answer_next_attempt(&self, grant: AttemptGrant) {
        self.state().grants.push_back(grant);
    }

    /// Stops all dispatching, or lets it go on.
    pub fn stop(&self, is_stopped: bool) {
        self.state().is_stopped = is_stopped;
    }

    /// Tells all sessions that they no longer own what they claimed.
    pub fn lose_all(&self) {
        self.state().sessions.values().for_each(|held| held.lost.notify_one());
    }

    /// The names of the rows that wait.
    pub fn waiting(&self) -> Vec<String> {
        self.state().waiting.keys().map(ToString::to_string).collect()
    }

    /// The names of the rows that were settled as processed.
    pub fn processed(&self) -> Vec<String> {
        self.state().settled.get(PROCESSED).into_iter().flat_map(Rows::keys).map(ToString::to_string).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open_session(&self, is_live: bool) -> MemorySession {
        let mut state = self.state();
        state.versions += 1;
        let id = DrainId::new(format!("session-{}", state.versions));
        let lost = Arc::new(Notify::new());
        let held = Held { is_live, lost: lost.clone(), ..Held::default() };
        state.sessions.insert(id.as_str().into(), held);
        MemorySession { queue: self.clone(), id, lost, scan: Mutex::default(), markers: Mutex::new(false) }
    }
}

impl Intake for MemoryQueue {
    fn put(&self, row: &NewRow<'_>) -> Result<String, QueueError> {
        let name = match row.kind {
            RowKind::Event => event_name(&row.key),
            RowKind::Resolved => marker_name(&row.key),
        };
        let mut state = self.state();
        let stored = state.stored(row.row.to_vec());
        Ok(put(&mut state.waiting, &name, row.stamp, stored))
    }

    fn put_group(&self, rows: &[NewRow<'_>]) -> Result<Vec<Result<String, QueueError>>, QueueError> {
        Ok(rows.iter().map(|row| self.put(row)).collect())
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn open(&self) -> Result<Arc<dyn Session>, QueueError> {
        Ok(Arc::new(self.open_session(true)))
    }

    /// The session of a copy: whatever it changes is gone with it.
    async fn open_preview(&self) -> Result<Arc<dyn Session>, QueueError> {
        let state = State { waiting: self.state().waiting.clone(), ..State::default() };
        Ok(Arc::new(Self { state: Arc::new(Mutex::new(state)) }.open_session(true)))
    }
}

impl State {
    fn stored(&mut self, row: Vec<u8>) -> Stored {
        self.versions += 1;
        Stored { version: self.versions, changed: Timestamp::now(), row }
    }

    fn held(&mut self, session: &DrainId) -> Result<&mut Held, QueueError> {
        self.sessions
            .get_mut(session.as_str())
            .ok_or_else(|| QueueError::new("find the session", session, "it is closed"))
    }

    /// Makes an event the session's own, if it is still the version that was read.
    fn claim(&mut self, session: &DrainId, ticket: &Ticket) -> Result<Claim, QueueError> {
        let waiting = self.waiting.get(&ticket.name).filter(|stored| stored.version == ticket.version);
        let Some(event) = waiting.and_then(|stored| HaltEvent::parse(&stored.row).ok()) else {
            return Ok(Err(MoveOutcome::AlreadyGone));
        };
        let Some(stored) = self.waiting.remove(&ticket.name) else { return Ok(Err(MoveOutcome::AlreadyGone)) };
        // A claim makes it another version: nobody settles it on what was read before.
        let stored = self.stored(stored.row);
        let ticket = Ticket { version: stored.version, claimed: true, ..ticket.clone() };
        self.held(session)?.events.insert(ticket.name.clone(), stored);
        Ok(Ok((ticket, event)))
    }

    fn settle(&mut self, session: &DrainId, settlements: Vec<Settlement>) -> Result<Vec<Settled>, QueueError> {
        settlements.into_iter().map(|settlement| self.settle_one(session, settlement)).collect()
    }

    fn settle_one(&mut self, session: &DrainId, settlement: Settlement) -> Result<Settled, QueueError> {
        let Settlement { ticket, to, draft } = settlement;
        let outcome = match &to {
            Destination::Stay(outcome) => outcome.clone(),
            _ => self.move_row(session, &ticket, &to)?,
        };
        let held = self.held(session)?;
        let row = draft.map(|draft| {
            held.last_seq += 1;
            Row::complete(Timestamp::now(), session.clone(), held.last_seq, draft, &outcome)
        });
        held.rows.extend(row.clone());
        Ok(Settled { ticket, row, outcome })
    }

    fn move_row(&mut self, session: &DrainId, ticket: &Ticket, to: &Destination) -> Result<MoveOutcome, QueueError> {
        let from = if ticket.claimed { &mut self.held(session)?.events } else { &mut self.waiting };
        if from.get(&ticket.name).is_none_or(|stored| stored.version != ticket.version) {
            return Ok(MoveOutcome::AlreadyGone);
        }
        let Some(mut stored) = from.remove(&ticket.name) else { return Ok(MoveOutcome::AlreadyGone) };
        if let Destination::Pending(Some(delivery)) | Destination::DeadLetter(delivery) = to {
            let row = delivery.write_into(&stored.row);
            stored = self.stored(row.map_err(|error| QueueError::new("rewrite", &ticket.name, error))?);
        }
        let place = match to {
            Destination::Pending(_) | Destination::Stay(_) => {
                put(&mut self.waiting, &ticket.name, ticket.stamp, stored);
                return Ok(MoveOutcome::Moved);
            }
            Destination::Processed => PROCESSED,
            Destination::DeadLetter(_) => DEAD_LETTER,
            Destination::Quarantine(_) => QUARANTINE,
        };
        put(self.settled.entry(place).or_default(), &ticket.name, ticket.stamp, stored);
        Ok(MoveOutcome::Moved)
    }

    fn begin_attempt(
        &mut self,
        session: &DrainId,
        number: u32,
        lead: HaltEvent,
        names: Vec<Box<str>>,
    ) -> Result<AttemptSlot, QueueError> {
        let begun = Timestamp::now();
        let attempts = self.attempts.clone();
        let held = self.held(session)?;
        held.last_seq += 1;
        let seq = held.last_seq;
        held.attempts.insert(seq, Attempt { number, begun, lead, names });
        let folder = attempts.join(format!("{session}-{seq}"));
        std::fs::create_dir_all(&folder).map_err(|error| QueueError::new("make", folder.display(), error))?;
        Ok(AttemptSlot { session: session.clone(), seq, number, folder, begun })
    }

    fn holders(&self, session: &DrainId, faults: &[FaultKey]) -> Vec<Option<Holder>> {
        let others = || self.sessions.iter().filter(|(id, _)| ***id != *session.as_str()).map(|(_, held)| held);
        let holder = |fault: &FaultKey| {
            let of = |held: &Held| match &held.by_hand {
                Some(event) if event.key() == *fault => Some(if held.is_live { Holder::Live } else { Holder::CutOff }),
                _ => (held.is_live && held.faults().contains(fault)).then_some(Holder::Live),
            };
            others().filter_map(of).min_by_key(|holder| *holder == Holder::CutOff)
        };
        faults.iter().map(holder).collect()
    }

    /// What a dead session left; what never started goes back.
    fn orphan(&mut self, session: &DrainId) -> Result<Orphan, QueueError> {
        let attempts = self.attempts.clone();
        let held = self.held(session)?;
        let mut left = Vec::new();
        for (seq, attempt) in &held.attempts {
            let slot = AttemptSlot {
                session: session.clone(),
                seq: *seq,
                number: attempt.number,
                folder: attempts.join(format!("{session}-{seq}")),
                begun: attempt.begun,
            };
            let events: Vec<_> = attempt.names.iter().filter_map(|name| held.claimed(name)).collect();
            let is_lead_held = attempt.names.first().is_some_and(|name| held.events.contains_key(name));
            let occurrences = u32::try_from(attempt.names.len()).unwrap_or(u32::MAX);
            if held.by_hand.is_some() || !events.is_empty() {
                left.push(OrphanedAttempt { slot, lead: attempt.lead.clone(), is_lead_held, occurrences, events });
            }
        }
        let started: BTreeSet<Box<str>> = held.attempts.values().flat_map(|attempt| attempt.names.clone()).collect();
        let (kept, back) = std::mem::take(&mut held.events).into_iter().partition(|(name, _)| started.contains(name));
        held.events = kept;
        let (rows, last_planned) = (held.rows.iter().cloned().collect(), held.last_seq);
        let back: Rows = back;
        let put_back = u32::try_from(back.len()).unwrap_or(u32::MAX);
        for (name, stored) in back {
            put(&mut self.waiting, &name, Timestamp::now(), stored);
        }
        Ok(Orphan { session: session.clone(), rows, last_planned, attempts: left, put_back })
    }
}

impl Held {
    fn faults(&self) -> Vec<FaultKey> {
        self.events.values().filter_map(|stored| HaltEvent::parse(&stored.row).ok()).map(|event| event.key()).collect()
    }

    fn claimed(&self, name: &str) -> Option<(Ticket, HaltEvent)> {
        let stored = self.events.get(name)?;
        let event = HaltEvent::parse(&stored.row).ok()?;
        let stamp = event.timestamp.unwrap_or(stored.changed);
        Some((Ticket { name: name.into(), version: stored.version, stamp, claimed: true }, event))
    }
}

/// Puts a row under its name, or beside what has that name; returns the name that it got.
fn put(rows: &mut Rows, name: &str, stamp: Timestamp, stored: Stored) -> String {
    let free = candidate_names(name, stamp).find(|candidate| !rows.contains_key(candidate.as_str()));
    let free = free.unwrap_or_else(|| format!("{name}-{}", stored.version));
    rows.insert(free.as_str().into(), stored);
    free
}

/// A session of a [`MemoryQueue`]. Dropped without being closed, it counts as dead.
#[derive(Debug)]
struct MemorySession {
    queue: MemoryQueue,
    id: DrainId,
    lost: Arc<Notify>,
    /// What the scan has not shown yet; none before it began.
    scan: Mutex<Option<VecDeque<Waiting>>>,
    /// Whether the markers were shown.
    markers: Mutex<bool>,
}

/// How many rows the scan shows at once.
const BATCH: usize = 100;

impl MemorySession {
    fn look_at(name: &str, stored: &Stored) -> Waiting {
        let body = match QueueRow::parse(&stored.row) {
            Ok(QueueRow::Event(event)) => WaitingBody::Event(event),
            Ok(QueueRow::Resolved(marker)) => {
                WaitingBody::Marker(ResolvedMarker { timestamp: marker.timestamp.or(Some(stored.changed)), ..marker })
            }
            Err(error) => WaitingBody::Malformed(error.to_string()),
        };
        let stamp = match &body {
            WaitingBody::Event(event) => event.timestamp.unwrap_or(stored.changed),
            _ => stored.changed,
        };
        let ticket = Ticket { name: name.into(), version: stored.version, stamp, claimed: false };
        Waiting { ticket, modified: stored.changed, body }
    }

    /// Everything that waits, in the order of dispatch.
    fn all(&self) -> VecDeque<Waiting> {
        let state = self.queue.state();
        let mut all: Vec<_> = state.waiting.iter().map(|(name, stored)| Self::look_at(name, stored)).collect();
        all.sort_by_key(|waiting| match &waiting.body {
            WaitingBody::Event(event) => (Some(Reverse(event.severity())), event.timestamp),
            _ => (None, None),
        });
        all.into()
    }
}

impl Drop for MemorySession {
    fn drop(&mut self) {
        if let Some(held) = self.queue.state().sessions.get_mut(self.id.as_str()) {
            held.is_live = false;
        }
    }
}

/// Gives the right to settle free back.
#[derive(Debug)]
struct Right(MemoryQueue);

impl Drop for Right {
    fn drop(&mut self) {
        self.0.state().settles_free = false;
    }
}

#[async_trait]
impl Session for MemorySession {
    fn id(&self) -> &DrainId {
        &self.id
    }

    async fn lost(&self) {
        self.lost.notified().await;
    }

    async fn free_settles(&self) -> Result<Option<FreeSettles>, QueueError> {
        let is_taken = std::mem::replace(&mut self.queue.state().settles_free, true);
        Ok((!is_taken).then(|| FreeSettles::new(Right(self.queue.clone()))))
    }

    async fn recover(&self, _: &FreeSettles) -> Result<Vec<Orphan>, QueueError> {
        let mut state = self.queue.state();
        let dead: Vec<_> =
            state.sessions.iter().filter(|(_, held)| !held.is_live).map(|(id, _)| DrainId::new(id.clone())).collect();
        dead.iter().map(|session| state.orphan(session)).collect()
    }

    async fn markers(&self) -> Result<Vec<(Ticket, ResolvedMarker)>, QueueError> {
        if std::mem::replace(&mut *self.markers.lock().unwrap_or_else(PoisonError::into_inner), true) {
            return Ok(Vec::new());
        }
        let markers = self.all().into_iter().filter_map(|waiting| match waiting.body {
            WaitingBody::Marker(marker) => Some((waiting.ticket, marker)),
            _ => None,
        });
        Ok(markers.collect())
    }

    async fn scan(&self) -> Result<Vec<Waiting>, QueueError> {
        let mut scan = self.scan.lock().unwrap_or_else(PoisonError::into_inner);
        let left = scan.get_or_insert_with(|| self.all());
        let batch = left.len().min(BATCH);
        Ok(left.drain(..batch).collect())
    }

    async fn adopt(&self, event: &HaltEvent) -> Result<Ticket, QueueError> {
        let mut state = self.queue.state();
        let stored = state.stored(event.raw().to_vec());
        let (name, version) = (event_name(&event.key()).into_boxed_str(), stored.version);
        let stamp = event.timestamp.unwrap_or(stored.changed);
        state.held(&self.id)?.events.insert(name.clone(), stored);
        Ok(Ticket { name, version, stamp, claimed: true })
    }

    async fn claim(&self, tickets: &[Ticket]) -> Result<Vec<Claim>, QueueError> {
        let mut state = self.queue.state();
        tickets.iter().map(|ticket| state.claim(&self.id, ticket)).collect()
    }

    async fn begin_attempt(&self, request: AttemptRequest) -> Result<AttemptGrant, QueueError> {
        let mut state = self.queue.state();
        if let Some(answer) = state.grants.pop_front() {
            return Ok(answer);
        }
        let AttemptRequest { number, lead, followers } = request;
        let event = state.held(&self.id)?.claimed(&lead.name).map(|(_, event)| event);
        let event = event.ok_or_else(|| QueueError::new("investigate", &lead.name, "it is not claimed"))?;
        let names = std::iter::once(lead).chain(followers).map(|ticket| ticket.name).collect();
        Ok(AttemptGrant::Granted(state.begin_attempt(&self.id, number, event, names)?))
    }

    async fn begin_by_hand(&self, event: &HaltEvent) -> Result<Result<AttemptSlot, Holder>, QueueError> {
        let mut state = self.queue.state();
        if let Some(holder) = state.holders(&self.id, &[event.key()]).pop().flatten() {
            return Ok(Err(holder));
        }
        state.held(&self.id)?.by_hand = Some(event.clone());
        let number = event.delivery.attempts.saturating_add(1);
        Ok(Ok(state.begin_attempt(&self.id, number, event.clone(), vec!["by-hand".into()])?))
    }

    async fn finish(&self, attempt: &AttemptSlot, settlements: Vec<Settlement>) -> Result<Vec<Settled>, QueueError> {
        let mut state = self.queue.state();
        let settled = state.settle(&attempt.session, settlements)?;
        state.held(&attempt.session)?.attempts.remove(&attempt.seq);
        Ok(settled)
    }

    async fn settle_claimed(&self, settlements: Vec<Settlement>) -> Result<Vec<Settled>, QueueError> {
        self.queue.state().settle(&self.id, settlements)
    }

    async fn settle_free(&self, _: &FreeSettles, settlements: Vec<Settlement>) -> Result<Vec<Settled>, QueueError> {
        self.queue.state().settle(&self.id, settlements)
    }

    async fn acknowledge(&self, session: &DrainId, seq: u64) -> Result<(), QueueError> {
        self.queue.state().held(session)?.rows.retain(|row| row.seq > seq);
        Ok(())
    }

    async fn dead_letters(&self) -> Result<Vec<FaultKey>, QueueError> {
        let state = self.queue.state();
        let rows = state.settled.get(DEAD_LETTER).into_iter().flat_map(Rows::values);
        Ok(rows.filter_map(|stored| HaltEvent::parse(&stored.row).ok()).map(|event| event.key()).collect())
    }

    async fn holders(&self, faults: &[FaultKey]) -> Result<Vec<Option<Holder>>, QueueError> {
        Ok(self.queue.state().holders(&self.id, faults))
    }

    async fn is_stopped(&self) -> Result<bool, QueueError> {
        Ok(self.queue.state().is_stopped)
    }

    async fn close(&self, session: &DrainId) -> Result<(), QueueError> {
        let mut state = self.queue.state();
        let held = state.held(session)?;
        if held.events.is_empty() && held.rows.is_empty() {
            state.sessions.remove(session.as_str());
        }
        Ok(())
    }
}
