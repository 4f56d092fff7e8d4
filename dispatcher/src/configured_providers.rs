//! The providers that the configuration chooses, and which of them is there. Nothing is looked for before it is needed.

use std::ffi::OsString;
use std::sync::Arc;

use haltline_process::{Limits, is_path};
use haltline_protocol::{Failure, Investigator, NoInvestigator};

use crate::candidate::{AUTO, Candidate, check_section};
use crate::chain::{Chain, Member};
use crate::charges::Charges;
use crate::config::DispatcherConfig;
use crate::environment::Environment;
use crate::error::DispatcherError;
use crate::providers::{PROVIDERS, built_in_provider, command_provider, find_provider};

/// The investigators to choose from, the preferred one first.
#[derive(Debug)]
pub struct Providers {
    pub(crate) candidates: Vec<Candidate>,
    /// Every other kind that the configuration does not choose, for [`survey`](Self::survey).
    pub(crate) others: Vec<Candidate>,
    pub(crate) environment: Environment,
    limits: Limits,
    charges: Charges,
}

impl Providers {
    /// Resolves names. No program is looked for.
    ///
    /// # Errors
    /// A name is not known, a section does not fit, or there is a command that would never run.
    pub fn build(config: &DispatcherConfig) -> Result<Self, DispatcherError> {
        for (name, section) in &config.investigators {
            check_section(name, section)?;
        }
        let known = || {
            let built_in = PROVIDERS.iter().map(|provider| provider.name());
            let mut names: Vec<String> =
                built_in.chain(config.investigators.keys().map(String::as_str)).map(str::to_owned).collect();
            names.sort_unstable();
            names.dedup();
            names
        };
        let is_chain = config.choice == AUTO;
        let would_run = || find_provider(&config.choice).is_some_and(|provider| provider.runs_commands());
        if config.shell_command.is_some() && !is_chain && !would_run() {
            return Err(DispatcherError::CommandUnused(config.choice.clone()));
        }
        let chosen: Vec<&str> = match config.choice.as_str() {
            AUTO if config.shell_command.is_some() => {
                command_provider().map(|provider| provider.name()).into_iter().collect()
            }
            AUTO => config.chain.iter().map(String::as_str).collect(),
            name => vec![name],
        };
        let candidates: Result<Vec<_>, _> = chosen.into_iter().map(|name| Candidate::find(name, config)).collect();
        let candidates = candidates.map_err(|name| match is_chain {
            true => DispatcherError::UnknownInChain { name, known: known() },
            false => DispatcherError::UnknownInvestigator { name, known: known() },
        })?;
        if let Some(empty) = candidates.iter().find(|candidate| candidate.has_no_command()) {
            return Err(DispatcherError::NoCommand(empty.name.clone()));
        }
        let is_chosen = |name: &str| candidates.iter().any(|candidate| candidate.name == name);
        let others = known().into_iter().filter(|name| !is_chosen(name));
        let others = others.filter_map(|name| Candidate::find(&name, config).ok());
        let others = others.filter(|candidate| !candidate.has_no_command()).collect();
        let (environment, charges) = (config.environment.clone(), config.charges.clone());
        Ok(Self { candidates, others, environment, limits: config.limits, charges })
    }

    /// Finds the investigators that are there, as one: the first works, and the next takes over where it cannot.
    ///
    /// # Errors
    /// None is there, or this process is an investigator's own; the text says what to do.
    pub fn pick(&self) -> Result<Arc<dyn Investigator>, NoInvestigator> {
        let depth = self.environment.depth();
        if depth > 0 {
            return Err(NoInvestigator(format!(
                "an investigator starts no other one: this runs inside an investigation (HALT_DEPTH={depth})"
            )));
        }
        let members: Vec<Member> = self.candidates.iter().map(|candidate| self.member(candidate)).collect();
        if !members.iter().any(|member| matches!(member, Member::Present(_))) {
            return Err(NoInvestigator(self.nothing_there()));
        }
        Ok(Arc::new(Chain::new(members)))
    }

    fn member(&self, candidate: &Candidate) -> Member {
        match candidate.resolve(&self.environment, &self.charges) {
            Some(investigator) => Member::Present(Arc::new(investigator)),
            None => Member::Absent(format!(
                "{}: {}: no executable {}",
                candidate.name,
                Failure::MissingProgram,
                candidate.wanted().unwrap_or_default()
            )),
        }
    }

