//! The actor: it takes requests, runs so many investigations at a time, and answers each when its result is on disk.

use std::sync::Arc;

use haltline_protocol::{
    Assignment, DispatchFailure, DispatchRequest, Failure, Investigation, Investigator, NoInvestigator, Verdict,
};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::configured_providers::Providers;
use crate::salvage::salvage;

/// Where the actor takes its investigator from.
#[derive(Debug)]
pub enum Source {
    /// The configured ones that are there, looked for when one is needed.
    Providers(Providers),
    /// This one.
    Given(Arc<dyn Investigator>),
}

/// Runs investigations.
#[derive(Debug)]
pub struct Dispatcher {
    source: Source,
    jobs: usize,
    chosen: Option<Arc<dyn Investigator>>,
    summary: DispatcherSummary,
}

/// What the actor did in its life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DispatcherSummary {
    /// Investigations that were started.
    pub started: u32,
    /// Of these, those that brought a report.
    pub reported: u32,
    /// Of these, those that brought none.
    pub failed: u32,
    /// Requests that came after the cut and were not started.
    pub refused: u32,
    /// Reports that were taken from dead drains' attempts.
    pub salvaged: u32,
}

/// Work that takes its time.
#[derive(Debug)]
enum Job {
    Investigate { investigator: Arc<dyn Investigator>, assignment: Assignment, reply: oneshot::Sender<Verdict> },
    Salvage { assignment: Assignment, reply: oneshot::Sender<Option<Investigation>> },
}

/// How a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum JobEnd {
    Reported,
    Failed,
    Salvaged,
    NothingToSalvage,
}

/// What woke the actor.
enum Woken {
    Requested(Box<DispatchRequest>),
    Ended(Result<JobEnd, JoinError>),
    Closed,
}

impl Dispatcher {
    /// An actor that runs up to `jobs` investigations at a time, one at least.
    pub fn new(source: Source, jobs: usize) -> Self {
        Self { source, jobs: jobs.max(1), chosen: None, summary: DispatcherSummary::default() }
    }

    /// Works until all senders are gone and everything that runs has answered. `cut` ends what runs; what is asked
    /// for after it is answered with [`Failure::Interrupted`] and not started.
    pub async fn run(
        mut self,
        mut requests: mpsc::Receiver<DispatchRequest>,
        cut: CancellationToken,
    ) -> DispatcherSummary {
        let mut running = JoinSet::new();
        let mut is_open = true;
        while is_open || !running.is_empty() {
            let has_room = running.len() < self.jobs;
            let woken = tokio::select! {
                Some(ended) = running.join_next() => Woken::Ended(ended),
                request = requests.recv(), if is_open && has_room => {
                    request.map_or(Woken::Closed, |request| Woken::Requested(Box::new(request)))
                }
            };
            match woken {
                Woken::Closed => is_open = false,
                Woken::Ended(end) => self.count(end),
                Woken::Requested(request) => {
                    if let Some(job) = self.handle(*request, cut.is_cancelled()) {
                        running.spawn(self.work(job, cut.clone()));
                    }
                }
            }
        }
        self.summary
    }

    /// Answers what can be answered at once, and says what is to be started.
    fn handle(&mut self, request: DispatchRequest, is_cut: bool) -> Option<Job> {
        match request {
            DispatchRequest::Prepare { reply } => {
                answer(reply, self.choose().map(|investigator| investigator.name().to_owned()));
                None
            }
            DispatchRequest::Salvage { assignment, reply } => Some(Job::Salvage { assignment, reply }),
            DispatchRequest::Investigate { reply, .. } if is_cut => {
                self.summary.refused += 1;
                answer(reply, Err(DispatchFailure::new(Failure::Interrupted, "the drain was stopped before it began")));
                None
            }
            DispatchRequest::Investigate { assignment, reply } => match self.choose() {
                Ok(investigator) => {
                    self.summary.started += 1;
                    Some(Job::Investigate { investigator, assignment, reply })
                }
                Err(error) => {
                    self.summary.refused += 1;
                    answer(reply, Err(DispatchFailure::new(Failure::MissingProgram, error.to_string())));
                    None
                }
            },
        }
    }

