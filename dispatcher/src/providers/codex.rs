//! `codex`: OpenAI's command line agent, read-only.
//!
//! Seen with 0.169.0: it ends with 0 on answers that match no schema, repeats an answer for each broken stream, and
//! says why it failed in `turn.failed`. So an answer counts only after `turn.completed`. Its `--output-last-message` file
//! has the same text and is there, empty, after a failure too, so it is not asked for.
//!
//! The user's `config.toml` is not read (`--ignore-user-config`): it may name servers to start, programs to notify and
//! hooks to run, haltline's own among them. The login beside it is. Who needs a provider of models from that file names it
//! in `extra_args`: `["-c", "model_provider=…", "-c", "model_providers.…"]`.
//!
//! `--sandbox read-only` would let its shell read whatever the user can, the login too. So it gets a permission profile
//! that reads everything but the places where credentials are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use haltline_protocol::Failure;
use serde::Deserialize;

use crate::cost::{ModelTokens, Price};
use crate::provider::{
    Brief, Captured, CommandLine, Complaint, Plan, Provider, Reading, arguments, classify, common_variables,
};
use crate::setting::{Hidden, Setting};

const SCHEMA: &str = "schema.json";

/// What codex is told whatever the user says: print events, change nothing, keep no session, take no instruction from
/// the repository, talk to nobody but the model, give up on a dead network, keep its key from its shell.
const ALWAYS: [&str; 31] = [
    "exec",
    "--json",
    "--skip-git-repo-check",
    "--ephemeral",
    "--ignore-user-config",
    "--ignore-rules",
    "--disable",
    "plugins",
    "--disable",
    "shell_snapshot",
    "--disable",
    "unbounded_connection_retries",
    "-c",
    "analytics.enabled=false",
    "-c",
    "otel.metrics_exporter=none",
    "-c",
    "check_for_update_on_startup=false",
    "-c",
    "project_doc_max_bytes=0",
    "-c",
    "skills.include_instructions=false",
    "-c",
    "web_search=\"disabled\"",
    "-c",
    "default_permissions=\"haltline\"",
    "-c",
    "shell_environment_policy.inherit=core",
    "-c",
    "shell_environment_policy.exclude=[\"*KEY*\",\"*TOKEN*\",\"*SECRET*\"]",
    "--output-schema",
];

/// What its messages mean, the first row that fits. Texts of codex 0.169.0.
const MEANINGS: [(Failure, &[&str]); 6] = [
    (
        Failure::ContextTooLong,
        &["ran out of room in the model's context window", "context_length_exceeded", "exceeds the maximum length"],
    ),
    (
        Failure::Quota,
        &[
            "quota exceeded",
            "hit your usage limit",
            "insufficient_quota",
            "usage_limit_reached",
            "out of credits",
            "credit limit",
            "spend cap",
            "to use codex with your chatgpt plan",
        ],
    ),
    (
        Failure::Auth,
        &[
            "401 unauthorized",
            "403 forbidden",
            "missing environment variable",
            "not logged in",
            "codex login",
            "could not be refreshed",
            "sign in again",
        ],
    ),
    (Failure::RateLimit, &["429 too many requests", "rate limit exceeded", "rate_limit_exceeded"]),
    (
        Failure::Overloaded,
        &[
            "at capacity",
            "experiencing high demand",
            "server_is_overloaded",
            "status 500",
            "status 502",
            "status 503",
            "status 504",
            "status 529",
        ],
    ),
    (
        Failure::Transport,
        &["stream disconnected", "connection failed", "error sending request", "waiting for network", "idle timeout"],
    ),
];

/// What its models cost.
const PRICES: [(&str, Price); 9] = [
    ("gpt-5", Price::usd(1.25, 0.125, 10.0)),
    ("gpt-5-codex", Price::usd(1.25, 0.125, 10.0)),
    ("gpt-5-mini", Price::usd(0.25, 0.025, 2.0)),
    ("gpt-5-nano", Price::usd(0.05, 0.005, 0.40)),
    ("gpt-5.1", Price::usd(1.25, 0.125, 10.0)),
    ("gpt-5.1-codex", Price::usd(1.25, 0.125, 10.0)),
    ("gpt-5.2", Price::usd(1.75, 0.175, 14.0)),
    ("gpt-5.4", Price::usd(2.50, 0.25, 15.0)),
    ("gpt-5.5", Price::usd(5.0, 0.50, 30.0)),
];

