//! An investigator made from a provider: it writes what the process needs, runs it, and checks what it printed.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use haltline_process::{Child, Ended, Launch, Limits, StartError};
use haltline_protocol::{Assignment, DispatchFailure, Failure, Investigation, Investigator, Usage, Usd, redacted_row};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::attempt::{Attempt, AttemptNote, EVENT, PROMPT};
use crate::charges::Charges;
use crate::conclusion::{conclude, keep, settle_usage};
use crate::cost::{ModelTokens, ReportedCost};
use crate::environment::Environment;
use crate::prompt::write_prompt;
use crate::provider::{Brief, Captured, CommandLine, Complaint, Plan, Provider, Reading};
use crate::report_check::{Checked, Expected, quoted_reports};
use crate::salvage::salvage;
use crate::schema::report_schema;
use crate::secret_places::{secret_places, working_directory};
use crate::setting::{Hidden, Setting};
use crate::verdict::{decide, not_started};

static SCHEMA: LazyLock<String> = LazyLock::new(report_schema);

/// An investigator that runs a provider's program.
#[derive(Debug)]
pub struct ProcessInvestigator {
    pub(crate) provider: &'static dyn Provider,
    pub(crate) name: String,
    pub(crate) setting: Setting,
    pub(crate) program: Option<PathBuf>,
    pub(crate) environment: Environment,
    pub(crate) limits: Limits,
    pub(crate) charges: Charges,
}

/// What came of a program, before anybody knows what it cost.
struct Answer {
    verdict: Result<Checked, Complaint>,
    tokens: Vec<ModelTokens>,
    said: ReportedCost,
    /// Whether a model has worked, so that somebody pays.
    was_billed: bool,
}

impl Answer {
    /// Nothing ran.
    fn none(complaint: Complaint) -> Self {
        Self { verdict: Err(complaint), tokens: Vec::new(), said: ReportedCost::Nothing, was_billed: false }
    }
}

#[async_trait]
impl Investigator for ProcessInvestigator {
    fn name(&self) -> &str {
        &self.name
    }

    async fn investigate(
        &self,
        assignment: &Assignment,
        cut: CancellationToken,
    ) -> Result<Investigation, DispatchFailure> {
        let begun = Instant::now();
        let attempt = Attempt::at(&assignment.slot.folder);
        let directory =
            working_directory(&assignment.event.pointers.worktree_path, attempt.folder(), &self.environment);
        let secret_places = secret_places(&self.environment, &directory);
        let brief = Brief {
            assignment,
            setting: &self.setting,
            program: self.program.as_deref(),
            folder: attempt.folder(),
            directory: &directory,
            environment: &self.environment,
            reserve_usd: self.charges.per_investigation_usd,
            secret_places: &secret_places,
            schema: &SCHEMA,
        };
        let answer = match self.provider.plan(&brief) {
            // What is built in is free, and that is known.
            Plan::Answer(report) => Answer {
                verdict: Ok(Checked { report: *report, cost: ReportedCost::Nothing, repeats_nonce: false }),
                said: ReportedCost::Usd(Usd::ZERO),
                tokens: Vec::new(),
                was_billed: false,
            },
            Plan::Spawn(line) => self.ask(assignment, &attempt, line, &directory, &cut).await,
        };
        let usage = self.usage(answer.tokens, answer.said, answer.was_billed, begun.elapsed());
        match answer.verdict {
            Ok(checked) => {
                let investigation = conclude(assignment, checked, usage);
                keep(&attempt, &investigation);
                Ok(investigation)
            }
            Err(Complaint { class, text, retry_after }) => {
                Err(DispatchFailure { class, detail: text, usage: Box::new(usage), retry_after })
            }
        }
    }

    async fn salvage(&self, assignment: &Assignment) -> Option<Investigation> {
        salvage(assignment, self.limits, &self.charges).await
    }
}

