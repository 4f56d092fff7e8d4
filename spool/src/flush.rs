//! Flushing many files: all are on their way to the disk before the first is waited for.

use rustix::io::Errno;

use crate::folder::Folder;
use crate::vfs::Handle;

impl Folder {
    /// Makes files durable that were written in this folder; how each of them ended, in their order.
    pub(crate) fn sync_files(&self, files: &[&Handle]) -> Vec<Result<(), Errno>> {
        files.iter().for_each(|file| self.vfs().begin_sync(file));
        files.iter().map(|file| self.sync_file(file)).collect()
    }
}
