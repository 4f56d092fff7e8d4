//! Puts the redactor in force for the process, before any text from outside is taken in.

use std::collections::BTreeMap;

use haltline_dispatcher::InvestigatorConfig;
use haltline_evidence::{Redactor, own_secrets};
use haltline_files::FileError;
use haltline_protocol::Layout;
use haltline_spool::{existing_redaction_key, redaction_key};

/// For whoever emits. It makes no key: until the first drain does, markers go without the part that tells equal
/// secrets.
pub fn start(layout: &Layout) {
    put_in_force(existing_redaction_key(layout), std::iter::empty());
}

/// For whoever drains or investigates. A dry run writes nothing, and so makes no key.
pub fn start_with(layout: &Layout, investigators: &BTreeMap<String, InvestigatorConfig>, is_dry_run: bool) {
    let key = if is_dry_run { existing_redaction_key(layout) } else { redaction_key(layout).map(Some) };
    let configured = investigators.values().flat_map(|section| section.env.values());
    put_in_force(key, configured.map(|value| value.0.clone()));
}

fn put_in_force(key: Result<Option<[u8; 32]>, FileError>, configured: impl Iterator<Item = String>) {
    let redactor = Redactor::new(own_secrets(std::env::vars_os()).into_iter().chain(configured));
    let key = key.unwrap_or_else(|error| {
        tracing::debug!(%error, "secrets are taken out without a key");
        None
    });
    let redactor = match key {
        Some(key) => redactor.with_key(key),
        None => redactor,
    };
    // The demonstration runs several commands in one process; the first one's redactor stays.
    if !redactor.put_in_force() {
        tracing::debug!("a redactor is in force already");
    }
}
