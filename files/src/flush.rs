//! Making files durable. Of many, all are on their way to the disk before the first is waited for, and several are waited for at
//! the same time.

use std::thread::Builder;

use rustix::io::Errno;

use crate::folder::Folder;
use crate::vfs::Handle;

/// How many flushes wait at the same time, each on a thread of its own. A file system with a journal commits those that
/// wait together at once; more than this brought nothing on the disks that were measured.
const AT_ONCE: usize = 8;

impl Folder {
    /// Makes files durable that were written in this folder. Returns how each ended, in their order.
    pub fn sync_files(&self, files: &[&Handle]) -> Vec<Result<(), Errno>> {
        files.iter().for_each(|file| self.vfs().begin_sync(file));
        if files.len() < AT_ONCE {
            return self.sync_in_turn(files);
        }
        std::thread::scope(|scope| {
            let parts = files.chunks(files.len().div_ceil(AT_ONCE));
            let flushing: Vec<_> =
                parts.map(|part| (part, Builder::new().spawn_scoped(scope, move || self.sync_in_turn(part)))).collect();
            let ended = flushing.into_iter().flat_map(|(part, thread)| match thread.map(|thread| thread.join()) {
                Ok(Ok(ended)) => ended,
                // The thread could not be started or did not come to its end. A flush may be done again.
                Ok(Err(_)) | Err(_) => self.sync_in_turn(part),
            });
            ended.collect()
        })
    }

    fn sync_in_turn(&self, files: &[&Handle]) -> Vec<Result<(), Errno>> {
        files.iter().map(|file| self.sync_file(file)).collect()
    }

    /// Makes a file durable that was written in this folder (fsync(2)).
    ///
    /// # Errors
    /// The device failed; what is durable is not known.
    pub fn sync_file(&self, file: &Handle) -> Result<(), Errno> {
        self.vfs().sync(file)
    }

    /// Makes the content of a file durable that was written in this folder (fdatasync(2)).
    ///
    /// # Errors
    /// The device failed; what is durable is not known.
    pub fn sync_file_data(&self, file: &Handle) -> Result<(), Errno> {
        self.vfs().sync_data(file)
    }
}
