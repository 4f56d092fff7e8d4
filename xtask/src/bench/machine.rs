//! What machine it was measured on.

use std::fs;
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

/// A machine and the disk of the homes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Machine {
    kernel: String,
    processor: String,
    cores: usize,
    file_system: String,
}

impl Machine {
    /// Looks around; `folder` is where the homes are.
    pub(super) fn of(folder: &Path) -> Result<Self> {
        let uname = rustix::system::uname();
        let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
        Ok(Self {
            kernel: format!("{} {}", uname.sysname().to_string_lossy(), uname.release().to_string_lossy()),
            processor: processor.map_or(uname.machine().to_string_lossy().as_ref(), |(_, name)| name).to_owned(),
            cores: std::thread::available_parallelism()?.get(),
            file_system: file_system(&fs::canonicalize(folder)?),
        })
    }

    /// In one line.
    pub(super) fn line(&self) -> String {
        format!("{}, {} cores of {}, {}", self.kernel, self.cores, self.processor, self.file_system)
    }
}

/// The type and the options of the file system that a folder is on.
fn file_system(folder: &Path) -> String {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ').skip(1);
        Some((fields.next()?, fields.next()?, fields.next()?))
    });
    // The deepest mount counts, and of two in one place the later one.
    let holds = mounts.filter(|(point, ..)| folder.starts_with(point));
    holds
        .max_by_key(|(point, ..)| point.len())
        .map_or("unknown".to_owned(), |(_, kind, options)| format!("{kind} ({options})"))
}
