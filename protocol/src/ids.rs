//! Newtypes for the ids that travel between actors.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::time::compact_stamp;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl $name {
            /// Takes the id as it is, without checking it.
            pub fn new(text: impl Into<Box<str>>) -> Self {
                Self(text.into())
            }

            /// The id as it stands in the event.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self::new(text)
            }
        }
    };
}

text_id! {
    /// Names one fault: `<kind>:<idx>:<hash>`. It comes from outside, so it is text to show and compare,
    /// never a path or an argument.
    FaultId
}
text_id! {
    /// Names the run of the orchestrator that halted. It comes from outside, like [`FaultId`].
    RunId
}
text_id! {
    /// Names one drain for ever: the time of its start and 64 random bits, as `20260520T081400123Z-9f86d081884c7d65`.
    DrainId
}

impl DrainId {
    /// Builds the id of a drain that starts at `now`. `random` keeps two drains of one millisecond apart.
    pub fn at(now: Timestamp, random: u64) -> Self {
        Self::new(format!("{}-{random:016x}", compact_stamp(now)))
    }
}

/// The fault of one run: what attempts, back-off and RESOLVED markers belong to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FaultKey {
    /// The run that halted.
    pub run_id: RunId,
    /// The fault within that run.
    pub fault_id: FaultId,
}