    pub(crate) fn charges(&self) -> &Charges {
        &self.charges
    }

    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    fn nothing_there(&self) -> String {
        let programs = self.candidates.iter().filter_map(|candidate| candidate.provider.program(&candidate.setting));
        let (paths, names): (Vec<_>, Vec<_>) = programs.partition(|program| is_path(program));
        let quoted = |programs: &[OsString]| {
            programs.iter().map(|program| format!("`{}`", program.display())).collect::<Vec<_>>().join(" or ")
        };
        let mut missing = Vec::new();
        if !names.is_empty() {
            missing.push(format!("{} on PATH ({})", quoted(&names), self.environment.path().display()));
        }
        if !paths.is_empty() {
            missing.push(format!("at {}", quoted(&paths)));
        }
        let hints: Vec<&str> = self.candidates.iter().map(|candidate| candidate.provider.install_hint()).collect();
        let built_in = built_in_provider().map(|provider| provider.name());
        let built_in = built_in.map(|name| format!(", or use the built-in rules with `--investigator {name}`"));
        format!(
            "no investigator can be started: no executable {}; install one ({}){}",
            missing.join(" or "),
            hints.join("; "),
            built_in.unwrap_or_default(),
        )
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    use super::*;
    use crate::setting::InvestigatorConfig;

    fn config(choice: &str) -> DispatcherConfig {
        DispatcherConfig { choice: choice.to_owned(), ..DispatcherConfig::default() }
    }

    fn own(command: &[&str]) -> InvestigatorConfig {
        InvestigatorConfig {
            command: Some(command.iter().map(|&text| text.to_owned()).collect()),
            ..InvestigatorConfig::default()
        }
    }

    fn program(folder: &Path, name: &str) {
        let place = folder.join(name);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[test]
    fn unknown_names_are_refused_with_the_known_ones() {
        let mut asked = config("codexx");
        asked.investigators.insert("mine".to_owned(), own(&["/bin/true"]));
        let error = Providers::build(&asked).unwrap_err();
        assert!(error.is_usage());
        let text = error.to_string();
        assert!(text.starts_with("no investigator `codexx`; known are claude, codex, command, "), "{text}");
        assert!(text.contains("mine") && text.contains("triage"), "{text}");

        let chained = DispatcherConfig { chain: vec!["nobody".to_owned()], ..config("auto") };
        let error = Providers::build(&chained).unwrap_err();
        assert!(matches!(error, DispatcherError::UnknownInChain { .. }) && !error.is_usage());
        assert_eq!(Providers::build(&config("command")).unwrap_err(), DispatcherError::NoCommand("command".to_owned()));
    }

    #[test]
    fn sections_that_do_not_fit_are_refused() {
        let table = [
            ("mine", InvestigatorConfig::default()),
            ("mine", own(&[])),
            ("mine", own(&[""])),
            ("codex", own(&["/x"])),
            ("auto", own(&["/x"])),
        ];
        for (name, section) in table {
            let mut asked = config("triage");
            asked.investigators.insert(name.to_owned(), section);
            let error = Providers::build(&asked).unwrap_err();
            assert!(matches!(error, DispatcherError::BadSection { .. }) && !error.is_usage(), "{name}");
        }
    }

    #[test]
    fn where_none_is_there_the_text_says_what_to_do() {
        let home = tempfile::tempdir().unwrap();
        let nowhere = Environment::default().with("PATH", home.path());
        for choice in ["auto", "codex"] {
            let providers =
                Providers::build(&DispatcherConfig { environment: nowhere.clone(), ..config(choice) }).unwrap();
            let text = providers.pick().unwrap_err().to_string();
            for part in ["`codex`", "PATH", &home.path().display().to_string(), "npm install", "--investigator triage"]
            {
                assert!(text.contains(part), "{part}: {text}");
            }
        }
        let providers =
            Providers::build(&DispatcherConfig { environment: nowhere.clone(), ..config("triage") }).unwrap();
        assert_eq!(providers.pick().unwrap().name(), "triage");

        let mut asked = DispatcherConfig { environment: nowhere, ..config("mine") };
        asked.investigators.insert("mine".to_owned(), own(&["/nowhere/mine"]));
        let text = Providers::build(&asked).unwrap().pick().unwrap_err().to_string();
        assert!(text.contains("no executable at `/nowhere/mine`; ") && !text.contains("PATH"), "{text}");
        asked = DispatcherConfig { chain: ["codex", "mine"].map(str::to_owned).to_vec(), ..asked };
        let chained = DispatcherConfig { choice: "auto".to_owned(), ..asked };
        let text = Providers::build(&chained).unwrap().pick().unwrap_err().to_string();
        let expected = format!("no executable `codex` on PATH ({}) or at `/nowhere/mine`; ", home.path().display());
        assert!(text.contains(&expected), "{text}");
    }

    #[test]
    fn the_first_of_the_chain_that_is_there_is_taken() {
        let home = tempfile::tempdir().unwrap();
        program(home.path(), "mine");
        let mut asked = DispatcherConfig {
            chain: ["codex", "mine", "triage"].map(str::to_owned).to_vec(),
            environment: Environment::default().with("PATH", home.path()),
            ..config("auto")
        };
        asked.investigators.insert("mine".to_owned(), own(&["mine", "--json"]));
        assert_eq!(Providers::build(&asked).unwrap().pick().unwrap().name(), "mine");
        program(home.path(), "codex");
        assert_eq!(Providers::build(&asked).unwrap().pick().unwrap().name(), "codex");
        asked.shell_command = Some("true".to_owned());
        let given = Candidate::find("command", &asked).unwrap();
        assert_eq!(given.provider.program(&given.setting), Some("sh".into()));
    }
}
