//! What the next drain would decide about one event: the same rules in the same order, asked without a drain.

use haltline_protocol::{HaltEvent, NextStep, ResolvedMarker, Ticket};
use jiff::Timestamp;

use crate::candidate::Candidate;
use crate::options::DrainOptions;
use crate::patterns::PatternBook;
use crate::rules::{Closing, Context, Decision, ResolvedFaults, Stage, decide};

/// Asks the rules about single events.
#[derive(Debug)]
pub struct Decider {
    context: Context,
}

impl Decider {
    /// Asks as a drain with these options would at `now`, where these faults went away by themselves.
    pub fn new(options: &DrainOptions, now: Timestamp, markers: impl IntoIterator<Item = ResolvedMarker>) -> Self {
        let resolved = ResolvedFaults::default();
        markers.into_iter().for_each(|marker| resolved.add(&marker));
        let patterns = PatternBook::load(&options.learned_patterns);
        Self { context: Context { severity_min: options.severity_min, now, resolved, patterns } }
    }

    /// What becomes of an event that waits and halted at `time`.
    pub fn next_step(&self, event: &HaltEvent, time: Timestamp) -> NextStep {
        let ticket = Ticket { name: "".into(), version: 0, stamp: time, claimed: false };
        let is_due = self.context.is_due(event);
        let candidate = Candidate { ticket, event: Box::new(event.clone()), time, is_due, is_own: false };
        let decisions = [Stage::Scan, Stage::Filter].map(|stage| decide(stage, &candidate, &self.context));
        match decisions.into_iter().find(|decision| *decision != Decision::Pass) {
            Some(Decision::Close(Closing::Resolved)) => NextStep::Resolved,
            Some(Decision::Close(Closing::AuditSkipped)) => NextStep::AuditSkipped,
            Some(Decision::Close(Closing::PatternMatched(_))) => NextStep::PatternMatched,
            Some(Decision::HoldBack) => NextStep::HeldBack,
            Some(Decision::Pass) | None => NextStep::Dispatched,
        }
    }
}
