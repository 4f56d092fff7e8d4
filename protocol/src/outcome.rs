//! How things ended: moves, events and investigations.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How the move of one event ended. Analytics records every one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a move's outcome belongs in the analytics"]
pub enum MoveOutcome {
    /// The event is where it was to go.
    Moved,
    /// ENOENT: another consumer had moved the event already.
    AlreadyGone,
    /// The file system refused (EACCES, EPERM, EROFS, ENOSPC …); the event is where it was.
    Denied {
        /// The errno's name, as `EACCES`.
        errno: String,
    },
    /// EEXIST, and every other name that was tried was taken too; the event is where it was.
    TargetTaken,
}

impl MoveOutcome {
    /// What the row says of the move.
    pub fn state(&self) -> MoveState {
        match self {
            Self::Moved => MoveState::Moved,
            Self::AlreadyGone => MoveState::AlreadyGone,
            Self::Denied { .. } | Self::TargetTaken => MoveState::Failed,
        }
    }

    /// The errno's name where the move failed.
    pub fn errno(&self) -> Option<&str> {
        match self {
            Self::Moved => None,
            Self::AlreadyGone => Some("ENOENT"),
            Self::Denied { errno } => Some(errno),
            Self::TargetTaken => Some("EEXIST"),
        }
    }
}

macro_rules! named {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $text)] $variant,)*
        }

        impl $name {
            /// The name in rows and reports.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str(self.as_str())
            }
        }
    };
}

named! {
    /// The `move` of a row.
    MoveState {
        /// The event was moved.
        Moved = "moved",
        /// Another consumer had moved it.
        AlreadyGone = "already-gone",
        /// The move failed; `errno` says how.
        Failed = "failed",
        /// Nothing was to be moved.
        None = "none",
    }
}

named! {
    /// The `outcome` of a row.
    RowOutcome {
        /// An audit event, settled free.
        AuditSkipped = "audit-skipped",
        /// A known pattern explains it; settled free.
        PatternMatched = "pattern-matched",
        /// A RESOLVED marker says that it went away; settled free.
        Resolved = "resolved",
        /// An investigator answered with a valid report.
        Investigated = "investigated",
        /// It shared another event's investigation.
        Duplicate = "duplicate",
        /// The investigation failed; the event is back in the queue.
        DispatchFailed = "dispatch-failed",
        /// The event could not be moved and stays where it was.
        MoveFailed = "move-failed",
        /// The file is no readable event.
        Quarantined = "quarantined",
        /// The event was given up on.
        DeadLettered = "dead-lettered",
    }
}

named! {
    /// Why an investigation brought no report: the `failure` of a row.
    Failure {
        /// The provider wants a login or refuses the key.
        Auth = "auth",
        /// The plan or the credit is used up.
        Quota = "quota",
        /// Too many requests just now.
        RateLimit = "rate-limit",
        /// The provider has no capacity just now.
        Overloaded = "overloaded",
        /// The provider cannot be reached, or the stream broke.
        Transport = "transport",
        /// The prompt does not fit the model.
        ContextTooLong = "context-too-long",
        /// What was printed is no acceptable report.
        BadReport = "bad-report",
        /// The wall clock ran out.
        Timeout = "timeout",
        /// The program ended by a signal or with an error that says no more.
        Crash = "crash",
        /// The program is not there or cannot be started.
        MissingProgram = "missing-program",
        /// The drain was stopped or killed meanwhile.
        Interrupted = "interrupted",
    }
}

impl Failure {
    /// Whether the trouble lies with the provider rather than with the event: every other event would fail alike, so it
    /// is no attempt, and the provider is out for the rest of the drain.
    pub fn blames_provider(self) -> bool {
        matches!(self, Self::Auth | Self::Quota | Self::MissingProgram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_a_plan_and_a_program_are_the_providers_trouble_and_nothing_else_is() {
        use Failure::{
            Auth, BadReport, ContextTooLong, Crash, Interrupted, MissingProgram, Overloaded, Quota, RateLimit, Timeout,
            Transport,
        };
        assert!([Auth, Quota, MissingProgram].into_iter().all(Failure::blames_provider));
        let others = [RateLimit, Overloaded, Transport, ContextTooLong, BadReport, Timeout, Crash, Interrupted];
        assert!(!others.into_iter().any(Failure::blames_provider));
    }
}
