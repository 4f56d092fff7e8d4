//! Files that only grow: one line a record, several writers at once.
//!
//! Every writer holds the file's `flock` while it reads and appends, so lines never mix and a length that was read
//! still holds. A batch is one write and one flush. When either fails, the file is cut back to where the batch began:
//! half a line is never left to be taken for a row, and what may not be durable is written again by the next try.
//!
//! A crash can still leave a torn last line. The next writer puts a newline after it and does not cut it off: a line
//! that is whole but for its newline stays a line, the file never shrinks, and it works on a file that the system lets
//! nobody cut (`chattr +a`). A torn line does not parse, so no reader counts it.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use rustix::fs::{FlockOperation, flock, fstat};
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::error::FileError;
use crate::folder::Folder;
use crate::platform;

/// The longest line that is looked at, in bytes. Writers stay below half of it; a longer line is not ours and is passed
/// over, so that memory stays bounded.
const LONGEST_LINE: u64 = 8 << 20;

/// A file to append to. It is opened anew for every batch, so that it may be moved away meanwhile.
#[derive(Debug)]
pub struct AppendFile {
    folder: PathBuf,
    name: &'static str,
}

/// The file, open, while no other writer touches it.
#[derive(Debug)]
pub struct LockedFile {
    folder: Folder,
    file: File,
    name: &'static str,
}

impl AppendFile {
    /// Makes the folder and finds out whether the file can be written, without making it.
    ///
    /// # Errors
    /// The folder cannot be made, or the file cannot be written or is not what it should be.
    pub fn open(folder: PathBuf, name: &'static str) -> Result<Self, FileError> {
        let this = Self { folder, name };
        let folder = Folder::ensure(&this.folder)?;
        match folder.stat(name) {
            Ok(_) => drop(this.open_in(&folder)?),
            Err(Errno::NOENT) => folder.check_writable()?,
            Err(errno) => return Err(FileError::new("look at", this.folder.join(name), errno)),
        }
        Ok(this)
    }

    /// Waits until no other writer holds the file. Writers hold it for the time of one flush.
    ///
    /// # Errors
    /// The file cannot be opened or locked.
    pub fn lock(&self) -> Result<LockedFile, FileError> {
        let folder = Folder::ensure(&self.folder)?;
        let file = self.open_in(&folder)?;
        loop {
            match flock(&file, FlockOperation::LockExclusive) {
                Ok(()) => return Ok(LockedFile { folder, file, name: self.name }),
                Err(Errno::INTR) => {}
                Err(errno) => return Err(FileError::new("lock", self.folder.join(self.name), errno)),
            }
        }
    }

    /// Whether a line is there, durably. A file that is not there has none, and is not made.
    ///
    /// # Errors
    /// The file cannot be opened, read or made durable.
    pub fn has_line(&self, mut is_wanted: impl FnMut(&[u8]) -> bool) -> Result<bool, FileError> {
        if matches!(Folder::ensure(&self.folder)?.stat(self.name), Err(Errno::NOENT)) {
            return Ok(false);
        }
        let mut is_there = false;
        let locked = self.lock()?;
        locked.for_each_line(|line| is_there |= is_wanted(line))?;
        if is_there {
            locked.append(b"")?;
        }
        Ok(is_there)
    }

    fn open_in(&self, folder: &Folder) -> Result<File, FileError> {
        let file = folder.open_append(self.name)?;
        let path = || self.folder.join(self.name);
        let stat = fstat(&file).map_err(|errno| FileError::new("look at", path(), errno))?;
        if stat.st_uid != geteuid().as_raw() {
            let error = FileError::new("append to", path(), Errno::PERM);
            return Err(error.with_hint("it belongs to another user; run haltline as that user, or move it away"));
        }
        Ok(file)
    }
}

