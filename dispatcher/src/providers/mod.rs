//! The investigators that haltline knows, one file and one row each.

haltline_protocol::registry! {
    /// Every kind of investigator.
    pub static PROVIDERS: crate::Provider = {
        claude => Claude,
        codex => Codex,
        command => Command,
        gemini => Gemini,
        kimi => Kimi,
        triage => Triage,
    }
}

/// The kind of investigator of this name.
pub(crate) fn find_provider(name: &str) -> Option<&'static dyn crate::Provider> {
    PROVIDERS.iter().copied().find(|provider| provider.name() == name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::path::Path;
    use std::sync::Arc;

    use haltline_protocol::{Assignment, AttemptSlot, HaltEvent};
    use serde_json::json;

    use super::*;
    use crate::environment::Environment;
    use crate::provider::{Brief, CommandLine, Plan};
    use crate::setting::{Hidden, InvestigatorConfig, Setting};

    const HOSTILE: &str = "$(touch /tmp/x); --dangerously";

    fn plan(
        provider: &dyn crate::Provider,
        environment: &Environment,
        section: InvestigatorConfig,
    ) -> Option<CommandLine> {
        plan_for(provider, environment, section, 1.0)
    }

    fn plan_for(
        provider: &dyn crate::Provider,
        environment: &Environment,
        section: InvestigatorConfig,
        reserve_usd: f64,
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
            let line = plan_for(claude, &Environment::default(), InvestigatorConfig::default(), usd).unwrap();
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
