//! The history of one fault in plain words: what decided what, why it is where it is, what to do.

use haltline_protocol::{EventState, HaltEvent, NextStep, RowLine, rfc3339_millis};
use jiff::Timestamp;
use serde::Serialize;

use crate::detail::{FaultDetail, Rules};
use crate::event::EventView;
use crate::text::{age, clean_line, visible_line};

/// The most letters of a text from outside.
const TEXT_LETTERS: usize = 300;
/// The most letters of a sentence.
const SENTENCE_LETTERS: usize = 1000;
/// More occurrences than this are told in one line.
const MOST_HALTS: usize = 5;
/// Failures that are no attempt at the fault.
const NO_ATTEMPT: [&str; 4] = ["auth", "quota", "missing-program", "interrupted"];

/// The history of a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Story {
    /// The fault.
    pub fault_id: String,
    /// The run.
    pub run_id: String,
    /// What happened, the oldest first.
    pub history: Vec<Happened>,
    /// Where it stands, and why.
    pub now: Vec<String>,
    /// What to do.
    pub next: Vec<String>,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Happened {
    /// When, as RFC 3339 in UTC.
    pub ts: String,
    /// What, in a sentence.
    pub what: String,
}

/// What the next drain decides about an event that waits, by the event and the time of its halt.
pub type Decide<'a> = &'a dyn Fn(&HaltEvent, Timestamp) -> NextStep;

/// Tells the history of a fault at a time, without secrets and without what acts on a terminal.
pub fn explain(detail: &FaultDetail, rules: &Rules, decide: Decide<'_>, is_stopped: bool, now: Timestamp) -> Story {
    let mut history = halts(&detail.fault.events);
    history.extend(detail.rows.iter().map(happened));
    // Both times are RFC 3339 in UTC to the millisecond, whose order is that of their letters.
    history.sort_by(|one, other| one.ts.cmp(&other.ts));
    let (fault_id, run_id) = (shown(detail.fault.key.fault_id.as_str()), shown(detail.fault.key.run_id.as_str()));
    let mut story = Story { fault_id, run_id, history, now: Vec::new(), next: Vec::new() };
    story.stand(detail, rules, decide, is_stopped, now);
    story
}

/// A text of an event or an investigator, on one line, without secrets.
fn clean(text: &str) -> String {
    clean_line(text, TEXT_LETTERS)
}

/// A sentence with names from outside in it, without what acts on a terminal.
fn shown(text: &str) -> String {
    visible_line(text, SENTENCE_LETTERS)
}

fn halts(events: &[EventView]) -> Vec<Happened> {
    let halted = |event: &EventView| Happened {
        ts: rfc3339_millis(event.time),
        what: format!("It halted: {}", clean(&event.event.message)),
    };
    match events {
        [first, .., last] if events.len() > MOST_HALTS => vec![Happened {
            what: format!(
                "It halted, for the first of {} times until {}: {}",
                events.len(),
                rfc3339_millis(last.time),
                clean(&first.event.message)
            ),
            ..halted(first)
        }],
        events => events.iter().map(halted).collect(),
    }
}

fn happened(row: &RowLine<'_>) -> Happened {
    Happened { ts: shown(&row.ts), what: shown(&what_happened(row)) }
}

fn what_happened(row: &RowLine<'_>) -> String {
    let failure = row.failure.as_deref().unwrap_or("a failure that is not told");
    let what = match &*row.outcome {
        "audit-skipped" => "The audit filter settled it at no cost: its kind is one of manual recovery, and \
                            `investigate` is false."
            .to_owned(),
        "pattern-matched" => "A known pattern (learned-patterns.json) explained it; settled at no cost.".to_owned(),
        "resolved" => "A RESOLVED marker said that it had gone away; settled at no cost.".to_owned(),
        "investigated" => format!("{} found an answer{}; settled.", who(row), price(row)),
        "duplicate" => {
            format!(
                "It shared the investigation of {}; settled at no cost.",
                row.duplicate_of.as_deref().unwrap_or("another")
            )
        }
        "dispatch-failed" if NO_ATTEMPT.contains(&failure) => {
            format!(
                "{} brought no report{}: {failure}. That is no attempt at the fault; it went back.",
                who(row),
                price(row)
            )
        }
        "dispatch-failed" => format!("{} brought no report{}: {failure}. It went back, to wait.", who(row), price(row)),
        "dead-lettered" if row.failure.is_some() => {
            format!(
                "{} brought no report{}: {failure}. It was the last attempt; the fault was given up on.",
                who(row),
                price(row)
            )
        }
        "dead-lettered" => "The fault had been given up on before; this occurrence joined it, at no cost.".to_owned(),
        "move-failed" => {
            format!("Its file could not be moved: {}.", row.errno.as_deref().unwrap_or("no errno is told"))
        }
        other => format!("A drain recorded `{other}`."),
    };
    let passed_over = match &*row.passed_over {
        [] => String::new(),
        all => format!(" Passed over before: {}.", clean(&all.join("; "))),
    };
    let gone = if row.moved == "already-gone" { " Another drain had moved the file; its row counts." } else { "" };
    format!("{what}{passed_over}{gone}")
}

/// Who was asked.
fn who(row: &RowLine<'_>) -> String {
    match (&row.provider, &row.model) {
        (Some(provider), Some(model)) => format!("{provider} with {model}"),
        (Some(provider), None) => provider.to_string(),
        (None, _) => "An investigation that it shared, or that was cut off,".to_owned(),
    }
}

