//! `haltline show`: one fault with its events, its attempts, what became of it, what it cost, and where each file is.

use std::path::PathBuf;

use haltline::redaction;
use haltline_protocol::{EventState, Layout, rfc3339_millis};
use haltline_view::{EventShown, FaultDetail, FaultShown, OutcomeShown, ReportShown, show};
use jiff::Timestamp;

use super::by_hand::find_exit;
use crate::cli::OneFault;
use crate::exit::Exit;
use crate::output::{self, age, line, visible};
use crate::queue;

pub(crate) fn run(layout: &Layout, args: &OneFault) -> Exit {
    redaction::start(layout);
    let (survey, rules) = (queue::survey(layout), queue::rules(layout));
    let detail = match FaultDetail::find(&survey, layout, &rules, &args.id, args.run_id.as_deref()) {
        Ok(detail) => detail,
        Err(error) => {
            output::error(&error);
            return find_exit(&error);
        }
    };
    let shown = show(detail, rules.max_attempts);
    if args.json {
        output::json(&shown);
    } else {
        print(&shown);
    }
    Exit::Done
}

fn print(shown: &FaultShown) {
    let now = Timestamp::now();
    line(format!("{}  of run {}", shown.fault_id, shown.run_id));
    if let (Some(kind), Some(severity), Some(slug)) = (&shown.kind, &shown.severity, &shown.state_slug) {
        line(format!("  {severity} {kind}, slug `{slug}`"));
    }
    if let Some(message) = &shown.message {
        line(format!("  {message}"));
    }
    line(format!("  failed attempts {} of {}, known cost ${:.2}", shown.attempts, shown.max_attempts, shown.cost_usd));
    if shown.events.is_empty() {
        line("Events: none is left; the rows below are what is known");
    } else {
        line("Events");
    }
    shown.events.iter().for_each(|event| print_event(event, now));
    if !shown.rows.is_empty() {
        line("Outcomes");
    }
    shown.rows.iter().for_each(|row| line(row_line(row)));
    if let Some(ReportShown { outcome, root_cause, ts, file }) = &shown.report {
        line("Report");
        if let (Some(outcome), Some(root_cause), Some(ts)) = (outcome, root_cause, ts) {
            line(format!("  {ts}  {outcome}: {root_cause}"));
        }
        line(format!("  {}", visible(&file.display().to_string())));
    }
    let paths = |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect();
    let files: [(&str, Vec<String>); 3] = [
        ("Earlier reports", paths(&shown.earlier_reports)),
        ("Notes in the inbox", paths(&shown.notes)),
        ("Attempt folders", shown.attempt_folders.clone()),
    ];
    for (what, paths) in files {
        if !paths.is_empty() {
            line(what);
        }
        paths.iter().for_each(|path| line(format!("  {}", visible(path))));
    }
}

fn print_event(event: &EventShown, now: Timestamp) {
    let (state, time) = (event.state.as_str(), rfc3339_millis(event.time));
    let age = age(now.duration_since(event.time));
    line(format!("  {state:<11} {time}  {age} old  {}", visible(&event.file)));
    match (&event.not_before, event.state) {
        (_, EventState::Held) => line("              held until `haltline release`"),
        (Some(time), EventState::Deferred) => line(format!("              not before {time}")),
        _ => {}
    }
    if let Some(error) = &event.last_error {
        line(format!("              failed attempts {}, at last: {error}", event.attempts));
    }
}

fn row_line(row: &OutcomeShown) -> String {
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
