//! What is started, how far it may go, and why a start fails.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::PathBuf;

use rustix::fs::{FlockOperation, flock};
use rustix::io::retry_on_intr;
use thiserror::Error;

use crate::limits::Limits;

/// A program to start. It has no `Debug`, because its environment holds credentials.
pub struct Launch {
    /// An absolute path.
    pub program: PathBuf,
    /// What follows it.
    pub arguments: Vec<OsString>,
    /// The whole environment: nothing is inherited. With [`MARK`](crate::MARK) set to `folder`, even a descendant that
    /// left the session is known as one of this tree.
    pub environment: BTreeMap<OsString, OsString>,
    /// Where it works.
    pub directory: PathBuf,
    /// The folder that belongs to this child alone and holds the files of `streams`.
    pub folder: PathBuf,
    /// Its standard input, output and error.
    pub streams: Streams,
    /// What ends it early.
    pub limits: Limits,
}

/// The standard streams of a child: regular files, so that no pipe that a grandchild holds open keeps anybody waiting,
/// nothing deadlocks, and what was printed outlives this process.
#[derive(Debug)]
pub struct Streams {
    /// Standard input, open for reading.
    pub stdin: File,
    /// Standard output, open for reading and appending.
    pub stdout: File,
    /// Standard error, open for reading and appending.
    pub stderr: File,
}

impl Streams {
    /// Locks all three (flock(2)). The locks live in the open file descriptions, which the child and its descendants
    /// inherit, so a lock that cannot be taken later shows that the tree still runs.
    pub(crate) fn lock(&self) -> io::Result<()> {
        for file in [&self.stdin, &self.stdout, &self.stderr] {
            retry_on_intr(|| flock(file, FlockOperation::NonBlockingLockExclusive))?;
        }
        Ok(())
    }
}

/// Why a program did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// A file of its streams cannot be locked or shared.
    #[error("{0}")]
    Files(io::Error),
    /// The system has no room for one more process just now.
    #[error("cannot start {}: {source}; there are too many processes or too little memory", program.display())]
    NoRoom {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The program is gone, no program at all, or one for another machine.
    #[error("cannot start {}: {source}", program.display())]
    Program {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl StartError {
    pub(crate) fn of(program: PathBuf, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::OutOfMemory => Self::NoRoom { program, source },
            _ => Self::Program { program, source },
        }
    }
}
