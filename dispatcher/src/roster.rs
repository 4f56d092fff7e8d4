//! Which investigators may be used, and which of them is there. Nothing is looked for before it is needed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use haltline_process::{Limits, is_path, is_program, look_up};
use haltline_protocol::{Assignment, Failure, Investigation, Investigator, NoInvestigator};

use crate::charges::Charges;
use crate::config::DispatcherConfig;
use crate::environment::Environment;
use crate::error::DispatcherError;
use crate::investigate::ProcessInvestigator;
use crate::lineup::{Lineup, Member};
use crate::provider::Provider;
use crate::providers::{PROVIDERS, find_provider};
use crate::salvage::salvage;
use crate::setting::{InvestigatorConfig, Setting};

/// The investigators to choose from, the preferred one first.
#[derive(Debug)]
pub struct Roster {
    pub(crate) candidates: Vec<Candidate>,
    /// Every other kind that the configuration does not choose, for [`survey`](Self::survey).
    pub(crate) others: Vec<Candidate>,
    pub(crate) environment: Environment,
    limits: Limits,
    charges: Charges,
}

#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) name: String,
    pub(crate) provider: &'static dyn Provider,
    pub(crate) setting: Setting,
    limits: Limits,
}

/// The name that stands for the first of the chain that is there.
const AUTO: &str = "auto";
/// The provider behind every name that only the configuration knows.
const COMMAND: &str = "command";

impl Roster {
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
        let candidates = match config.choice.as_str() {
            AUTO if config.shell_command.is_some() => vec![Candidate::find(COMMAND, config)],
            AUTO => config.chain.iter().map(|name| Candidate::find(name, config)).collect(),
            name => vec![Candidate::find(name, config)],
        };
        if config.shell_command.is_some() && ![AUTO, COMMAND].contains(&config.choice.as_str()) {
            return Err(DispatcherError::CommandUnused(config.choice.clone()));
        }
        let is_chain = config.choice == AUTO;
        let candidates: Result<Vec<_>, _> = candidates.into_iter().collect();
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
        Ok(Arc::new(Lineup::new(members)))
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

    /// Takes what an attempt of a dead drain left, whichever investigator made it.
    pub(crate) async fn salvage(assignment: &Assignment, limits: Limits, charges: &Charges) -> Option<Investigation> {
        salvage(assignment, limits, charges).await
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
        format!(
            "no investigator can be started: no executable {}; install one ({}), \
             or use the built-in rules with `--investigator triage`",
            missing.join(" or "),
            hints.join("; "),
        )
    }
}

impl Candidate {
    fn find(name: &str, config: &DispatcherConfig) -> Result<Self, String> {
        let section = config.investigators.get(name);
        let provider = find_provider(name).or_else(|| section.and_then(|_| find_provider(COMMAND)));
        let provider = provider.ok_or_else(|| name.to_owned())?;
        let mut section = section.cloned().unwrap_or_default();
        section.model = config.model.clone().or(section.model);
        let wall = config.timeout.or(section.timeout).unwrap_or(config.limits.wall);
        let shell_command = config.shell_command.clone().filter(|_| name == COMMAND);
        Ok(Self {
            name: name.to_owned(),
            provider,
            setting: Setting { section, shell_command },
            limits: Limits { wall, ..config.limits },
        })
    }

    fn has_no_command(&self) -> bool {
        self.provider.name() == COMMAND && self.provider.program(&self.setting).is_none()
    }

    /// Which program it needs, and where: on PATH, or at a path of its own. None where it needs none.
    pub(crate) fn wanted(&self) -> Option<String> {
        let program = self.provider.program(&self.setting)?;
        let shown = program.display();
        Some(if is_path(&program) { format!("at `{shown}`") } else { format!("`{shown}` on PATH") })
    }

    fn resolve(&self, environment: &Environment, charges: &Charges) -> Option<ProcessInvestigator> {
        let program = match self.provider.program(&self.setting) {
            None => None,
            Some(_) => Some(self.find_program(environment)?),
        };
        Some(ProcessInvestigator {
            provider: self.provider,
            name: self.name.clone(),
            setting: self.setting.clone(),
            program,
            environment: environment.clone(),
            limits: self.limits,
            charges: charges.clone(),
        })
    }

    /// The program, where it is there.
    pub(crate) fn find_program(&self, environment: &Environment) -> Option<PathBuf> {
        let wanted = self.provider.program(&self.setting)?;
        Some(self.prefer_native(look_up(&wanted, environment.path())?))
    }

    fn prefer_native(&self, found: PathBuf) -> PathBuf {
        let target = found.canonicalize().unwrap_or_else(|_| found.clone());
        let native = self.provider.native_programs(&target);
        native.into_iter().find(|place: &PathBuf| is_program(Path::new(place))).unwrap_or(found)
    }
}

