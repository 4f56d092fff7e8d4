//! Opens the sinks that an activity needs.

use std::fmt;
use std::sync::Arc;

use haltline_protocol::{Layout, Record, Sink};

use crate::factory::{Activity, SinkDeclaration, SinkEntry, SinkFactory, SinkOpenError, SinkPolicy};
use crate::outbox::Outbox;

/// The sinks that are open, each in the order in which it is given a batch.
#[derive(Default)]
pub struct OpenSinks {
    pub(crate) required: Vec<Box<dyn Sink>>,
    pub(crate) best_effort: Vec<BestEffortSink>,
}

/// A best-effort sink and its outbox.
pub(crate) struct BestEffortSink {
    /// The name of the outbox.
    pub(crate) name: String,
    pub(crate) takes: fn(&Record) -> bool,
    pub(crate) outbox: Arc<Outbox>,
    /// The sink, or why it cannot be opened.
    pub(crate) sink: Result<Box<dyn Sink>, SinkOpenError>,
}

impl OpenSinks {
    /// Adds a required sink.
    pub fn push(&mut self, sink: Box<dyn Sink>) {
        self.required.push(sink);
    }

    /// Lists the names of the sinks.
    pub fn names(&self) -> Vec<&str> {
        let required = self.required.iter().map(|sink| sink.name());
        required.chain(self.best_effort.iter().map(|sink| sink.name.as_str())).collect()
    }
}

impl From<Vec<Box<dyn Sink>>> for OpenSinks {
    /// Takes sinks that are required.
    fn from(required: Vec<Box<dyn Sink>>) -> Self {
        Self { required, best_effort: Vec::new() }
    }
}

impl fmt::Debug for OpenSinks {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("OpenSinks").field(&self.names()).finish()
    }
}

/// Opens the sinks that the activity needs and those that the configuration names, in the order of the registry.
///
/// An entry of a sink that is open anyway gives that sink its settings; it does not add a second one. A best-effort sink
/// that cannot be opened stays away, and its records go into its outbox.
///
/// # Errors
/// An entry names no sink or has wrong settings (nothing is opened then), or a required sink cannot be opened.
pub fn open_sinks(
    registry: &[&dyn SinkFactory],
    activity: Activity,
    entries: &[SinkEntry],
    layout: &Layout,
) -> Result<OpenSinks, SinkOpenError> {
    for entry in entries {
        let Some(factory) = registry.iter().find(|factory| factory.declaration().name == entry.kind) else {
            let known: Vec<_> = registry.iter().map(|factory| factory.declaration().name).collect();
            return Err(SinkOpenError::UnknownKind { kind: entry.kind.clone(), known: known.join(", ") });
        };
        factory.check(&entry.settings)?;
    }
    let no_settings = toml::Table::new();
    let mut sinks = OpenSinks::default();
    for factory in registry {
        let declaration = factory.declaration();
        let named = entries.iter().filter(|entry| entry.kind == declaration.name).map(|entry| &entry.settings);
        let mut all: Vec<_> = named.collect();
        if all.is_empty() && (declaration.opens_for)(activity) {
            all.push(&no_settings);
        }
        for (place, settings) in all.into_iter().enumerate() {
            let sink = factory.open(settings, layout);
            match declaration.policy {
                SinkPolicy::Required => sinks.required.push(sink?),
                SinkPolicy::BestEffort => sinks.best_effort.push(BestEffortSink::new(declaration, place, layout, sink)),
            }
        }
    }
    Ok(sinks)
}

impl BestEffortSink {
    /// Takes the entry at this place among those of its kind. Each has an outbox of its own.
    fn new(
        declaration: &SinkDeclaration,
        place: usize,
        layout: &Layout,
        sink: Result<Box<dyn Sink>, SinkOpenError>,
    ) -> Self {
        let name = match place {
            0 => declaration.name.to_owned(),
            place => format!("{}-{}", declaration.name, place + 1),
        };
        let outbox = Arc::new(Outbox::new(layout.outboxes(), &name));
        Self { name, takes: declaration.takes, outbox, sink }
    }
}
