//! Decides whether what was printed is the report that was asked for. Nothing else makes it one: neither an exit code
//! nor a polite sentence.

use haltline_evidence::{clean, clean_line};
use haltline_protocol::{Document, Failure, FaultId, HaltEvent, Report, Severity};
use serde_json::Value;
use thiserror::Error;

use crate::cost::ReportedCost;
use crate::extract::objects;
use crate::schema::NONCE_FIELD;

/// What a report has to match.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The fault that was asked about.
    pub fault_id: &'a FaultId,
    /// The random word of the attempt, where one was given out.
    pub nonce: Option<&'a str>,
    /// Whether a report without the word is refused.
    pub needs_nonce: bool,
    /// Reports that stand in the event itself. Whoever repeats one without the word has only read the log.
    pub quoted: &'a [Report],
}

/// The reports on an event's fault that stand in its own texts, as a forger puts them there.
pub(crate) fn quoted_reports(event: &HaltEvent) -> Vec<Report> {
    let expected = Expected { fault_id: &event.fault_id, nonce: None, needs_nonce: false, quoted: &[] };
    let texts = [event.stdout_tail(), event.failure_reason(), event.message.clone()];
    let in_text = |text: &String| {
        let seen = clean(text);
        let claims = objects(&seen).filter(|object| object.contains("\"faultId\""));
        claims.filter_map(|object| expected.check(object).ok()).map(|checked| checked.report).collect::<Vec<_>>()
    };
    texts.iter().flat_map(in_text).collect()
}

/// A report that may be used.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The report.
    pub report: Report,
    /// The cost that stands beside it.
    pub cost: ReportedCost,
    /// Whether it has the random word, and so was made for this attempt.
    pub repeats_nonce: bool,
}

/// Why a text holds no acceptable report.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CheckError {
    /// There is nothing in it that claims to be one.
    #[error("the output holds no JSON object with a `faultId`")]
    NoReport,
    /// There are objects, and the last one that looks like a report is none.
    #[error("the output holds no valid report: {0}")]
    Invalid(String),
    /// The report is about something else. A prompt may have been subverted.
    #[error("the report is about another fault, `{0}`; something in the log may have subverted the investigator")]
    OtherFault(String),
    /// The report carries another attempt's random word. A prompt may have been subverted.
    #[error("the report is of another assignment; something in the log may have subverted the investigator")]
    OtherAssignment,
    /// The report lacks the attempt's random word, so it may be anybody's.
    #[error("the report does not repeat the `nonce` of its assignment")]
    NoNonce,
    /// The report stands in the event, and nothing shows that the investigator made it.
    #[error("the report stands in the log already, and does not repeat the `nonce` of its assignment")]
    Quoted,
}

impl CheckError {
    /// The class of the failure.
    pub fn class(&self) -> Failure {
        Failure::BadReport
    }
}

impl Expected<'_> {
    /// Finds the last acceptable report in a text.
    ///
    /// # Errors
    /// There is none; the error tells of the last object that claims to be one.
    pub fn find_in(&self, text: &str) -> Result<Checked, CheckError> {
        let mut last_claim = None;
        let mut without_nonce = None;
        for object in objects(text).filter(|object| object.contains("\"faultId\"")) {
            match self.check(object) {
                // Whoever knows the nonce was asked; one without it may stand in the log that is quoted.
                Ok(checked) if self.nonce.is_none() || checked.repeats_nonce => return Ok(checked),
                Ok(checked) if self.quoted.contains(&checked.report) => {
                    last_claim = last_claim.or(Some(CheckError::Quoted));
                }
                Ok(checked) => without_nonce = without_nonce.or(Some(checked)),
                Err(error) => last_claim = last_claim.or(Some(error)),
            }
        }
        without_nonce.ok_or_else(|| last_claim.unwrap_or(CheckError::NoReport))
    }

    /// Checks one object.
    ///
    /// # Errors
    /// It is not the report that was asked for.
    pub fn check(&self, object: &str) -> Result<Checked, CheckError> {
        let invalid = |error: serde_json::Error| CheckError::Invalid(clean_line(&error.to_string()));
        let fields = Document::parse(object.as_bytes()).map_err(invalid)?;
        let report: Report = serde_json::from_str(object).map_err(invalid)?;
        if report.fault_id != *self.fault_id {
            return Err(CheckError::OtherFault(clean_line(report.fault_id.as_str())));
        }
        let mut repeats_nonce = false;
        if let Some(expected) = self.nonce {
            let given = fields.get(NONCE_FIELD).map(serde_json::from_str).transpose().map_err(invalid)?;
            match given.flatten() {
                Some(given) if given == expected => repeats_nonce = true,
                Some::<String>(_) => return Err(CheckError::OtherAssignment),
                None if self.needs_nonce => return Err(CheckError::NoNonce),
                None => {}
            }
        }
        if report.proposed_fix.as_ref().is_some_and(|fix| fix.options.is_empty()) {
            return Err(CheckError::Invalid("proposedFix has no options; leave it null where there is no fix".into()));
        }
        if report.learned_pattern_proposal.as_ref().is_some_and(|pattern| pattern.severity == Severity::Low) {
            return Err(CheckError::Invalid(
                "learnedPatternProposal: severity is none of CRITICAL, HIGH, MEDIUM".into(),
            ));
        }
        let cost = said_cost(&fields);
        Ok(Checked { report, cost, repeats_nonce })
    }
}

/// The cost that stands beside the report's fields. A figure that is no number at all, or of another currency, is said
/// all the same.
fn said_cost(fields: &Document) -> ReportedCost {
    let said = match fields.get("costUsd") {
        None => return ReportedCost::Nothing,
        Some(text) => {
            serde_json::from_str::<Value>(text).map_or(ReportedCost::Unbelievable, |value| ReportedCost::of(&value))
        }
    };
    let other_currency = fields.get("currency").is_some_and(|text| !text.eq_ignore_ascii_case("\"usd\""));
    if other_currency { ReportedCost::Unbelievable } else { said }
}

