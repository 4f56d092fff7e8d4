//! What a migration did, in lines for people.

use haltline_protocol::MigrationReport;

/// The line of counts, as `flagged 3, already flagged 0, untouched 12, malformed 0, failed 0, appeared 0`.
pub fn count_line(report: &MigrationReport) -> String {
    format!(
        "flagged {}, already flagged {}, untouched {}, malformed {}, failed {}, appeared {}",
        report.flagged,
        report.already_flagged,
        report.untouched,
        report.malformed.len(),
        report.failed.len(),
        report.appeared.len()
    )
}

/// One line for each file that keeps the migration from being complete.
pub fn trouble_lines(report: &MigrationReport) -> Vec<String> {
    let kinds = [("malformed", &report.malformed), ("failed", &report.failed), ("appeared", &report.appeared)];
    kinds
        .into_iter()
        .flat_map(|(kind, troubles)| {
            troubles.iter().map(move |trouble| format!("{kind} {}: {}", trouble.file, trouble.reason))
        })
        .collect()
}
