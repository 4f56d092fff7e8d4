//! The folders between which events move, held open for the length of a drain.

use std::sync::Arc;

use haltline_files::{FileError, Folder, Vfs};
use haltline_protocol::Layout;
use rustix::io::Errno;

use crate::journal::Place;

/// A name that no file of the queue has.
const NO_FILE: &str = ".no-file";

/// The folders of one queue.
#[derive(Debug)]
pub(crate) struct Folders {
    pub(crate) queue: Folder,
    pub(crate) pending: Folder,
    pub(crate) in_flight: Folder,
    pub(crate) processed: Folder,
    pub(crate) dead_letter: Folder,
    pub(crate) quarantine: Folder,
}

impl Folders {
    /// Opens the folders, and makes those that are missing.
    pub(crate) fn open(vfs: &Arc<dyn Vfs>, layout: &Layout) -> Result<Self, FileError> {
        let queue = Folder::ensure_on(vfs, layout.queue())?;
        let folders = Self {
            pending: queue.ensure_child(Layout::PENDING)?,
            in_flight: queue.ensure_child(Layout::IN_FLIGHT)?,
            processed: queue.ensure_child(Layout::PROCESSED)?,
            dead_letter: queue.ensure_child(Layout::DEAD_LETTER)?,
            quarantine: queue.ensure_child(Layout::QUARANTINE)?,
            queue,
        };
        folders.refuse_two_file_systems()?;
        Ok(folders)
    }

    /// The folder of a place; `held` is the drain's own.
    pub(crate) fn at<'a>(&'a self, place: Place, held: &'a Folder) -> &'a Folder {
        match place {
            Place::Pending => &self.pending,
            Place::Held => held,
            Place::Processed => &self.processed,
            Place::DeadLetter => &self.dead_letter,
            Place::Quarantine => &self.quarantine,
        }
    }

    /// Makes every move durable that was made between the folders, by whomever.
    pub(crate) fn sync(&self, held: &Folder) -> Result<(), FileError> {
        [held, &self.pending, &self.processed, &self.dead_letter, &self.quarantine]
            .into_iter()
            .try_for_each(Folder::sync)
    }

    /// Events are moved by rename, which does not cross file systems; a copy could be cut in half.
    fn refuse_two_file_systems(&self) -> Result<(), FileError> {
        let device = |folder: &Folder| {
            let stat = folder.vfs().stat_open(folder.handle());
            stat.map(|stat| stat.st_dev).map_err(|errno| FileError::new("look at", folder.path(), errno))
        };
        let home = device(&self.pending)?;
        for folder in [&self.in_flight, &self.processed, &self.dead_letter, &self.quarantine] {
            // Two mounts of one file system have one device, and rename(2) refuses them before it looks for the name.
            let crosses_mounts = self.pending.move_to(NO_FILE, folder, NO_FILE) == Err(Errno::XDEV);
            if device(folder)? != home || crosses_mounts {
                return Err(FileError::new("move events to", folder.path(), Errno::XDEV));
            }
        }
        Ok(())
    }
}
