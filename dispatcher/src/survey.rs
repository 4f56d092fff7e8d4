//! Looks at every investigator without asking any: where its program is, which version, and why it cannot be started.

use std::path::{Path, PathBuf};
use std::time::Duration;

use haltline_evidence::clean_line;
use haltline_process::{Child, Ended, Launch, Limits};
use tokio_util::sync::CancellationToken;

use crate::attempt::{Attempt, PROMPT};
use crate::candidate::Candidate;
use crate::configured_providers::Providers;

/// How long a program gets to say its version. The slowest seen needs 2 s on a busy machine.
const VERSION_WALL: Duration = Duration::from_secs(20);
/// The most bytes of a version that are read.
const VERSION_OUTPUT: u64 = 64 << 10;

/// What is known of one investigator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its name in the configuration.
    pub name: String,
    /// What it is, in one line for people.
    pub summary: &'static str,
    /// Whether a drain would ask it: it is chosen, or in the chain.
    pub is_chosen: bool,
    /// What was seen of it.
    pub seen: Seen,
    /// How to get it.
    pub install_hint: &'static str,
}

/// What was seen of an investigator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It is built in and needs no program.
    BuiltIn,
    /// Its program starts. A login or a key is not proven by that.
    Starts {
        /// Where it is.
        program: PathBuf,
        /// What it says of its version; none where it was not asked, since a user's own program may do anything.
        version: Option<String>,
    },
    /// Its program is there and does not start.
    Broken {
        /// Where it is.
        program: PathBuf,
        /// Why not.
        problem: String,
    },
    /// There is no such program.
    Missing {
        /// What was looked for, and where, as "`codex` on PATH".
        wanted: String,
    },
}

impl Providers {
    /// Looks at every investigator, the chosen ones first. The programs are asked for their versions with `scratch`, an
    /// empty folder of the caller's, as their home.
    pub async fn survey(&self, scratch: &Path) -> Vec<Finding> {
        let mut findings = Vec::new();
        let chosen = self.candidates.iter().map(|candidate| (candidate, true));
        for (candidate, is_chosen) in chosen.chain(self.others.iter().map(|candidate| (candidate, false))) {
            findings.push(Finding {
                name: candidate.name.clone(),
                summary: candidate.provider.summary(),
                is_chosen,
                seen: self.look_at(candidate, &scratch.join(format!("look-{}", findings.len()))).await,
                install_hint: candidate.provider.install_hint(),
            });
        }
        findings
    }

    async fn look_at(&self, candidate: &Candidate, scratch: &Path) -> Seen {
        let Some(wanted) = candidate.wanted() else { return Seen::BuiltIn };
        let Some(program) = candidate.find_program(&self.environment) else { return Seen::Missing { wanted } };
        if candidate.provider.home_variables().is_empty() {
            return Seen::Starts { program, version: None };
        }
        match self.ask_version(candidate, &program, scratch).await {
            Ok(version) => Seen::Starts { program, version: Some(version) },
            Err(problem) => Seen::Broken { program, problem },
        }
    }

    async fn ask_version(&self, candidate: &Candidate, program: &Path, scratch: &Path) -> Result<String, String> {
        let attempt = Attempt::at(scratch);
        attempt.make_folder("home").and_then(|()| attempt.write_new(PROMPT, b"")).map_err(|error| error.to_string())?;
        let mut environment = self.environment.for_investigator(scratch, &[]);
        let home = || scratch.join("home").into_os_string();
        environment.extend(candidate.provider.home_variables().iter().map(|name| (name.into(), home())));
        let launch = Launch {
            program: program.to_owned(),
            arguments: vec!["--version".into()],
            environment,
            directory: scratch.to_owned(),
            folder: scratch.to_owned(),
            streams: attempt.streams().map_err(|error| clean_line(&error.to_string()))?,
            limits: Limits { wall: VERSION_WALL, output: VERSION_OUTPUT, ..Limits::default() },
        };
        let child = Child::start(launch).map_err(|error| clean_line(&error.to_string()))?;
        let outcome = child.wait(&CancellationToken::new()).await;
        let first_line = |text: &str| text.lines().find(|line| !line.trim().is_empty()).map(clean_line);
        match outcome.ended {
            Ended::Exited(0) => Ok(first_line(&outcome.output.stdout).unwrap_or_else(|| "says no version".to_owned())),
            Ended::TimedOut => Err(format!("`--version` did not end within {} s", VERSION_WALL.as_secs())),
            ended => {
                let said = first_line(&outcome.output.stderr).unwrap_or_default();
                Err(format!("`--version` ended as {ended:?}: {said}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::{DispatcherConfig, Environment, InvestigatorConfig};

    fn program(place: &Path, script: &str) {
        fs::write(place, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(place, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[tokio::test]
    async fn each_investigator_is_found_missing_broken_or_built_in() {
        let home = tempfile::tempdir().unwrap();
        let (codex, mine) = (home.path().join("codex"), home.path().join("mine"));
        program(&codex, "[ \"$CODEX_HOME\" != /users/own ] && echo \"codex $1\"");
        program(&home.path().join("claude"), "echo no such library >&2; exit 127");
        program(&mine, "touch asked");
        let path = format!("{}:/bin:/usr/bin", home.path().display());
        let section =
            InvestigatorConfig { command: Some(vec![mine.display().to_string()]), ..InvestigatorConfig::default() };
        let config = DispatcherConfig {
            chain: vec!["mine".to_owned(), "codex".to_owned()],
            investigators: [("mine".to_owned(), section)].into(),
            environment: Environment::default().with("PATH", path).with("CODEX_HOME", "/users/own"),
            ..DispatcherConfig::default()
        };
        let scratch = tempfile::tempdir().unwrap();
        let findings = Providers::build(&config).unwrap().survey(scratch.path()).await;
        let names: Vec<_> = findings.iter().map(|finding| (finding.name.as_str(), finding.is_chosen)).collect();
        assert_eq!(
            names,
            [("mine", true), ("codex", true), ("claude", false), ("gemini", false), ("kimi", false), ("triage", false)]
        );
        let seen = |place: usize| &findings[place].seen;
        assert_eq!(seen(0), &Seen::Starts { program: mine, version: None });
        assert_eq!(seen(1), &Seen::Starts { program: codex, version: Some("codex --version".to_owned()) });
        let Seen::Broken { problem, .. } = seen(2) else { panic!("{:?}", seen(2)) };
        assert!(problem.contains("no such library"), "{problem}");
        assert_eq!(seen(3), &Seen::Missing { wanted: "`gemini` on PATH".to_owned() });
        assert_eq!(seen(5), &Seen::BuiltIn);
    }
}
