//! What an investigator answers.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{FaultId, Severity};

/// An investigation's report, in the form that an investigator prints and programs read.
///
/// The form alone proves nothing; the dispatcher checks it against the event before anybody sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The fault that was investigated: the one that was asked about, to the letter.
    #[schemars(with = "String")]
    pub fault_id: FaultId,
    /// What came of it.
    pub outcome: ReportOutcome,
    /// With `duplicate-of`: the path of the earlier report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duplicate_of_path: Option<String>,
    /// The cause in plain words; what is missing where it is not known.
    pub root_cause: String,
    /// What the cause rests on, one entry each: a quoted log line, or `path:line` and what stands there.
    pub evidence: Vec<String>,
    /// Ways to mend it, for a person to choose from; nothing is ever run.
    #[serde(default)]
    pub proposed_fix: Option<ProposedFix>,
    /// A pattern that would settle the same fault free next time; a person puts it in force.
    #[serde(default)]
    pub learned_pattern_proposal: Option<PatternProposal>,
}

/// What came of an investigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReportOutcome {
    /// The cause is found, with evidence.
    RootCauseIdentified,
    /// The fault went away by itself, and the evidence shows how.
    SelfHealed,
    /// A person has to decide or to look further.
    NeedsHuman,
    /// The event carries too little to say anything.
    NoContext,
    /// An earlier report covers it.
    DuplicateOf,
}

impl ReportOutcome {
    /// Whether a person is to act on it, so that an inbox note is filed for a severe fault.
    pub fn asks_for_action(self) -> bool {
        matches!(self, Self::RootCauseIdentified | Self::NeedsHuman)
    }

    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RootCauseIdentified => "root-cause-identified",
            Self::SelfHealed => "self-healed",
            Self::NeedsHuman => "needs-human",
            Self::NoContext => "no-context",
            Self::DuplicateOf => "duplicate-of",
        }
    }
}

/// The ways to mend a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProposedFix {
    /// At least one, the recommended one first.
    pub options: Vec<FixOption>,
}

/// One way to mend a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FixOption {
    /// A few words to choose by.
    pub label: String,
    /// What to do, in full.
    pub description: String,
    /// How much it touches.
    pub blast_radius: BlastRadius,
}

/// How much a fix touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BlastRadius {
    /// One place.
    Narrow,
    /// One component.
    Medium,
    /// More than one component.
    Wide,
}

impl BlastRadius {
    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Narrow => "narrow",
            Self::Medium => "medium",
            Self::Wide => "wide",
        }
    }
}

/// A pattern that an investigator proposes to learn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PatternProposal {
    /// The family of the fault, as `disk-full`.
    pub category: String,
    /// How the pattern is matched: `stdout_contains`, `stdout_regex`, `failureReason_contains` or
    /// `failureReason_regex`. Kept as text: an unknown one is refused when it is filed, not before.
    pub matcher_kind: String,
    /// The text or the regular expression.
    pub pattern: String,
    /// CRITICAL, HIGH or MEDIUM.
    pub severity: Severity,
    /// What a match means, for people.
    pub description: String,
}
