//! Which file it was that was read. A name is no identity, and neither is the number of an inode: the file system gives
//! it to a new file once the old one is gone.

use rustix::fs::Stat;

/// Mixes the bits of a time, so that versions of neighbouring files do not meet (Knuth's golden ratio).
const MIX: u64 = 0x9E37_79B9_7F4A_7C15;

/// The version of a file: its inode number with the time of its last write. A rename changes neither.
pub(crate) fn version(stat: &Stat) -> u64 {
    let nanoseconds = u64::try_from(i128::from(stat.st_mtime) * 1_000_000_000 + i128::from(stat.st_mtime_nsec));
    stat.st_ino ^ nanoseconds.unwrap_or(0).wrapping_mul(MIX)
}

/// The versions under which a journal may know a file: one of an earlier release has the inode number alone.
pub(crate) fn versions(stat: &Stat) -> [u64; 2] {
    [version(stat), stat.st_ino]
}

/// Whether a file is of a version.
pub(crate) fn is_version(stat: &Stat, expected: u64) -> bool {
    versions(stat).contains(&expected)
}
