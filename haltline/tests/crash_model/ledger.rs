//! What the processes of a history did that the disk does not show: what they were told, what they paid for, and what
//! the sinks have. A sink keeps what it took through any crash.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use haltline_lab::Process;
use haltline_protocol::{FaultKey, MoveState, Record, Row, RowOutcome};

/// The number of an emitted event.
pub(crate) type Occurrence = u32;
pub(crate) type Pair = (String, u64);

#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Accounts>);

#[derive(Debug, Default)]
pub(crate) struct Accounts {
    pub(crate) begun: BTreeSet<Occurrence>,
    pub(crate) acknowledged: BTreeSet<Occurrence>,
    /// How often an event's investigation was begun and is counted.
    pub(crate) attempts: BTreeMap<Occurrence, u32>,
    /// Events whose report is kept.
    pub(crate) reported: BTreeSet<Occurrence>,
    /// Faults that somebody asks an investigator about just now.
    asking: BTreeMap<FaultKey, Arc<Process>>,
    /// Reports that were asked for by hand and are kept.
    pub(crate) kept_by_hand: BTreeSet<Pair>,
    rows: BTreeMap<Pair, Row>,
    filings: BTreeMap<Pair, FaultKey>,
    pub(crate) violations: Vec<String>,
}

impl Ledger {
    pub(crate) fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A process asks about a fault. No other that lives may ask about it until it is answered.
    pub(crate) fn ask(&self, fault: &FaultKey, process: &Arc<Process>) {
        let other = self.accounts().asking.insert(fault.clone(), process.clone());
        if other.is_some_and(|other| other.is_alive()) {
            self.accounts().violated(format!("I14: two ask about {} at once", fault.fault_id));
        }
    }

    /// The process that asked about a fault has its answer.
    pub(crate) fn answered(&self, fault: &FaultKey) {
        self.accounts().asking.remove(fault);
    }
}

impl Accounts {
    pub(crate) fn violated(&mut self, what: impl Into<String>) {
        self.violations.push(what.into());
    }

    /// An investigation of these events is begun.
    pub(crate) fn begin_attempt(&mut self, events: &[Occurrence]) {
        for event in events {
            *self.attempts.entry(*event).or_default() += 1;
            if self.reported.contains(event) {
                self.violated(format!("I6: event {event} is investigated again though its report is kept"));
            }
        }
    }

    /// The attempt was none after all.
    pub(crate) fn forgive_attempt(&mut self, events: &[Occurrence]) {
        for event in events {
            self.attempts.entry(*event).and_modify(|attempts| *attempts -= 1);
        }
    }

    /// A sink takes a record; one that it has is passed over.
    pub(crate) fn take(&mut self, record: &Record, replay: bool) {
        let (drain_id, seq) = record.pair();
        let pair = (drain_id.to_string(), seq);
        match record {
            Record::Settled(row) => match self.rows.get(&pair) {
                None => drop(self.rows.insert(pair, row.clone())),
                Some(_) if !replay => self.violated(format!("I7: row {pair:?} is recorded twice")),
                Some(known) if says(known) != says(row) => {
                    let what = format!("I7: row {pair:?} is replayed as {:?}, was {:?}", says(row), says(known));
                    self.violated(what);
                }
                Some(_) => {}
            },
            Record::Reported(filing) => match self.filings.get(&pair) {
                None => drop(self.filings.insert(pair, filing.event.key())),
                Some(_) if !replay => self.violated(format!("I7: report {pair:?} is filed twice")),
                Some(known) if *known != filing.event.key() => {
                    self.violated(format!("I7: report {pair:?} is filed for another fault"));
                }
                Some(_) => {}
            },
            Record::Drained(_) | Record::Upgraded(_) => {}
        }
    }

    /// How many events of each fault left the queue, as the rows tell.
    pub(crate) fn settled(&self) -> BTreeMap<String, usize> {
        let mut settled = BTreeMap::new();
        for row in self.rows.values().filter(|row| is_final(row)) {
            *settled.entry(fault_of(row)).or_default() += 1;
        }
        settled
    }

    /// Reports that were asked for by hand, are kept, and that nobody filed.
    pub(crate) fn unfiled_by_hand(&self) -> Vec<Pair> {
        self.kept_by_hand.iter().filter(|pair| !self.filings.contains_key(pair)).cloned().collect()
    }

    /// Rows of reports that nobody filed.
    pub(crate) fn unfiled(&self) -> Vec<String> {
        let is_unfiled = |row: &&Row| {
            row.draft.outcome == RowOutcome::Investigated
                && !self.filings.iter().any(|((drain_id, _), key)| {
                    *drain_id == row.drain_id.to_string() && key.fault_id.as_str() == fault_of(row)
                })
        };
        self.rows.values().filter(is_unfiled).map(fault_of).collect()
    }
}

fn is_final(row: &Row) -> bool {
    let left = !matches!(row.draft.outcome, RowOutcome::DispatchFailed | RowOutcome::MoveFailed);
    left && row.moved == MoveState::Moved
}

fn fault_of(row: &Row) -> String {
    row.draft.fault_id.as_ref().map_or_else(|| "none".to_owned(), |id| id.as_str().to_owned())
}

/// What a replay of a row may not change.
fn says(row: &Row) -> (RowOutcome, MoveState, &str) {
    (row.draft.outcome, row.moved, &row.draft.file)
}