fn check_section(name: &str, section: &InvestigatorConfig) -> Result<(), DispatcherError> {
    let problem = match (find_provider(name), &section.command) {
        _ if name == AUTO => "`auto` stands for the first of drain.chain that is there; use another name",
        (_, Some(command)) if command.first().is_none_or(String::is_empty) => "`command` names no program",
        (Some(provider), Some(_)) if provider.name() != COMMAND => {
            "`command` is for investigators of your own; use another name"
        }
        (None, None) => "an investigator of your own needs `command = [\"PROGRAM\", …]`",
        _ => return Ok(()),
    };
    Err(DispatcherError::BadSection { name: name.to_owned(), problem })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use super::*;

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
        let error = Roster::build(&asked).unwrap_err();
        assert!(error.is_usage());
        let text = error.to_string();
        assert!(text.starts_with("no investigator `codexx`; known are claude, codex, command, "), "{text}");
        assert!(text.contains("mine") && text.contains("triage"), "{text}");

        let chained = DispatcherConfig { chain: vec!["nobody".to_owned()], ..config("auto") };
        let error = Roster::build(&chained).unwrap_err();
        assert!(matches!(error, DispatcherError::UnknownInChain { .. }) && !error.is_usage());
        assert_eq!(Roster::build(&config("command")).unwrap_err(), DispatcherError::NoCommand("command".to_owned()));
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
            let error = Roster::build(&asked).unwrap_err();
            assert!(matches!(error, DispatcherError::BadSection { .. }) && !error.is_usage(), "{name}");
        }
    }

    #[test]
    fn where_none_is_there_the_text_says_what_to_do() {
        let home = tempfile::tempdir().unwrap();
        let nowhere = Environment::default().with("PATH", home.path());
        for choice in ["auto", "codex"] {
            let roster = Roster::build(&DispatcherConfig { environment: nowhere.clone(), ..config(choice) }).unwrap();
            let text = roster.pick().unwrap_err().to_string();
            for part in ["`codex`", "PATH", &home.path().display().to_string(), "npm install", "--investigator triage"]
            {
                assert!(text.contains(part), "{part}: {text}");
            }
        }
        let roster = Roster::build(&DispatcherConfig { environment: nowhere.clone(), ..config("triage") }).unwrap();
        assert_eq!(roster.pick().unwrap().name(), "triage");

        let mut asked = DispatcherConfig { environment: nowhere, ..config("mine") };
        asked.investigators.insert("mine".to_owned(), own(&["/nowhere/mine"]));
        let text = Roster::build(&asked).unwrap().pick().unwrap_err().to_string();
        assert!(text.contains("no executable at `/nowhere/mine`; ") && !text.contains("PATH"), "{text}");
        asked = DispatcherConfig { chain: ["codex", "mine"].map(str::to_owned).to_vec(), ..asked };
        let chained = DispatcherConfig { choice: "auto".to_owned(), ..asked };
        let text = Roster::build(&chained).unwrap().pick().unwrap_err().to_string();
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
        assert_eq!(Roster::build(&asked).unwrap().pick().unwrap().name(), "mine");
        program(home.path(), "codex");
        assert_eq!(Roster::build(&asked).unwrap().pick().unwrap().name(), "codex");
        asked.shell_command = Some("true".to_owned());
        let given = Candidate::find("command", &asked).unwrap();
        assert_eq!(given.provider.program(&given.setting), Some("sh".into()));
    }

    #[test]
    fn flags_beat_the_section_and_the_section_beats_the_rest() {
        let mut asked = config("codex");
        let section = InvestigatorConfig {
            model: Some("small".to_owned()),
            timeout: Some(Duration::from_secs(5)),
            ..InvestigatorConfig::default()
        };
        asked.investigators.insert("codex".to_owned(), section);
        let found = Candidate::find("codex", &asked).unwrap();
        assert_eq!((found.setting.section.model.as_deref(), found.limits.wall.as_secs()), (Some("small"), 5));
        asked.model = Some("large".to_owned());
        asked.timeout = Some(Duration::from_secs(7));
        let found = Candidate::find("codex", &asked).unwrap();
        assert_eq!((found.setting.section.model.as_deref(), found.limits.wall.as_secs()), (Some("large"), 7));
        assert_eq!(Candidate::find("triage", &config("triage")).unwrap().limits.wall.as_secs(), 600);
    }

    #[test]
    fn a_native_program_is_preferred_to_its_wrapper() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        program(&home, "lib/@openai/codex/bin/codex.js");
        fs::create_dir(home.join("bin")).unwrap();
        std::os::unix::fs::symlink(home.join("lib/@openai/codex/bin/codex.js"), home.join("bin/codex")).unwrap();
        let found = Candidate::find("codex", &config("codex")).unwrap();
        assert_eq!(found.prefer_native(home.join("bin/codex")), home.join("bin/codex"));
        for native in found.provider.native_programs(&home.join("lib/@openai/codex/bin/codex.js")).iter().take(1) {
            program(&home, native.strip_prefix(&home).unwrap().to_str().unwrap());
            assert_eq!(found.prefer_native(home.join("bin/codex")), *native);
        }
    }
}
