//! How a sink is added: one file, one row. This one lives here and passes the same suite.

#[cfg(test)]
mod best_effort;
#[cfg(test)]
#[path = "../common/mod.rs"]
mod common;

use common::Suite;
use haltline_analytics::{Activity, SinkEntry, SinkOpenError, open_sinks};
use haltline_protocol::Layout;

haltline_protocol::registry! {
    /// A registry with one row.
    pub static MORE_SINKS: haltline_analytics::SinkFactory = { tally => Tally }
}

fn entry(config: &str) -> SinkEntry {
    toml::from_str(config).unwrap_or_else(|error| panic!("{error}"))
}

#[tokio::test]
async fn one_more_sink_passes_the_suite() {
    for factory in MORE_SINKS {
        let settings = entry(factory.declaration().example_entry().trim_start_matches("[[sinks]]\n")).settings;
        Suite { factory: *factory, settings }.run().await;
    }
}

#[test]
fn it_is_open_where_the_configuration_names_it_and_only_there() {
    let home = tempfile::tempdir().unwrap();
    let layout = Layout::new(home.path());
    let open = |entries: &[SinkEntry]| {
        open_sinks(MORE_SINKS, Activity::Drain, entries, &layout).map(|sinks| sinks.names().len())
    };
    assert_eq!(open(&[]).unwrap(), 0);
    let named = entry("kind = \"tally\"\nfolder = \"a\"");
    assert_eq!(open(&[named.clone(), named]).unwrap(), 2);
    let unnamed = open(&[entry("kind = \"tally\"")]).unwrap_err();
    assert!(matches!(&unnamed, SinkOpenError::Settings { reason, .. } if reason.contains("folder")), "{unnamed}");
}
