//! The result of a drain, as programs and as people read it.

use haltline::Drained;
use haltline_protocol::{DrainCounts, Layout, Usd};
use serde::Serialize;

use crate::exit::Exit;
use crate::output;

/// What an investigation is taken to cost where nothing better is known, in US dollars: what one cost on average when
/// audit events were still investigated.
const TYPICAL_USD: Usd = Usd::from_micros(300_000);

/// The result of a drain: one JSON object for programs.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DrainResult {
    #[serde(flatten)]
    pub(crate) counts: DrainCounts,
    pub(crate) inbox_filed: u32,
    pub(crate) proposals_appended: u32,
    /// Whether a stop left work undone.
    pub(crate) aborted: bool,
    pub(crate) dry_run: bool,
    /// None where it never began.
    pub(crate) drain_id: Option<String>,
}

impl DrainResult {
    pub(crate) fn new(drained: &Drained, dry_run: bool) -> Self {
        let filed = drained.analytics.filed();
        Self {
            counts: drained.report.counts.clone(),
            inbox_filed: filed.notes,
            proposals_appended: filed.proposals,
            aborted: drained.report.stopped,
            dry_run,
            drain_id: Some(drained.drain_id.to_string()),
        }
    }

    /// The result of a drain that never began.
    pub(crate) fn nothing(dry_run: bool) -> Self {
        Self { dry_run, ..Self::default() }
    }

    /// Prints a few lines: what was done, what it cost, what it saved, what is left. The drain's own event is none of
    /// what people had it work off.
    pub(crate) fn print(&self) {
        let counts = &self.counts;
        let would_be = if self.dry_run { "would be " } else { "" };
        let be = |what: &str| format!("{would_be}{what}");
        let fail = if self.dry_run { "would fail" } else { "failed" };
        let parts = [
            (counts.processed, be("investigated")),
            (counts.duplicates, be("settled by another's investigation")),
            (counts.short_circuited - counts.own_settled, be("settled free (audit or known pattern)")),
            (counts.collapsed, be("settled free (went away by themselves)")),
            (counts.quarantined, be("quarantined: no readable events")),
            (counts.failed, fail.to_owned()),
            (counts.deferred, be("left for later")),
            (counts.skipped, "not due (severity, run or back-off)".to_owned()),
        ];
        let mut said_any = false;
        for (count, what) in parts {
            if count > 0 {
                output::line(format!("{count:>7} {what}"));
                said_any = true;
            }
        }
        if counts.recovered > 0 {
            output::line(format!("{:>7} taken back from drains that died", counts.recovered));
            said_any = true;
        }
        if self.inbox_filed > 0 {
            output::line(format!("{:>7} filed in the inbox for you to act on", self.inbox_filed));
        }
        if self.proposals_appended > 0 {
            output::line(format!("{:>7} proposed as patterns", self.proposals_appended));
        }
        let money = if said_any { self.money() } else { Some("Nothing waits.".to_owned()) };
        money.into_iter().for_each(output::line);
    }

    /// What it cost and saved; none where a dry run has nothing to say of it.
    fn money(&self) -> Option<String> {
        let DrainCounts { cost_usd, unpriced, .. } = self.counts;
        let avoided = self.counts.avoided - self.counts.own_avoided;
        let saved = (avoided > 0).then(|| {
            let saved = TYPICAL_USD.times(avoided);
            format!("about ${saved:.2} ({avoided} not investigated, at ${TYPICAL_USD:.2} each)")
        });
        if self.dry_run {
            return saved.map(|saved| format!("Would save {saved}."));
        }
        let cost = match unpriced {
            0 => format!("Cost ${cost_usd:.2}"),
            unknown if cost_usd > Usd::ZERO => format!("Cost ${cost_usd:.2}, unknown for {unknown}"),
            unknown => format!("Cost unknown for {unknown}"),
        };
        Some(saved.map_or_else(|| format!("{cost}."), |saved| format!("{cost}; saved {saved}.")))
    }
}

/// How the program ends after a drain: the first that fits.
pub(crate) fn exit(drained: &Drained) -> Exit {
    let report = &drained.report;
    if drained.untold.is_some() {
        Exit::CannotWrite
    } else if report.no_investigator.is_some() {
        Exit::Config
    } else if report.stopped {
        Exit::Stopped
    } else if report.counts.failed > 0 || report.counts.quarantined > 0 {
        Exit::Failed
    } else if report.refused.is_some() {
        Exit::Stopped
    } else {
        Exit::Done
    }
}

/// Tells on standard error why dispatching ended early, if it did.
pub(crate) fn explain_end(layout: &Layout, drained: &Drained) {
    for reason in &drained.report.passed_over {
        output::note(format!("haltline: passed over {reason}"));
    }
    if drained.report.stopped_by_queue {
        let stop = layout.stop();
        output::note(format!("haltline: dispatching is stopped by {}; remove it to go on", stop.display()));
    }
    if let Some(what_to_do) = &drained.report.no_investigator {
        output::note(format!("haltline: {what_to_do}"));
    }
    if let Some(cap) = &drained.report.refused {
        output::note(format!("haltline: stopped dispatching: {cap}"));
    }
    if let Some(reason) = &drained.report.unfit {
        output::note(format!("haltline: stopped dispatching: {reason}"));
    }
    if let Some(error) = &drained.untold {
        output::error(error);
    }
}
