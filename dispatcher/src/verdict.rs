//! What the end of a process and its output come to: a report, or the class of its failure.

use haltline_evidence::clean_line;
use haltline_process::{Ended, StartError};
use haltline_protocol::Failure;

use crate::cost::ReportedCost;
use crate::provider::{Complaint, Reading};
use crate::report_check::{CheckError, Checked, Expected};

/// Decides. A complete report counts however its process ended, since it was paid for; only a flood spoils it.
pub(crate) fn decide(
    ended: Ended,
    stderr: &str,
    reading: &Reading,
    expected: &Expected<'_>,
) -> Result<Checked, Complaint> {
    if let Ended::Flooded(name) = ended {
        return Err(Complaint::new(
            Failure::BadReport,
            format!("it printed more to {name} than it may, and was ended"),
        ));
    }
    let error = match last_report(reading, expected) {
        Ok(checked) => return Ok(checked),
        Err(error) => error,
    };
    let (class, text) = match (ended, &reading.failure) {
        (Ended::Cut, _) => (Failure::Interrupted, "the drain was stopped".to_owned()),
        (Ended::TimedOut, _) => (Failure::Timeout, "its wall clock ran out".to_owned()),
        (_, Some(failure)) => return Err(failure.clone()),
        (Ended::Signalled(signal), None) => (Failure::Crash, complaint(&format!("ended by signal {signal}"), stderr)),
        // A refused report tells more than an exit code, which proves nothing in either direction.
        (_, None) if !matches!(error, CheckError::NoReport) => (error.class(), error.to_string()),
        (Ended::Exited(0), None) => (error.class(), complaint(&error.to_string(), stderr)),
        (Ended::Exited(code), None) => (Failure::Crash, complaint(&format!("exit code {code}"), stderr)),
        (Ended::Flooded(_), None) => (Failure::BadReport, error.to_string()),
    };
    Err(Complaint::new(class, text))
}

/// The last answer that holds an acceptable report.
pub(crate) fn last_report(reading: &Reading, expected: &Expected<'_>) -> Result<Checked, CheckError> {
    let mut last_error = None;
    for answer in reading.answers.iter().rev() {
        match expected.find_in(answer) {
            Ok(mut checked) => {
                let beside = if reading.trusts_report_cost { checked.cost } else { ReportedCost::Nothing };
                checked.cost = reading.cost.or(beside);
                return Ok(checked);
            }
            Err(error) => last_error.get_or_insert(error),
        };
    }
    Err(last_error.unwrap_or(CheckError::NoReport))
}

/// The class of a program that did not start.
pub(crate) fn not_started(error: &StartError) -> Complaint {
    let class = match error {
        StartError::Files(_) => Failure::Crash,
        StartError::NoRoom { .. } | StartError::Program { .. } => Failure::MissingProgram,
    };
    Complaint::new(class, clean_line(&error.to_string()))
}

/// Adds the last line of what the program complained of, or the last one that calls itself an error: a stack trace and
/// the name of a runtime may follow it.
fn complaint(what: &str, stderr: &str) -> String {
    let is_error = |line: &&str| {
        line.split_once(':').is_some_and(|(name, _)| {
            !name.contains(char::is_whitespace) && name.to_ascii_lowercase().ends_with("error")
        })
    };
    let mut lines = stderr.lines().rev().map(str::trim).filter(|line| !line.is_empty());
    let last = clean_line(lines.clone().find(is_error).or_else(|| lines.next()).unwrap_or_default());
    if last.is_empty() { what.to_owned() } else { format!("{what}: {last}") }
}

#[cfg(test)]
mod tests {
    use haltline_protocol::FaultId;

    use super::*;

    const REPORT: &str = r#"{"faultId":"K","outcome":"needs-human","rootCause":"c","evidence":[],"costUsd":0.5}"#;

    fn reading(answer: &str, failure: Option<Failure>) -> Reading {
        Reading {
            answers: vec![answer.to_owned()],
            failure: failure.map(|class| Complaint::new(class, "said so")),
            trusts_report_cost: true,
            ..Reading::default()
        }
    }

    fn class(ended: Ended, answer: &str, failure: Option<Failure>) -> Result<(), Failure> {
        let fault_id = FaultId::from("K");
        let expected = Expected { fault_id: &fault_id, nonce: None, needs_nonce: false, quoted: &[] };
        decide(ended, "last words\n\n", &reading(answer, failure), &expected)
            .map(|_| ())
            .map_err(|complaint| complaint.class)
    }

    #[test]
    fn a_complete_report_counts_however_its_process_ended() {
        for ended in [Ended::Exited(0), Ended::Exited(1), Ended::Signalled(9), Ended::TimedOut, Ended::Cut] {
            assert_eq!(class(ended, REPORT, None), Ok(()), "{ended:?}");
        }
        assert_eq!(class(Ended::Flooded("stdout"), REPORT, None), Err(Failure::BadReport));
    }

    #[test]
    fn each_end_without_a_report_has_its_class() {
        let table = [
            (Ended::Exited(0), "", None, Failure::BadReport),
            (Ended::Exited(0), "all good", None, Failure::BadReport),
            (Ended::Exited(3), "", None, Failure::Crash),
            (Ended::Exited(3), r#"{"faultId":"other"}"#, None, Failure::BadReport),
            (Ended::Exited(1), "", Some(Failure::Quota), Failure::Quota),
            (Ended::Signalled(11), "", None, Failure::Crash),
            (Ended::Signalled(15), "", Some(Failure::Auth), Failure::Auth),
            (Ended::TimedOut, "", Some(Failure::Transport), Failure::Timeout),
            (Ended::Cut, "", Some(Failure::Transport), Failure::Interrupted),
        ];
        for (ended, answer, failure, expect) in table {
            assert_eq!(class(ended, answer, failure), Err(expect), "{ended:?} {answer}");
        }
    }

    #[test]
    fn the_output_says_more_about_the_cost_than_the_report_does() {
        let fault_id = FaultId::from("K");
        let expected = Expected { fault_id: &fault_id, nonce: None, needs_nonce: false, quoted: &[] };
        let cost = |reading: &Reading| last_report(reading, &expected).unwrap().cost;
        let plain = reading(REPORT, None);
        assert_eq!(cost(&plain), ReportedCost::usd(0.5));
        assert_eq!(cost(&Reading { cost: ReportedCost::usd(0.1), ..reading(REPORT, None) }), ReportedCost::usd(0.1));
        assert_eq!(cost(&Reading { trusts_report_cost: false, ..plain }), ReportedCost::Nothing);
    }

    #[test]
    fn the_last_words_stand_in_the_detail() {
        assert_eq!(complaint("exit code 1", "a\nno such model\n\n"), "exit code 1: no such model");
        assert_eq!(complaint("exit code 1", ""), "exit code 1");
        let trace =
            "x\nerror: it must be a positive number\n      at <anonymous> (cli.js:3)\n\nBun v1.4.0 (Linux x64)\n";
        assert_eq!(complaint("exit code 1", trace), "exit code 1: error: it must be a positive number");
        assert_eq!(complaint("exit code 1", "TypeError: no\n\nNode.js v22\n"), "exit code 1: TypeError: no");
        assert_eq!(complaint("exit code 1", "an error: first\nlast"), "exit code 1: last");
    }
}
