//! One fault with its events, its attempts, what became of it, what it cost, and where each file is.

use std::borrow::Cow;
use std::path::PathBuf;

use haltline_protocol::{EventState, RowLine, Usd, rfc3339_millis};
use jiff::Timestamp;
use serde::Serialize;

use crate::detail::FaultDetail;
use crate::event::EventView;
use crate::reports::LastReport;
use crate::text::{clean_line, millis, visible_line};

/// The most letters of a text on a line of its own.
const TEXT_LETTERS: usize = 300;

/// What is told of a fault.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FaultShown {
    /// The fault.
    pub fault_id: String,
    /// The run.
    pub run_id: String,
    /// The kind of the last event; null where none is left.
    pub kind: Option<String>,
    /// The severity of the last event, as it says it.
    pub severity: Option<String>,
    /// The slug of the last event.
    pub state_slug: Option<String>,
    /// The message of the last event.
    pub message: Option<String>,
    /// Failed attempts that count.
    pub attempts: u32,
    /// How many attempts a fault has.
    pub max_attempts: u32,
    /// The known costs of all its investigations, in US dollars.
    pub cost_usd: Usd,
    /// Its events, the oldest first.
    pub events: Vec<EventShown>,
    /// What became of it, in the order in which it was recorded.
    pub rows: Vec<OutcomeShown>,
    /// The last report.
    pub report: Option<ReportShown>,
    /// Earlier reports, for people and for programs.
    pub earlier_reports: Vec<PathBuf>,
    /// Notes in the inbox.
    pub notes: Vec<PathBuf>,
    /// Where the attempts are that drains still hold.
    pub attempt_folders: Vec<String>,
}

/// What is told of one event.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventShown {
    /// Where it stands.
    pub state: EventState,
    /// When it halted.
    #[serde(serialize_with = "millis")]
    pub time: Timestamp,
    /// Investigations that were started and failed.
    pub attempts: u32,
    /// No drain dispatches it before this time.
    pub not_before: Option<String>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// Where it is.
    pub file: String,
}

/// What is told of the last report.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportShown {
    /// What came of the investigation; null where the report for programs cannot be read.
    pub outcome: Option<String>,
    /// The cause in plain words.
    pub root_cause: Option<String>,
    /// When the report came.
    pub ts: Option<String>,
    /// The report for people.
    pub file: PathBuf,
}

/// One outcome, as the analytics have it, without secrets and without what acts on a terminal.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OutcomeShown {
    /// When the outcome was known.
    pub ts: String,
    /// The drain whose outcome it is.
    pub drain_id: String,
    /// The number of the row within its drain.
    pub seq: u64,
    /// The fault.
    pub fault_id: Option<String>,
    /// The run.
    pub run_id: Option<String>,
    /// How the event ended.
    pub outcome: String,
    /// How its move ended.
    #[serde(rename = "move")]
    pub moved: String,
    /// The errno's name where the move failed or found nothing.
    pub errno: Option<String>,
    /// Wall time of the investigation, in milliseconds.
    pub duration_ms: Option<u64>,
    /// Cost of the investigation in US dollars.
    pub cost_usd: Option<Usd>,
    /// Where the cost comes from.
    pub cost_source: Option<String>,
    /// The investigator that answered or failed.
    pub provider: Option<String>,
    /// The model that it used.
    pub model: Option<String>,
    /// Why the investigation failed.
    pub failure: Option<String>,
    /// How many event files the investigation covers.
    pub occurrences: Option<u32>,
    /// The report that it shared, relative to the queue root.
    pub duplicate_of: Option<String>,
    /// The event's file name.
    pub file: String,
    /// The investigators that were asked before and could not work, with the reason of each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub passed_over: Vec<String>,
}

/// Tells what is known of a fault, without secrets and without what acts on a terminal. A fault has `max_attempts`
/// attempts before it is given up on.
pub fn show(detail: FaultDetail, max_attempts: u32) -> FaultShown {
    let (attempts, cost_usd) = (detail.failed_attempts(), detail.cost_usd());
    let FaultDetail { fault, rows, report, earlier_reports, notes, attempts: attempt_folders } = detail;
    let last = fault.events.last().map(|event| &event.event);
    FaultShown {
        fault_id: named(fault.key.fault_id.as_str()),
        run_id: named(fault.key.run_id.as_str()),
        kind: last.map(|event| named(event.kind.as_str())),
        severity: last.map(|event| named(&event.severity_text)),
        state_slug: last.map(|event| named(&event.state_slug)),
        message: last.map(|event| clean(&event.message)),
        attempts,
        max_attempts,
        cost_usd,
        events: fault.events.iter().map(EventShown::of).collect(),
        rows: rows.into_iter().map(OutcomeShown::of).collect(),
        report: report.map(ReportShown::of),
        earlier_reports,
        notes,
        attempt_folders,
    }
}

/// A text of an event or a report, on one line, without secrets.
fn clean(text: &str) -> String {
    clean_line(text, TEXT_LETTERS)
}

/// An id or a name, as it is but for what acts on a terminal.
fn named(text: &str) -> String {
    visible_line(text, TEXT_LETTERS)
}

impl EventShown {
    fn of(event: &EventView) -> Self {
        let delivery = &event.event.delivery;
        Self {
            state: event.state,
            time: event.time,
            attempts: delivery.attempts,
            not_before: delivery.not_before.map(rfc3339_millis),
            last_error: delivery.last_error.as_deref().map(clean),
            file: event.place.clone(),
        }
    }
}

impl ReportShown {
    fn of(report: LastReport) -> Self {
        let file = report.file.as_ref();
        Self {
            outcome: file.map(|file| file.report.outcome.as_str().to_owned()),
            root_cause: file.map(|file| clean(&file.report.root_cause)),
            ts: file.map(|file| named(&file.ts)),
            file: report.path,
        }
    }
}

impl OutcomeShown {
    fn of(row: RowLine<'_>) -> Self {
        let maybe = |text: Option<Cow<'_, str>>| text.map(|text| named(&text));
        Self {
            ts: named(&row.ts),
            drain_id: named(&row.drain_id),
            seq: row.seq,
            fault_id: maybe(row.fault_id),
            run_id: maybe(row.run_id),
            outcome: named(&row.outcome),
            moved: named(&row.moved),
            errno: maybe(row.errno),
            duration_ms: row.duration_ms,
            cost_usd: row.cost_usd,
            cost_source: maybe(row.cost_source),
            provider: maybe(row.provider),
            model: maybe(row.model),
            failure: maybe(row.failure),
            occurrences: row.occurrences,
            duplicate_of: maybe(row.duplicate_of),
            file: named(&row.file),
            passed_over: row.passed_over.iter().map(|text| clean(text)).collect(),
        }
    }
}
