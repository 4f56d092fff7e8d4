//! Looking through what waits, in batches: for markers by their names, and for every file.
//!
//! Every regular file `*.json` is looked at; what it is, its body says. What is no regular file is never opened and
//! never followed.

use std::ffi::CStr;

use haltline_files::{FileError, Folder, Handle, errno_name};
use haltline_protocol::{HaltEvent, QueueRow, ResolvedMarker, Ticket, Waiting, WaitingBody};
use jiff::{SignedDuration, Timestamp};
use rustix::fs::{FileType, Stat};
use rustix::io::Errno;

use crate::version::version;

/// The largest row, in bytes; a larger file goes into quarantine unread.
pub const LARGEST_ROW: u64 = haltline_protocol::LARGEST_ROW as u64;
/// A batch ends after this many files …
pub(crate) const BATCH_FILES: usize = 128;
/// … or after this many bytes of rows, so that memory stays small whatever the rows hold.
const BATCH_BYTES: usize = 256 << 10;
/// Markers are small.
const BATCH_MARKERS: usize = 256;
/// A file that does not parse or has two names, and is younger than this, is left alone: its writer may be slow.
const YOUNG: SignedDuration = SignedDuration::from_secs(60);
/// A file from further in the future than this is not young: its clock was wrong, and it must not wait for ever.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_hours(1);

/// One drain's way through the files that wait. Both passes begin anew once they have come to their end.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    events: Listing,
    markers: Listing,
    /// What the last file held; kept for its room.
    buffer: Vec<u8>,
}

impl Scan {
    /// The next markers that have a marker's name; empty at the end.
    pub(crate) fn next_markers(&mut self, pending: &Folder) -> Result<Vec<(Ticket, ResolvedMarker)>, FileError> {
        let mut markers = Vec::new();
        while markers.len() < BATCH_MARKERS {
            let Some((name, file_type)) = self.markers.next(pending)? else { break };
            let Ok(name) = name.to_str() else { continue };
            if !has_marker_name(name) || is_special(file_type).is_some() {
                continue;
            }
            if let Some(Waiting { ticket, body: WaitingBody::Marker(marker), .. }) =
                look_at_with(pending, name, &mut self.buffer)
            {
                markers.push((ticket, marker));
            }
        }
        if markers.is_empty() {
            self.markers = Listing::default();
        }
        Ok(markers)
    }

    /// The next files; empty at the end.
    pub(crate) fn next_batch(&mut self, pending: &Folder) -> Result<Vec<Waiting>, FileError> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < BATCH_FILES && bytes < BATCH_BYTES {
            let Some((name, file_type)) = self.events.next(pending)? else { break };
            let Some(waiting) = consider(pending, name, file_type, &mut self.buffer) else { continue };
            if let WaitingBody::Event(event) = &waiting.body {
                bytes += event.raw().len();
            }
            batch.push(waiting);
        }
        self.buffer.shrink_to(BATCH_BYTES);
        if batch.is_empty() {
            self.events = Listing::default();
        }
        Ok(batch)
    }
}

/// A way through the names of a folder.
#[derive(Debug, Default)]
struct Listing {
    /// A handle of its own, since the kernel keeps the place in the listing with it.
    handle: Option<Handle>,
    /// The names that the last look brought, each with its final NUL.
    names: Vec<u8>,
    /// Where each name ends, and what it is.
    ends: Vec<(usize, FileType)>,
    next: usize,
}

impl Listing {
    /// The next name; `None` at the end.
    fn next(&mut self, folder: &Folder) -> Result<Option<(&CStr, FileType)>, FileError> {
        while self.next == self.ends.len() {
            if !self.fill(folder)? {
                return Ok(None);
            }
        }
        let begin = self.next.checked_sub(1).map_or(0, |before| self.ends[before].0);
        let (end, file_type) = self.ends[self.next];
        self.next += 1;
        Ok(CStr::from_bytes_with_nul(&self.names[begin..end]).ok().map(|name| (name, file_type)))
    }

