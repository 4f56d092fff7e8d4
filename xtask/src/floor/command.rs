//! The floor's command line, so that it is measured as a process of its own, as haltline is.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;

use super::{Commit, drain};
use crate::bench::events;

/// A piece of bare file work.
#[derive(Debug, Subcommand)]
pub enum Floor {
    /// Fill a home's queue with audit events, for a measurement by hand
    Fill {
        /// The home to fill
        #[arg(long)]
        home: PathBuf,
        /// How many events
        #[arg(long, default_value_t = 10_000)]
        events: u32,
    },
    /// Move every event of a queue to `processed/` and write its row; print how many
    Drain {
        /// The home with the queue
        #[arg(long)]
        home: PathBuf,
        /// Make each group of so many events durable before the next; without it nothing is flushed
        #[arg(long, value_name = "EVENTS")]
        commit: Option<NonZeroUsize>,
    },
}

impl Floor {
    /// Does the work.
    ///
    /// # Errors
    /// A file cannot be read, moved or written, or is no event.
    pub fn run(&self) -> Result<()> {
        match self {
            Self::Fill { home, events } => events::fill(home, *events)?,
            Self::Drain { home, commit } => {
                let commit = commit.map_or(Commit::Never, |group| Commit::EachGroup(group.get()));
                println!("{}", drain(home, commit)?);
            }
        }
        Ok(())
    }
}
