//! `codex`: OpenAI's command line agent, read-only.
//!
//! Seen with 0.169.0: it ends with 0 on answers that match no schema, repeats an answer for each broken stream, and
//! says why it failed in `turn.failed`. So an answer counts only after `turn.completed`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use haltline_protocol::{Failure, Usage};
use serde::Deserialize;

use crate::clean::one_line;
use crate::provider::{Brief, Captured, CommandLine, Plan, Provider, Reading, Setting, arguments, classify};

const SCHEMA: &str = "schema.json";

/// What codex is told whatever the user says: print events, change nothing, keep no session, take no instruction from
/// the repository, talk to nobody but the model, give up on a dead network, keep its key from its shell.
const ALWAYS: [&str; 27] = [
    "exec",
    "--json",
    "--sandbox",
    "read-only",
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
    (Failure::Quota, &["quota exceeded", "hit your usage limit", "insufficient_quota", "usage_limit_reached"]),
    (
        Failure::Auth,
        &["401 unauthorized", "403 forbidden", "missing environment variable", "not logged in", "codex login"],
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

    fn plan(&self, brief: &Brief<'_>) -> Plan {
        let section = &brief.setting.section;
        let mut line =
            CommandLine { program: brief.program.map(PathBuf::from).unwrap_or_default(), ..Default::default() };
        line.arguments.extend(arguments(ALWAYS));
        line.arguments.push(brief.folder.join(SCHEMA).into());
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
        Plan::Spawn(line)
    }

    fn read(&self, captured: &Captured<'_>) -> Reading {
        let mut reading = Reading::default();
        let mut said = Vec::new();
        let mut last_error = None;
        for event in captured.stdout.lines().filter_map(|line| serde_json::from_str::<Event>(line).ok()) {
            match event {
                Event::ItemCompleted { item: Item::AgentMessage { text } } => said.push(text),
                Event::ItemCompleted { item: Item::Other } | Event::Other => {}
                Event::TurnCompleted { usage } => {
                    reading.answers.append(&mut said);
                    reading.usage = usage.into();
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
            let complaint = || Some((classify(captured.stderr, &MEANINGS)?, one_line(captured.stderr)));
            reading.failure = match last_error {
                Some(text) => Some((classify(&text, &MEANINGS).unwrap_or(Failure::Crash), one_line(&text))),
                None => complaint(),
            };
        }
        reading
    }
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

impl From<Tokens> for Usage {
    fn from(tokens: Tokens) -> Self {
        Self {
            tokens_in: Some(tokens.input_tokens.saturating_sub(tokens.cached_input_tokens)),
            tokens_cached: Some(tokens.cached_input_tokens),
            tokens_out: Some(tokens.output_tokens),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::ExitState;

    fn read(stdout: &str, stderr: &str) -> Reading {
        Codex.read(&Captured { stdout, stderr, exit: ExitState::Code(1) })
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
        let usage = complete.usage;
        assert_eq!((usage.tokens_in, usage.tokens_cached, usage.tokens_out), (Some(400), Some(2000), Some(160)));

        let broken = "stream disconnected before completion: stream closed before response.completed";
        let failed = format!("{{\"type\":\"turn.failed\",\"error\":{{\"message\":\"{broken}\"}}}}");
        let cut = read(&format!("{answer}\n{answer}\n{failed}\n"), "");
        assert!(cut.answers.is_empty());
        assert_eq!(cut.failure, Some((Failure::Transport, broken.to_owned())));
        assert!(read(answer, "").answers.is_empty(), "it was killed before its turn was completed");
    }

    #[test]
    fn failures_are_told_apart_by_their_texts() {
        let table = [
            ("unexpected status 401 Unauthorized: bad key, url: http://x, request id: r", Some(Failure::Auth)),
            ("unexpected status 403 Forbidden: no", Some(Failure::Auth)),
            ("Missing environment variable: `STUB_KEY`.", Some(Failure::Auth)),
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
            assert_eq!(read(&line, "").failure.map(|(class, _)| class), class, "{message}");
        }
        let too_long = read("", "Error: Input exceeds the maximum length of 1048576 characters\n");
        assert_eq!(too_long.failure.map(|(class, _)| class), Some(Failure::ContextTooLong));
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
