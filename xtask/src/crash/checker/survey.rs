//! What a home holds after everything has come to rest.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::{Context, Result};
use regex::bytes::Regex;
use serde::Deserialize;
use serde_json::Value;

static TOKEN: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"tok-[0-9a-z]+-").expect("the pattern is a constant"));
static PAIR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^<!-- haltline drainId=(\S+) seq=(\d+) -->$").expect("the pattern is a constant")
});

/// A folder in which an event may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Pending,
    InFlight,
    Processed,
    DeadLetter,
    Quarantine,
}

/// The folders that hold events themselves.
pub(super) const PLACES: [(Place, &str); 4] = [
    (Place::Pending, "pending-investigations"),
    (Place::Processed, "processed"),
    (Place::DeadLetter, "dead-letter"),
    (Place::Quarantine, "quarantine"),
];

impl Place {
    /// Whether an event there has left the queue.
    pub(super) fn is_settled(self) -> bool {
        matches!(self, Self::Processed | Self::DeadLetter | Self::Quarantine)
    }
}

/// What a file in one of those folders is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Identity {
    /// An event of the harness, by its token.
    Token(String),
    /// The audit event that a drain makes of itself.
    OwnAudit,
    /// A RESOLVED marker, which is no event.
    Marker,
    /// Nobody knows where it comes from.
    Unknown,
}

/// One file in one of those folders.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) place: Place,
    pub(super) path: PathBuf,
    pub(super) bytes: Vec<u8>,
    pub(super) identity: Identity,
    /// The runId and the faultId; none for what is no event.
    pub(super) key: Option<(String, String)>,
}

/// A row of the analytics, as far as the rules need it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    pub(super) drain_id: String,
    pub(super) seq: u64,
    pub(super) fault_id: Option<String>,
    pub(super) run_id: Option<String>,
    pub(super) outcome: String,
    pub(super) r#move: String,
    pub(super) failure: Option<String>,
    pub(super) file: String,
}

/// A report or a note, and the attempt that it says it is of.
#[derive(Debug, Clone)]
pub(super) struct Trace {
    pub(super) path: PathBuf,
    pub(super) fault_id: Option<String>,
    pub(super) pair: Option<(String, u64)>,
}

/// A line of the stub investigator's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct StubLine {
    /// Whether it had printed its whole report; else it had just begun.
    pub(super) is_end: bool,
    /// The runId and the faultId.
    pub(super) key: (String, String),
    /// The folder of the attempt.
    pub(super) attempt: String,
}

/// What a home holds.
#[derive(Debug, Default)]
pub(super) struct Survey {
    pub(super) files: Vec<Found>,
    pub(super) rows: Vec<Row>,
    pub(super) reports: Vec<Trace>,
    pub(super) texts: Vec<Trace>,
    pub(super) notes: Vec<Trace>,
    /// Lines of the pending patterns by their text.
    pub(super) proposals: Vec<String>,
    /// What is in `in-flight/` beside the settle lock.
    pub(super) in_flight: Vec<String>,
    /// Every other file and folder, by path below the home.
    pub(super) paths: Vec<PathBuf>,
}

