//! The investigators of a chain that are there, as one: where the first cannot work at all, the next takes over.
//!
//! What only its surroundings can mend - no login, no plan left, no program - takes an investigator out for the rest of
//! the drain, and is no attempt at the event. Whoever is asked after another works in a folder of its own below the
//! attempt's, so that each one's output stays.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use haltline_protocol::{Assignment, AttemptSlot, DispatchFailure, Failure, Investigation, Investigator, Usage};
use tokio_util::sync::CancellationToken;

use crate::attempt::{Attempt, MOST_ASKED};
use crate::cost::add;

/// Investigators in the order of preference.
#[derive(Debug)]
pub(crate) struct Chain {
    members: Vec<Member>,
    /// Those that cannot work in this drain, by place, with the reason.
    unavailable: Mutex<BTreeMap<usize, DispatchFailure>>,
}

/// One place of the order.
#[derive(Debug)]
pub(crate) enum Member {
    /// It is there.
    Present(Arc<dyn Investigator>),
    /// It is not, for this reason.
    Absent(String),
}

impl Chain {
    pub(crate) fn new(members: Vec<Member>) -> Self {
        Self { members, unavailable: Mutex::default() }
    }

    /// The investigators that are there.
    fn present(&self) -> impl Iterator<Item = &Arc<dyn Investigator>> {
        self.members.iter().filter_map(|member| match member {
            Member::Present(investigator) => Some(investigator),
            Member::Absent(_) => None,
        })
    }

    fn unavailable(&self) -> MutexGuard<'_, BTreeMap<usize, DispatchFailure>> {
        self.unavailable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those that cannot work, each with its place among the reasons.
#[derive(Debug, Default)]
struct Unavailable(Vec<(usize, DispatchFailure)>);

impl Unavailable {
    fn add(&mut self, place: usize, failure: &DispatchFailure, usage: Usage) {
        self.0.push((place, DispatchFailure { usage: Box::new(usage), ..failure.clone() }));
    }

    /// The failure that is over first, which stands for all. Where one of them has no end that is known, nobody knows
    /// when to come again: then the last one stands for all, without a time.
    fn soonest_back(self) -> Option<(usize, DispatchFailure)> {
        if self.0.iter().all(|(_, failure)| failure.retry_after.is_some()) {
            return self.0.into_iter().min_by_key(|(_, failure)| failure.retry_after);
        }
        let (place, last) = self.0.into_iter().next_back()?;
        Some((place, DispatchFailure { retry_after: None, ..last }))
    }
}

#[async_trait]
impl Investigator for Chain {
    fn name(&self) -> &str {
        self.present().next().map_or("nobody", |investigator| investigator.name())
    }

    async fn investigate(
        &self,
        assignment: &Assignment,
        cut: CancellationToken,
    ) -> Result<Investigation, DispatchFailure> {
        let mut passed_over = Vec::new();
        let mut spent = None;
        let mut asked = 0;
        let mut unavailable = Unavailable::default();
        for (place, member) in self.members.iter().enumerate() {
            let investigator = match member {
                Member::Present(investigator) => investigator,
                Member::Absent(reason) => {
                    passed_over.push(reason.clone());
                    continue;
                }
            };
            let earlier = self.unavailable().get(&place).cloned();
            if let Some(failure) = earlier {
                unavailable.add(passed_over.len(), &failure, bare_usage(investigator.name()));
                passed_over.push(format!("{}: {failure}", investigator.name()));
                continue;
            }
            if asked == MOST_ASKED {
                break;
            }
            asked += 1;
            let verdict = match place_for(assignment, asked) {
                Ok(own) => investigator.investigate(&own, cut.clone()).await,
                Err(error) => Err(failure_of(Failure::Crash, error.to_string(), investigator.name())),
            };
            match verdict {
                Ok(mut investigation) => {
                    complete(&mut investigation.usage, passed_over, spent);
                    return Ok(investigation);
                }
                Err(failure) if failure.class.blames_provider() => {
                    tracing::warn!(investigator = investigator.name(), error = %failure, "out for this drain");
                    self.unavailable().insert(place, failure.clone());
                    spent = add(spent, failure.usage.cost);
                    unavailable.add(passed_over.len(), &failure, *failure.usage.clone());
                    passed_over.push(format!("{}: {failure}", investigator.name()));
                }
                Err(mut failure) => {
                    complete(&mut failure.usage, passed_over, spent);
                    return Err(failure);
                }
            }
        }
        let mut failure = match unavailable.soonest_back() {
            Some((place, failure)) => {
                // Its reason is the failure itself.
                passed_over.remove(place);
                failure
            }
            None => failure_of(Failure::MissingProgram, "no investigator is there".to_owned(), self.name()),
        };
        failure.usage.passed_over = passed_over;
        failure.usage.cost = spent;
        Err(failure)
    }

