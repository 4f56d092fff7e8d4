//! A report leaves one trace in each sink.

use std::collections::{BTreeMap, BTreeSet};

use super::survey::{Row, Survey, Trace};

/// Where results are not kept, an attempt that counts as cut off may have left traces in some sinks.
pub(super) fn check(survey: &Survey, results_are_kept: bool) -> Vec<String> {
    let mut violations = Vec::new();
    for traces in [&survey.reports, &survey.texts, &survey.notes] {
        violations.extend(check_pairs(traces));
    }
    let mut investigated: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for row in survey.rows.iter().filter(|row| row.outcome == "investigated" && row.r#move == "moved") {
        investigated.entry(row.fault_id.as_deref().unwrap_or_default()).or_default().0 += 1;
    }
    for report in &survey.reports {
        investigated.entry(report.fault_id.as_deref().unwrap_or_default()).or_default().1 += 1;
    }
    let cut_off = |fault: Option<&str>| {
        let is_cut_off = |row: &&Row| {
            row.failure.as_deref() == Some("interrupted")
                && fault.is_none_or(|fault| row.fault_id.as_deref() == Some(fault))
        };
        if results_are_kept { 0 } else { survey.rows.iter().filter(is_cut_off).count() }
    };
    let uneven = investigated
        .into_iter()
        .filter(|(fault, (rows, reports))| !(*rows..=rows + cut_off(Some(fault))).contains(reports));
    violations.extend(
        uneven.map(|(fault, (rows, reports))| format!("{fault} has {rows} rows of a report and {reports} reports")),
    );
    // Every fault of the harness is severe, and every report asks for action.
    let (reports, texts, notes) = (survey.reports.len(), survey.texts.len(), survey.notes.len());
    if reports.abs_diff(texts).max(reports.abs_diff(notes)) > cut_off(None) {
        violations.push(format!("there are {reports} reports, {texts} texts of reports and {notes} notes"));
    }
    let mut seen = BTreeSet::new();
    let repeated = survey.proposals.iter().filter(|line| !seen.insert(*line));
    violations.extend(repeated.map(|line| format!("a pattern is proposed twice: {line}")));
    violations
}

fn check_pairs(traces: &[Trace]) -> Vec<String> {
    let mut violations = Vec::new();
    let mut pairs: BTreeMap<&(String, u64), &Trace> = BTreeMap::new();
    for trace in traces {
        let Some(pair) = &trace.pair else {
            violations.push(format!("{} does not say which attempt it is of", trace.path.display()));
            continue;
        };
        if let Some(other) = pairs.insert(pair, trace) {
            violations.push(format!("{} and {} are of one attempt", other.path.display(), trace.path.display()));
        }
    }
    violations
}