/// How long it took, what it cost, and how many events it covered.
fn price(row: &RowLine<'_>) -> String {
    let mut text = String::new();
    if let Some(millis) = row.duration_ms {
        text.push_str(&format!(" in {}.{} s", millis / 1000, millis % 1000 / 100));
    }
    match (row.cost_usd, &row.cost_source) {
        (Some(usd), Some(source)) => text.push_str(&format!(" for ${usd:.4} ({source})")),
        _ if row.provider.is_some() => text.push_str(" at no known cost"),
        _ => {}
    }
    match row.occurrences {
        Some(count) if count > 1 => text.push_str(&format!(", for {count} events at once")),
        _ => {}
    }
    text
}

impl Story {
    /// Tells where the fault stands, why, and what to do.
    fn stand(&mut self, detail: &FaultDetail, rules: &Rules, decide: Decide<'_>, is_stopped: bool, now: Timestamp) {
        let fault = &detail.fault;
        let first = |state: EventState| fault.events.iter().find(|event| event.state == state);
        let (mut say, mut advise) = (Vec::new(), Vec::new());
        if let Some(event) = first(EventState::InFlight) {
            say.push(format!("The drain {}, which runs, holds it: an investigation is under way.", holder(event)));
            advise.push("wait for its report; `haltline show` tells where it will be".to_owned());
        }
        if let Some(event) = first(EventState::Abandoned) {
            say.push(format!("The drain {} held it and died.", holder(event)));
            advise.push(
                "`haltline drain-faults --queue` takes it back; a report that was complete is not paid again"
                    .to_owned(),
            );
        }
        let given_up = first(EventState::DeadLetter);
        if let Some(event) = given_up {
            say.push(format!(
                "It was given up on after {} attempts{}.",
                event.event.delivery.attempts,
                because(&event.event)
            ));
            advise.push(
                "mend the cause, then `haltline retry` it; an occurrence that comes meanwhile joins it".to_owned(),
            );
        }
        if let Some(event) = fault.events.iter().rfind(|event| event.state.waits()) {
            let (why, what) = waits(detail, rules, decide, event, given_up.is_some(), is_stopped, now);
            say.push(why);
            advise.push(what);
        }
        if say.is_empty() {
            let is_settled = first(EventState::Processed).is_some();
            say.push(if is_settled { "It is settled." } else { "None of its events is left in the queue." }.to_owned());
            if let Some(report) = &detail.report {
                advise.push(format!("read {}", report.path.display()));
            }
        }
        let shown = |texts: Vec<String>| texts.iter().map(|text| shown(text)).collect();
        (self.now, self.next) = (shown(say), shown(advise));
    }
}

/// The drain that holds an event.
fn holder(event: &EventView) -> &str {
    event.drain_id.as_deref().unwrap_or_default()
}

fn because(event: &HaltEvent) -> String {
    event
        .delivery
        .last_error
        .as_ref()
        .map(|error| format!(", at last because of: {}", clean(error)))
        .unwrap_or_default()
}

/// Why an event waits, and what to do.
fn waits(
    detail: &FaultDetail,
    rules: &Rules,
    decide: Decide<'_>,
    last: &EventView,
    is_given_up: bool,
    is_stopped: bool,
    now: Timestamp,
) -> (String, String) {
    let fault = &detail.fault;
    let waiting = || fault.events.iter().filter(|event| event.state.waits());
    let drain = "`haltline drain-faults --queue`".to_owned();
    let step = |event: &EventView| decide(&event.event, event.time);
    if waiting().all(|event| step(event) == NextStep::Resolved) {
        return (
            "It waits, and a RESOLVED marker says that it went away.".to_owned(),
            format!("{drain} settles it free"),
        );
    }
    if fault.is_any(EventState::Held) {
        return (
            "It waits, and a person holds it: no drain dispatches it.".to_owned(),
            "`haltline release` it".to_owned(),
        );
    }
    let deferred = waiting().filter(|event| event.state == EventState::Deferred);
    if let Some(event) = deferred.max_by_key(|event| event.event.delivery.not_before) {
        let until = event.event.delivery.not_before.unwrap_or(now);
        let why = format!(
            "It waits until {} (for another {}), after {} of {} attempts{}.",
            rfc3339_millis(until),
            age(until.duration_since(now)),
            event.event.delivery.attempts,
            rules.max_attempts,
            because(&event.event)
        );
        return (why, "wait for the next drain after that, or `haltline retry` it to make it due".to_owned());
    }
    if waiting().all(|event| step(event) == NextStep::HeldBack) {
        let why = format!("It waits: drains leave faults alone that are milder than {}.", rules.severity_min.as_str());
        return (why, format!("`haltline drain-faults --queue --severity-min {}`", last.event.severity().as_str()));
    }
    match step(last) {
        NextStep::AuditSkipped => {
            return ("It waits for the audit filter, which settles it free.".to_owned(), drain);
        }
        NextStep::PatternMatched => {
            return ("It is due, and a known pattern explains it: the next drain settles it free.".to_owned(), drain);
        }
        NextStep::Resolved | NextStep::HeldBack | NextStep::Dispatched => {}
    }
    if is_given_up {
        let why = "A later occurrence waits; it will join what was given up on.".to_owned();
        return (why, "`haltline retry` lets all of them be tried again".to_owned());
    }
    if is_stopped {
        let why = "It is due, and dispatching is stopped by the file STOP in the queue.".to_owned();
        return (why, "remove the file STOP, then drain".to_owned());
    }
    let shared = if last.event.kind.is_provider() {
        " It will share one investigation with every fault of its run and kind."
    } else {
        ""
    };
    (format!("It is due: the next drain has it investigated.{shared}"), drain)
}