impl Survey {
    /// Reads a home.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) fn read(home: &Path) -> Result<Self> {
        let queue = home.join("skill-faults");
        let mut survey = Self::default();
        for (place, folder) in PLACES {
            survey.add_events(place, &queue.join(folder))?;
        }
        for name in names(&queue.join("in-flight"))? {
            if name == "settle.lock" {
                continue;
            }
            let folder = queue.join("in-flight").join(&name);
            if folder.is_dir() {
                survey.add_events(Place::InFlight, &folder)?;
            }
            survey.in_flight.push(name);
        }
        survey.add_rows(&home.join("analytics/skill-faults.jsonl"))?;
        for run in names(&queue.join("reports"))? {
            survey.add_reports(&queue.join("reports").join(run))?;
        }
        for name in names(&queue.join("inbox"))?.into_iter().filter(|name| name.ends_with(".md")) {
            survey.notes.push(trace_of_text(&queue.join("inbox").join(name))?);
        }
        let proposals = read(&queue.join("pending-patterns.jsonl"))?;
        survey.proposals = String::from_utf8_lossy(&proposals).lines().map(str::to_owned).collect();
        walk(home, Path::new(""), &mut survey.paths)?;
        Ok(survey)
    }

    /// The settled files by path, with their bytes.
    pub(super) fn settled(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let settled = self.files.iter().filter(|found| found.place.is_settled());
        settled.map(|found| (found.path.clone(), found.bytes.clone())).collect()
    }

    fn add_events(&mut self, place: Place, folder: &Path) -> Result<()> {
        for name in names(folder)? {
            if name.starts_with('.') || !name.ends_with(".json") || name.contains(".reason") {
                continue;
            }
            let path = folder.join(&name);
            let bytes = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
            self.files.push(Found::of(place, path, bytes));
        }
        Ok(())
    }

    fn add_rows(&mut self, path: &Path) -> Result<()> {
        // A torn line does not parse, and is passed over as every reader has to.
        let rows = read(path)?;
        self.rows = rows.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        Ok(())
    }

    fn add_reports(&mut self, folder: &Path) -> Result<()> {
        for name in names(folder)? {
            let path = folder.join(&name);
            if name.ends_with(".md") {
                self.texts.push(trace_of_text(&path)?);
            } else if name.ends_with(".json") {
                let report: Value = serde_json::from_slice(&read(&path)?).unwrap_or_default();
                let pair = report["drainId"].as_str().map(str::to_owned).zip(report["seq"].as_u64());
                let fault_id = report["faultId"].as_str().map(str::to_owned);
                self.reports.push(Trace { path, fault_id, pair });
            }
        }
        Ok(())
    }
}

impl Found {
    pub(super) fn of(place: Place, path: PathBuf, bytes: Vec<u8>) -> Self {
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let text = |field: &str| body[field].as_str().map(str::to_owned);
        let identity = if text("event").is_some() {
            Identity::Marker
        } else if let Some(token) = token(&bytes) {
            Identity::Token(token)
        } else if text("runId").as_deref() == Some("drain-faults") {
            Identity::OwnAudit
        } else {
            Identity::Unknown
        };
        Self { place, path, identity, key: text("runId").zip(text("faultId")), bytes }
    }

    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }
}

/// The lines of the stub's log; one that is torn is passed over.
pub(super) fn stub_lines(log: &str) -> Vec<StubLine> {
    let line = |line: &str| {
        let mut parts = line.split('\t');
        let word = parts.next()?;
        let key = (parts.next()?.to_owned(), parts.next()?.to_owned());
        Some(StubLine { is_end: word == "end", key, attempt: parts.next()?.to_owned() })
    };
    log.lines().filter_map(line).collect()
}

/// The token in an event's bytes.
pub(in crate::crash) fn token(bytes: &[u8]) -> Option<String> {
    TOKEN.find(bytes).map(|found| String::from_utf8_lossy(found.as_bytes()).into_owned())
}

fn trace_of_text(path: &Path) -> Result<Trace> {
    let text = read(path)?;
    let pair = PAIR.captures_iter(&text).last().and_then(|found| {
        let part = |group| found.get(group).map(|part| String::from_utf8_lossy(part.as_bytes()).into_owned());
        part(1).zip(part(2).and_then(|seq| seq.parse().ok()))
    });
    Ok(Trace { path: path.to_owned(), fault_id: None, pair })
}

/// The names in a folder, sorted; none where there is no folder.
pub(in crate::crash) fn names(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("cannot read the folder {}", folder.display())),
    };
    let mut names = entries
        .map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned()))
        .collect::<Result<Vec<_>, _>>()?;
    names.sort_unstable();
    Ok(names)
}

/// A file's bytes; none where there is no file.
fn read(path: &Path) -> Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read.with_context(|| format!("cannot read {}", path.display())),
    }
}

fn walk(home: &Path, below: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    for name in names(&home.join(below))? {
        let path = below.join(name);
        if home.join(&path).is_dir() {
            walk(home, &path, paths)?;
        }
        paths.push(path);
    }
    Ok(())
}