impl ProcessInvestigator {
    /// Starts the program and waits for its verdict.
    async fn ask(
        &self,
        assignment: &Assignment,
        attempt: &Attempt,
        line: CommandLine,
        directory: &Path,
        cut: &CancellationToken,
    ) -> Answer {
        let nonce = match random_word() {
            Ok(nonce) => nonce,
            Err(error) => return Answer::none(Complaint::new(Failure::Crash, error)),
        };
        if let Err(error) = self.write_files(assignment, attempt, &line, &nonce) {
            return Answer::none(Complaint::new(Failure::Crash, error.to_string()));
        }
        let child = match self.start(assignment, attempt, line, directory) {
            Ok(child) => child,
            Err(error) => return Answer::none(not_started(&error)),
        };
        if let Err(error) = attempt.write_process(&child.id()) {
            tracing::warn!(%error, "a later drain will know the investigator's process only by its mark");
        }
        let outcome = child.wait(cut).await;
        let captured = Captured {
            stdout: &outcome.output.stdout,
            stderr: &outcome.output.stderr,
            exit: outcome.exit,
            ended: Timestamp::now(),
        };
        let reading: Reading = self.provider.read(&captured);
        let needs_nonce = self.provider.repeats_nonce();
        let quoted = quoted_reports(&assignment.event);
        let fault_id = &assignment.event.fault_id;
        let expected = Expected { fault_id, nonce: Some(&nonce), needs_nonce, quoted: &quoted };
        let verdict = decide(outcome.ended, captured.stderr, &reading, &expected);
        tracing::debug!(
            fault = %assignment.event.fault_id, investigator = self.name, ended = ?outcome.ended,
            took_ms = outcome.took.as_millis(), swept = outcome.swept.killed, "an investigator ended"
        );
        let was_ended = !matches!(outcome.ended, Ended::Exited(_));
        let was_billed = self.provider.is_paid() && (verdict.is_ok() || reading.has_worked || was_ended);
        let said = verdict.as_ref().map_or(reading.cost, |checked| checked.cost);
        Answer { verdict, tokens: reading.tokens, said, was_billed }
    }

    fn write_files(
        &self,
        assignment: &Assignment,
        attempt: &Attempt,
        line: &CommandLine,
        nonce: &str,
    ) -> std::io::Result<()> {
        attempt.write_note(&AttemptNote {
            provider: self.provider.name().to_owned(),
            name: self.name.clone(),
            model: self.setting.section.model.clone(),
            nonce: nonce.to_owned(),
        })?;
        attempt.write_new(EVENT, &redacted_row(assignment.event.raw()))?;
        attempt.write_new(PROMPT, write_prompt(assignment, &SCHEMA, nonce).as_bytes())?;
        let parent_of = |name: &'static str| Path::new(name).parent().and_then(Path::to_str);
        let names = line.files.iter().map(|(name, _)| *name).chain(line.links.iter().map(|(name, _)| *name));
        let folders = names.filter_map(parent_of).filter(|folder| !folder.is_empty()).chain(line.own_directory);
        folders.into_iter().try_for_each(|folder| attempt.make_folder(folder))?;
        line.files.iter().try_for_each(|(name, bytes)| attempt.write_new(name, bytes))?;
        line.links.iter().try_for_each(|(name, target)| attempt.link(name, target))
    }

    fn start(
        &self,
        assignment: &Assignment,
        attempt: &Attempt,
        line: CommandLine,
        directory: &Path,
    ) -> Result<Child, StartError> {
        let folder = &assignment.slot.folder;
        let mut environment = self.environment.for_investigator(folder, self.provider.credentials());
        environment.extend(line.environment.into_iter().map(|(name, value)| (name.into(), value)));
        environment.extend(self.setting.section.env.iter().map(|(name, Hidden(value))| (name.into(), value.into())));
        Child::start(Launch {
            program: line.program,
            arguments: line.arguments,
            environment,
            directory: line.own_directory.map_or_else(|| directory.to_owned(), |own| folder.join(own)),
            folder: folder.clone(),
            streams: attempt.streams().map_err(StartError::Files)?,
            limits: self.limits,
        })
    }

    fn usage(&self, tokens: Vec<ModelTokens>, said: ReportedCost, was_billed: bool, duration: Duration) -> Usage {
        let model = self.setting.section.model.as_deref();
        let usage = Usage { provider: self.name.clone(), duration, ..Usage::default() };
        settle_usage(usage, model, tokens, said, was_billed, &self.charges)
    }
}

/// A word that nobody could know before.
fn random_word() -> Result<String, String> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| format!("cannot find randomness: {error}"))?;
    Ok(format!("{:016x}", u64::from_ne_bytes(random)))
}
