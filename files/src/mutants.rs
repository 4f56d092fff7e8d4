//! Known ways to get it wrong, each behind a name. A test turns one on and has to fail: that proves the test.
//!
//! Crates above ask here too. Without the feature `faults` no mutant can be turned on.

/// One way to get it wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// Folders are never flushed.
    DropDirFsync,
    /// Files are never flushed.
    DropFileFsync,
    /// A rename replaces what has the name.
    PlainRename,
    /// A hold is taken over though its drain lives, as a lease by age would.
    AgeBasedRescue,
    /// Moves are made without a plan in the journal.
    NoJournal,
    /// Rows count as recorded once they are planned.
    AckBeforeRows,
    /// A claim does not give the event a new file.
    ClaimWithoutRenew,
    /// The folders that events were moved to are not flushed.
    TargetUnsynced,
    /// Every drain believes that it has the settle lock.
    RecoveryWithoutSettleLock,
    /// An investigation by hand looks for others first, and shows itself afterwards.
    LookBeforeShown,
    /// Recovery begins its numbers anew.
    ReusedNumbers,
    /// The journal goes on in a line that was torn.
    TornLineContinued,
    /// An attempt begins before its intent is durable.
    IntentAfterSpawn,
    /// Locks and journals stay open in the programs that a drain starts.
    NoCloexec,
    /// The sinks see a report that was not kept on disk.
    SinkBeforeResult,
    /// A migration is marked as completed before it runs.
    MarkerFirst,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::DropDirFsync,
        Self::DropFileFsync,
        Self::PlainRename,
        Self::AgeBasedRescue,
        Self::NoJournal,
        Self::AckBeforeRows,
        Self::ClaimWithoutRenew,
        Self::TargetUnsynced,
        Self::RecoveryWithoutSettleLock,
        Self::LookBeforeShown,
        Self::ReusedNumbers,
        Self::TornLineContinued,
        Self::IntentAfterSpawn,
        Self::NoCloexec,
        Self::SinkBeforeResult,
        Self::MarkerFirst,
    ];

    /// The name, as `HALTLINE_MUTANT` has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DropDirFsync => "drop-dir-fsync",
            Self::DropFileFsync => "drop-file-fsync",
            Self::PlainRename => "plain-rename",
            Self::AgeBasedRescue => "age-based-rescue",
            Self::NoJournal => "no-journal",
            Self::AckBeforeRows => "ack-before-rows",
            Self::ClaimWithoutRenew => "claim-without-renew",
            Self::TargetUnsynced => "target-unsynced",
            Self::RecoveryWithoutSettleLock => "recovery-without-settle-lock",
            Self::LookBeforeShown => "look-before-shown",
            Self::ReusedNumbers => "reused-numbers",
            Self::TornLineContinued => "torn-line-continued",
            Self::IntentAfterSpawn => "intent-after-spawn",
            Self::NoCloexec => "no-cloexec",
            Self::SinkBeforeResult => "sink-before-result",
            Self::MarkerFirst => "marker-first",
        }
    }
}

/// Whether a mutant is on: none ever is without the feature `faults`.
#[cfg(not(feature = "faults"))]
pub const fn is_on(_: Mutant) -> bool {
    false
}

#[cfg(feature = "faults")]
pub use switch::is_on;

#[cfg(feature = "faults")]
mod switch {
    use std::cell::Cell;
    use std::sync::LazyLock;

    use super::Mutant;

    static OF_THE_PROCESS: LazyLock<Option<Mutant>> = LazyLock::new(|| {
        let name = std::env::var("HALTLINE_MUTANT").ok()?;
        Mutant::ALL.into_iter().find(|mutant| mutant.name() == name)
    });
    thread_local! {
        static OF_THE_THREAD: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    /// Whether a mutant is on in this process or, with [`Mutant::on_this_thread`], on this thread.
    pub fn is_on(mutant: Mutant) -> bool {
        OF_THE_THREAD.get().or(*OF_THE_PROCESS) == Some(mutant)
    }

    impl Mutant {
        /// Turns a mutant on for what runs on this thread from now on; `None` turns it off.
        pub fn on_this_thread(mutant: Option<Self>) {
            OF_THE_THREAD.set(mutant);
        }
    }
}
