//! The door for sinks: what one has to say of itself, and how those that are needed are opened.

use haltline_files::FileError;
use haltline_protocol::{Layout, Record, Sink};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// Describes one kind of sink and opens it.
///
/// A new sink is one file with a unit struct that implements this, and one row in [`SINKS`](crate::SINKS).
pub trait SinkFactory: Sync {
    /// Says what the sink is.
    fn declaration(&self) -> &SinkDeclaration;

    /// Checks the settings of an entry and touches nothing, so that a dry run can ask too. A sink has no settings unless
    /// it says otherwise.
    ///
    /// # Errors
    /// A key is unknown, missing or of the wrong type.
    fn check(&self, settings: &toml::Table) -> Result<(), SinkOpenError> {
        read_settings::<NoSettings>(self.declaration().name, settings).map(drop)
    }

    /// Opens the sink, and finds out here and now whether it will be able to write. It must not wait for a network.
    ///
    /// # Errors
    /// The settings are wrong, or what it writes to cannot be opened.
    fn open(&self, settings: &toml::Table, layout: &Layout) -> Result<Box<dyn Sink>, SinkOpenError>;
}

/// What a sink says of itself. Help, `doctor --fsck` and the compliance suite follow from it.
#[derive(Debug, Clone, Copy)]
pub struct SinkDeclaration {
    /// The name in the configuration and in messages; it is the `kind` of a `[[sinks]]` entry.
    pub name: &'static str,
    /// What the sink writes and where, in one line.
    pub docs: &'static str,
    /// Whether a drain may go on without the sink.
    pub policy: SinkPolicy,
    /// What the sink writes in the home: paths from there, with `*` for any text within a name.
    pub writes: &'static [&'static str],
    /// Settings of an example entry, as TOML lines.
    pub example: &'static str,
    /// Tells whether an activity opens the sink although the configuration does not name it.
    pub opens_for: fn(Activity) -> bool,
    /// Tells whether a record concerns a best-effort sink, so that no other lies in its outbox.
    pub takes: fn(&Record) -> bool,
}

impl SinkDeclaration {
    /// A required sink of no name that has no settings, is open only where it is named, and takes every record.
    pub const DEFAULT: Self = Self {
        name: "",
        docs: "",
        policy: SinkPolicy::Required,
        writes: &[],
        example: "",
        opens_for: |_| false,
        takes: |_| true,
    };

    /// Returns a `[[sinks]]` entry as it may stand in the configuration.
    pub fn example_entry(&self) -> String {
        format!("[[sinks]]\nkind = \"{}\"\n{}", self.name, self.example)
    }
}

/// Whether a drain may go on without a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SinkPolicy {
    /// No drain begins without the sink, and no record counts as recorded before the sink has it.
    Required,
    /// A drain never waits for the sink. What cannot be delivered lies in its outbox, and later drains try again.
    BestEffort,
}

/// What is done while the sinks are open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activity {
    /// A drain that somebody asked for.
    Drain,
    /// A drain at the end of a build.
    AutoDrain,
    /// An investigation by hand.
    Investigation,
    /// Migrations.
    Upgrade,
}

impl Activity {
    /// Tells whether events are settled or investigated.
    pub fn has_events(self) -> bool {
        self != Self::Upgrade
    }
}

/// One `[[sinks]]` entry of the configuration.
#[derive(Debug, Clone, Deserialize)]
pub struct SinkEntry {
    /// The name of the sink.
    pub kind: String,
    /// Everything else; the sink knows what it means.
    #[serde(flatten)]
    pub settings: toml::Table,
}

/// The settings of a sink that has none: any key is refused.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

/// Why a sink cannot be opened. The first two are faults of the configuration; nothing was touched.
#[derive(Debug, Error)]
pub enum SinkOpenError {
    /// No sink has this name.
    #[error("unknown sink `{kind}`; known are {known}")]
    UnknownKind {
        /// The name in the configuration.
        kind: String,
        /// The names that there are.
        known: String,
    },
    /// The entry's settings are not those of the sink.
    #[error("sink `{sink}`: {reason}")]
    Settings {
        /// The sink.
        sink: &'static str,
        /// The key, and what is wrong with it.
        reason: String,
    },
    /// What the sink writes to cannot be opened or written.
    #[error("sink `{sink}`: {problem}")]
    Unusable {
        /// The sink.
        sink: &'static str,
        /// What was tried, on what, and what to do.
        problem: FileError,
    },
}

/// Reads a sink's settings as its own type. The type should refuse unknown fields.
///
/// # Errors
/// A key is unknown, missing or of the wrong type.
pub fn read_settings<T: DeserializeOwned>(sink: &'static str, settings: &toml::Table) -> Result<T, SinkOpenError> {
    let read: Result<T, toml::de::Error> = settings.clone().try_into();
    read.map_err(|error| SinkOpenError::Settings { sink, reason: error.message().to_owned() })
}
