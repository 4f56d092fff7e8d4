//! Every event that left the queue has one row, and no row tells of anything else.

use std::collections::BTreeMap;

use super::survey::{Found, Identity, Place, Row, Survey};

type Key = Option<(String, String)>;

pub(super) fn check(survey: &Survey) -> Vec<String> {
    let mut violations = Vec::new();
    let mut pairs: BTreeMap<(&str, u64), u32> = BTreeMap::new();
    for row in &survey.rows {
        *pairs.entry((&row.drain_id, row.seq)).or_default() += 1;
    }
    let twice = pairs.into_iter().filter(|(_, count)| *count > 1);
    violations.extend(twice.map(|((drain, seq), count)| format!("{count} rows have the pair {drain}, {seq}")));

    // Files and rows that tell of an event's end, by where it ended and which fault it is.
    let mut ends: BTreeMap<(Place, Key), (Vec<String>, Vec<String>)> = BTreeMap::new();
    let is_event = |found: &&Found| found.place.is_settled() && found.identity != Identity::Marker;
    for found in survey.files.iter().filter(is_event) {
        // The row of what is no event has no fault.
        let key = if found.place == Place::Quarantine { None } else { found.key.clone() };
        ends.entry((found.place, key)).or_default().0.push(found.name());
    }
    for row in &survey.rows {
        let Some(place) = end(row) else { continue };
        let key = if place == Place::Quarantine { None } else { row.run_id.clone().zip(row.fault_id.clone()) };
        ends.entry((place, key)).or_default().1.push(format!("{} {} {}", row.drain_id, row.seq, row.file));
    }
    let uneven = ends.into_iter().filter(|(_, (files, rows))| files.len() != rows.len());
    violations.extend(uneven.map(|((place, key), (files, rows))| {
        format!("{} files of {key:?} in {place:?} have {} settled rows: {files:?}, {rows:?}", files.len(), rows.len())
    }));
    violations
}

/// Where a row says that its event ended; none where it tells of no end, or of another's.
fn end(row: &Row) -> Option<Place> {
    if row.r#move != "moved" {
        return None;
    }
    match &*row.outcome {
        "audit-skipped" | "pattern-matched" | "resolved" | "investigated" | "duplicate" => Some(Place::Processed),
        "dead-lettered" => Some(Place::DeadLetter),
        "quarantined" => Some(Place::Quarantine),
        _ => None,
    }
}