    /// Looks for more names; `false` where there are none.
    fn fill(&mut self, folder: &Folder) -> Result<bool, FileError> {
        let unreadable = |errno| FileError::new("list", folder.path(), errno);
        let vfs = folder.vfs();
        let handle = match self.handle.take() {
            Some(handle) => handle,
            None => vfs.open_listing(folder.handle()).map_err(unreadable)?,
        };
        self.names.clear();
        self.ends.clear();
        self.next = 0;
        let mut show = |name: &CStr, file_type| {
            if !matches!(name.to_bytes(), b"." | b"..") {
                self.names.extend_from_slice(name.to_bytes_with_nul());
                self.ends.push((self.names.len(), file_type));
            }
        };
        let has_more = vfs.next_names(&handle, &mut show).map_err(unreadable)?;
        self.handle = Some(handle);
        Ok(has_more || !self.ends.is_empty())
    }
}

fn consider(pending: &Folder, name: &CStr, file_type: FileType, buffer: &mut Vec<u8>) -> Option<Waiting> {
    let Ok(name) = name.to_str() else {
        tracing::warn!(name = %name.to_string_lossy(), "left a file whose name is no UTF-8; rename it");
        return None;
    };
    if let Some(kind) = is_special(file_type) {
        return Some(left(name, WaitingBody::Special(kind)));
    }
    if is_row_name(name) { look_at_with(pending, name, buffer) } else { None }
}

/// Opens and reads one file; `None` where it is gone.
pub(crate) fn look_at(folder: &Folder, name: &str) -> Option<Waiting> {
    look_at_with(folder, name, &mut Vec::new())
}

/// As [`look_at`], with a buffer to read into.
fn look_at_with(folder: &Folder, name: &str, buffer: &mut Vec<u8>) -> Option<Waiting> {
    let (file, stat) = match folder.open_handle(name) {
        Ok(opened) => opened,
        Err(Errno::NOENT) => return None,
        Err(Errno::LOOP) => return Some(left(name, WaitingBody::Special("symbolic link"))),
        Err(Errno::INVAL | Errno::NXIO) => return Some(left(name, WaitingBody::Special("special file"))),
        Err(errno) => return Some(left(name, WaitingBody::Unreadable { errno: errno_name(errno) })),
    };
    let modified = modified(&stat);
    let body = match read_row(folder, &file, &stat, buffer) {
        Ok(None) => match QueueRow::parse(buffer) {
            Ok(QueueRow::Event(event)) => WaitingBody::Event(event),
            Ok(QueueRow::Resolved(marker)) => {
                WaitingBody::Marker(ResolvedMarker { timestamp: marker.timestamp.or(Some(modified)), ..marker })
            }
            Err(_) if is_young(modified, Timestamp::now()) => WaitingBody::Unfinished,
            Err(error) => WaitingBody::Malformed(error.to_string()),
        },
        // A writer that links its file into the queue and then removes the first name has two for an instant.
        Ok(Some(_)) if stat.st_nlink > 1 && is_young(modified, Timestamp::now()) => WaitingBody::Unfinished,
        Ok(Some(refused)) => WaitingBody::Malformed(refused),
        Err(errno) => WaitingBody::Unreadable { errno: errno_name(errno) },
    };
    let stamp = match &body {
        WaitingBody::Event(event) => stamp_of(event),
        _ => Timestamp::now(),
    };
    let ticket = Ticket { name: name.into(), version: version(&stat), stamp, claimed: false };
    Some(Waiting { ticket, modified, body })
}

/// What an event's name gets where it is taken.
pub(crate) fn stamp_of(event: &HaltEvent) -> Timestamp {
    event.timestamp.unwrap_or_else(Timestamp::now)
}