    async fn salvage(&self, assignment: &Assignment) -> Option<Investigation> {
        self.present().next()?.salvage(assignment).await
    }
}

/// The assignment with the folder of whoever is asked: the first has the attempt's own, the others one below it.
fn place_for(assignment: &Assignment, asked: usize) -> std::io::Result<Assignment> {
    if asked == 1 {
        return Ok(assignment.clone());
    }
    let folder = Attempt::at(&assignment.slot.folder).make_later_folder(asked)?;
    let slot = AttemptSlot { folder, ..assignment.slot.clone() };
    Ok(Assignment { slot, ..assignment.clone() })
}

fn complete(usage: &mut Usage, passed_over: Vec<String>, spent: Option<haltline_protocol::Cost>) {
    usage.passed_over = passed_over;
    usage.cost = add(spent, usage.cost);
}

fn failure_of(class: Failure, detail: String, name: &str) -> DispatchFailure {
    DispatchFailure { usage: Box::new(bare_usage(name)), ..DispatchFailure::new(class, detail) }
}

fn bare_usage(name: &str) -> Usage {
    Usage { provider: name.to_owned(), ..Usage::default() }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use haltline_protocol::{Cost, CostSource, HaltEvent, Usd};
    use serde_json::json;

    use super::*;
    use crate::attempt::later_folders;
    use crate::mock::{ScriptedAnswer, ScriptedInvestigator};

    fn assignment(folder: &Path) -> Assignment {
        let row = json!({
            "faultId": "K", "runId": "r", "stateSlug": "s", "kind": "K", "severity": "HIGH", "timestamp": "",
            "message": "m", "pointers": {}, "snapshot": {},
        });
        Assignment {
            event: Arc::new(HaltEvent::parse(row.to_string().as_bytes()).unwrap()),
            occurrences: 1,
            slot: AttemptSlot {
                session: "drain".into(),
                seq: 1,
                number: 1,
                folder: folder.to_owned(),
                begun: jiff::Timestamp::UNIX_EPOCH,
            },
            pattern_categories: Arc::new([]),
        }
    }

    fn scripted(script: impl IntoIterator<Item = ScriptedAnswer>) -> Arc<ScriptedInvestigator> {
        Arc::new(ScriptedInvestigator::new(script))
    }

    fn chain(members: &[&Arc<ScriptedInvestigator>]) -> Chain {
        let present =
            |member: &&Arc<ScriptedInvestigator>| Member::Present(Arc::clone(member) as Arc<dyn Investigator>);
        Chain::new(members.iter().map(present).collect())
    }

    #[tokio::test]
    async fn the_next_takes_over_where_the_first_cannot_work_and_is_asked_first_from_then_on() {
        let home = tempfile::tempdir().unwrap();
        for class in [Failure::Auth, Failure::Quota, Failure::MissingProgram] {
            let first = scripted([ScriptedAnswer::Fails(class)]);
            let answer = ScriptedAnswer::RootCause { root_cause: "x".to_owned(), usd: Usd::from_dollars(0.5) };
            let second = scripted([answer]);
            let both = chain(&[&first, &second]);
            for _ in 0..2 {
                let found = both.investigate(&assignment(home.path()), CancellationToken::new()).await.unwrap();
                assert_eq!(found.usage.passed_over, [format!("scripted: {class}: scripted")]);
                assert_eq!(
                    found.usage.cost,
                    Some(Cost { usd: Usd::from_micros(500_000), source: CostSource::Reported })
                );
            }
            assert_eq!((first.asked().len(), second.asked().len()), (1, 2), "{class}");
        }
        assert_eq!(later_folders(home.path()), [home.path().join("then-2")]);
    }

    #[tokio::test]
    async fn what_the_event_may_be_to_blame_for_is_not_tried_on_another() {
        let home = tempfile::tempdir().unwrap();
        for class in [Failure::BadReport, Failure::Timeout, Failure::Crash, Failure::RateLimit, Failure::Interrupted] {
            let (first, second) = (scripted([ScriptedAnswer::Fails(class)]), scripted([]));
            let both = chain(&[&first, &second]);
            let failure = both.investigate(&assignment(home.path()), CancellationToken::new()).await.unwrap_err();
            assert_eq!((failure.class, second.asked().len()), (class, 0));
            assert!(failure.usage.passed_over.is_empty());
        }
    }

    #[tokio::test]
    async fn where_all_are_out_the_failure_names_them_all_and_nobody_is_asked_again() {
        let home = tempfile::tempdir().unwrap();
        let first = scripted([ScriptedAnswer::Fails(Failure::Auth)]);
        let second = scripted([ScriptedAnswer::Fails(Failure::Quota)]);
        let mut all = chain(&[&first, &second]);
        all.members.insert(0, Member::Absent("codex: missing-program: not on PATH".to_owned()));
        for _ in 0..2 {
            let failure = all.investigate(&assignment(home.path()), CancellationToken::new()).await.unwrap_err();
            assert_eq!(failure.class, Failure::Quota);
            assert_eq!(failure.usage.passed_over, ["codex: missing-program: not on PATH", "scripted: auth: scripted"]);
        }
        assert_eq!((first.asked().len(), second.asked().len()), (1, 1));
    }

    #[test]
    fn the_one_that_is_back_first_stands_for_all_and_no_time_is_said_where_one_has_none() {
        let unavailable = |times: &[Option<&str>]| {
            let mut unavailable = Unavailable::default();
            for (place, time) in times.iter().enumerate() {
                let failure = failure_of(Failure::Quota, place.to_string(), "x");
                let retry_after = time.map(|time| time.parse().unwrap());
                unavailable.add(place, &DispatchFailure { retry_after, ..failure }, Usage::default());
            }
            unavailable.soonest_back().map(|(place, failure)| (place, failure.retry_after.map(|time| time.to_string())))
        };
        let (hour, week) = ("2026-11-22T11:00:00Z", "2026-11-29T10:00:00Z");
        assert_eq!(unavailable(&[Some(hour), Some(week)]), Some((0, Some(hour.to_owned()))));
        assert_eq!(unavailable(&[Some(week), Some(hour)]), Some((1, Some(hour.to_owned()))));
        assert_eq!(unavailable(&[Some(hour), None]), Some((1, None)));
        assert_eq!(unavailable(&[None, Some(hour)]), Some((1, None)));
        assert_eq!(unavailable(&[]), None);
    }
}
