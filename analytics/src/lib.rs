//! The actor that records every outcome and files every report, and the sinks that it hands them to.

mod actor;
mod factory;
mod filing;
mod lines;
mod open;
mod outbox;
mod outbox_slot;
mod problem;
mod relay;
mod sinks;

pub use actor::{Analytics, AnalyticsSummary, SinkTally};
pub use factory::{
    Activity, NoSettings, SinkDeclaration, SinkEntry, SinkFactory, SinkOpenError, SinkPolicy, read_settings,
};
pub use open::{OpenSinks, open_sinks};
pub use outbox::OUTBOX_FILES;
pub use outbox_slot::OutboxTally;
pub use sinks::{SINKS, inbox_folder, set_inbox_folder};
