//! The actor that records every outcome and files every report, and the sinks that it hands them to.

mod actor;
mod append;
mod factory;
mod filing;
mod problem;
mod sinks;
mod telemetry;

pub use actor::{Analytics, AnalyticsSummary, SinkTally};
pub use factory::{NoSettings, SinkContext, SinkEntry, SinkFactory, SinkOpenError, open_sinks, read_settings};
pub use sinks::SINKS;
pub use telemetry::{AutoDrainRow, record_auto_drain};
