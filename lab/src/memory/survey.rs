//! The queue in memory as it is seen from outside and changed by hand.

use haltline_protocol::{
    Change, Closed, Control, ControlError, Count, DeadDrain, Delivery, EventState, FaultKey, HaltEvent, Holding, Left,
    LeftOverAttempt, Purge, PurgeTally, QueueError, Repair, Seen, SeenAttempt, Survey, WaitingBody,
};
use jiff::Timestamp;

use super::{DEAD_LETTER, MemoryQueue, MemorySession, PROCESSED, QUARANTINE, Rows, State, Stored, put};

impl Survey for MemoryQueue {
    fn place(&self) -> String {
        "memory".to_owned()
    }

    fn is_stopped(&self) -> Result<bool, QueueError> {
        Ok(self.state().is_stopped)
    }

    fn has_work(&self) -> Result<bool, QueueError> {
        let state = self.state();
        Ok(!state.waiting.is_empty() || !state.sessions.is_empty())
    }

    fn holders(&self) -> Result<Vec<Holding>, QueueError> {
        let state = self.state();
        let holding =
            state.sessions.iter().map(|(id, held)| Holding { drain_id: id.to_string(), is_live: held.is_live });
        Ok(holding.collect())
    }

    fn count(&self, closed: Closed) -> Result<Count, QueueError> {
        let place = match closed {
            Closed::Processed => PROCESSED,
            Closed::DeadLetter => DEAD_LETTER,
            Closed::Quarantine => QUARANTINE,
        };
        let mut counted = Count::default();
        self.state().settled.get(place).into_iter().flat_map(Rows::values).for_each(|row| counted.add(row.changed));
        Ok(counted)
    }

    fn look_through(&self, states: &[EventState], show: &mut dyn FnMut(Seen<'_>)) -> Result<(), QueueError> {
        let (state, now) = (self.state(), Timestamp::now());
        let mut show_all =
            |place: &str, drain_id: Option<&str>, rows: &Rows, of: &dyn Fn(&WaitingBody) -> EventState| {
                for waiting in rows.iter().map(|(name, stored)| MemorySession::look_at(name, stored)) {
                    let state = of(&waiting.body);
                    if states.contains(&state) {
                        show(Seen { state, drain_id, place, waiting });
                    }
                }
            };
        show_all("waiting", None, &state.waiting, &|body| match body {
            WaitingBody::Event(event) => EventState::of_waiting(event, now),
            _ => EventState::Pending,
        });
        for (id, held) in &state.sessions {
            let of = if held.is_live { EventState::InFlight } else { EventState::Abandoned };
            show_all(id, Some(id), &held.events, &|_| of);
        }
        for (place, of) in [(PROCESSED, EventState::Processed), (DEAD_LETTER, EventState::DeadLetter)] {
            if let Some(rows) = state.settled.get(place) {
                show_all(place, None, rows, &|_| of);
            }
        }
        Ok(())
    }

    fn attempts(&self, drain_id: &str) -> Result<Vec<SeenAttempt>, QueueError> {
        let state = self.state();
        let attempts = state.sessions.get(drain_id).into_iter().flat_map(|held| &held.attempts);
        let seen = attempts.map(|(seq, attempt)| SeenAttempt {
            lead: attempt.lead.clone(),
            place: format!("{drain_id}, attempt {seq}"),
        });
        Ok(seen.collect())
    }

    fn leftovers(&self) -> Result<Vec<DeadDrain>, QueueError> {
        let state = self.state();
        let dead = state.sessions.iter().filter(|(_, held)| !held.is_live);
        let left = dead.map(|(id, held)| {
            let count = |names: &[Box<str>]| names.iter().filter(|name| held.events.contains_key(*name)).count() as u64;
            let attempts: Vec<_> = held
                .attempts
                .iter()
                .map(|(seq, attempt)| LeftOverAttempt {
                    seq: *seq,
                    number: attempt.number,
                    events: count(&attempt.names),
                    has_result: false,
                })
                .collect();
            let started: u64 = attempts.iter().map(|attempt| attempt.events).sum();
            let put_back = held.events.len() as u64 - started;
            let left = Left { put_back, attempts, rows_due: held.rows.len() as u64, ..Left::default() };
            DeadDrain { place: id.to_string(), left: Some(left) }
        });
        Ok(left.collect())
    }
}

impl Control for MemoryQueue {
    fn change(&self, key: &FaultKey, change: Change) -> Result<Vec<String>, ControlError> {
        let mut state = self.state();
        if state.settles_free {
            return Err(ControlError::Busy(Vec::new()));
        }
        if let Some((id, held)) = state.sessions.iter().find(|(_, held)| held.faults().contains(key)) {
            let id = id.to_string();
            return Err(if held.is_live { ControlError::InFlight(id) } else { ControlError::Abandoned(id) });
        }
        let mut changed = take(&mut state.waiting, key, |old| change.apply(old));
        if change.brings_back()
            && let Some(dead) = state.settled.get_mut(DEAD_LETTER)
        {
            changed.extend(take(dead, key, |old| Some(change.apply(old).unwrap_or_else(|| old.clone()))));
        }
        changed.into_iter().map(|(name, row, delivery)| Ok(put_changed(&mut state, &name, &row, &delivery)?)).collect()
    }

    fn find_purgeable(&self, before: Timestamp) -> Result<Purge, QueueError> {
        let state = self.state();
        let mut purge = Purge::default();
        for (place, rows) in &state.settled {
            let tally = match *place {
                PROCESSED => &mut purge.processed,
                DEAD_LETTER => &mut purge.dead_letter,
                _ => &mut purge.quarantine,
            };
            rows.values().filter(|stored| stored.changed < before).for_each(|stored| add(tally, stored));
        }
        purge.is_empty = [purge.processed, purge.dead_letter, purge.quarantine].iter().all(|tally| tally.count == 0);
        Ok(purge)
    }

    fn purge(&self, before: Timestamp) -> Result<Purge, ControlError> {
        let purged = self.find_purgeable(before)?;
        self.state().settled.values_mut().for_each(|rows| rows.retain(|_, stored| stored.changed >= before));
        Ok(purged)
    }

    /// There is no file to mend.
    fn repair(&self, _: &[Repair]) -> Result<u64, ControlError> {
        Ok(0)
    }
}

/// Takes the events of a fault for which there is something new to keep.
fn take(
    rows: &mut Rows,
    key: &FaultKey,
    edit: impl Fn(&Delivery) -> Option<Delivery>,
) -> Vec<(Box<str>, Vec<u8>, Delivery)> {
    let chosen = rows.iter().filter_map(|(name, stored)| {
        let event = HaltEvent::parse(&stored.row).ok().filter(|event| event.key() == *key)?;
        Some((name.clone(), stored.row.clone(), edit(&event.delivery)?))
    });
    let chosen: Vec<_> = chosen.collect();
    chosen.iter().for_each(|(name, ..)| drop(rows.remove(name)));
    chosen
}

fn put_changed(state: &mut State, name: &str, row: &[u8], delivery: &Delivery) -> Result<String, QueueError> {
    let row = delivery.write_into(row).map_err(|error| QueueError::new("rewrite", name, error))?;
    let stored = state.stored(row);
    let stamp = stored.changed;
    Ok(put(&mut state.waiting, name, stamp, stored))
}

fn add(tally: &mut PurgeTally, stored: &Stored) {
    tally.count += 1;
    tally.bytes += stored.row.len() as u64;
    tally.oldest = Some(tally.oldest.map_or(stored.changed, |oldest| oldest.min(stored.changed)));
    tally.newest = tally.newest.max(Some(stored.changed));
}
