//! A file that is being written and has no name yet, or one that no reader looks at, so that others see it whole or not
//! at all.

use haltline_protocol::QueueError;
use rustix::io::Errno;

use crate::error::failed;
use crate::folder::Folder;
use crate::vfs::Handle;

/// A written file that has no final name yet.
pub(crate) enum Unnamed {
    /// It has no name at all (O_TMPFILE); it vanishes if it is not linked.
    Anonymous(Handle),
    /// It has a temporary name, where the file system wants one.
    Temporary(Temporary),
}

/// A written file under a name that no reader looks at.
pub(crate) struct Temporary {
    pub(crate) file: Handle,
    pub(crate) name: String,
}

impl Unnamed {
    /// Gives the file its final name; `false` where that is taken, and then the file is forgotten.
    pub(crate) fn link(self, folder: &Folder, name: &str) -> Result<bool, QueueError> {
        let linked = self.try_names(folder, std::iter::once(name.to_owned()))?;
        Ok(linked.is_some())
    }

    /// Gives the file the first of the names that is free.
    pub(crate) fn try_names(
        self,
        folder: &Folder,
        names: impl Iterator<Item = String>,
    ) -> Result<Option<String>, QueueError> {
        for name in names {
            let linked = match &self {
                Self::Anonymous(file) => folder.vfs().link_unnamed(file, folder.handle(), &name),
                Self::Temporary(temporary) => folder.move_to(&temporary.name, folder, &name),
            };
            match linked {
                Ok(()) => return Ok(Some(name)),
                Err(Errno::EXIST) => {}
                Err(errno) => {
                    self.forget(folder);
                    return Err(failed("write", folder.path().join(name), errno));
                }
            }
        }
        self.forget(folder);
        Ok(None)
    }

    /// The file itself.
    pub(crate) fn file(&self) -> &Handle {
        match self {
            Self::Anonymous(file) => file,
            Self::Temporary(temporary) => &temporary.file,
        }
    }

    /// Takes its temporary name away, where it has one.
    pub(crate) fn forget(&self, folder: &Folder) {
        if let Self::Temporary(temporary) = self {
            folder.forget_temporary(&temporary.name);
        }
    }
}

impl Folder {
    /// Writes bytes to a file that nobody sees yet.
    pub(crate) fn write_file(&self, bytes: &[u8], durable: bool) -> Result<Unnamed, QueueError> {
        match self.vfs().create_unnamed(self.handle()) {
            Ok(file) => {
                self.write_whole(&file, bytes, durable)
                    .map_err(|errno| failed("write a file in", self.path(), errno))?;
                Ok(Unnamed::Anonymous(file))
            }
            // What file systems and kernels without O_TMPFILE say (open(2)).
            Err(Errno::OPNOTSUPP | Errno::ISDIR | Errno::INVAL | Errno::NOENT) => {
                self.write_temporary(bytes, durable).map(Unnamed::Temporary)
            }
            Err(errno) => Err(failed("write a file in", self.path(), errno)),
        }
    }

    fn write_whole(&self, file: &Handle, bytes: &[u8], durable: bool) -> Result<(), Errno> {
        self.vfs().write(file, bytes)?;
        if durable { self.sync_file(file) } else { Ok(()) }
    }

    pub(crate) fn write_temporary(&self, bytes: &[u8], durable: bool) -> Result<Temporary, QueueError> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|_| failed("find randomness for a file in", self.path(), Errno::IO))?;
        let name = format!(".{:016x}.tmp", u64::from_ne_bytes(random));
        let file =
            self.vfs().create(self.handle(), &name).map_err(|errno| failed("write a file in", self.path(), errno))?;
        if let Err(errno) = self.write_whole(&file, bytes, durable) {
            self.forget_temporary(&name);
            return Err(failed("write a file in", self.path(), errno));
        }
        Ok(Temporary { file, name })
    }

    pub(crate) fn forget_temporary(&self, name: &str) {
        if let Err(error) = self.remove_own(name) {
            tracing::warn!(%error, "left a temporary file behind");
        }
    }
}
