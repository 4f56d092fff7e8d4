//! The usual parts, of a home on disk.

use std::path::PathBuf;
use std::sync::Arc;

use haltline_analytics::{Activity, SINKS, open_sinks};
use haltline_dispatcher::{DispatcherConfig, Providers, Source};
use haltline_emitter::Emitter;
use haltline_files::Folder;
use haltline_protocol::{Layout, QueueError};
use haltline_spool::{FileQueue, SpoolIntake};

use super::PipelineError;
use super::parts::Pipeline;
use crate::redaction;

impl Pipeline {
    /// The queue of files in a home, with the sinks and the chain of investigators that a drain has where nothing is
    /// configured.
    ///
    /// # Errors
    /// The home cannot be made, or a sink cannot be opened.
    pub fn of_home(home: impl Into<PathBuf>) -> Result<Self, PipelineError> {
        let layout = Layout::new(home);
        // Sinks make their folders in the queue: not where a queue root leads that is a link.
        drop(Folder::ensure(layout.queue())?);
        let sinks = open_sinks(SINKS, Activity::Drain, &[], &layout)?;
        let config = DispatcherConfig::default();
        redaction::start_with(&layout, &config.investigators, false);
        let providers = Providers::build(&config)?;
        Ok(Self::new(Arc::new(FileQueue::new(layout)), Source::Providers(providers)).with_sinks(sinks))
    }
}

/// Opens the queue of a home to emit events into it, and starts the emitter as a task of the current runtime.
///
/// # Errors
/// The queue cannot be made or written.
///
/// # Panics
/// There is no current Tokio runtime.
pub fn open_emitter(home: impl Into<PathBuf>) -> Result<Emitter, QueueError> {
    let layout = Layout::new(home);
    redaction::start(&layout);
    Ok(Emitter::start(Arc::new(SpoolIntake::open(&layout, true)?)))
}
