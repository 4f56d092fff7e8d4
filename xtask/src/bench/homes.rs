//! Fresh homes with events in their queues.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::events::{self, Sample};

/// Makes a home with events that wait.
pub(super) fn filled(folder: &Path, name: &str, count: u32, sample: Sample) -> Result<PathBuf> {
    let home = folder.join(name);
    fs::create_dir(&home).with_context(|| format!("cannot make {}", home.display()))?;
    events::fill(&home, count, sample)?;
    Ok(home)
}

/// Flushes what the making of homes left to write: it would be charged to whoever runs first.
pub(super) fn settle(folder: &Path) -> Result<()> {
    Ok(rustix::fs::syncfs(File::open(folder)?)?)
}

/// Fails where so many events do not wait.
pub(super) fn demand_waiting(home: &Path, count: u32) -> Result<()> {
    let folder = events::pending_folder(home);
    let found = fs::read_dir(&folder)?.count();
    ensure!(found == count as usize, "{found} files are in {}, not {count}", folder.display());
    Ok(())
}
