//! The analytics rows, read for people. A torn or foreign line is passed over, and a pair that stands twice counts once.

use std::collections::HashSet;
use std::io::{BufRead, BufReader};

use haltline_protocol::{Layout, QueueError};
use haltline_spool::Folder;
use serde::{Deserialize, Serialize};

/// The file of rows in the analytics folder.
pub(crate) const ROWS: &str = "skill-faults.jsonl";

/// One outcome, as the file says it; what is missing or of another type counts as null.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SeenRow {
    pub(crate) ts: String,
    pub(crate) drain_id: String,
    pub(crate) seq: u64,
    pub(crate) fault_id: Option<String>,
    pub(crate) run_id: Option<String>,
    pub(crate) outcome: String,
    #[serde(rename = "move")]
    pub(crate) moved: String,
    pub(crate) errno: Option<String>,
    pub(crate) duration_ms: Option<u64>,
    pub(crate) cost_usd: Option<f64>,
    pub(crate) cost_source: Option<String>,
    pub(crate) provider: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) failure: Option<String>,
    pub(crate) occurrences: Option<u32>,
    pub(crate) duplicate_of: Option<String>,
    pub(crate) file: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) passed_over: Vec<String>,
}

/// The rows that are wanted, in the order in which they were written; none where there is no file.
///
/// # Errors
/// The file is there and cannot be read.
pub(crate) fn rows(layout: &Layout, is_wanted: impl Fn(&SeenRow) -> bool) -> Result<Vec<SeenRow>, QueueError> {
    let path = layout.analytics().join(ROWS);
    let opened = match Folder::open(&layout.analytics()) {
        Ok(folder) => folder.open_file(ROWS).map_err(std::io::Error::from),
        Err(error) => Err(error.source),
    };
    let unreadable = |source| QueueError { action: "read", path: path.clone(), source, hint: None };
    let file = match opened {
        Ok((file, _)) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    for line in BufReader::new(file).split(b'\n') {
        let Ok(row) = serde_json::from_slice::<SeenRow>(&line.map_err(unreadable)?) else { continue };
        if is_wanted(&row) && seen.insert((row.drain_id.clone(), row.seq)) {
            found.push(row);
        }
    }
    Ok(found)
}
