//! An investigator made from a provider: it writes what the process needs, runs it, and checks what it printed.

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use haltline_protocol::{Assignment, DispatchFailure, Failure, Investigation, Investigator, Usage};
use tokio_util::sync::CancellationToken;

use crate::attempt::{Attempt, AttemptNote, EVENT, PROMPT};
use crate::process::{self, Launch, Limits, working_directory};
use crate::prompt::write_prompt;
use crate::provider::{Brief, Captured, CommandLine, Plan, Provider, Reading, Setting};
use crate::report_check::{Checked, Expected};
use crate::salvage::salvage;
use crate::schema::report_schema;
use crate::verdict::{Reason, decide, not_started};
use crate::{Environment, Hidden};

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
        let brief = Brief {
            assignment,
            setting: &self.setting,
            program: self.program.as_deref(),
            folder: attempt.folder(),
            schema: &SCHEMA,
        };
        let (answer, usage) = match self.provider.plan(&brief) {
            Plan::Answer(report) => (Ok(Checked { report: *report, cost: None }), Usage::default()),
            Plan::Spawn(line) => self.ask(assignment, &attempt, line, &cut).await,
        };
        let mut usage = self.complete(usage, begun.elapsed());
        match answer {
            Ok(Checked { report, cost }) => {
                usage.cost = cost;
                let investigation = Investigation { report, usage };
                keep(&attempt, &investigation);
                Ok(investigation)
            }
            Err((class, detail)) => Err(DispatchFailure { class, detail, usage: Box::new(usage) }),
        }
    }

    async fn salvage(&self, assignment: &Assignment) -> Option<Investigation> {
        salvage(assignment, self.limits).await
    }
}

impl ProcessInvestigator {
    /// Starts the program and waits for its verdict.
    async fn ask(
        &self,
        assignment: &Assignment,
        attempt: &Attempt,
        line: CommandLine,
        cut: &CancellationToken,
    ) -> (Result<Checked, Reason>, Usage) {
        let nonce = match random_word() {
            Ok(nonce) => nonce,
            Err(error) => return (Err((Failure::Crash, error)), Usage::default()),
        };
        if let Err(error) = self.write_files(assignment, attempt, &line, &nonce) {
            return (Err((Failure::Crash, error.to_string())), Usage::default());
        }
        let outcome = match process::run(self.launch(assignment, line), attempt, cut).await {
            Ok(outcome) => outcome,
            Err(error) => return (Err(not_started(&error)), Usage::default()),
        };
        let captured = Captured { stdout: &outcome.output.stdout, stderr: &outcome.output.stderr, exit: outcome.exit };
        let mut reading: Reading = self.provider.read(&captured);
        let expected = Expected { fault_id: &assignment.event.fault_id, nonce: Some(&nonce) };
        let verdict = decide(outcome.ended, captured.stderr, &reading, &expected);
        tracing::debug!(
            fault = %assignment.event.fault_id, investigator = self.name, ended = ?outcome.ended,
            took_ms = outcome.took.as_millis(), swept = outcome.swept.killed, "an investigator ended"
        );
        reading.usage.cost = reading.cost;
        (verdict, reading.usage)
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
        attempt.write_new(EVENT, assignment.event.raw())?;
        attempt.write_new(PROMPT, write_prompt(assignment, &SCHEMA, nonce).as_bytes())?;
        line.files.iter().try_for_each(|(name, bytes)| attempt.write_new(name, bytes))
    }

    fn launch(&self, assignment: &Assignment, line: CommandLine) -> Launch {
        let folder = &assignment.slot.folder;
        let mut environment = self.environment.for_investigator(folder, self.provider.credentials());
        environment.extend(line.environment.into_iter().map(|(name, value)| (name.into(), value)));
        environment.extend(self.setting.section.env.iter().map(|(name, Hidden(value))| (name.into(), value.into())));
        Launch {
            program: line.program,
            arguments: line.arguments,
            environment,
            directory: working_directory(&assignment.event.pointers.worktree_path, folder),
            limits: self.limits,
        }
    }

    fn complete(&self, usage: Usage, duration: Duration) -> Usage {
        let model = usage.model.or_else(|| self.setting.section.model.clone());
        Usage { provider: self.name.clone(), model, duration, ..usage }
    }
}

/// Puts a checked report on disk before anybody hears of it. Where that fails the report still counts: what was
/// printed is on disk too, and a later drain can take it from there.
pub(crate) fn keep(attempt: &Attempt, investigation: &Investigation) {
    if let Err(error) = attempt.write_result(investigation) {
        tracing::warn!(error, "a report could not be kept beside what was printed");
    }
}

/// A word that nobody could know before.
fn random_word() -> Result<String, String> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(|error| format!("cannot find randomness: {error}"))?;
    Ok(format!("{:016x}", u64::from_ne_bytes(random)))
}
