//! The key of a queue's redaction: it lets equal secrets be told equal within the queue, and nowhere else.

use haltline_files::{FileError, Folder};
use haltline_protocol::Layout;
use rustix::io::Errno;

/// The file of the key, in the queue root.
const NAME: &str = ".redaction-key";
/// The length of the key, in bytes: that of a SHA-256 digest.
const LENGTH: usize = 32;

/// The key of a queue; made durably, for the user alone, where there is none yet.
///
/// # Errors
/// It cannot be made or read, or what stands there is no key (EINVAL).
pub fn redaction_key(layout: &Layout) -> Result<[u8; LENGTH], FileError> {
    let queue = Folder::ensure(layout.queue())?;
    if let Some(key) = read(&queue)? {
        return Ok(key);
    }
    let mut key = [0; LENGTH];
    getrandom::fill(&mut key).map_err(|_| FileError::new("find randomness for", queue.path().join(NAME), Errno::IO))?;
    if queue.create_new(NAME, &key)? {
        return Ok(key);
    }
    // Another process made one in between.
    read(&queue)?.ok_or_else(|| FileError::new("read", queue.path().join(NAME), Errno::NOENT))
}

/// The key of a queue, if it has one. Nothing is written.
///
/// # Errors
/// It cannot be read, or what stands there is no key (EINVAL).
pub fn existing_redaction_key(layout: &Layout) -> Result<Option<[u8; LENGTH]>, FileError> {
    match Folder::open(layout.queue()) {
        Ok(queue) => read(&queue),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

fn read(queue: &Folder) -> Result<Option<[u8; LENGTH]>, FileError> {
    let no_key = |_| FileError {
        hint: Some("move it away; a new one is made, and older tags compare with new ones no more"),
        ..FileError::new("use the redaction key", queue.path().join(NAME), Errno::INVAL)
    };
    queue.read(NAME, LENGTH as u64)?.map(|bytes| <[u8; LENGTH]>::try_from(bytes).map_err(no_key)).transpose()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_queue_has_one_key_for_ever_and_nobody_else_reads_it() {
        let (home, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let layout = Layout::new(home.path());
        assert_eq!(existing_redaction_key(&layout).unwrap(), None);
        assert!(home.path().read_dir().unwrap().next().is_none(), "looking made something");
        let key = redaction_key(&layout).unwrap();
        assert_eq!(redaction_key(&layout).unwrap(), key);
        assert_eq!(existing_redaction_key(&layout).unwrap(), Some(key));
        assert_ne!(redaction_key(&Layout::new(other.path())).unwrap(), key);
        let file = layout.queue().join(NAME).metadata().unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_is_no_key_is_told_and_not_replaced() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path());
        Folder::ensure(layout.queue()).unwrap().create_new(NAME, b"short").unwrap();
        let error = redaction_key(&layout).unwrap_err();
        assert!(error.to_string().contains(NAME) && error.hint.is_some(), "{error}");
        assert_eq!(std::fs::read(layout.queue().join(NAME)).unwrap(), b"short");
    }
}
