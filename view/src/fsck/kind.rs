//! What can be wrong with a file, and what to do about it.

/// One thing that can be wrong with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    OthersWrite,
    Foreign,
    Link,
    Special,
    HardLinks,
    Unreadable,
    Malformed,
    KilledRewrite,
    OthersRead,
    Waiting,
    StaleTemporary,
    Orphan,
    NoReason,
    ReasonAlone,
    ReportAlone,
    HalfReport,
    FarWait,
    TornRow,
}

impl Kind {
    /// What was found, of one file or of many.
    pub(super) fn problem(self) -> &'static str {
        match self {
            Self::OthersWrite => "can be written by others",
            Self::Foreign => "belongs to another user",
            Self::Link => "is a symbolic link, which is never followed",
            Self::Special => "is no regular file",
            Self::HardLinks => "has more than one name (hard links)",
            Self::Unreadable => "cannot be read",
            Self::Malformed => "is no readable event",
            Self::KilledRewrite => "was left by a rewrite that was killed, and may be an event",
            Self::OthersRead => "can be read by others",
            Self::Waiting => "waits and is no readable event",
            Self::StaleTemporary => "is a temporary file older than 36 hours",
            Self::Orphan => "is nothing that haltline knows",
            Self::NoReason => "is in quarantine without its reason",
            Self::ReasonAlone => "is a reason without its file",
            Self::ReportAlone => "is a report of which no event is left",
            Self::HalfReport => "is a report for people without the one for programs",
            Self::FarWait => "waits for longer than any limit lasts; a clock was wrong",
            Self::TornRow => "has lines that are no rows",
        }
    }

    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::OthersWrite | Self::OthersRead => {
                "chmod 600 the files and 700 the folders, or `haltline doctor --fsck --repair`"
            }
            Self::Foreign => "give it to the user of haltline (chown), or move it away",
            Self::Link | Self::Special => "move it away",
            Self::HardLinks => "remove the other name; the next drain quarantines such an event",
            Self::Unreadable => "check who owns it, its permissions, and the disk",
            Self::Malformed => "look at it, and mend it or move it away",
            Self::KilledRewrite => "`haltline doctor --fsck --repair` gives the event back, or clears the file away",
            Self::Waiting => "nothing: the next drain moves it into quarantine, with the reason",
            Self::StaleTemporary => "`haltline doctor --fsck --repair` removes it; a writer was killed",
            Self::Orphan => "move it away, if nobody needs it here",
            Self::NoReason => "look at it; `haltline purge` removes it once it is old",
            Self::ReasonAlone | Self::ReportAlone => "nothing: `haltline purge` removes it once it is old",
            Self::HalfReport => "nothing: the next drain completes it, if it still has the investigation",
            Self::FarWait => "`haltline retry` makes it due",
            Self::TornRow => "nothing: readers pass over them; a crash tears a line",
        }
    }

    /// Whether no drain mends it, or it endangers what is kept.
    pub(super) fn is_problem(self) -> bool {
        self <= Self::KilledRewrite
    }
}
