//! The last lines of a log, read from its end: a log of any size costs the same.

use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use haltline_evidence::{LONGEST_TAIL, from_character, redact_lossy};

use crate::regular_file::open_regular;

/// How many lines of a log a snapshot keeps.
const LINES: usize = 200;

/// How much is read at a time, in bytes: 200 lines of usual length in one go.
const BLOCK: usize = 64 * 1024;

/// Reads the last 200 lines of a log, less where they are longer than 256 KiB. A line end at the end of the log is
/// kept. Bytes that are no UTF-8 become U+FFFD.
///
/// # Errors
/// The log is not there, not readable, or no regular file.
pub fn last_lines(log: &Path) -> io::Result<String> {
    let (file, size) = open_regular(log)?;
    let mut start = size;
    let mut blocks: Vec<Vec<u8>> = Vec::new();
    let (mut read, mut line_ends) = (0, 0);
    // One more line end than lines, for the last line has its own; a block more than the limit, so that the limit is
    // applied to text that was looked at whole.
    while start > 0 && line_ends <= LINES && read < LONGEST_TAIL + 1 {
        let length = start.min(BLOCK as u64);
        let mut block = vec![0; usize::try_from(length).unwrap_or(BLOCK)];
        match file.read_exact_at(&mut block, start - length) {
            Ok(()) => {}
            // The log was cut shorter meanwhile: what was read so far is all that is left of the old one.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        }
        start -= length;
        line_ends += block.iter().filter(|byte| **byte == b'\n').count();
        read += block.len();
        blocks.push(block);
    }
    blocks.reverse();
    let bytes = blocks.concat();
    let bytes = if start == 0 { &bytes } else { from_character(&bytes) };
    Ok(haltline_evidence::last_lines(&redact_lossy(bytes), LINES).to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn tail_of(log: &[u8]) -> String {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("log");
        std::fs::write(&path, log).unwrap();
        last_lines(&path).unwrap()
    }

    fn lines(range: std::ops::Range<usize>) -> String {
        range.map(|number| format!("line {number}\n")).collect()
    }

    #[test]
    fn the_last_200_lines_are_kept_with_or_without_a_final_line_end() {
        assert_eq!(tail_of(b""), "");
        assert_eq!(tail_of(b"\n"), "\n");
        assert_eq!(tail_of(lines(0..200).as_bytes()), lines(0..200));
        assert_eq!(tail_of(lines(0..201).as_bytes()), lines(1..201));
        assert_eq!(tail_of(format!("{}open", lines(0..200)).as_bytes()), format!("{}open", lines(1..200)));
        assert_eq!(tail_of("\n".repeat(500).as_bytes()), "\n".repeat(200));
    }

    #[test]
    fn a_long_log_is_read_from_its_end_only() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("log");
        let file = std::fs::File::create(&path).unwrap();
        // A hole of 1 TiB: reading it all would take minutes.
        let hole = 1 << 40;
        file.write_all_at(lines(0..300).as_bytes(), hole).unwrap();
        assert_eq!(last_lines(&path).unwrap(), lines(100..300));
    }

    #[test]
    fn lines_that_meet_a_block_are_not_torn() {
        for length in [BLOCK / 100 - 1, BLOCK / 100, BLOCK / 128, 1300] {
            let line = format!("{}\n", "x".repeat(length - 1));
            assert_eq!(tail_of(line.repeat(250).as_bytes()), line.repeat(200), "{length}");
        }
    }

    #[test]
    fn one_endless_line_is_read_to_a_limit_and_begins_at_a_character() {
        let tail = tail_of("é".repeat(LONGEST_TAIL * 2).as_bytes());
        assert!(tail.len() > LONGEST_TAIL && tail.len() <= LONGEST_TAIL + BLOCK);
        let tail = tail_of(format!("{}z", "é".repeat(LONGEST_TAIL * 2)).as_bytes());
        assert!(tail.starts_with('é') && tail.ends_with('z'));
    }

    #[test]
    fn bytes_that_are_no_text_are_replaced() {
        assert_eq!(tail_of(b"a\xff\xfeb\n"), "a\u{fffd}\u{fffd}b\n");
    }

    #[test]
    fn a_link_is_followed_and_nothing_but_a_file_is_read() {
        let home = tempfile::tempdir().unwrap();
        let (log, link, fifo) = (home.path().join("log"), home.path().join("link"), home.path().join("fifo"));
        std::fs::write(&log, "text\n").unwrap();
        symlink(&log, &link).unwrap();
        assert_eq!(last_lines(&link).unwrap(), "text\n");
        let mode = rustix::fs::Mode::RUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        assert!(last_lines(&fifo).is_err());
        assert!(last_lines(home.path()).is_err());
        assert_eq!(last_lines(&home.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
