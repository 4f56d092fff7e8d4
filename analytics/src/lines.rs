//! What the sinks that append one line a record have in common.

use std::collections::HashSet;
use std::hash::Hash;
use std::marker::PhantomData;
use std::sync::Arc;

use async_trait::async_trait;
use haltline_files::{AppendFile, FileError};
use haltline_protocol::{Layout, Receipt, Record, Sink, SinkError};

use crate::factory::SinkOpenError;
use crate::problem::{off_the_runtime, sink_error};

/// Says how records become lines of a file in the analytics folder.
pub(crate) trait LineFormat: Send + 'static {
    /// The name of the sink.
    const SINK: &'static str;
    /// The name of the file.
    const FILE: &'static str;
    /// What tells one line from another.
    type Key: Eq + Hash;

    /// Writes the line of a record without its newline. Answers `false`, and writes nothing, where it has none.
    fn write(record: &Record, line: &mut Vec<u8>) -> Result<bool, serde_json::Error>;

    /// Returns the key of a line; none where the line is not ours, as one that a crash tore.
    fn key(line: &[u8]) -> Option<Self::Key>;
}

/// A sink that appends the lines of a batch together. On a replay it reads the file, and writes only lines that are not
/// there yet.
pub(crate) struct LineSink<F> {
    file: Arc<AppendFile>,
    format: PhantomData<F>,
}

impl<F: LineFormat> LineSink<F> {
    pub(crate) fn open(layout: &Layout) -> Result<Box<dyn Sink>, SinkOpenError> {
        let file = AppendFile::open(layout.analytics(), F::FILE)
            .map_err(|problem| SinkOpenError::Unusable { sink: F::SINK, problem })?;
        Ok(Box::new(Self { file: Arc::new(file), format: PhantomData }))
    }
}

#[async_trait]
impl<F: LineFormat> Sink for LineSink<F> {
    fn name(&self) -> &'static str {
        F::SINK
    }

    async fn deliver(&mut self, records: &[Record], replay: bool) -> Result<Receipt, SinkError> {
        let mut lines = Vec::new();
        for record in records {
            let written = F::write(record, &mut lines).map_err(|error| {
                let (drain_id, seq) = record.pair();
                let reason = format!("record {seq} of {drain_id} cannot be written as JSON: {error}");
                SinkError::Permanent { sink: F::SINK, reason }
            })?;
            if written {
                lines.push(b'\n');
            }
        }
        if !lines.is_empty() {
            let file = Arc::clone(&self.file);
            off_the_runtime(F::SINK, move || append::<F>(&file, &lines, replay))
                .await?
                .map_err(|problem| sink_error(F::SINK, &problem))?;
        }
        Ok(Receipt::default())
    }
}

fn append<F: LineFormat>(file: &AppendFile, lines: &[u8], replay: bool) -> Result<(), FileError> {
    let file = file.lock()?;
    if !replay {
        return file.append(lines);
    }
    let lines: Vec<_> = lines.split_inclusive(|byte| *byte == b'\n').map(|line| (line, key::<F>(line))).collect();
    let mut missing: HashSet<&F::Key> = lines.iter().filter_map(|(_, key)| key.as_ref()).collect();
    file.for_each_line(|line| {
        if let Some(key) = F::key(line) {
            missing.remove(&key);
        }
    })?;
    let is_missing = |key: &Option<F::Key>| key.as_ref().is_none_or(|key| missing.contains(key));
    let missing: Vec<_> = lines.iter().filter(|(_, key)| is_missing(key)).map(|(line, _)| *line).collect();
    file.append(&missing.concat())
}

fn key<F: LineFormat>(line: &[u8]) -> Option<F::Key> {
    F::key(line.strip_suffix(b"\n").unwrap_or(line))
}