    /// The investigator; looked for once, and again while there is none.
    fn choose(&mut self) -> Result<Arc<dyn Investigator>, NoInvestigator> {
        if let Some(chosen) = &self.chosen {
            return Ok(Arc::clone(chosen));
        }
        let chosen = match &self.source {
            Source::Given(investigator) => Arc::clone(investigator),
            Source::Providers(providers) => providers.pick()?,
        };
        tracing::debug!(investigator = chosen.name(), "chose an investigator");
        self.chosen = Some(Arc::clone(&chosen));
        Ok(chosen)
    }

    fn work(&self, job: Job, cut: CancellationToken) -> impl Future<Output = JobEnd> + Send + 'static {
        let salvager = match &self.source {
            Source::Given(investigator) => Ok(Arc::clone(investigator)),
            Source::Providers(providers) => Err((providers.limits(), providers.charges().clone())),
        };
        async move {
            match job {
                Job::Investigate { investigator, assignment, reply } => {
                    let verdict = investigator.investigate(&assignment, cut).await;
                    let end = if verdict.is_ok() { JobEnd::Reported } else { JobEnd::Failed };
                    answer(reply, verdict);
                    end
                }
                Job::Salvage { assignment, reply } => {
                    let found = match salvager {
                        Ok(investigator) => investigator.salvage(&assignment).await,
                        Err((limits, charges)) => salvage(&assignment, limits, &charges).await,
                    };
                    let end = if found.is_some() { JobEnd::Salvaged } else { JobEnd::NothingToSalvage };
                    answer(reply, found);
                    end
                }
            }
        }
    }

    fn count(&mut self, end: Result<JobEnd, JoinError>) {
        match end {
            Ok(JobEnd::Reported) => self.summary.reported += 1,
            Ok(JobEnd::Failed) => self.summary.failed += 1,
            Ok(JobEnd::Salvaged) => self.summary.salvaged += 1,
            Ok(JobEnd::NothingToSalvage) => {}
            Err(error) => {
                tracing::error!(%error, "an investigator did not answer; this is a bug");
                self.summary.failed += 1;
            }
        }
    }
}

