//! The reports of a fault.

use std::path::PathBuf;

use haltline_files::{FileError, Folder};
use haltline_protocol::{DrainId, FaultKey, Layout, ReportFile};

use crate::open::{open, sorted_names};

/// The most that is read of a report, in bytes.
const LONGEST_REPORT: u64 = 16 << 20;

/// The reports of a fault.
#[derive(Debug, Default)]
pub(crate) struct Reports {
    /// The last report, for people.
    pub(crate) last: Option<LastReport>,
    /// Earlier reports, for people and for programs.
    pub(crate) earlier: Vec<PathBuf>,
    /// The investigations that brought them.
    pub(crate) investigations: Vec<(DrainId, u64)>,
}

/// The last report of a fault.
#[derive(Debug)]
pub struct LastReport {
    /// The report for people.
    pub path: PathBuf,
    /// The report for programs; none where it cannot be read as one.
    pub file: Option<ReportFile<'static>>,
}

impl Reports {
    /// Finds the reports of a fault.
    pub(crate) fn of(layout: &Layout, key: &FaultKey) -> Result<Self, FileError> {
        let mut reports = Self::default();
        let Some(folder) = open(&layout.reports_of(key))? else { return Ok(reports) };
        let stem = Layout::report_stem(key);
        let (text_name, json_name) = (format!("{stem}.md"), format!("{stem}.json"));
        for name in sorted_names(&folder)? {
            let is_kept = name.strip_prefix(&stem).is_some_and(|rest| rest.starts_with('~'));
            let path = folder.path().join(&name);
            if name == text_name {
                reports.last = Some(LastReport { path, file: read(&folder, &json_name) });
            } else if is_kept {
                reports.earlier.push(path);
            }
            if (is_kept && name.ends_with(".json")) || name == json_name {
                reports.investigations.extend(read(&folder, &name).map(|file| (file.drain_id.into_owned(), file.seq)));
            }
        }
        Ok(reports)
    }
}

/// Reads a report; none where it cannot be read as one.
fn read(folder: &Folder, name: &str) -> Option<ReportFile<'static>> {
    ReportFile::parse(&folder.read(name, LONGEST_REPORT).ok()??)
}
