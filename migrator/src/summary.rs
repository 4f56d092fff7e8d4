//! What a migration did, in lines for people.

use haltline_protocol::{MigrationReport, RowTrouble};

/// Writes the line of counts: those of the migration, then those of the files that keep it from being complete.
pub fn count_line(report: &MigrationReport) -> String {
    let troubles = troubles(report).map(|(kind, troubles)| (kind, troubles.len() as u64));
    let counts = report.counts.iter().copied().chain(troubles);
    counts.map(|(label, count)| format!("{label} {count}")).collect::<Vec<_>>().join(", ")
}

/// Writes one line for each file that keeps the migration from being complete.
pub fn trouble_lines(report: &MigrationReport) -> Vec<String> {
    troubles(report)
        .into_iter()
        .flat_map(|(kind, troubles)| {
            troubles.iter().map(move |trouble| format!("{kind} {}: {}", trouble.file, trouble.reason))
        })
        .collect()
}

fn troubles(report: &MigrationReport) -> [(&'static str, &Vec<RowTrouble>); 3] {
    [("malformed", &report.malformed), ("failed", &report.failed), ("appeared", &report.appeared)]
}
