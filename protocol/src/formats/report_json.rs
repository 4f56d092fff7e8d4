//! The report as programs read it, `<faultId>.json`: the investigator's own fields, and what they are to be seen with.

use std::borrow::Cow;

use haltline_evidence::Redactor;
use serde::{Deserialize, Serialize};

use crate::{Citation, CostSource, DrainId, Filing, FitReport, Usd, rfc3339_millis};

/// A report as the file has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportFile<'a> {
    /// The investigator's own fields.
    #[serde(flatten)]
    pub report: Cow<'a, FitReport>,
    /// With `seq`: which investigation it is.
    pub drain_id: Cow<'a, DrainId>,
    /// The number of the attempt within its drain.
    pub seq: u64,
    /// When the report came.
    #[serde(default)]
    pub ts: String,
    /// The run that halted.
    #[serde(default)]
    pub run_id: Cow<'a, str>,
    /// The kind as the event says it.
    #[serde(default)]
    pub kind: Cow<'a, str>,
    /// The severity as the event says it.
    #[serde(default)]
    pub severity: Cow<'a, str>,
    /// The event's own line on what happened.
    #[serde(default)]
    pub message: Cow<'a, str>,
    /// How many event files it covers.
    #[serde(default)]
    pub occurrences: u32,
    /// The investigator that answered.
    #[serde(default)]
    pub provider: Cow<'a, str>,
    /// The model that it used.
    #[serde(default)]
    pub model: Option<Cow<'a, str>>,
    /// Cost in US dollars; null where nothing is known.
    #[serde(default)]
    pub cost_usd: Option<Usd>,
    /// Where the cost comes from.
    #[serde(default)]
    pub cost_source: Option<CostSource>,
    /// Wall time of the investigation, in milliseconds.
    #[serde(default)]
    pub duration_ms: u64,
    /// Tokens that were sent and not cached.
    #[serde(default)]
    pub tokens_in: Option<u64>,
    /// Tokens that were sent and cached.
    #[serde(default)]
    pub tokens_cached: Option<u64>,
    /// Tokens that came back.
    #[serde(default)]
    pub tokens_out: Option<u64>,
    /// For each entry of evidence whether it was found in the log or the work tree; empty where nobody looked.
    #[serde(default)]
    pub citations: Cow<'a, [Citation]>,
    /// The investigators that were asked before and could not work, with the reason of each.
    #[serde(default)]
    pub passed_over: Cow<'a, [String]>,
}

impl<'a> ReportFile<'a> {
    /// Takes what the file says from a filing.
    pub fn new(filing: &'a Filing) -> Self {
        let (event, usage) = (&*filing.event, &filing.usage);
        Self {
            report: Cow::Borrowed(&filing.report),
            drain_id: Cow::Borrowed(&filing.drain_id),
            seq: filing.seq,
            ts: rfc3339_millis(filing.ts),
            run_id: event.run_id.as_str().into(),
            kind: event.kind.as_str().into(),
            severity: event.severity_text.as_str().into(),
            message: Redactor::in_force().redact(&event.message),
            occurrences: filing.occurrences,
            provider: usage.provider.as_str().into(),
            model: usage.model.as_deref().map(Cow::Borrowed),
            cost_usd: usage.cost.map(|cost| cost.usd),
            cost_source: usage.cost.map(|cost| cost.source),
            duration_ms: u64::try_from(usage.duration.as_millis()).unwrap_or(u64::MAX),
            tokens_in: usage.tokens_in,
            tokens_cached: usage.tokens_cached,
            tokens_out: usage.tokens_out,
            citations: filing.citations.as_slice().into(),
            passed_over: usage.passed_over.as_slice().into(),
        }
    }

    /// Tells whether the file is the report of an investigation.
    pub fn tells_of(&self, drain_id: &DrainId, seq: u64) -> bool {
        *self.drain_id == *drain_id && self.seq == seq
    }

    /// Writes the file.
    ///
    /// # Errors
    /// A value cannot be written as JSON.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut json = serde_json::to_vec_pretty(self)?;
        json.push(b'\n');
        Ok(json)
    }
}

impl ReportFile<'static> {
    /// Reads a file; none where it is no report of ours.
    pub fn parse(file: &[u8]) -> Option<Self> {
        serde_json::from_slice(file).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::samples::filing;

    #[test]
    fn programs_find_the_report_and_what_it_took() {
        let filing = filing("");
        let file = ReportFile::new(&filing).to_bytes().unwrap();
        let read = ReportFile::parse(&file).unwrap();
        assert_eq!(*read.report, filing.report);
        assert_eq!((&*read.drain_id, read.seq, &*read.ts), (&filing.drain_id, 7, "2026-05-20T08:20:00.000Z"));
        assert_eq!(read.to_bytes().unwrap(), file);
        assert!(read.tells_of(&filing.drain_id, 7) && !read.tells_of(&filing.drain_id, 8));
        assert!(ReportFile::parse(&file[..file.len() - 3]).is_none());
    }
}
