//! One provider under a name of the configuration: its settings, and where its program is.

use std::path::{Path, PathBuf};

use haltline_process::{Limits, is_path, is_program, look_up};

use crate::charges::Charges;
use crate::config::DispatcherConfig;
use crate::environment::Environment;
use crate::error::DispatcherError;
use crate::investigate::ProcessInvestigator;
use crate::provider::Provider;
use crate::providers::{command_provider, find_provider};
use crate::setting::{InvestigatorConfig, Setting};

/// A provider with what the user set for it, under its name in the configuration.
#[derive(Debug, Clone)]
pub(crate) struct Candidate {
    pub(crate) name: String,
    pub(crate) provider: &'static dyn Provider,
    pub(crate) setting: Setting,
    limits: Limits,
}

/// The name that stands for the first of the chain that is there.
pub(crate) const AUTO: &str = "auto";

impl Candidate {
    /// Resolves a name; an unknown one is the error.
    pub(crate) fn find(name: &str, config: &DispatcherConfig) -> Result<Self, String> {
        let section = config.investigators.get(name);
        let provider = find_provider(name).or_else(|| section.and_then(|_| command_provider()));
        let provider = provider.ok_or_else(|| name.to_owned())?;
        let mut section = section.cloned().unwrap_or_default();
        section.model = config.model.clone().or(section.model);
        let wall = config.timeout.or(section.timeout).unwrap_or(config.limits.wall);
        let takes_text = find_provider(name).is_some_and(|provider| provider.runs_commands());
        let shell_command = config.shell_command.clone().filter(|_| takes_text);
        Ok(Self {
            name: name.to_owned(),
            provider,
            setting: Setting { section, shell_command },
            limits: Limits { wall, ..config.limits },
        })
    }

    /// Whether it would run a command of the user's, and there is none.
    pub(crate) fn has_no_command(&self) -> bool {
        self.provider.runs_commands() && self.provider.program(&self.setting).is_none()
    }

    /// Which program it needs, and where: on PATH, or at a path of its own. None where it needs none.
    pub(crate) fn wanted(&self) -> Option<String> {
        let program = self.provider.program(&self.setting)?;
        let shown = program.display();
        Some(if is_path(&program) { format!("at `{shown}`") } else { format!("`{shown}` on PATH") })
    }

    /// The investigator; none where its program is not there.
    pub(crate) fn resolve(&self, environment: &Environment, charges: &Charges) -> Option<ProcessInvestigator> {
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

/// Checks that a section of the configuration fits its name.
pub(crate) fn check_section(name: &str, section: &InvestigatorConfig) -> Result<(), DispatcherError> {
    let problem = match (find_provider(name), &section.command) {
        _ if name == AUTO => "`auto` stands for the first of drain.chain that is there; use another name",
        (_, Some(command)) if command.first().is_none_or(String::is_empty) => "`command` names no program",
        (Some(provider), Some(_)) if !provider.runs_commands() => {
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

    fn program(folder: &Path, name: &str) {
        let place = folder.join(name);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
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
