//! Every sink of the registry keeps the promises of a sink.

#[cfg(test)]
mod common;

use std::collections::BTreeSet;

use common::Suite;
use haltline_analytics::{Activity, SINKS, SinkEntry, SinkOpenError, open_sinks};
use haltline_protocol::{Layout, Receipt, pattern_has_file};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    sinks: Vec<SinkEntry>,
}

#[test]
fn every_row_of_the_registry_says_what_it_is() {
    let mut names = BTreeSet::new();
    for factory in SINKS {
        let name = factory.declaration().name;
        assert!(names.insert(name), "`{name}` stands twice");
        assert!(!factory.declaration().docs.is_empty() && !factory.declaration().docs.contains('\n'), "{name}");

        let config: Config = toml::from_str(&factory.declaration().example_entry()).unwrap();
        let [entry] = &config.sinks[..] else { panic!("{name}: one entry is the example") };
        assert_eq!(entry.kind, name);
        factory.check(&entry.settings).unwrap();

        let mut odd = entry.settings.clone();
        odd.insert("no-such-key".into(), true.into());
        let error = factory.check(&odd).unwrap_err();
        assert!(matches!(error, SinkOpenError::Settings { .. }), "{error}");
        assert!(error.to_string().contains("no-such-key"), "{error}");
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path());
        assert!(factory.open(&odd, &layout).is_err(), "{name} opens with an unknown key");
        assert!(common::tree(home.path()).is_empty());
    }
}

#[tokio::test]
async fn every_sink_passes_the_suite() {
    for factory in SINKS {
        let config: Config = toml::from_str(&factory.declaration().example_entry()).unwrap();
        Suite { factory: *factory, settings: config.sinks[0].settings.clone() }.run().await;
    }
}

#[tokio::test]
async fn every_sink_writes_only_where_it_says() {
    for factory in SINKS {
        let config: Config = toml::from_str(&factory.declaration().example_entry()).unwrap();
        let suite = Suite { factory: *factory, settings: config.sinks[0].settings.clone() };
        let mut left: Vec<_> = factory.declaration().writes.to_vec();
        for name in suite.reference().await.keys() {
            assert!(
                factory.declaration().writes.iter().any(|pattern| pattern_has_file(pattern, name)),
                "{}: {name}",
                factory.declaration().name
            );
            left.retain(|pattern| !pattern_has_file(pattern, name));
        }
        // What is refused as a pattern is not among the records.
        left.retain(|pattern| !pattern.contains("rejected"));
        assert!(left.is_empty(), "{}: {left:?}", factory.declaration().name);
    }
}

#[test]
fn the_built_in_sinks_are_open_whether_named_or_not() {
    let home = tempfile::tempdir().unwrap();
    let layout = Layout::new(home.path());
    let opened = |activity, config: &str| -> Result<Vec<String>, SinkOpenError> {
        let config: Config = toml::from_str(config).unwrap();
        let sinks = open_sinks(SINKS, activity, &config.sinks, &layout)?;
        Ok(sinks.names().into_iter().map(String::from).collect())
    };
    let names = |config: &str| opened(Activity::Drain, config);
    let all = ["jsonl", "report", "inbox", "proposals"];
    assert_eq!(names("sinks = []").unwrap(), all);
    assert_eq!(names("[[sinks]]\nkind = \"inbox\"\n").unwrap(), all);
    assert_eq!(opened(Activity::Investigation, "sinks = []").unwrap(), all);
    let auto_drain = ["jsonl", "report", "inbox", "proposals", "telemetry"];
    assert_eq!(opened(Activity::AutoDrain, "sinks = []").unwrap(), auto_drain);
    assert_eq!(opened(Activity::Upgrade, "sinks = []").unwrap(), ["upgrades"]);
    let error = names("[[sinks]]\nkind = \"kafka\"\n").unwrap_err().to_string();
    assert_eq!(error, "unknown sink `kafka`; known are jsonl, report, inbox, proposals, telemetry, upgrades");
}

#[tokio::test]
async fn one_batch_reaches_every_file_that_the_contract_names() {
    let home = tempfile::tempdir().unwrap();
    let layout = Layout::new(home.path());
    let sinks = open_sinks(SINKS, Activity::Drain, &[], &layout).unwrap();
    let (answer, summary) = common::acknowledged(sinks, common::records(), false).await;
    answer.unwrap();
    assert_eq!(summary.filed(), Receipt { notes: 2, proposals: 2, reports: 2 });
    let names: Vec<_> = common::tree(home.path()).into_keys().collect();
    let expected = [
        "analytics/skill-faults.jsonl",
        "skill-faults/inbox/2026-05-20-halt-PHASE_FAILED:p3:302c3b29-2.md",
        "skill-faults/inbox/2026-05-20-halt-PHASE_FAILED:p3:302c3b29.md",
        "skill-faults/pending-patterns.jsonl",
        "skill-faults/reports/build-42/PHASE_FAILED:p3:302c3b29.json",
        "skill-faults/reports/build-42/PHASE_FAILED:p3:302c3b29.md",
        "skill-faults/reports/build-42/PHASE_FAILED:p3:302c3b29~20260520T082001000Z.json",
        "skill-faults/reports/build-42/PHASE_FAILED:p3:302c3b29~20260520T082001000Z.md",
    ];
    assert_eq!(names, expected);
}
