//! The composition root of haltline, for its binary and for programs that embed it.
//!
//! A [`Pipeline`] connects the actors: a queue, the consumer that processes it, the dispatcher that asks investigators,
//! and the analytics that hand every outcome to sinks. It is the only place that knows all of them. A program runs a
//! drain with a sink or an investigator of its own in some ten lines: see `examples/embedded_drain.rs`.
//!
//! Secrets of the process's environment are taken out of all that is written. Nothing here changes the host's process: no umask, no limits, no child subreaper, no signal handlers. Those belong to
//! the binary.

mod pipeline;
pub mod redaction;

pub use haltline_consumer::DrainOptions;
pub use pipeline::{ByHand, Drained, Filed, Pipeline, PipelineError, open_emitter, upgrade};
