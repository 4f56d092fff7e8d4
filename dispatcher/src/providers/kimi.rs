//! `kimi`: Moonshot's command line agent, experimental: it was never run by those who wrote this, and its texts are
//! those of its documentation.
//!
//! Its print mode approves every tool by itself. So it gets an agent of ours that has no tool but those that read. The
//! prompt goes through its standard input, which its print mode reads where no `--prompt` is given: an argument has a
//! limit of 128 KiB, and everybody can read it.

use std::ffi::OsString;
use std::path::PathBuf;

use haltline_process::Exit;
use haltline_protocol::Failure;
use serde_json::json;

use crate::provider::{
    Brief, Captured, CommandLine, Complaint, Plan, Provider, Reading, arguments, classify, common_variables,
};
use crate::setting::Setting;

/// The agent's file. JSON is YAML.
const AGENT: &str = "kimi-agent.json";
/// The tools that it gets.
const TOOLS: [&str; 3] = ["kimi_cli.tools.file:ReadFile", "kimi_cli.tools.file:Glob", "kimi_cli.tools.file:Grep"];

/// What its messages mean, the first row that fits.
const MEANINGS: [(Failure, &[&str]); 6] = [
    (Failure::ContextTooLong, &["exceeded model token limit", "context length", "context_length_exceeded"]),
    (Failure::Quota, &["insufficient balance", "exceeded_current_quota", "membership", "quota exceeded", "suspended"]),
    (
        Failure::Auth,
        &[
            "llm not set",
            "llm is not set",
            "invalid authentication",
            "authorization failed",
            "kimi login",
            "/login",
            "401",
        ],
    ),
    (Failure::RateLimit, &["rate limit", "rate_limit_reached", "too many requests", "429"]),
    (Failure::Overloaded, &["overloaded", "engine_overloaded", "service unavailable", "internal server error", "503"]),
    (Failure::Transport, &["connection error", "connect error", "apiconnectionerror", "timed out", "timeout"]),
];

/// Runs `kimi --print`.
#[derive(Debug)]
pub(super) struct Kimi;

impl Provider for Kimi {
    fn name(&self) -> &'static str {
        "kimi"
    }

    fn summary(&self) -> &'static str {
        "Moonshot's kimi CLI, with tools that only read; experimental"
    }

    fn install_hint(&self) -> &'static str {
        "kimi: `uv tool install kimi-cli`, then `kimi login`"
    }

    fn program(&self, _setting: &Setting) -> Option<OsString> {
        Some("kimi".into())
    }

    fn credentials(&self) -> &'static [&'static str] {
        &["KIMI_API_KEY", "KIMI_BASE_URL", "KIMI_MODEL_NAME", "KIMI_SHARE_DIR"]
    }

    fn home_variables(&self) -> &'static [&'static str] {
        &["KIMI_SHARE_DIR"]
    }

    fn secret_places(&self) -> &'static [&'static str] {
        &[".kimi"]
    }

    fn plan(&self, brief: &Brief<'_>) -> Plan {
        let section = &brief.setting.section;
        let mut line =
            CommandLine { program: brief.program.map(PathBuf::from).unwrap_or_default(), ..Default::default() };
        line.arguments.extend(["--work-dir".into(), brief.directory.into()]);
        line.arguments.extend(["--agent-file".into(), brief.folder.join(AGENT).into()]);
        line.arguments.extend(arguments(["--print", "--final-message-only"]));
        if let Some(model) = &section.model {
            line.arguments.extend(arguments(["--model", model]));
        }
        line.arguments.extend(arguments(&section.extra_args));
        line.environment.extend(common_variables());
        let agent = json!({"version": 1, "agent": {"extend": "default", "tools": TOOLS, "subagents": {}}});
        line.files.push((AGENT, agent.to_string().into_bytes()));
        Plan::Spawn(line)
    }

    fn read(&self, captured: &Captured<'_>) -> Reading {
        let has_worked = captured.exit == Exit::Code(0) && !captured.stdout.trim().is_empty();
        // It prints its errors where it prints its answers.
        let said = if captured.stderr.trim().is_empty() { captured.stdout } else { captured.stderr };
        let failed = !matches!(captured.exit, Exit::Code(0) | Exit::Unknown);
        let class = classify(said, &MEANINGS).filter(|_| failed);
        let failure = class.map(|class| Complaint::said(class, said, captured.ended));
        Reading { answers: vec![captured.stdout.to_owned()], failure, has_worked, ..Reading::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stdout: &str, stderr: &str, code: i32) -> Reading {
        let ended = "2026-11-22T10:00:00Z".parse().unwrap();
        Kimi.read(&Captured { stdout, stderr, exit: Exit::Code(code), ended })
    }

    #[test]
    fn what_it_prints_is_the_answer_and_its_errors_have_classes() {
        let good = read("{\"faultId\":\"K\"}", "", 0);
        assert_eq!((good.answers.len(), good.failure, good.has_worked), (1, None, true));
        for (stdout, stderr, class) in [
            ("LLM not set", "", Some(Failure::Auth)),
            ("", "Error code: 401 - Invalid Authentication", Some(Failure::Auth)),
            ("", "Error code: 429 - exceeded_current_quota_error", Some(Failure::Quota)),
            ("", "Error code: 429 - rate_limit_reached_error", Some(Failure::RateLimit)),
            ("", "APIConnectionError: Connection error.", Some(Failure::Transport)),
            ("", "who knows", None),
        ] {
            assert_eq!(read(stdout, stderr, 1).failure.map(|complaint| complaint.class), class, "{stdout}{stderr}");
        }
    }
}
