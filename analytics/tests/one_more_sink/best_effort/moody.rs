//! A best-effort sink that works, fails, hangs, panics, or cannot be opened, as its settings say. Where it works, it
//! appends the pair of each record to a file.

use std::io::Write;

use async_trait::async_trait;
use haltline_analytics::{SinkDeclaration, SinkFactory, SinkOpenError, SinkPolicy, read_settings};
use haltline_files::FileError;
use haltline_protocol::{Layout, Receipt, Record, Sink, SinkError};
use serde::Deserialize;

const SINK: &str = "moody";

/// Opens the sink.
pub(super) struct Moody;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    mood: Mood,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mood {
    Works,
    Fails,
    Hangs,
    Panics,
    Closed,
}

impl SinkFactory for Moody {
    fn declaration(&self) -> &SinkDeclaration {
        &SinkDeclaration {
            name: SINK,
            docs: "the pair of each record in a file, or trouble",
            policy: SinkPolicy::BestEffort,
            writes: &["moody.txt"],
            example: "mood = \"works\"\n",
            takes: |record| !matches!(record, Record::Upgraded(_)),
            ..SinkDeclaration::DEFAULT
        }
    }

    fn check(&self, settings: &toml::Table) -> Result<(), SinkOpenError> {
        read_settings::<Settings>(SINK, settings).map(drop)
    }

    fn open(&self, settings: &toml::Table, layout: &Layout) -> Result<Box<dyn Sink>, SinkOpenError> {
        let Settings { mood } = read_settings(SINK, settings)?;
        let path = layout.home().join("moody.txt");
        if matches!(mood, Mood::Closed) {
            let source: std::io::Error = std::io::ErrorKind::PermissionDenied.into();
            let problem = FileError::new("open", path, source);
            return Err(SinkOpenError::Unusable { sink: SINK, problem });
        }
        Ok(Box::new(MoodySink { mood, path }))
    }
}

struct MoodySink {
    mood: Mood,
    path: std::path::PathBuf,
}

#[async_trait]
impl Sink for MoodySink {
    fn name(&self) -> &'static str {
        SINK
    }

    async fn deliver(&mut self, records: &[Record], _replay: bool) -> Result<Receipt, SinkError> {
        match self.mood {
            Mood::Fails | Mood::Closed => Err(SinkError::Permanent { sink: SINK, reason: "as asked".to_owned() }),
            Mood::Hangs => std::future::pending().await,
            Mood::Panics => panic!("as asked"),
            Mood::Works => {
                let mut file = std::fs::File::options().append(true).create(true).open(&self.path).unwrap();
                for record in records {
                    writeln!(file, "{}", record.pair().1).unwrap();
                }
                // No count of a drain may grow by it.
                Ok(Receipt { reports: 100, notes: 100, proposals: 100 })
            }
        }
    }
}
