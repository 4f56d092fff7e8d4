//! An investigator that answers from a script, for tests: ours and other people's.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use haltline_protocol::{
    Assignment, Citation, Cost, CostSource, DispatchFailure, Failure, FaultId, Investigation, Investigator, Report,
    ReportOutcome, RunId, Usage, Usd,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Answers each investigation with the next entry of its script, and the last one for ever.
///
/// ```
/// use haltline_dispatcher::mock::{ScriptedAnswer, ScriptedInvestigator};
/// use haltline_protocol::Failure;
///
/// let investigator = ScriptedInvestigator::new([
///     ScriptedAnswer::Fails(Failure::Quota),
///     ScriptedAnswer::root_cause("the disk is full"),
/// ]);
/// assert!(investigator.asked().is_empty());
/// ```
#[derive(Debug)]
pub struct ScriptedInvestigator {
    script: Mutex<VecDeque<ScriptedAnswer>>,
    salvage: Mutex<VecDeque<ScriptedAnswer>>,
    asked: watch::Sender<Vec<Asked>>,
}

/// One answer of a script.
#[derive(Debug, Clone)]
pub enum ScriptedAnswer {
    /// A report of the fault that was asked about.
    RootCause {
        /// The cause.
        root_cause: String,
        /// What it cost, in US dollars.
        usd: Option<Usd>,
    },
    /// This report, whatever was asked about.
    Report(Box<Report>),
    /// No report, for this reason.
    Fails(Failure),
    /// Nothing until it is cut, then [`Failure::Interrupted`].
    HangsUntilCut,
}

impl ScriptedAnswer {
    /// A report without a cost.
    pub fn root_cause(text: &str) -> Self {
        Self::RootCause { root_cause: text.to_owned(), usd: None }
    }
}

/// What a scripted investigator was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The fault.
    pub fault_id: FaultId,
    /// The run.
    pub run_id: RunId,
    /// How many event files shared it.
    pub occurrences: u32,
    /// Which attempt it was.
    pub attempt: u32,
    /// Whether it was asked for what a dead drain left.
    pub salvage: bool,
}

/// The name in rows and reports.
const NAME: &str = "scripted";

impl ScriptedInvestigator {
    /// Answers from a script. An empty one finds a root cause for everything.
    pub fn new(script: impl IntoIterator<Item = ScriptedAnswer>) -> Self {
        Self {
            script: Mutex::new(script.into_iter().collect()),
            salvage: Mutex::default(),
            asked: watch::Sender::default(),
        }
    }

    /// Answers salvages from a script of their own; where it is used up there is nothing to salvage.
    #[must_use]
    pub fn salvaging(self, script: impl IntoIterator<Item = ScriptedAnswer>) -> Self {
        Self { salvage: Mutex::new(script.into_iter().collect()), ..self }
    }

    /// What it was asked so far, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.borrow().clone()
    }

    /// Waits until it was asked so many times.
    pub async fn wait_until_asked(&self, count: usize) {
        let mut asked = self.asked.subscribe();
        // The sender is ours, so it cannot be gone.
        let _there = asked.wait_for(|asked| asked.len() >= count).await;
    }

    fn note(&self, assignment: &Assignment, salvage: bool) {
        let asked = Asked {
            fault_id: assignment.event.fault_id.clone(),
            run_id: assignment.event.run_id.clone(),
            occurrences: assignment.occurrences,
            attempt: assignment.slot.number,
            salvage,
        };
        self.asked.send_modify(|all| all.push(asked));
    }
}

#[async_trait]
impl Investigator for ScriptedInvestigator {
    fn name(&self) -> &str {
        NAME
    }

    async fn investigate(
        &self,
        assignment: &Assignment,
        cut: CancellationToken,
    ) -> Result<Investigation, DispatchFailure> {
        self.note(assignment, false);
        let answer = next_of(&self.script, true).unwrap_or_else(|| ScriptedAnswer::root_cause("scripted"));
        match answer {
            ScriptedAnswer::HangsUntilCut => {
                cut.cancelled().await;
                Err(failure(Failure::Interrupted))
            }
            ScriptedAnswer::Fails(class) => Err(failure(class)),
            ScriptedAnswer::RootCause { root_cause, usd } => Ok(found(assignment, root_cause, usd)),
            ScriptedAnswer::Report(report) => {
                Ok(Investigation { report: (*report).into(), usage: usage(None), citations: Vec::new() })
            }
        }
    }

    async fn salvage(&self, assignment: &Assignment) -> Option<Investigation> {
        self.note(assignment, true);
        match next_of(&self.salvage, false)? {
            ScriptedAnswer::RootCause { root_cause, usd } => Some(found(assignment, root_cause, usd)),
            ScriptedAnswer::Report(report) => {
                Some(Investigation { report: (*report).into(), usage: usage(None), citations: Vec::new() })
            }
            ScriptedAnswer::Fails(_) | ScriptedAnswer::HangsUntilCut => None,
        }
    }
}

fn next_of(script: &Mutex<VecDeque<ScriptedAnswer>>, repeat_last: bool) -> Option<ScriptedAnswer> {
    let mut script: MutexGuard<'_, _> = script.lock().unwrap_or_else(PoisonError::into_inner);
    if repeat_last && script.len() == 1 { script.front().cloned() } else { script.pop_front() }
}

fn found(assignment: &Assignment, root_cause: String, usd: Option<Usd>) -> Investigation {
    let report = Report {
        fault_id: assignment.event.fault_id.clone(),
        outcome: ReportOutcome::RootCauseIdentified,
        duplicate_of_path: None,
        root_cause,
        evidence: vec!["scripted evidence".to_owned()],
        proposed_fix: None,
        learned_pattern_proposal: None,
    };
    Investigation { report: report.into(), usage: usage(usd), citations: vec![Citation { verified: true }] }
}

fn usage(usd: Option<Usd>) -> Usage {
    let cost = usd.map(|usd| Cost { usd, source: CostSource::Reported });
    Usage { provider: NAME.to_owned(), cost, ..Usage::default() }
}

fn failure(class: Failure) -> DispatchFailure {
    DispatchFailure { class, detail: "scripted".to_owned(), usage: Box::new(usage(None)), retry_after: None }
}
