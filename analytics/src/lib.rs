//! The actor that records every outcome and files every report, and the sinks that it hands them to.

mod actor;
mod append;
mod factory;
mod filing;
mod lines;
mod problem;
mod sinks;

pub use actor::{Analytics, AnalyticsSummary, SinkTally};
pub use factory::{Activity, NoSettings, SinkEntry, SinkFactory, SinkOpenError, open_sinks, read_settings};
pub use sinks::{SINKS, inbox_folder, set_inbox_folder};