/// Runs `codex exec`.
#[derive(Debug)]
pub(super) struct Codex;

impl Provider for Codex {
    fn name(&self) -> &'static str {
        "codex"
    }

    fn summary(&self) -> &'static str {
        "OpenAI's codex CLI, read-only"
    }

    fn install_hint(&self) -> &'static str {
        "codex: `npm install -g @openai/codex`, then `codex login`"
    }

    fn program(&self, _setting: &Setting) -> Option<OsString> {
        Some("codex".into())
    }

    /// The npm package's `bin/codex.js` starts a native program and does not always take it along when it is killed.
    fn native_programs(&self, found: &Path) -> Vec<PathBuf> {
        let (package, target) = match std::env::consts::ARCH {
            "x86_64" => ("codex-linux-x64", "x86_64-unknown-linux-musl"),
            "aarch64" => ("codex-linux-arm64", "aarch64-unknown-linux-musl"),
            _ => return Vec::new(),
        };
        let Some(wrapper) = found.parent().and_then(Path::parent).filter(|_| found.ends_with("bin/codex.js")) else {
            return Vec::new();
        };
        let inside = Path::new("vendor").join(target).join("bin/codex");
        let beside = wrapper.parent().map(|scope| scope.join(package).join(&inside));
        let below = wrapper.join("node_modules/@openai").join(package).join(&inside);
        beside.into_iter().chain([below]).collect()
    }

    fn credentials(&self) -> &'static [&'static str] {
        &["CODEX_HOME", "CODEX_API_KEY", "OPENAI_BASE_URL"]
    }

    fn home_variables(&self) -> &'static [&'static str] {
        &["CODEX_HOME"]
    }

    fn secret_places(&self) -> &'static [&'static str] {
        &[".codex"]
    }

    fn prices(&self) -> &'static [(&'static str, Price)] {
        &PRICES
    }

    fn is_in_default_chain(&self) -> bool {
        true
    }

    fn plan(&self, brief: &Brief<'_>) -> Plan {
        let section = &brief.setting.section;
        let mut line =
            CommandLine { program: brief.program.map(PathBuf::from).unwrap_or_default(), ..Default::default() };
        line.arguments.extend(arguments(ALWAYS));
        line.arguments.push(brief.folder.join(SCHEMA).into());
        line.arguments.extend(["--cd".into(), brief.directory.into()]);
        line.arguments.extend(["-c".into(), may_read(brief).into()]);
        if let Some(model) = &section.model {
            line.arguments.extend(arguments(["--model", model]));
        }
        if let Some(reasoning) = &section.reasoning {
            // A JSON string is a TOML string too.
            let quoted = serde_json::Value::from(reasoning.as_str());
            line.arguments.extend(arguments(["-c".to_owned(), format!("model_reasoning_effort={quoted}")]));
        }
        line.arguments.extend(arguments(&section.extra_args));
        line.arguments.push("-".into());
        line.files.push((SCHEMA, brief.schema.as_bytes().to_vec()));
        line.environment.extend(common_variables());
        Plan::Spawn(line)
    }

    fn read(&self, captured: &Captured<'_>) -> Reading {
        let mut reading = Reading::default();
        let mut said = Vec::new();
        let mut last_error = None;
        for event in captured.stdout.lines().filter_map(|line| serde_json::from_str::<Event>(line).ok()) {
            match event {
                Event::ItemCompleted { item: Item::AgentMessage { text } } => {
                    reading.has_worked = true;
                    said.push(text);
                }
                Event::ItemCompleted { item: Item::Error } | Event::Other => {}
                Event::ItemCompleted { item: Item::Other } => reading.has_worked = true,
                Event::TurnCompleted { usage } => {
                    reading.answers.append(&mut said);
                    reading.tokens.push(usage.into());
                    last_error = None;
                }
                Event::TurnFailed { error } => {
                    said.clear();
                    last_error = Some(error.message);
                }
                Event::Error { message } => last_error = Some(message),
            }
        }
        if reading.answers.is_empty() {
            let text = last_error.as_deref().unwrap_or(captured.stderr);
            let otherwise = last_error.as_ref().map(|_| Failure::Crash);
            let class = classify(text, &MEANINGS).or(otherwise);
            reading.failure = class.map(|class| Complaint::said(class, text, captured.ended));
        }
        reading
    }
}

