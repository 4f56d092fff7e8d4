//! Disks of one's own that can lose power: ext4 in a file, behind a loop device.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::run::{output, succeeds};

/// The size of a disk, in bytes. The journal of ext4 takes a part of it.
const SIZE: u64 = 24 << 20;

/// Tells ext4 that its disk is gone, journal and all: `FS_IOC_SHUTDOWN` with `NOLOGFLUSH`.
const SHUT_DOWN: &str =
    "import fcntl,os,struct,sys; fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587d, struct.pack('I', 2))";

/// A formatted, empty disk to copy.
///
/// # Errors
/// It cannot be made, and why.
pub(super) fn format(path: &Path) -> Result<()> {
    let file = fs::File::create(path)?;
    file.set_len(SIZE)?;
    run("mkfs.ext4", &["-q".as_ref(), "-F".as_ref(), path.as_os_str()])
}

/// A disk that is mounted; it is unmounted when it goes away.
#[derive(Debug)]
pub(super) struct Mounted {
    point: PathBuf,
}

impl Mounted {
    /// Mounts a disk in a folder, which is made.
    ///
    /// # Errors
    /// It cannot be mounted, and why.
    pub(super) fn new(disk: &Path, point: PathBuf) -> Result<Self> {
        fs::create_dir_all(&point)?;
        run("mount", &["-o".as_ref(), "loop".as_ref(), disk.as_os_str(), point.as_os_str()])?;
        Ok(Self { point })
    }

    /// Cuts the power off.
    ///
    /// # Errors
    /// The file system cannot be shut down, and why.
    pub(super) fn cut_power(&self) -> Result<()> {
        run("python3", &["-c".as_ref(), SHUT_DOWN.as_ref(), self.point.as_os_str()])
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let point = self.point.display().to_string();
        // Lazily where somebody has still a file open: the mount is gone at once, the disk soon.
        let _is_unmounted = succeeds("umount", &[&point]) || succeeds("umount", &["--lazy", &point]);
    }
}

/// Copies a disk as it is at this moment.
///
/// # Errors
/// It cannot be copied.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    run("cp", &["--sparse=always".as_ref(), from.as_os_str(), to.as_os_str()])
}

fn run(program: &str, arguments: &[&OsStr]) -> Result<()> {
    output(program, arguments).with_context(|| format!("{program} failed")).map(drop)
}
