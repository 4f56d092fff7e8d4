//! What counting a queue costs at least: the names of one folder.

use std::path::Path;

use anyhow::{Context, Result};

use crate::bench::events::pending_folder;

/// How many events wait in a home, by their names.
///
/// # Errors
/// The folder cannot be listed.
pub fn scan(home: &Path) -> Result<u64> {
    let folder = pending_folder(home);
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        count += u64::from(entry?.file_name().as_encoded_bytes().ends_with(b".json"));
    }
    Ok(count)
}
