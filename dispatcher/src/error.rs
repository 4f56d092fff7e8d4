//! What can be wrong before anything is dispatched.

use thiserror::Error;

/// Why the configured investigators cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DispatcherError {
    /// `--investigator` names nothing that is known: wrong usage.
    #[error("no investigator `{name}`; known are {}", known.join(", "))]
    UnknownInvestigator {
        /// What was asked for.
        name: String,
        /// What there is, the configured ones included.
        known: Vec<String>,
    },
    /// `command` was chosen and nothing says which one: wrong usage.
    #[error("investigator `{0}` has no command: give `--command 'CMD'` or `command = [\"PROGRAM\", …]` in the config")]
    NoCommand(String),
    /// `--command` is given beside another investigator, which would never run it: wrong usage.
    #[error("`--command` is what the investigator `command` runs, and `{0}` is asked for; leave one of the two out")]
    CommandUnused(String),
    /// A name in `drain.chain` is not known: bad configuration.
    #[error("drain.chain: no investigator `{name}`; known are {}", known.join(", "))]
    UnknownInChain {
        /// The name.
        name: String,
        /// What there is, the configured ones included.
        known: Vec<String>,
    },
    /// A section of the configuration does not fit its investigator: bad configuration.
    #[error("investigators.{name}: {problem}")]
    BadSection {
        /// The section.
        name: String,
        /// What is wrong and what to do.
        problem: &'static str,
    },
}

impl DispatcherError {
    /// Whether the command line is at fault rather than the configuration.
    pub fn is_usage(&self) -> bool {
        matches!(self, Self::UnknownInvestigator { .. } | Self::NoCommand(_) | Self::CommandUnused(_))
    }
}
