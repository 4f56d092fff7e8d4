//! The investigators that haltline knows, one file and one row each.

use crate::provider::Provider;
use crate::setting::Setting;

haltline_protocol::registry! {
    /// Every kind of investigator, the preferred ones first.
    pub static PROVIDERS: Provider = {
        codex => Codex,
        claude => Claude,
        gemini => Gemini,
        kimi => Kimi,
        command => Command,
        triage => Triage,
    }
}

/// The kind of investigator of this name.
pub(crate) fn find_provider(name: &str) -> Option<&'static dyn Provider> {
    PROVIDERS.iter().copied().find(|provider| provider.name() == name)
}

/// The one behind every name that only the configuration knows.
pub(crate) fn command_provider() -> Option<&'static dyn Provider> {
    PROVIDERS.iter().copied().find(|provider| provider.runs_commands())
}

/// The one that needs no program at all.
pub(crate) fn built_in_provider() -> Option<&'static dyn Provider> {
    let needs_none =
        |provider: &&dyn Provider| !provider.runs_commands() && provider.program(&Setting::default()).is_none();
    PROVIDERS.iter().copied().find(needs_none)
}

/// The names that `auto` tries in this order where the configuration has no chain.
pub(crate) fn default_chain() -> impl Iterator<Item = &'static str> {
    PROVIDERS.iter().filter(|provider| provider.is_in_default_chain()).map(|provider| provider.name())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::{Path, PathBuf};
    use std::sync::Arc;

    use haltline_protocol::{Assignment, AttemptSlot, HaltEvent, Usd};
    use serde_json::json;

    use super::*;
    use crate::environment::Environment;
    use crate::provider::{Brief, CommandLine, Plan};
    use crate::setting::{Hidden, InvestigatorConfig};

    const HOSTILE: &str = "$(touch /tmp/x); --dangerously";

    fn plan(provider: &dyn Provider, environment: &Environment, section: InvestigatorConfig) -> Option<CommandLine> {
        plan_for(provider, environment, section, Usd::from_micros(1_000_000))
    }

    fn plan_for(
        provider: &dyn Provider,
        environment: &Environment,
        section: InvestigatorConfig,
        reserve_usd: Usd,
    ) -> Option<CommandLine> {
        let row = json!({
            "faultId": HOSTILE, "runId": HOSTILE, "stateSlug": HOSTILE, "kind": HOSTILE, "severity": "HIGH",
            "timestamp": "", "message": HOSTILE, "pointers": {}, "snapshot": {"stdoutTail": HOSTILE},
        });
        let assignment = Assignment {
            event: Arc::new(HaltEvent::parse(row.to_string().as_bytes()).unwrap()),
            occurrences: 1,
            slot: AttemptSlot {
                session: "drain".into(),
                seq: 1,
                number: 1,
                folder: "/attempt".into(),
                begun: jiff::Timestamp::UNIX_EPOCH,
            },
            pattern_categories: Arc::new([]),
        };
        let brief = Brief {
            assignment: &assignment,
            setting: &Setting { section, shell_command: None },
            program: Some(Path::new("/bin/program")),
            folder: Path::new("/attempt"),
            directory: Path::new("/work tree"),
            environment,
            reserve_usd,
            secret_places: &[PathBuf::from("/home/me/.ssh")],
            schema: "{}",
        };
        match provider.plan(&brief) {
            Plan::Spawn(line) => Some(line),
            Plan::Answer(_) => None,
        }
    }

    fn section() -> InvestigatorConfig {
        InvestigatorConfig {
            model: Some("a-model".to_owned()),
            reasoning: Some("high".to_owned()),
            extra_args: vec!["--more".to_owned()],
            command: Some(vec!["/bin/program".to_owned()]),
            env: [("MY_KEY".to_owned(), Hidden("s3cret".to_owned()))].into(),
            timeout: None,
        }
    }

    #[test]
    fn every_provider_tells_who_it_is() {
        let mut names = HashSet::new();
        for provider in PROVIDERS {
            assert!(names.insert(provider.name()) && find_provider(provider.name()).is_some());
            assert!(!provider.summary().is_empty() && !provider.install_hint().is_empty(), "{provider:?}");
        }
        assert!(find_provider("nobody").is_none());
    }

    #[test]
    fn an_agent_declares_its_variables_its_login_and_sound_prices() {
        let mut models = HashSet::new();
        for provider in PROVIDERS {
            let name = provider.name();
            let is_agent = provider.program(&Setting::default()).is_some();
            assert_eq!(is_agent, !provider.credentials().is_empty(), "{name}");
            assert_eq!(is_agent, !provider.home_variables().is_empty(), "{name}");
            assert_eq!(is_agent, !provider.secret_places().is_empty(), "{name}");
            assert!(provider.secret_places().iter().all(|place| Path::new(place).is_relative()), "{name}");
            for (model, price) in provider.prices() {
                assert!(
                    models.insert(model) && Usd::ZERO < price.input && price.input <= price.output,
                    "{name}: {model}"
                );
            }
        }
        assert!(!models.is_empty() && default_chain().count() > 1);
        assert_eq!(PROVIDERS.iter().filter(|provider| provider.runs_commands()).count(), 1);
        assert!(built_in_provider().is_some());
    }

    #[test]
    fn no_other_file_names_what_a_provider_declares() {
        let mut declared: Vec<String> = Vec::new();
        for provider in PROVIDERS {
            let variables = provider.credentials().iter().chain(provider.home_variables());
            let words = variables.chain(provider.secret_places()).copied().chain([provider.name()]);
            declared.extend(
                words.chain(provider.prices().iter().map(|(model, _)| *model)).map(|word| format!("\"{word}\"")),
            );
            declared.push(format!("--investigator {}", provider.name()));
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut folders = vec![source.clone()];
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() && path != source.join("providers") {
                    folders.push(path);
                } else if path.extension().is_some_and(|extension| extension == "rs") {
                    files += 1;
                    let text = std::fs::read_to_string(&path).unwrap();
                    let product = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
                    let code = product.lines().filter(|line| !line.trim_start().starts_with("//"));
                    for line in code {
                        let named = declared.iter().find(|word| line.contains(word.as_str()));
                        assert_eq!(named, None, "{}: {line}", path.display());
                    }
                }
            }
        }
        assert!(files > 20);
    }

    #[test]
    fn no_command_line_has_a_word_of_the_event_or_a_secret() {
        let environment = ["ANTHROPIC_API_KEY", "CODEX_API_KEY", "GEMINI_API_KEY", "KIMI_API_KEY"]
            .into_iter()
            .fold(Environment::default().with("HOME", "/home/me"), |all, name| all.with(name, "s3cret"));
        for provider in PROVIDERS {
            let Some(line) = plan(*provider, &environment, section()) else { continue };
            let mut shown: Vec<String> = line.arguments.iter().map(|text| text.display().to_string()).collect();
            assert!(shown.iter().all(|argument| argument.len() < 128 << 10));
            shown.extend(line.files.iter().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned()));
            for text in shown {
                assert!(!text.contains("touch") && !text.contains("s3cret"), "{}: {text}", provider.name());
            }
            assert!(line.arguments.iter().any(|argument| argument == "--more"), "{}", provider.name());
            let names_model = line.arguments.iter().any(|argument| argument == "a-model");
            assert!(names_model || provider.name() == "command", "{}", provider.name());
        }
    }

    #[test]
    fn a_small_budget_is_said_as_it_is() {
        let claude = find_provider("claude").unwrap();
        for (usd, said) in [(0.000_01, "0.00001"), (1.0, "1"), (0.25, "0.25")] {
            let line = plan_for(
                claude,
                &Environment::default(),
                InvestigatorConfig::default(),
                Usd::from_dollars(usd).unwrap(),
            )
            .unwrap();
            let place = line.arguments.iter().position(|argument| argument == "--max-budget-usd").unwrap();
            assert_eq!(line.arguments[place + 1], said);
        }
    }

    #[test]
    fn no_agent_finds_the_work_trees_repository() {
        for provider in PROVIDERS {
            let Some(line) = plan(*provider, &Environment::default(), section()) else { continue };
            let hides = line.environment.iter().any(|(name, value)| name == "GIT_DIR" && value == "/dev/null");
            assert!(hides || provider.name() == "command", "{}", provider.name());
        }
    }

    #[test]
    fn a_google_account_is_linked_and_a_key_needs_no_link() {
        let gemini = find_provider("gemini").unwrap();
        let keyed = Environment::default().with("HOME", "/home/me").with("GEMINI_API_KEY", "k");
        let line = plan(gemini, &keyed, InvestigatorConfig::default()).unwrap();
        assert!(line.links.is_empty());
        let account = Environment::default().with("HOME", "/home/me");
        let line = plan(gemini, &account, InvestigatorConfig::default()).unwrap();
        assert_eq!(line.links[0].1, Path::new("/home/me/.gemini/oauth_creds.json"));
        assert!(line.links[0].0.starts_with("gemini-home/.gemini/"));
        assert!(String::from_utf8_lossy(&line.files[0].1).contains("oauth-personal"));
    }
}
