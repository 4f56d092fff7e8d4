//! The two outputs of a child: their cap, and what they hold as text.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// The name of standard output in messages.
const STDOUT: &str = "stdout";
/// The name of standard error in messages.
const STDERR: &str = "stderr";

/// What a child printed, as text, each up to the cap.
#[derive(Debug, Default)]
pub struct Output {
    /// Standard output. Bytes that are no UTF-8 are replaced.
    pub stdout: String,
    /// Standard error. Bytes that are no UTF-8 are replaced.
    pub stderr: String,
}

impl Output {
    /// Reads what a child left in these files; none where one of them is larger than `most` bytes.
    pub fn read(stdout: File, stderr: File, most: u64) -> Option<Self> {
        let files = OutputFiles { stdout, stderr };
        files.over(most).is_none().then(|| files.read(most))
    }
}

/// The two outputs, held open: whatever a child does to their names, these are the files that it got.
#[derive(Debug)]
pub(crate) struct OutputFiles {
    pub(crate) stdout: File,
    pub(crate) stderr: File,
}

impl OutputFiles {
    /// The first output that is larger than it may be.
    pub(crate) fn over(&self, most: u64) -> Option<&'static str> {
        let is_over = |file: &File| file.metadata().is_ok_and(|found| found.len() > most);
        [(&self.stdout, STDOUT), (&self.stderr, STDERR)]
            .into_iter()
            .find(|(file, _)| is_over(file))
            .map(|(_, name)| name)
    }

    pub(crate) fn read(&self, most: u64) -> Output {
        Output { stdout: read_capped(&self.stdout, most), stderr: read_capped(&self.stderr, most) }
    }

    /// Gives back the room that a flood took.
    pub(crate) fn cut(&self, most: u64) {
        for file in [&self.stdout, &self.stderr] {
            if file.metadata().is_ok_and(|found| found.len() > most)
                && let Err(error) = file.set_len(most)
            {
                tracing::warn!(%error, "cannot cut a child's output to size");
            }
        }
    }
}

/// Reads from the beginning, whatever the child did to the file's position.
fn read_capped(file: &File, most: u64) -> String {
    let size = file.metadata().map_or(0, |found| found.len().min(most));
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], filled as u64) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                tracing::warn!(%error, "cannot read a child's output");
                break;
            }
        }
    }
    bytes.truncate(filled);
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}