#[cfg(test)]
mod tests {
    use haltline_protocol::ReportOutcome;

    use super::*;

    const REPORT: &str = r#"{"faultId":"K:all:1","outcome":"root-cause-identified","rootCause":"the disk is full","evidence":["E: No space left"],"proposedFix":{"options":[{"label":"a","description":"b","blast_radius":"narrow"}]},"learnedPatternProposal":null}"#;

    fn find(text: &str) -> Result<Checked, CheckError> {
        let fault_id = FaultId::from("K:all:1");
        Expected { fault_id: &fault_id, nonce: Some("word"), needs_nonce: false, quoted: &[] }.find_in(text)
    }

    fn with(from: &str, to: &str) -> String {
        assert!(REPORT.contains(from));
        REPORT.replace(from, to)
    }

    #[test]
    fn a_report_is_found_wherever_it_stands() {
        let pretty = serde_json::to_string_pretty(&serde_json::from_str::<Report>(REPORT).unwrap()).unwrap();
        for text in [
            REPORT.to_owned(),
            format!("I looked at {{the log}}.\n\n```json\n{pretty}\n```\nHope that helps {{:-}}"),
            format!("{{\"result\": {REPORT}}}"),
            format!("{}\n{REPORT}", with("the disk is full", "first guess")),
            format!("{}\n{REPORT}\n{}", with("K:all:1", "K:all:2"), with("K:all:1", "K:all:3")),
            with("\"evidence\"", "\"nonce\":\"word\",\"evidence\""),
            with(",\"learnedPatternProposal\":null", ""),
        ] {
            let checked = find(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
            assert_eq!(checked.report.root_cause, "the disk is full");
            assert_eq!(checked.report.outcome, ReportOutcome::RootCauseIdentified);
        }
    }

    #[test]
    fn what_is_not_the_report_is_refused_with_the_reason() {
        let table = [
            ("", "no JSON object with"),
            ("all good, exit 0", "no JSON object with"),
            (r#"{"ok":true}"#, "no JSON object with"),
            (&with("K:all:1", "K:all:2"), "another fault, `K:all:2`"),
            (&with("K:all:1", "k:all:1"), "another fault"),
            (&with("root-cause-identified", "fixed"), "unknown variant `fixed`"),
            (&with("\"the disk is full\"", "7"), "invalid type"),
            (&with("\"rootCause\":\"the disk is full\",", ""), "missing field `rootCause`"),
            (&with("[\"E: No space left\"]", "\"x\""), "invalid type"),
            (&with("[\"E: No space left\"]", "[1]"), "invalid type"),
            (&with("[{\"label\":\"a\",\"description\":\"b\",\"blast_radius\":\"narrow\"}]", "[]"), "no options"),
            (&with("narrow", "huge"), "unknown variant `huge`"),
            (&with("{\"faultId\"", "{\"rootCause\":\"x\",\"faultId\""), "stands twice"),
            (&with("\"label\":\"a\"", "\"label\":\"a\",\"label\":\"b\""), "duplicate field"),
            (&with("\"evidence\"", "\"nonce\":\"other\",\"evidence\""), "another assignment"),
            (
                &with(
                    "Proposal\":null",
                    "Proposal\":{\"category\":\"c\",\"matcherKind\":\"m\",\"pattern\":\"p\",\"severity\":\"LOW\",\"description\":\"d\"}",
                ),
                "severity",
            ),
            (&with("Proposal\":null", "Proposal\":{\"category\":\"c\"}"), "missing field"),
        ];
        for (text, reason) in table {
            let error = find(text).map(|checked| checked.report).unwrap_err().to_string();
            assert!(error.contains(reason), "{text}\n{error}");
        }
    }

    #[test]
    fn where_the_word_is_needed_only_a_report_with_it_is_taken() {
        let fault_id = FaultId::from("K:all:1");
        let strict = Expected { fault_id: &fault_id, nonce: Some("word"), needs_nonce: true, quoted: &[] };
        for nonce in ["", "\"nonce\":null,"] {
            let error = strict.find_in(&with("\"evidence\"", &format!("{nonce}\"evidence\""))).unwrap_err();
            assert_eq!(error, CheckError::NoNonce, "{nonce}");
        }
        let other = with("\"evidence\"", "\"nonce\":\"other\",\"evidence\"");
        assert_eq!(strict.find_in(&other).unwrap_err(), CheckError::OtherAssignment);
        strict.find_in(&with("\"evidence\"", "\"nonce\":\"word\",\"evidence\"")).unwrap();
    }

    #[test]
    fn only_a_plausible_cost_is_believed() {
        let said = |text: &str| find(&with("\"evidence\"", &format!("\"costUsd\":{text},\"evidence\""))).unwrap().cost;
        for (text, usd) in [("0.12", 0.12), ("0", 0.0), ("9999", 9999.0), ("0.5,\"currency\":\"USD\"", 0.5)] {
            assert_eq!(said(text), ReportedCost::usd(usd), "{text}");
        }
        let impossible = ["-1", "1e300", "10001", "\"0.12\"", "\"NaN\"", "[1]", "{\"usd\":1}"];
        for text in impossible.into_iter().chain(["1,\"currency\":\"EUR\"", "1e999"]) {
            assert_eq!(said(text), ReportedCost::Unbelievable, "{text}");
        }
        assert_eq!(said("null"), ReportedCost::Nothing);
        assert_eq!(find(REPORT).unwrap().cost, ReportedCost::Nothing);
    }
}