/// Reads a row into a buffer, or says why it is refused.
fn read_row(folder: &Folder, file: &Handle, stat: &Stat, buffer: &mut Vec<u8>) -> Result<Option<String>, Errno> {
    let size = u64::try_from(stat.st_size).unwrap_or(0);
    if stat.st_nlink > 1 {
        return Ok(Some(format!("the file has {} names (hard links)", stat.st_nlink)));
    }
    if size > LARGEST_ROW {
        return Ok(Some(too_large(size)));
    }
    folder.read_into(file, stat, LARGEST_ROW, buffer)?;
    let length = buffer.len() as u64;
    Ok((length > LARGEST_ROW).then(|| too_large(length)))
}

fn too_large(size: u64) -> String {
    format!("the file has {size} bytes; a row has at most {LARGEST_ROW}")
}

fn left(name: &str, body: WaitingBody) -> Waiting {
    let ticket = Ticket { name: name.into(), version: 0, stamp: Timestamp::UNIX_EPOCH, claimed: false };
    Waiting { ticket, modified: Timestamp::UNIX_EPOCH, body }
}

/// Whether a name says that the file is a RESOLVED marker. Whether it is one, its body says.
fn has_marker_name(name: &str) -> bool {
    name.contains("-RESOLVED-") && is_row_name(name)
}

/// Whether a name is one that events have. Temporaries and hidden files are not.
pub(crate) fn is_row_name(name: &str) -> bool {
    name.ends_with(".json") && !name.starts_with('.')
}

fn is_special(file_type: FileType) -> Option<&'static str> {
    match file_type {
        FileType::Directory => Some("directory"),
        FileType::Symlink => Some("symbolic link"),
        FileType::Fifo => Some("FIFO"),
        FileType::Socket => Some("socket"),
        FileType::CharacterDevice | FileType::BlockDevice => Some("device"),
        FileType::RegularFile | FileType::Unknown => None,
    }
}

