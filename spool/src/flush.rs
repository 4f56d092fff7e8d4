//! Flushing many files: the disk takes flushes that wait for it at the same time together.

use std::thread::Builder;

use rustix::io::Errno;

use crate::folder::Folder;
use crate::vfs::Handle;

/// How many flushes wait at the same time. More bring nothing on the disks that were measured.
const AT_ONCE: usize = 8;

impl Folder {
    /// Makes files durable that were written in this folder; how each of them ended, in their order.
    pub(crate) fn sync_files(&self, files: &[&Handle]) -> Vec<Result<(), Errno>> {
        let in_turn = |part: &[&Handle]| part.iter().map(|file| self.sync_file(file)).collect::<Vec<_>>();
        if files.len() < AT_ONCE {
            return in_turn(files);
        }
        std::thread::scope(|scope| {
            let parts = files.chunks(files.len().div_ceil(AT_ONCE));
            let flushing: Vec<_> =
                parts.map(|part| (part, Builder::new().spawn_scoped(scope, move || in_turn(part)))).collect();
            let ended = flushing.into_iter().flat_map(|(part, thread)| match thread.map(|thread| thread.join()) {
                Ok(Ok(ended)) => ended,
                // No thread could be had, or it did not come to its end: a flush may be done again.
                Ok(Err(_)) | Err(_) => in_turn(part),
            });
            ended.collect()
        })
    }
}