/// The permission profile as `codex -c` takes it. A JSON string is a TOML string too.
fn may_read(brief: &Brief<'_>) -> String {
    let own_home = brief.setting.section.env.get("CODEX_HOME").map(|Hidden(folder)| PathBuf::from(folder));
    let places = own_home.into_iter().chain(brief.secret_places.iter().cloned());
    let mut rules = vec!["\":root\"=\"read\"".to_owned()];
    for place in places.filter(|place| place.is_absolute()) {
        let rule = format!("{}=\"none\"", serde_json::Value::from(place.to_string_lossy()));
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    format!("permissions.haltline.filesystem={{{}}}", rules.join(","))
}

/// One line of what `codex exec --json` prints.
#[derive(Deserialize)]
#[serde(tag = "type")]
enum Event {
    #[serde(rename = "item.completed")]
    ItemCompleted { item: Item },
    #[serde(rename = "turn.completed")]
    TurnCompleted {
        #[serde(default)]
        usage: Tokens,
    },
    #[serde(rename = "turn.failed")]
    TurnFailed { error: Message },
    /// A retry, or the failure once more.
    #[serde(rename = "error")]
    Error { message: String },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Item {
    #[serde(rename = "agent_message")]
    AgentMessage { text: String },
    /// A notice of its own; no failure, and no word of the model.
    #[serde(rename = "error")]
    Error,
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Message {
    message: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tokens {
    /// The cached ones included.
    input_tokens: u64,
    cached_input_tokens: u64,
    output_tokens: u64,
}

impl From<Tokens> for ModelTokens {
    fn from(tokens: Tokens) -> Self {
        Self {
            model: None,
            input: tokens.input_tokens.saturating_sub(tokens.cached_input_tokens),
            cached: tokens.cached_input_tokens,
            output: tokens.output_tokens,
        }
    }
}

#[cfg(test)]
mod tests {
    use haltline_process::Exit;

    use super::*;

    fn read(stdout: &str, stderr: &str) -> Reading {
        let ended = "2026-11-22T10:00:00Z".parse().unwrap();
        Codex.read(&Captured { stdout, stderr, exit: Exit::Code(1), ended })
    }

    #[test]
    fn an_answer_counts_only_after_its_turn_was_completed() {
        let answer = r#"{"type":"item.completed","item":{"id":"item_1","type":"agent_message","text":"{\"a\":1}"}}"#;
        let notice =
            r#"{"type":"item.completed","item":{"id":"i","type":"error","message":"Model metadata not found"}}"#;
        let done = r#"{"type":"turn.completed","usage":{"input_tokens":2400,"cached_input_tokens":2000,"cache_write_input_tokens":0,"output_tokens":160,"reasoning_output_tokens":0}}"#;
        let complete = read(&format!("{{\"type\":\"turn.started\"}}\nnoise\n{notice}\n{answer}\n{done}\n"), "warning");
        assert_eq!(complete.answers, ["{\"a\":1}"]);
        assert_eq!(complete.failure, None);
        assert_eq!(complete.tokens, [ModelTokens { model: None, input: 400, cached: 2000, output: 160 }]);

        let broken = "stream disconnected before completion: stream closed before response.completed";
        let failed = format!("{{\"type\":\"turn.failed\",\"error\":{{\"message\":\"{broken}\"}}}}");
        let cut = read(&format!("{answer}\n{answer}\n{failed}\n"), "");
        assert!(cut.answers.is_empty());
        assert_eq!(cut.failure, Some(Complaint::new(Failure::Transport, broken)));
        assert!(cut.has_worked && !read(notice, "").has_worked);
        assert!(read(answer, "").answers.is_empty(), "it was killed before its turn was completed");
    }

    #[test]
    fn failures_are_told_apart_by_their_texts() {
        let table = [
            ("unexpected status 401 Unauthorized: bad key, url: http://x, request id: r", Some(Failure::Auth)),
            ("unexpected status 403 Forbidden: no", Some(Failure::Auth)),
            ("Missing environment variable: `STUB_KEY`.", Some(Failure::Auth)),
            (
                "Your access token could not be refreshed because your refresh token has expired. Please log out and \
                 sign in again.",
                Some(Failure::Auth),
            ),
            ("Your authentication session could not be refreshed automatically.", Some(Failure::Auth)),
            ("Your workspace is out of credits. Add credits to continue.", Some(Failure::Quota)),
            ("You hit your spend cap set in your workspace. Increase your spend cap.", Some(Failure::Quota)),
            ("You've reached your workspace credit limit", Some(Failure::Quota)),
            ("To use Codex with your ChatGPT plan, upgrade to Plus: https://x.", Some(Failure::Quota)),
            ("exceeded retry limit, last status: 429 Too Many Requests, request id: r", Some(Failure::RateLimit)),
            ("rate limit exceeded: try again in 2s", Some(Failure::RateLimit)),
            ("Quota exceeded. Check your plan and billing details.", Some(Failure::Quota)),
            ("You\u{2019}ve hit your usage limit. Upgrade to Pro or try again at 8:56 AM.", Some(Failure::Quota)),
            (
                "We\u{2019}re currently experiencing high demand, which may cause temporary errors.",
                Some(Failure::Overloaded),
            ),
            ("unexpected status 503 Service Unavailable: x", Some(Failure::Overloaded)),
            ("Selected model is at capacity. Please try a different model.", Some(Failure::Overloaded)),
            ("Codex ran out of room in the model's context window. Start anew.", Some(Failure::ContextTooLong)),
            ("stream disconnected before completion: idle timeout waiting for SSE", Some(Failure::Transport)),
            ("Connection failed: error sending request", Some(Failure::Transport)),
            ("The model `x` does not exist", Some(Failure::Crash)),
        ];
        for (message, class) in table {
            let line = serde_json::json!({"type": "turn.failed", "error": {"message": message}}).to_string();
            assert_eq!(read(&line, "").failure.map(|complaint| complaint.class), class, "{message}");
        }
        let too_long = read("", "Error: Input exceeds the maximum length of 1048576 characters\n");
        assert_eq!(too_long.failure.map(|complaint| complaint.class), Some(Failure::ContextTooLong));
    }

    #[test]
    fn the_end_of_a_plans_limit_is_taken_along() {
        let message = "You\u{2019}ve hit your usage limit. Upgrade to Pro (https://x) or try again at 8:56 PM.";
        let line = serde_json::json!({"type": "turn.failed", "error": {"message": message}}).to_string();
        let complaint = read(&line, "").failure.unwrap();
        assert_eq!(complaint.retry_after, Some("2026-11-22T20:56:00Z".parse().unwrap()));
        assert_eq!(complaint.class, Failure::Quota);
    }

    #[test]
    fn the_native_program_is_looked_for_beside_and_below_the_wrapper() {
        let places = Codex.native_programs(Path::new("/lib/node_modules/@openai/codex/bin/codex.js"));
        if std::env::consts::ARCH == "x86_64" {
            let inside = "codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex";
            assert_eq!(places[0], Path::new("/lib/node_modules/@openai").join(inside));
            assert_eq!(places[1], Path::new("/lib/node_modules/@openai/codex/node_modules/@openai").join(inside));
        }
        assert!(Codex.native_programs(Path::new("/usr/bin/codex")).is_empty());
    }
}
