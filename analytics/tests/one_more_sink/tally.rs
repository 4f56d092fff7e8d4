//! Leaves an empty file for each record. The file's name is the pair, so a replay finds it there.

use async_trait::async_trait;
use haltline_analytics::{SinkDeclaration, SinkFactory, SinkOpenError, SinkPolicy, read_settings};
use haltline_files::{FileError, Folder};
use haltline_protocol::{Layout, Receipt, Record, Sink, SinkError};
use serde::Deserialize;

const SINK: &str = "tally";

/// Opens the tally.
pub(super) struct Tally;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    folder: String,
}

struct TallySink {
    place: std::path::PathBuf,
}

impl SinkFactory for Tally {
    fn declaration(&self) -> &SinkDeclaration {
        &SinkDeclaration {
            name: SINK,
            docs: "an empty file per record",
            policy: SinkPolicy::Required,
            writes: &["tally/*"],
            example: "folder = \"tally\"\n",
            ..SinkDeclaration::DEFAULT
        }
    }

    fn check(&self, settings: &toml::Table) -> Result<(), SinkOpenError> {
        read_settings::<Settings>(SINK, settings).map(drop)
    }

    fn open(&self, settings: &toml::Table, layout: &Layout) -> Result<Box<dyn Sink>, SinkOpenError> {
        let place = layout.home().join(read_settings::<Settings>(SINK, settings)?.folder);
        Folder::ensure(&place).map_err(|problem| SinkOpenError::Unusable { sink: SINK, problem })?;
        Ok(Box::new(TallySink { place }))
    }
}

#[async_trait]
impl Sink for TallySink {
    fn name(&self) -> &'static str {
        SINK
    }

    async fn deliver(&mut self, records: &[Record], _replay: bool) -> Result<Receipt, SinkError> {
        let leave = |record: &Record| -> Result<bool, FileError> {
            let (drain_id, seq) = record.pair();
            Folder::ensure(&self.place)?.create_new(&format!("{drain_id}-{seq}"), b"")
        };
        let mut filed = 0;
        for record in records {
            let made =
                leave(record).map_err(|problem| SinkError::Permanent { sink: SINK, reason: problem.to_string() })?;
            filed += u32::from(made);
        }
        Ok(Receipt { notes: filed, ..Receipt::default() })
    }
}
