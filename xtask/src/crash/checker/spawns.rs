//! Nothing is paid for twice.

use std::collections::BTreeMap;

use super::fields;
use super::survey::{Place, Row, StubLine, Survey};

pub(super) fn check(survey: &Survey, log: &[StubLine], reports_survive: bool) -> Vec<String> {
    let mut violations = Vec::new();
    let mut by_attempt: BTreeMap<&str, u32> = BTreeMap::new();
    let mut by_fault: BTreeMap<&(String, String), Vec<&StubLine>> = BTreeMap::new();
    for line in log {
        *by_attempt.entry(&line.attempt).or_default() += u32::from(!line.is_end);
        by_fault.entry(&line.key).or_default().push(line);
    }
    let twice = by_attempt.into_iter().filter(|(_, count)| *count > 1);
    violations.extend(twice.map(|(attempt, count)| format!("the attempt {attempt} was started {count} times")));

    for (key, lines) in by_fault {
        let starts = lines.iter().filter(|line| !line.is_end).count() as u64;
        let allowed = allowed_starts(survey, key, !reports_survive);
        if starts > allowed {
            violations.push(format!("{key:?} was started {starts} times, and its attempts allow {allowed}"));
        }
        let reported = lines.iter().position(|line| line.is_end);
        let again = reported.is_some_and(|at| lines[at..].iter().any(|line| !line.is_end));
        if reports_survive && again {
            violations.push(format!("{key:?} was started again after its report was printed whole"));
        }
    }
    violations
}

/// One start for each attempt that failed, and one for the report. Where errors come in between, an occurrence that
/// could not be read or claimed with the others is investigated by itself: one start for each row of a report.
fn allowed_starts(survey: &Survey, key: &(String, String), is_apart_allowed: bool) -> u64 {
    let events = survey.files.iter().filter(|found| found.key.as_ref() == Some(key));
    let (mut failed, mut is_processed) = (0, false);
    for found in events {
        failed = failed.max(fields::attempts(&found.bytes));
        is_processed |= found.place == Place::Processed;
    }
    let is_report = |row: &&Row| {
        let is_ours = row.run_id.as_ref() == Some(&key.0) && row.fault_id.as_ref() == Some(&key.1);
        is_ours && row.outcome == "investigated"
    };
    let apart = if is_apart_allowed { survey.rows.iter().filter(is_report).count() as u64 } else { 0 };
    failed + apart.max(u64::from(is_processed))
}