impl LockedFile {
    /// Shows every line in turn without its newline, a last one that has none included. Memory is that of one line.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn for_each_line(&self, mut look: impl FnMut(&[u8])) -> Result<(), FileError> {
        let mut walk = || -> io::Result<()> {
            (&self.file).seek(SeekFrom::Start(0))?;
            let mut reader = BufReader::with_capacity(1 << 16, &self.file);
            let mut line = Vec::new();
            loop {
                line.clear();
                let length = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
                match line.strip_suffix(b"\n") {
                    Some(whole) => look(whole),
                    None if length == 0 => return Ok(()),
                    None if length as u64 == LONGEST_LINE => drop(reader.skip_until(b'\n')?),
                    None => look(&line),
                }
            }
        };
        walk().map_err(|error| self.failed("read", error))
    }

    /// Appends whole lines, each with its newline, and returns when they are durable. Without any, it only makes
    /// durable what is there.
    ///
    /// # Errors
    /// They cannot be written or made durable; none of them is left.
    pub fn append(&self, lines: &[u8]) -> Result<(), FileError> {
        let length = self.file.metadata().map_err(|error| self.failed("look at", error))?.len();
        let torn = !lines.is_empty() && self.is_torn(length).map_err(|error| self.failed("read", error))?;
        let written = match torn {
            true => (&self.file).write_all(&[b"\n", lines].concat()),
            false => (&self.file).write_all(lines),
        };
        if let Err(error) = written.and_then(|()| Ok(platform::sync_data(&self.file)?)) {
            self.cut_back(length);
            return Err(self.failed("append to", error));
        }
        // The name of a new file is durable only with its folder.
        if length == 0 { self.folder.sync() } else { Ok(()) }
    }

    fn is_torn(&self, length: u64) -> io::Result<bool> {
        let mut last = [b'\n'];
        if length > 0 {
            self.file.read_exact_at(&mut last, length - 1)?;
        }
        Ok(last != [b'\n'])
    }

    fn cut_back(&self, length: u64) {
        if let Err(error) = self.file.set_len(length) {
            let path = self.folder.path().join(self.name);
            tracing::warn!(%error, path = %path.display(), "a line may be torn; the next one begins anew");
        }
    }

    fn failed(&self, action: &'static str, error: io::Error) -> FileError {
        FileError::new(action, self.folder.path().join(self.name), error)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    fn file() -> (tempfile::TempDir, AppendFile) {
        let home = tempfile::tempdir().unwrap();
        let file = AppendFile::open(home.path().join("a"), "x.jsonl").unwrap();
        (home, file)
    }

    fn content(home: &tempfile::TempDir) -> String {
        fs::read_to_string(home.path().join("a/x.jsonl")).unwrap()
    }

    #[test]
    fn opening_makes_the_folder_and_no_file() {
        let (home, file) = file();
        assert_eq!(fs::read_dir(home.path().join("a")).unwrap().count(), 0);
        file.lock().unwrap().append(b"1\n").unwrap();
        assert_eq!(content(&home), "1\n");
    }

    #[test]
    fn a_torn_line_stays_alone_and_a_whole_one_stays_whole() {
        for torn in ["{\"a\":", "{\"a\":1}"] {
            let (home, file) = file();
            fs::write(home.path().join("a/x.jsonl"), format!("1\n{torn}")).unwrap();
            let locked = file.lock().unwrap();
            locked.append(b"").unwrap();
            assert_eq!(content(&home), format!("1\n{torn}"), "nothing to append, nothing written");
            locked.append(b"2\n").unwrap();
            assert_eq!(content(&home), format!("1\n{torn}\n2\n"));
        }
    }

    #[test]
    fn every_line_is_shown_but_one_too_long_to_be_ours() {
        let (home, file) = file();
        let long = "x".repeat(usize::try_from(LONGEST_LINE).unwrap() + 5);
        fs::write(home.path().join("a/x.jsonl"), format!("1\n\n{long}\n2\n3")).unwrap();
        let mut lines = Vec::new();
        file.lock().unwrap().for_each_line(|line| lines.push(String::from_utf8_lossy(line).into_owned())).unwrap();
        assert_eq!(lines, ["1", "", "2", "3"]);
    }

    #[test]
    fn what_is_no_regular_file_of_one_name_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let victim = home.path().join("victim");
        fs::write(&victim, "mine").unwrap();
        symlink(&victim, home.path().join("link")).unwrap();
        fs::hard_link(&victim, home.path().join("second-name")).unwrap();
        fs::create_dir(home.path().join("folder")).unwrap();
        let fifo = home.path().join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, rustix::fs::Mode::RWXU).unwrap();
        for name in ["link", "second-name", "folder", "fifo"] {
            assert!(AppendFile::open(home.path().to_owned(), name).is_err(), "{name}");
        }
        assert_eq!(fs::read(&victim).unwrap(), b"mine");
    }

    #[test]
    fn lines_of_many_writers_never_mix() {
        let (home, file) = file();
        std::thread::scope(|scope| {
            for writer in 0..8 {
                let file = &file;
                scope.spawn(move || {
                    for turn in 0..20 {
                        let lines = format!("{writer}-{turn}-a\n{writer}-{turn}-b\n");
                        file.lock().unwrap().append(lines.as_bytes()).unwrap();
                    }
                });
            }
        });
        let content = content(&home);
        let lines: Vec<_> = content.lines().collect();
        assert_eq!(lines.len(), 320);
        for pair in lines.chunks(2) {
            assert_eq!(pair[0].trim_end_matches("-a"), pair[1].trim_end_matches("-b"));
        }
    }
    #[test]
    fn nobody_else_gets_the_file_while_it_is_looked_at() {
        let (home, file) = file();
        let folder = Folder::open(&home.path().join("a")).unwrap();
        let locked = file.lock().unwrap();
        assert!(folder.try_lock("x.jsonl").unwrap().is_none());
        drop(locked);
        assert!(folder.try_lock("x.jsonl").unwrap().is_some());
    }

    #[test]
    fn a_file_of_another_user_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("x.jsonl");
        fs::write(&path, "theirs\n").unwrap();
        if let Err(error) = std::os::unix::fs::chown(&path, Some(65534), None) {
            return println!("SKIP a_file_of_another_user_is_refused: cannot give a file away: {error}");
        }
        let error = AppendFile::open(home.path().to_owned(), "x.jsonl").unwrap_err();
        assert!(error.to_string().contains("belongs to another user"), "{error}");
    }
}
