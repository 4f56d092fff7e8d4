//! The files of one attempt, in its own folder:
//!
//! | file | what |
//! |---|---|
//! | `event.json` | the event as its row is, without secrets |
//! | `prompt.txt` | the prompt; the process's standard input |
//! | `attempt.json` | which investigator was asked, and its random word; written before anything starts |
//! | `stdout`, `stderr` | the process's output |
//! | `process.json` | which process it is: pid, start time, boot |
//! | `result.json` | the checked report, durable; once it is there nobody asks again |
//! | `then-2/` … | the same of the investigator that took over where the one before could not work |
//!
//! The process works in the same folder and may do anything to these files. So what is read back is read as a
//! stranger's: regular files only, up to a size, checked again.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use haltline_files::Folder;
use haltline_process::{Output, ProcessId, Streams};
use haltline_protocol::{AttemptSlot, Investigation};
use rustix::fs::OFlags;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The event, for a program that wants more than the prompt.
pub(crate) const EVENT: &str = "event.json";
/// The prompt.
pub(crate) const PROMPT: &str = "prompt.txt";
/// What the process prints.
pub(crate) const STDOUT: &str = "stdout";
/// What the process complains of.
const STDERR: &str = "stderr";
const NOTE: &str = "attempt.json";
const PROCESS: &str = "process.json";
/// The most of a file of our own that is read back, in bytes: a report is printed to a capped file.
const LARGEST_NOTE: u64 = 16 << 20;

/// The most investigators that are asked about one event. A chain is a handful.
pub(crate) const MOST_ASKED: usize = 9;

/// The folder of one attempt.
#[derive(Debug)]
pub(crate) struct Attempt {
    folder: PathBuf,
}

/// Which investigator was asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AttemptNote {
    /// The kind of investigator: a row of the registry.
    pub(crate) provider: String,
    /// Its name in the configuration.
    pub(crate) name: String,
    /// The model that was asked for.
    pub(crate) model: Option<String>,
    /// The random word of the attempt.
    pub(crate) nonce: String,
}

impl Attempt {
    pub(crate) fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes a file that only the process needs. Nothing may have its name yet.
    pub(crate) fn write_new(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.folder.join(name);
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(bytes));
        written.map_err(|error| with_path("write", &path, &error))
    }

    /// Makes a folder for the process, and those above it up to the attempt's own.
    pub(crate) fn make_folder(&self, name: &str) -> io::Result<()> {
        let path = self.folder.join(name);
        DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(|error| with_path("make", &path, &error))
    }

    /// Makes the folder of an investigator that is asked after the first, by its place in the order of asking, from 2.
    pub(crate) fn make_later_folder(&self, asked: usize) -> io::Result<PathBuf> {
        let name = later_folder(asked);
        self.make_folder(&name)?;
        Ok(self.folder.join(name))
    }

    /// Makes a symbolic link for the process.
    pub(crate) fn link(&self, name: &str, target: &Path) -> io::Result<()> {
        let path = self.folder.join(name);
        symlink(target, &path).map_err(|error| with_path("make", &path, &error))
    }

    /// Opens the prompt, and makes the files for the process to print to. We read them through the same handles.
    pub(crate) fn streams(&self) -> io::Result<Streams> {
        let stdin = self.open(PROMPT)?;
        Ok(Streams { stdin, stdout: self.create_output(STDOUT)?, stderr: self.create_output(STDERR)? })
    }

    fn create_output(&self, name: &str) -> io::Result<File> {
        let path = self.folder.join(name);
        let opened = OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(&path);
        opened.map_err(|error| with_path("make", &path, &error))
    }

    /// Opens a file of the attempt to read. No symbolic link is followed, and a FIFO does not block.
    pub(crate) fn open(&self, name: &str) -> io::Result<File> {
        let path = self.folder.join(name);
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits();
        let flags = i32::try_from(flags).map_err(io::Error::other)?;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(&path);
        let file = file.map_err(|error| with_path("open", &path, &error))?;
        if file.metadata()?.is_file() {
            return Ok(file);
        }
        Err(io::Error::other(format!("{} is no regular file", path.display())))
    }

    pub(crate) fn write_note(&self, note: &AttemptNote) -> io::Result<()> {
        self.write_new(NOTE, &serde_json::to_vec(note)?)
    }

    pub(crate) fn note(&self) -> Option<AttemptNote> {
        self.read_back(NOTE)
    }

    /// The standard streams of a process that had begun, as far as they are there.
    pub(crate) fn left_streams(&self) -> Vec<File> {
        [PROMPT, STDOUT, STDERR].into_iter().filter_map(|name| self.open(name).ok()).collect()
    }

    /// What a process printed; none where that is more than `most` bytes a stream, or cannot be read.
    pub(crate) fn left_output(&self, most: u64) -> Option<Output> {
        let open =
            |name| self.open(name).inspect_err(|error| tracing::debug!(%error, "an attempt left no output")).ok();
        Output::read(open(STDOUT)?, open(STDERR)?, most)
    }

    pub(crate) fn write_process(&self, process: &ProcessId) -> io::Result<()> {
        self.write_new(PROCESS, &serde_json::to_vec(process)?)
    }

    pub(crate) fn process(&self) -> Option<ProcessId> {
        self.read_back(PROCESS)
    }

    /// Writes the result durably.
    pub(crate) fn write_result(&self, investigation: &Investigation) -> Result<(), String> {
        let bytes = serde_json::to_vec(investigation).map_err(|error| error.to_string())?;
        let folder = Folder::open(&self.folder).map_err(|error| error.to_string())?;
        folder.replace(AttemptSlot::RESULT, &bytes).map_err(|error| error.to_string())
    }

    pub(crate) fn result(&self) -> Option<Investigation> {
        self.read_back(AttemptSlot::RESULT)
    }

    fn read_back<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let bytes = Folder::open(&self.folder).and_then(|folder| folder.read(name, LARGEST_NOTE));
        match bytes {
            Ok(Some(bytes)) => serde_json::from_slice(&bytes)
                .inspect_err(|error| tracing::warn!(folder = %self.folder.display(), name, %error, "passed over a damaged file of an attempt"))
                .ok(),
            Ok(None) => None,
            Err(error) => {
                tracing::warn!(%error, "passed over an unreadable file of an attempt");
                None
            }
        }
    }
}

fn later_folder(asked: usize) -> String {
    format!("then-{asked}")
}

/// The folders of those that were asked after the first, in order, as far as they are there.
pub(crate) fn later_folders(folder: &Path) -> Vec<PathBuf> {
    let places = (2..=MOST_ASKED).map(|asked| folder.join(later_folder(asked)));
    places.take_while(|place| place.symlink_metadata().is_ok_and(|found| found.is_dir())).collect()
}

fn with_path(action: &str, path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot {action} {}: {error}", path.display()))
}