/// Answers, and does not mind that nobody listens: the result is on disk.
fn answer<T>(reply: oneshot::Sender<T>, value: T) {
    if reply.send(value).is_err() {
        tracing::debug!("nobody waits for an answer any more");
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use haltline_protocol::{AttemptSlot, HaltEvent};
    use serde_json::json;

    use super::*;
    use crate::mock::{ScriptedAnswer, ScriptedInvestigator};
    use crate::{DispatcherConfig, Environment};

    fn assignment(fault_id: &str) -> Assignment {
        let row = json!({
            "faultId": fault_id, "runId": "r", "stateSlug": "s", "kind": "K", "severity": "HIGH", "timestamp": "",
            "message": "m", "pointers": {}, "snapshot": {},
        });
        Assignment {
            event: Arc::new(HaltEvent::parse(row.to_string().as_bytes()).unwrap()),
            occurrences: 1,
            slot: AttemptSlot {
                session: "drain".into(),
                seq: 1,
                number: 1,
                folder: Path::new("/nowhere").into(),
                begun: jiff::Timestamp::UNIX_EPOCH,
            },
            pattern_categories: Arc::new([]),
        }
    }

    fn investigate(fault_id: &str) -> (DispatchRequest, oneshot::Receiver<Verdict>) {
        let (reply, verdict) = oneshot::channel();
        (DispatchRequest::Investigate { assignment: assignment(fault_id), reply }, verdict)
    }

    fn empty_source() -> Source {
        let environment = Environment::default().with("PATH", "/nowhere");
        Source::Providers(Providers::build(&DispatcherConfig { environment, ..DispatcherConfig::default() }).unwrap())
    }

    #[test]
    fn without_an_investigator_nothing_starts_and_everybody_is_told() {
        let mut dispatcher = Dispatcher::new(empty_source(), 2);
        let (reply, mut prepared) = oneshot::channel();
        assert!(dispatcher.handle(DispatchRequest::Prepare { reply }, false).is_none());
        let error = prepared.try_recv().unwrap().unwrap_err();
        assert!(error.to_string().contains("--investigator triage"), "{error}");
        let (request, mut verdict) = investigate("F");
        assert!(dispatcher.handle(request, false).is_none());
        assert_eq!(verdict.try_recv().unwrap().unwrap_err().class, Failure::MissingProgram);
        assert_eq!(dispatcher.summary.started, 0);
    }

    #[test]
    fn what_comes_after_the_cut_is_not_started() {
        let investigator = Arc::new(ScriptedInvestigator::new([]));
        let mut dispatcher = Dispatcher::new(Source::Given(investigator.clone()), 2);
        let (request, mut verdict) = investigate("F");
        assert!(dispatcher.handle(request, true).is_none());
        assert_eq!(verdict.try_recv().unwrap().unwrap_err().class, Failure::Interrupted);
        let (reply, _prepared) = oneshot::channel();
        dispatcher.handle(DispatchRequest::Prepare { reply }, true);
        assert!(investigator.asked().is_empty());
        assert_eq!((dispatcher.summary.started, dispatcher.summary.refused), (0, 1));
    }

    #[tokio::test]
    async fn so_many_run_at_a_time_and_the_cut_ends_them() {
        let investigator = Arc::new(ScriptedInvestigator::new([ScriptedAnswer::HangsUntilCut]));
        let dispatcher = Dispatcher::new(Source::Given(investigator.clone()), 2);
        let (requests, receiver) = mpsc::channel(8);
        let cut = CancellationToken::new();
        let actor = tokio::spawn(dispatcher.run(receiver, cut.clone()));
        let mut verdicts = Vec::new();
        for fault_id in ["A", "B", "C"] {
            let (request, verdict) = investigate(fault_id);
            requests.send(request).await.unwrap();
            verdicts.push(verdict);
        }
        investigator.wait_until_asked(2).await;
        // The third waits in the channel until one of the two has ended.
        assert_eq!(requests.max_capacity() - requests.capacity(), 1);
        cut.cancel();
        drop(requests);
        for verdict in verdicts {
            assert_eq!(verdict.await.unwrap().unwrap_err().class, Failure::Interrupted);
        }
        let summary = actor.await.unwrap();
        assert_eq!(summary, DispatcherSummary { started: 2, failed: 2, refused: 1, ..DispatcherSummary::default() });
        assert_eq!(investigator.asked().len(), 2);
    }

    #[tokio::test]
    async fn every_request_is_answered_before_it_ends() {
        let script = [ScriptedAnswer::Fails(Failure::Quota), ScriptedAnswer::root_cause("full disk")];
        let investigator =
            Arc::new(ScriptedInvestigator::new(script).salvaging([ScriptedAnswer::root_cause("left behind")]));
        let dispatcher = Dispatcher::new(Source::Given(investigator.clone()), 1);
        let (requests, receiver) = mpsc::channel(8);
        let (reply, prepared) = oneshot::channel();
        requests.send(DispatchRequest::Prepare { reply }).await.unwrap();
        let (first_request, first) = investigate("A");
        let (second_request, second) = investigate("B");
        let (unheard_request, unheard) = investigate("C");
        drop(unheard);
        let (reply, salvaged) = oneshot::channel();
        let salvage = DispatchRequest::Salvage { assignment: assignment("D"), reply };
        let (reply, nothing) = oneshot::channel();
        let salvage_nothing = DispatchRequest::Salvage { assignment: assignment("E"), reply };
        for request in [first_request, second_request, unheard_request, salvage, salvage_nothing] {
            requests.send(request).await.unwrap();
        }
        drop(requests);
        let summary = dispatcher.run(receiver, CancellationToken::new()).await;
        assert_eq!(prepared.await.unwrap().unwrap(), "scripted");
        assert_eq!(first.await.unwrap().unwrap_err().class, Failure::Quota);
        assert_eq!(second.await.unwrap().unwrap().report.fault_id.as_str(), "B");
        assert_eq!(salvaged.await.unwrap().unwrap().report.root_cause, "left behind");
        assert!(nothing.await.unwrap().is_none());
        assert_eq!(summary, DispatcherSummary { started: 3, reported: 2, failed: 1, refused: 0, salvaged: 1 });
        let asked = investigator.asked();
        assert_eq!(asked.iter().filter(|asked| asked.salvage).count(), 2);
    }
}
