//! The floor: bare programs that do haltline's file work and nothing else. No validation, no locks, no recovery.

mod command;
mod drain;
mod emit;
mod migrate;
mod scan;

use std::os::fd::OwnedFd;
use std::path::Path;

use anyhow::{Context, Result};
use rustix::fs::{Mode, OFlags};

pub use command::run;
pub use drain::{Commit, drain};
pub use emit::emit;
pub use migrate::migrate;
pub use scan::scan;

fn open_folder(path: &Path) -> Result<OwnedFd> {
    rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .with_context(|| format!("cannot open {}", path.display()))
}
