//! What an investigation by hand brought, as programs and as people read it.

use std::path::PathBuf;

use haltline_evidence::Redactor;
use haltline_protocol::{
    CostSource, DispatchFailure, Filing, FitReport, HaltEvent, ReportOutcome, Usage, Usd, rfc3339_millis,
};
use serde::Serialize;

use crate::output::{self, line, visible};

/// A report with what it took: the fields of the filed one, and what that lacks.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Output<'a> {
    #[serde(flatten)]
    report: &'a FitReport,
    /// Whether each entry of the evidence was found where it says that it stands.
    evidence_verified: Vec<bool>,
    drain_id: &'a str,
    seq: u64,
    ts: String,
    #[serde(flatten)]
    event: EventFields<'a>,
    occurrences: u32,
    #[serde(flatten)]
    usage: UsageFields<'a>,
    /// The filed report for people; none where it could not be filed.
    report_file: Option<PathBuf>,
    /// Notes that were filed in the inbox.
    inbox_filed: u32,
}

/// Why there is no report, with what it took all the same.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FailureOutput<'a> {
    fault_id: &'a str,
    #[serde(flatten)]
    event: EventFields<'a>,
    /// The class of the failure.
    failure: &'static str,
    detail: &'a str,
    /// When it may work again, where the investigator says so.
    retry_after: Option<String>,
    #[serde(flatten)]
    usage: UsageFields<'a>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct EventFields<'a> {
    run_id: &'a str,
    kind: &'a str,
    /// As the event says it.
    severity: &'a str,
    message: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct UsageFields<'a> {
    provider: &'a str,
    model: Option<&'a str>,
    /// US dollars; null where nothing is known.
    cost_usd: Option<Usd>,
    cost_source: Option<CostSource>,
    tokens_in: Option<u64>,
    tokens_cached: Option<u64>,
    tokens_out: Option<u64>,
    duration_ms: u64,
    /// The investigators before it that could not work, with the reason of each.
    passed_over: &'a [String],
}

impl<'a> EventFields<'a> {
    fn of(event: &'a HaltEvent) -> Self {
        Self {
            run_id: event.run_id.as_str(),
            kind: event.kind.as_str(),
            severity: &event.severity_text,
            message: Redactor::in_force().redact(&event.message).into_owned(),
        }
    }
}

impl<'a> UsageFields<'a> {
    fn of(usage: &'a Usage) -> Self {
        Self {
            provider: &usage.provider,
            model: usage.model.as_deref(),
            cost_usd: usage.cost.map(|cost| cost.usd),
            cost_source: usage.cost.map(|cost| cost.source),
            tokens_in: usage.tokens_in,
            tokens_cached: usage.tokens_cached,
            tokens_out: usage.tokens_out,
            duration_ms: u64::try_from(usage.duration.as_millis()).unwrap_or(u64::MAX),
            passed_over: &usage.passed_over,
        }
    }

    /// Who answered, how fast and at what cost, in one line.
    fn line(&self) -> String {
        let model = self.model.map(|model| format!(" with {}", visible(model))).unwrap_or_default();
        let cost = match (self.cost_usd, self.cost_source) {
            (Some(usd), Some(source)) => format!("${usd:.4} ({})", source.as_str()),
            _ => "at unknown cost".to_owned(),
        };
        let tokens = match (self.tokens_in, self.tokens_cached, self.tokens_out) {
            (Some(sent), Some(cached), Some(answered)) => {
                format!(", {sent} tokens in and {cached} cached, {answered} out")
            }
            _ => String::new(),
        };
        let (seconds, tenths) = (self.duration_ms / 1000, self.duration_ms % 1000 / 100);
        format!("by {}{model} in {seconds}.{tenths} s, {cost}{tokens}", visible(self.provider))
    }
}

impl<'a> Output<'a> {
    pub(crate) fn new(filing: &'a Filing, report_file: Option<PathBuf>, inbox_filed: u32) -> Self {
        Self {
            report: &filing.report,
            evidence_verified: filing.citations.iter().map(|citation| citation.verified).collect(),
            drain_id: filing.drain_id.as_str(),
            seq: filing.seq,
            ts: rfc3339_millis(filing.ts),
            event: EventFields::of(&filing.event),
            occurrences: filing.occurrences,
            usage: UsageFields::of(&filing.usage),
            report_file,
            inbox_filed,
        }
    }

    /// Prints a summary for people.
    pub(crate) fn print(&self) {
        let report = &**self.report;
        line(format!("# {} in run {}", visible(report.fault_id.as_str()), visible(self.event.run_id)));
        line("");
        line(format!("{}, {}", outcome(report.outcome), self.usage.line()));
        line("");
        line(&report.root_cause);
        if let Some(path) = &report.duplicate_of_path {
            line(format!("An earlier report covers it: {path}"));
        }
        line("");
        self.print_evidence();
        if let Some(fix) = &report.proposed_fix {
            line("## Ways to mend it");
            line("");
            for (place, option) in fix.options.iter().enumerate() {
                let touches = option.blast_radius.as_str();
                line(format!("{}. {} (touches: {touches})", place + 1, option.label));
                line(indented(&option.description));
            }
            line("");
        }
        if let Some(path) = &self.report_file {
            line(format!("Report: {}", path.display()));
        }
        if self.inbox_filed > 0 {
            line("A note is in the inbox.");
        }
    }

    fn print_evidence(&self) {
        let entries = &self.report.evidence;
        if entries.is_empty() {
            line("## Evidence: none");
            line("");
            return;
        }
        let found = self.evidence_verified.iter().filter(|verified| **verified).count();
        line(format!("## Evidence ({found} of {} found where it says that it stands)", entries.len()));
        line("");
        for (place, entry) in entries.iter().enumerate() {
            let is_found = self.evidence_verified.get(place).copied().unwrap_or(false);
            let mark = if is_found { "found" } else { "not found" };
            line(format!("- {mark}: {}", indented(entry).trim_start()));
        }
        line("");
    }
}

impl<'a> FailureOutput<'a> {
    pub(crate) fn new(event: &'a HaltEvent, failure: &'a DispatchFailure) -> Self {
        Self {
            fault_id: event.fault_id.as_str(),
            event: EventFields::of(event),
            failure: failure.class.as_str(),
            detail: &failure.detail,
            retry_after: failure.retry_after.map(rfc3339_millis),
            usage: UsageFields::of(&failure.usage),
        }
    }

    /// Tells people on standard error.
    pub(crate) fn print(&self) {
        output::note(format!("haltline: no report: {}: {}", self.failure, visible(self.detail)));
        output::note(format!("haltline: asked {}", self.usage.line().trim_start_matches("by ")));
        if let Some(time) = &self.retry_after {
            output::note(format!("haltline: it may work again after {time}"));
        }
    }
}

fn outcome(outcome: ReportOutcome) -> String {
    format!("**{}**", outcome.as_str())
}

fn indented(text: &str) -> String {
    text.trim_end().lines().map(|line| format!("   {line}")).collect::<Vec<_>>().join("\n")
}
