//! `haltline show`: one fault with its events, its attempts, what became of it, what it cost, and where each file is.

use std::borrow::Cow;
use std::path::PathBuf;

use haltline_protocol::{Layout, RowLine, Usd, rfc3339_millis};
use jiff::Timestamp;
use serde::Serialize;

use crate::case::Sighted;
use crate::cli::OneFault;
use crate::dossier::Dossier;
use crate::exit::Exit;
use crate::output::{self, age, line, visible, visible_line};
use crate::redaction;
use crate::sighting::State;

/// The most letters of a text on a line of its own.
const TEXT_LETTERS: usize = 300;

/// What is told of a fault.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    fault_id: String,
    run_id: String,
    /// Of the last event; null where none is left.
    kind: Option<String>,
    severity: Option<String>,
    state_slug: Option<String>,
    message: Option<String>,
    /// Failed attempts that count, and how many a fault has.
    attempts: u32,
    max_attempts: u32,
    /// The known costs of all its investigations.
    cost_usd: Usd,
    events: Vec<Event>,
    rows: Vec<Outcome>,
    report: Option<Report>,
    earlier_reports: Vec<PathBuf>,
    notes: Vec<PathBuf>,
    attempt_folders: Vec<PathBuf>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    state: State,
    #[serde(serialize_with = "output::millis")]
    time: Timestamp,
    attempts: u32,
    not_before: Option<String>,
    last_error: Option<String>,
    file: PathBuf,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    outcome: Option<String>,
    root_cause: Option<String>,
    ts: Option<String>,
    file: PathBuf,
}

/// One outcome, as the analytics have it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    ts: String,
    drain_id: String,
    seq: u64,
    fault_id: Option<String>,
    run_id: Option<String>,
    outcome: String,
    #[serde(rename = "move")]
    moved: String,
    errno: Option<String>,
    duration_ms: Option<u64>,
    cost_usd: Option<Usd>,
    cost_source: Option<String>,
    provider: Option<String>,
    model: Option<String>,
    failure: Option<String>,
    occurrences: Option<u32>,
    duplicate_of: Option<String>,
    file: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    passed_over: Vec<String>,
}

pub(crate) fn run(layout: &Layout, args: &OneFault) -> Exit {
    redaction::start(layout);
    let dossier = match Dossier::gather(layout, args) {
        Ok(dossier) => dossier,
        Err(error) => {
            output::error(&error);
            return error.exit();
        }
    };
    let shown = Shown::of(dossier);
    if args.json {
        output::json(&shown);
    } else {
        shown.print();
    }
    Exit::Done
}

/// A text of an event or a report, on one line, without secrets.
fn clean(text: &str) -> String {
    redaction::clean_line(text, TEXT_LETTERS)
}

/// An id or a name, as it is but for what acts on a terminal.
fn named(text: &str) -> String {
    visible_line(text, TEXT_LETTERS)
}

impl Shown {
    fn of(dossier: Dossier) -> Self {
        let (attempts, cost_usd) = (dossier.failed_attempts(), dossier.cost_usd());
        let Dossier { case, rows, report, earlier_reports, notes, attempts: attempt_folders, max_attempts, .. } =
            dossier;
        let last = case.events.last().map(|sighted| &sighted.event);
        Self {
            fault_id: named(case.key.fault_id.as_str()),
            run_id: named(case.key.run_id.as_str()),
            kind: last.map(|event| named(event.kind.as_str())),
            severity: last.map(|event| named(&event.severity_text)),
            state_slug: last.map(|event| named(&event.state_slug)),
            message: last.map(|event| clean(&event.message)),
            attempts,
            max_attempts,
            cost_usd,
            events: case.events.iter().map(Event::of).collect(),
            rows: rows.into_iter().map(Outcome::of).collect(),
            report: report.map(|report| Report {
                outcome: report.says.as_ref().map(|says| says.report.outcome.as_str().to_owned()),
                root_cause: report.says.as_ref().map(|says| clean(&says.report.root_cause)),
                ts: report.says.as_ref().map(|says| named(&says.ts)),
                file: report.path,
            }),
            earlier_reports,
            notes,
            attempt_folders,
        }
    }

    fn print(&self) {
        let now = Timestamp::now();
        line(format!("{}  of run {}", self.fault_id, self.run_id));
        if let (Some(kind), Some(severity), Some(slug)) = (&self.kind, &self.severity, &self.state_slug) {
            line(format!("  {severity} {kind}, slug `{slug}`"));
        }
        if let Some(message) = &self.message {
            line(format!("  {message}"));
        }
        line(format!("  failed attempts {} of {}, known cost ${:.2}", self.attempts, self.max_attempts, self.cost_usd));
        if self.events.is_empty() {
            line("Events: none is left; the rows below are what is known");
        } else {
            line("Events");
        }
        self.events.iter().for_each(|event| event.print(now));
        if !self.rows.is_empty() {
            line("Outcomes");
        }
        self.rows.iter().for_each(|row| line(row_line(row)));
        if let Some(Report { outcome, root_cause, ts, file }) = &self.report {
            line("Report");
            if let (Some(outcome), Some(root_cause), Some(ts)) = (outcome, root_cause, ts) {
                line(format!("  {ts}  {outcome}: {root_cause}"));
            }
            line(format!("  {}", shown_path(file)));
        }
        for (what, paths) in [
            ("Earlier reports", &self.earlier_reports),
            ("Notes in the inbox", &self.notes),
            ("Attempt folders", &self.attempt_folders),
        ] {
            if !paths.is_empty() {
                line(what);
            }
            paths.iter().for_each(|path| line(format!("  {}", shown_path(path))));
        }
    }
}

fn shown_path(path: &std::path::Path) -> String {
    visible(&path.display().to_string())
}

impl Event {
    fn of(sighted: &Sighted) -> Self {
        let delivery = &sighted.event.delivery;
        Self {
            state: sighted.state,
            time: sighted.time,
            attempts: delivery.attempts,
            not_before: delivery.not_before.map(rfc3339_millis),
            last_error: delivery.last_error.as_deref().map(clean),
            file: sighted.path.clone(),
        }
    }

    fn print(&self, now: Timestamp) {
        let (state, time) = (self.state.as_str(), rfc3339_millis(self.time));
        let age = age(now.duration_since(self.time));
        line(format!("  {state:<11} {time}  {age} old  {}", shown_path(&self.file)));
        match (&self.not_before, self.state) {
            (_, State::Held) => line("              held until `haltline release`"),
            (Some(time), State::Deferred) => line(format!("              not before {time}")),
            _ => {}
        }
        if let Some(error) = &self.last_error {
            line(format!("              failed attempts {}, at last: {error}", self.attempts));
        }
    }
}

impl Outcome {
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

fn row_line(row: &Outcome) -> String {
    let mut parts = vec![format!("  {}  {}", row.ts, row.outcome)];
    parts.extend(row.failure.clone());
    parts.extend(row.provider.clone());
    parts.extend(row.model.clone());
    parts.extend(row.duration_ms.map(|millis| format!("{}.{} s", millis / 1000, millis % 1000 / 100)));
    if let (Some(usd), Some(source)) = (row.cost_usd, &row.cost_source) {
        parts.push(format!("${usd:.4} ({source})"));
    }
    parts.extend(row.duplicate_of.as_ref().map(|path| format!("by {path}")));
    parts.extend(row.errno.as_ref().map(|errno| format!("move {}: {errno}", row.moved)));
    parts.join("  ")
}