/// When a file was last written.
pub(crate) fn modified(stat: &Stat) -> Timestamp {
    let nanos = i32::try_from(stat.st_mtime_nsec).unwrap_or(0);
    Timestamp::new(stat.st_mtime, nanos).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn is_young(modified: Timestamp, now: Timestamp) -> bool {
    let age = now.duration_since(modified);
    age < YOUNG && age > -CLOCK_SKEW
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::unix::fs::symlink;
    use std::time::{Duration, SystemTime};

    use rustix::fs::Mode;

    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::open(home.path()).unwrap();
        (home, folder)
    }

    fn plant(folder: &Folder, name: &str, bytes: &[u8], age: Duration) {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        File::options().write(true).open(path).unwrap().set_modified(SystemTime::now() - age).unwrap();
    }

    fn all(folder: &Folder) -> Vec<(String, String)> {
        let mut scan = Scan::default();
        let mut found = Vec::new();
        loop {
            let batch = scan.next_batch(folder).unwrap();
            if batch.is_empty() {
                break;
            }
            found.extend(batch.into_iter().map(|waiting| {
                let body = match waiting.body {
                    WaitingBody::Event(_) => "event".to_owned(),
                    WaitingBody::Marker(_) => "marker".to_owned(),
                    WaitingBody::Malformed(reason) => reason,
                    WaitingBody::Unfinished => "unfinished".to_owned(),
                    WaitingBody::Special(kind) => kind.to_owned(),
                    WaitingBody::Unreadable { errno } => errno,
                };
                (waiting.ticket.name.into_string(), body)
            }));
        }
        found.sort();
        found
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn each_thing_in_the_queue_is_what_its_body_says() {
        let (home, folder) = folder();
        let marker =
            br#"{"event":"SKILL_FAULT_RESOLVED","timestamp":"2026-05-20T08:14:00Z","runId":"r","faultId":"f"}"#;
        plant(&folder, "r-RESOLVED-f.json", marker, HOUR);
        plant(&folder, "odd-name.json", marker, HOUR);
        plant(&folder, "old.json", b"", HOUR);
        plant(&folder, "young.json", b"{", Duration::ZERO);
        plant(&folder, "note.txt", b"{", HOUR);
        plant(&folder, ".hidden.json", b"{", HOUR);
        plant(&folder, "tomorrow.json", b"{", Duration::ZERO);
        let tomorrow = SystemTime::now() + 24 * HOUR;
        File::options().write(true).open(home.path().join("tomorrow.json")).unwrap().set_modified(tomorrow).unwrap();
        File::create(home.path().join("huge.json")).unwrap().set_len(200 << 20).unwrap();
        plant(&folder, "twice.json", b"{}", HOUR);
        std::fs::hard_link(home.path().join("twice.json"), home.path().join("also")).unwrap();
        plant(&folder, "being-linked.json", b"{}", Duration::ZERO);
        std::fs::hard_link(home.path().join("being-linked.json"), home.path().join("first-name")).unwrap();
        std::fs::create_dir(home.path().join("folder.json")).unwrap();
        symlink("/etc/passwd", home.path().join("link.json")).unwrap();
        let fifo = home.path().join("fifo.json");
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, Mode::RWXU, 0).unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(home.path().join("socket.json")).unwrap();

        let expected = [
            ("being-linked.json", "unfinished"),
            ("fifo.json", "FIFO"),
            ("folder.json", "directory"),
            ("huge.json", "the file has 209715200 bytes; a row has at most 1048576"),
            ("link.json", "symbolic link"),
            ("odd-name.json", "marker"),
            ("old.json", "EOF while parsing a value at line 1 column 0"),
            ("r-RESOLVED-f.json", "marker"),
            ("socket.json", "socket"),
            ("tomorrow.json", "EOF while parsing an object at line 1 column 1"),
            ("twice.json", "the file has 2 names (hard links)"),
            ("young.json", "unfinished"),
        ];
        let expected: Vec<_> = expected.iter().map(|(name, body)| ((*name).to_owned(), (*body).to_owned())).collect();
        assert_eq!(all(&folder), expected);
    }

    #[test]
    fn a_pass_that_is_over_begins_anew_and_large_rows_make_small_batches() {
        let (_home, folder) = folder();
        let tail = "x".repeat(100 << 10);
        for number in 0..10 {
            let row = format!(
                r#"{{"faultId":"f{number}","runId":"r","stateSlug":"s","kind":"K","severity":"HIGH","message":"m",
                    "timestamp":"","pointers":{{}},"snapshot":{{"stdoutTail":"{tail}"}}}}"#
            );
            plant(&folder, &format!("{number}.json"), row.as_bytes(), HOUR);
        }
        let marker = br#"{"event":"SKILL_FAULT_RESOLVED","timestamp":"","runId":"r","faultId":"f"}"#;
        plant(&folder, "r-RESOLVED-f.json", marker, HOUR);
        plant(&folder, "r-RESOLVED-g.json", b"{}", HOUR);
        let mut scan = Scan::default();
        for _ in 0..2 {
            let mut batches = Vec::new();
            loop {
                let batch = scan.next_batch(&folder).unwrap().len();
                if batch == 0 {
                    break;
                }
                batches.push(batch);
            }
            assert_eq!(batches.iter().sum::<usize>(), 12, "{batches:?}");
            assert!(batches.iter().all(|batch| *batch <= 5), "{batches:?}");
            assert_eq!(scan.next_markers(&folder).unwrap().len(), 1);
            assert!(scan.next_markers(&folder).unwrap().is_empty());
        }
    }

    #[test]
    fn every_file_is_seen_once_though_batches_are_moved_away_meanwhile() {
        let (_home, folder) = folder();
        for number in 0..3000 {
            plant(&folder, &format!("{number}.json"), b"", HOUR);
        }
        let processed = folder.ensure_child("processed").unwrap();
        let mut scan = Scan::default();
        let mut seen = 0;
        loop {
            let batch = scan.next_batch(&folder).unwrap();
            let files: Vec<_> =
                batch.iter().filter(|waiting| !matches!(waiting.body, WaitingBody::Special(_))).collect();
            if batch.is_empty() {
                break;
            }
            for waiting in files {
                folder.move_to(&waiting.ticket.name, &processed, &waiting.ticket.name).unwrap();
                seen += 1;
            }
        }
        assert_eq!(seen, 3000);
    }
}
