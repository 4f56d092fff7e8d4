//! The ground floor of haltline: what an event is, what its actors tell each other, and the traits
//! behind which a queue, an investigator, a sink and a migration sit. It does no I/O.

mod attempt;
mod control;
mod cost;
mod delivery;
mod document;
mod event;
mod fit_report;
mod formats;
mod home_pattern;
mod ids;
mod intake;
mod investigator;
mod kind;
mod layout;
mod messages;
mod migration;
mod names;
mod outcome;
mod pattern;
mod queue;
mod record;
mod redacted_row;
mod registry;
mod report;
mod row;
mod settlement;
mod severity;
mod sink;
mod strict;
mod survey;
mod time;
mod totals;
mod usd;

pub use attempt::{AttemptGrant, AttemptRequest, AttemptSlot, Holder, Orphan, OrphanedAttempt};
pub use control::{Change, Control, ControlError, Purge, PurgeTally, Repair};
pub use cost::{Cost, CostSource};
pub use delivery::{Delivery, HELD};
pub use document::Document;
pub use event::{EventError, HaltEvent, Investigate, Pointers, QueueRow, ResolvedMarker};
pub use fit_report::FitReport;
pub use formats::{
    PatternFile, ReportFile, RowLine, is_note, is_note_of, note_names, note_tells_of, note_text, report_tells_of,
    report_text,
};
pub use home_pattern::{pattern_has_file, pattern_has_folder};
pub use ids::{DrainId, FaultId, FaultKey, RunId};
pub use intake::{Intake, LARGEST_GROUP, LARGEST_ROW, NewRow, RowKind};
pub use investigator::{Assignment, Citation, DispatchFailure, Investigation, Investigator, NoInvestigator, Usage};
pub use kind::{AUDIT_KINDS, Kind, MANUAL_RECOVERY_INVOKED};
pub use layout::Layout;
pub use messages::{DispatchRequest, RecordBatch, Verdict};
pub use migration::{Migration, MigrationReport, MigrationStep, RowTrouble};
pub use names::{
    QUEUE_FOLDERS, candidate_names, event_name, fault_part, is_rewrite, is_stale_temporary, is_temporary, marker_name,
    run_part,
};
pub use outcome::{Failure, MoveOutcome, MoveState, RowOutcome};
pub use pattern::{LearnedPattern, Matcher, MatcherKind, PatternError};
pub use queue::{FreeSettles, Queue, QueueError, Session};
pub use record::{Filing, Record};
pub use redacted_row::redacted_row;
pub use report::{BlastRadius, FixOption, PatternProposal, ProposedFix, Report, ReportOutcome};
pub use row::{Row, RowDraft};
pub use settlement::{Claim, Destination, NextStep, Settled, Settlement, Ticket, Waiting, WaitingBody};
pub use severity::Severity;
pub use sink::{Sink, SinkError};
pub use survey::{Closed, Count, DeadDrain, EventState, Holding, Left, LeftOverAttempt, Seen, SeenAttempt, Survey};
pub use time::{compact_stamp, rfc3339_millis};
pub use totals::{DrainCounts, DrainTotals, Receipt, UpgradeSummary};
pub use usd::Usd;
