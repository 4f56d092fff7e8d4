//! The exit codes, in one table. 74, 75 and 78 are those of sysexits(3).

use std::process::ExitCode;

/// How the program ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// All is done.
    Done,
    /// Something failed or is in quarantine; the output says what.
    Failed,
    /// The command line is wrong; nothing was touched.
    Usage,
    /// A sink, a lock or the queue cannot be opened or written.
    CannotWrite,
    /// Stopped by a signal, a deadline or a budget, with work left.
    Stopped,
    /// The configuration is wrong, or dispatch was due and no investigator was found.
    Config,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::CannotWrite => 74,
            Exit::Stopped => 75,
            Exit::Config => 78,
        })
    }
}
