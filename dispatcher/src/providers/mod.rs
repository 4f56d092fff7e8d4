//! The investigators that haltline knows, one file and one row each.

haltline_protocol::registry! {
    /// Every kind of investigator.
    pub static PROVIDERS: crate::Provider = {
        codex => Codex,
        command => Command,
        triage => Triage,
    }
}

/// The kind of investigator of this name.
pub(crate) fn find_provider(name: &str) -> Option<&'static dyn crate::Provider> {
    PROVIDERS.iter().copied().find(|provider| provider.name() == name)
}
