//! Nothing is lost, nothing is there twice, nothing changes, nothing appears from nowhere.

use std::collections::{BTreeMap, BTreeSet};

use super::fields::is_same_event;
use super::survey::{Found, Identity, Place, Survey};
use crate::crash::history::History;

pub(super) fn check(survey: &Survey, history: &History) -> Vec<String> {
    let mut violations = Vec::new();
    let mut places: BTreeMap<&str, Vec<&Found>> = BTreeMap::new();
    // A wait holds for all occurrences of its fault.
    let waits = survey.files.iter().filter(|found| found.place == Place::Pending && is_held_back(found));
    let held_back: BTreeSet<_> = waits.map(|found| &found.key).collect();
    for found in &survey.files {
        match &found.identity {
            Identity::Token(token) => places.entry(token).or_default().push(found),
            Identity::Unknown => violations.push(format!("nobody wrote {}", found.path.display())),
            Identity::Marker | Identity::OwnAudit => {}
        }
        let waits_for_nothing = found.identity == Identity::Marker || !held_back.contains(&found.key);
        if found.place == Place::Pending && waits_for_nothing {
            violations.push(format!("{} still waits, and nothing holds it back", found.path.display()));
        }
    }
    for (token, emitted) in &history.emitted {
        let files = places.remove(token.as_str()).unwrap_or_default();
        if emitted.acknowledged && files.is_empty() {
            violations.push(format!("{token} was acknowledged and is lost"));
        }
        if files.len() > 1 {
            let paths: Vec<_> = files.iter().map(|found| found.path.display().to_string()).collect();
            violations.push(format!("{token} is in {} places: {}", files.len(), paths.join(", ")));
        }
        let Some(bytes) = &emitted.bytes else { continue };
        for found in files.iter().filter(|found| !is_same_event(&found.bytes, bytes, emitted.may_be_flagged)) {
            violations.push(format!("{} is not what was emitted", found.path.display()));
        }
    }
    violations.extend(places.into_keys().map(|token| format!("{token} was never emitted")));
    violations
}

/// Settled files that were seen before and are gone or changed.
pub(super) fn check_settled(survey: &Survey, history: &History) -> Vec<String> {
    let now = survey.settled();
    let lost = history.settled.iter().filter_map(|(path, bytes)| match now.get(path) {
        None => Some(format!("{} was settled and is gone", path.display())),
        // An upgrade flags settled rows as well.
        Some(found) if !is_same_event(found, bytes, true) => {
            Some(format!("{} was settled and is overwritten", path.display()))
        }
        Some(_) => None,
    });
    lost.collect()
}

/// Whether an event waits for a time that has not come.
fn is_held_back(found: &Found) -> bool {
    let body: serde_json::Value = serde_json::from_slice(&found.bytes).unwrap_or_default();
    let not_before = body["delivery"]["notBefore"].as_str();
    found.identity != Identity::Marker && not_before.is_some_and(|time| !time.starts_with(super::PAST_YEAR))
}
