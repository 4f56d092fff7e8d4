//! `claude`: Anthropic's command line agent, with tools that only read.
//!
//! Seen with 2.1.197: it checks the answer against the schema itself, and says what it cost. It ends with 0 and without
//! an answer when the model never gives one, and calls a failure `"subtype":"success"`. So only `structured_output`
//! beside `"is_error":false` is an answer.
//!
//! The settings of the work tree are not read (`--setting-sources user`): they may name a program that prints the key
//! and a server to send it to, and even the safe mode obeys that. The user's own settings and login stay in force.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use haltline_protocol::{Failure, Usd};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cost::{ModelTokens, Price, ReportedCost};
use crate::provider::{
    Brief, Captured, CommandLine, Complaint, Plan, Provider, Reading, arguments, classify, common_variables,
};
use crate::setting::{Hidden, Setting};

/// What claude is told whatever the user says: read only, ask nobody, take no settings, hooks or servers from the work
/// tree, keep no session.
const ALWAYS: [&str; 12] = [
    "--print",
    "--safe-mode",
    "--setting-sources",
    "user",
    "--tools",
    "Read,Grep,Glob",
    "--permission-mode",
    "dontAsk",
    "--output-format",
    "json",
    "--no-session-persistence",
    "--strict-mcp-config",
];

/// What its messages mean, the first row that fits. Texts of claude 2.1.197, and the plan's limits as documented.
const MEANINGS: [(Failure, &[&str]); 7] = [
    (Failure::ContextTooLong, &["prompt is too long", "exceeds 10mb", "request_too_large", "context window"]),
    (
        Failure::Quota,
        &[
            "credit balance is too low",
            "usage limit reached",
            "you've hit your",
            "you've reached your",
            "out of usage",
            "out of extra usage",
            "out of credits",
            "seat type doesn't include usage",
            "service is disabled for your org",
        ],
    ),
    (
        Failure::Auth,
        &["failed to authenticate", "not logged in", "please run /login", "invalid api key", "oauth token has expired"],
    ),
    (Failure::RateLimit, &["request rejected (429)", "rate_limit_error", "rate limit"]),
    (Failure::Overloaded, &["overloaded", "api error: 500", "api error: 502", "api error: 503", "server-side issue"]),
    (Failure::Transport, &["unable to connect", "connection error", "socket", "fetch failed", "timed out"]),
    (Failure::BadReport, &["structured output", "reached maximum budget"]),
];

/// What its models cost.
const PRICES: [(&str, Price); 3] = [
    ("claude-haiku-4-5", Price::usd(1.0, 0.10, 5.0)),
    ("claude-opus-4-5", Price::usd(5.0, 0.50, 25.0)),
    ("claude-sonnet-4-5", Price::usd(3.0, 0.30, 15.0)),
];

/// Runs `claude --print`.
#[derive(Debug)]
pub(super) struct Claude;

impl Provider for Claude {
    fn name(&self) -> &'static str {
        "claude"
    }

    fn summary(&self) -> &'static str {
        "Anthropic's claude CLI, with tools that only read"
    }

    fn install_hint(&self) -> &'static str {
        "claude: `npm install -g @anthropic-ai/claude-code`, then `claude` and `/login`"
    }

    fn program(&self, _setting: &Setting) -> Option<OsString> {
        Some("claude".into())
    }

    fn credentials(&self) -> &'static [&'static str] {
        &[
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "ANTHROPIC_BASE_URL",
            "CLAUDE_CODE_OAUTH_TOKEN",
            "CLAUDE_CONFIG_DIR",
        ]
    }

    fn home_variables(&self) -> &'static [&'static str] {
        &["CLAUDE_CONFIG_DIR"]
    }

    fn secret_places(&self) -> &'static [&'static str] {
        &[".claude", ".claude.json"]
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
        line.arguments.extend(arguments(["--json-schema", brief.schema, "--settings", &may_not_read(brief)]));
        if brief.reserve_usd > Usd::ZERO {
            line.arguments.extend(arguments(["--max-budget-usd".to_owned(), brief.reserve_usd.to_string()]));
        }
        if let Some(model) = &section.model {
            line.arguments.extend(arguments(["--model", model]));
        }
        if let Some(reasoning) = &section.reasoning {
            line.arguments.extend(arguments(["--effort", reasoning]));
        }
        line.arguments.extend(arguments(&section.extra_args));
        let quiet = [
            ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1"),
            ("DISABLE_AUTOUPDATER", "1"),
            // Its default of ten waits for three minutes on a refused key.
            ("CLAUDE_CODE_MAX_RETRIES", "2"),
        ];
        line.environment.extend(common_variables());
        line.environment.extend(quiet.map(|(name, value)| (name.to_owned(), value.into())));
        Plan::Spawn(line)
    }

    fn read(&self, captured: &Captured<'_>) -> Reading {
        let last_object = captured.stdout.lines().rev().find_map(|line| serde_json::from_str::<Outcome>(line).ok());
        let Some(outcome) = last_object.or_else(|| serde_json::from_str(captured.stdout.trim()).ok()) else {
            let class = classify(captured.stderr, &MEANINGS);
            let failure = class.map(|class| Complaint::said(class, captured.stderr, captured.ended));
            return Reading { failure, ..Reading::default() };
        };
        let mut reading =
            Reading { cost: ReportedCost::of(&outcome.total_cost_usd), tokens: outcome.tokens(), ..Reading::default() };
        reading.has_worked = reading.tokens.iter().any(ModelTokens::any);
        if !reading.has_worked && reading.cost == ReportedCost::Usd(Usd::ZERO) && outcome.is_error {
            // Nothing was answered, so nothing is known rather than nothing was paid.
            reading.cost = ReportedCost::Nothing;
        }
        match &outcome.structured_output {
            Some(answer @ Value::Object(_)) if !outcome.is_error => reading.answers.push(answer.to_string()),
            _ => reading.failure = Some(outcome.complaint(captured)),
        }
        reading
    }
}

/// Settings that keep its tools out of the places of credentials, whatever the user's own settings allow. A path of
/// `Read` is absolute where it begins with two slashes, and takes wildcards. `Grep` and `Glob` leave out what such a rule
/// says only below the folder that they work in; elsewhere they keep to one that may begin anywhere.
fn may_not_read(brief: &Brief<'_>) -> String {
    let own_home = brief.setting.section.env.get("CLAUDE_CONFIG_DIR").map(|Hidden(folder)| PathBuf::from(folder));
    let places = own_home.into_iter().chain(brief.secret_places.iter().cloned());
    let rules = places.filter(|place| place.is_absolute()).flat_map(|place| {
        let literal = escaped(&place.to_string_lossy());
        ["/", "**"]
            .into_iter()
            .flat_map(move |start| [format!("Read({start}{literal})"), format!("Read({start}{literal}/**)")])
    });
    json!({"permissions": {"deny": rules.collect::<Vec<_>>()}}).to_string()
}

/// A path in which no character is a wildcard.
fn escaped(path: &str) -> String {
    let mut literal = String::with_capacity(path.len());
    for letter in path.chars() {
        if matches!(letter, '*' | '?' | '[' | ']' | '{' | '}' | '!' | '\\') {
            literal.push('\\');
        }
        literal.push(letter);
    }
    literal
}

/// The object that `--output-format json` prints.
#[derive(Deserialize)]
struct Outcome {
    is_error: bool,
    #[serde(default)]
    subtype: String,
    #[serde(default)]
    api_error_status: Option<u16>,
    #[serde(default)]
    result: Option<String>,
    #[serde(default)]
    errors: Vec<String>,
    #[serde(default)]
    structured_output: Option<Value>,
    #[serde(default)]
    total_cost_usd: Value,
    #[serde(default)]
    usage: Tokens,
    #[serde(default, rename = "modelUsage")]
    model_usage: BTreeMap<String, ModelUsage>,
}

/// The cached tokens are not among the others.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Tokens {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    output_tokens: u64,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ModelUsage {
    input_tokens: u64,
    cache_creation_input_tokens: u64,
    cache_read_input_tokens: u64,
    output_tokens: u64,
}

impl Outcome {
    /// By model where it says so: the sum over all models is zero after a broken stream.
    fn tokens(&self) -> Vec<ModelTokens> {
        if self.model_usage.is_empty() {
            let Tokens { input_tokens, cache_creation_input_tokens, cache_read_input_tokens, output_tokens } =
                self.usage;
            let input = input_tokens.saturating_add(cache_creation_input_tokens);
            return vec![ModelTokens { model: None, input, cached: cache_read_input_tokens, output: output_tokens }];
        }
        let of_model = |(model, used): (&String, &ModelUsage)| ModelTokens {
            model: Some(model.clone()),
            input: used.input_tokens.saturating_add(used.cache_creation_input_tokens),
            cached: used.cache_read_input_tokens,
            output: used.output_tokens,
        };
        self.model_usage.iter().map(of_model).collect()
    }

    fn complaint(&self, captured: &Captured<'_>) -> Complaint {
        let said = self.result.clone().filter(|text| self.is_error && !text.is_empty());
        let text = said.unwrap_or_else(|| match self.errors.is_empty() {
            true if self.is_error => format!("it ended with {}", self.subtype),
            true => "it ended without the structured answer that it was asked for".to_owned(),
            false => self.errors.join("; "),
        });
        let by_status = || {
            Some(match self.api_error_status? {
                401 | 403 => Failure::Auth,
                413 => Failure::ContextTooLong,
                429 => Failure::RateLimit,
                500.. => Failure::Overloaded,
                _ => return None,
            })
        };
        let otherwise = if self.is_error { Failure::Crash } else { Failure::BadReport };
        let class = classify(&text, &MEANINGS).or_else(by_status).unwrap_or(otherwise);
        Complaint::said(class, &text, captured.ended)
    }
}

#[cfg(test)]
mod tests {
    use haltline_process::Exit;

    use super::*;

    fn read(stdout: &str, stderr: &str) -> Reading {
        let ended = "2026-11-22T10:00:00Z".parse().unwrap();
        Claude.read(&Captured { stdout, stderr, exit: Exit::Code(1), ended })
    }

    fn outcome(is_error: bool, more: &Value) -> String {
        let mut outcome = json!({
            "type": "result", "subtype": "success", "is_error": is_error, "api_error_status": null, "result": "{}",
            "total_cost_usd": 0.0021, "usage": {"input_tokens": 0, "output_tokens": 0},
            "modelUsage": {"claude-sonnet-5": {"inputTokens": 200, "outputTokens": 80, "cacheReadInputTokens": 1000}},
        });
        for (name, value) in more.as_object().unwrap() {
            outcome[name] = value.clone();
        }
        outcome.to_string()
    }

    #[test]
    fn only_a_structured_answer_without_an_error_counts() {
        let answer = json!({"faultId": "K"});
        let good = read(&format!("noise\n{}\n", outcome(false, &json!({"structured_output": answer}))), "");
        assert_eq!(good.answers, [r#"{"faultId":"K"}"#]);
        assert_eq!((good.failure, good.cost), (None, ReportedCost::usd(0.0021)));
        let model = Some("claude-sonnet-5".to_owned());
        assert_eq!(good.tokens, [ModelTokens { model, input: 200, cached: 1000, output: 80 }]);

        let unasked = read(&outcome(false, &json!({"result": r#"{"faultId":"K"}"#})), "");
        assert!(unasked.answers.is_empty());
        assert_eq!(unasked.failure.unwrap().class, Failure::BadReport);
        let failed = read(&outcome(true, &json!({"structured_output": answer, "result": "API Error: 500 x"})), "");
        assert!(failed.answers.is_empty());
        assert_eq!(failed.failure.unwrap().class, Failure::Overloaded);
    }

    #[test]
    fn failures_are_told_apart_by_their_texts_and_by_the_status() {
        let table = [
            (json!({"api_error_status": 401, "result": "Failed to authenticate. API Error: 401 x"}), Failure::Auth),
            (json!({"api_error_status": 403, "result": "Failed to authenticate. API Error: 403 x"}), Failure::Auth),
            (json!({"api_error_status": 400, "result": "Credit balance is too low"}), Failure::Quota),
            (
                json!({"api_error_status": 404, "result": "There's an issue with the selected model (x)."}),
                Failure::Crash,
            ),
            (
                json!({"api_error_status": 429, "result": "API Error: Request rejected (429) \u{b7} stub 429"}),
                Failure::RateLimit,
            ),
            (
                json!({"api_error_status": 500, "result": "API Error: 500 x. This is a server-side issue, usually temporary"}),
                Failure::Overloaded,
            ),
            (json!({"result": "API Error: Repeated 529 Overloaded errors. x"}), Failure::Overloaded),
            (json!({"api_error_status": 529, "result": "x"}), Failure::Overloaded),
            (json!({"result": "API Error: Unable to connect to API (ConnectionRefused)"}), Failure::Transport),
            (json!({"result": "Not logged in \u{b7} Please run /login"}), Failure::Auth),
            (json!({"result": "Prompt is too long"}), Failure::ContextTooLong),
            (
                json!({"result": null, "subtype": "error_max_budget_usd", "errors": ["Reached maximum budget ($0.0001)"]}),
                Failure::BadReport,
            ),
            (
                json!({
                    "result": null, "subtype": "error_max_structured_output_retries",
                    "errors": ["Failed to provide valid structured output after 5 attempts"],
                }),
                Failure::BadReport,
            ),
            (json!({"result": null, "subtype": "error_during_execution"}), Failure::Crash),
        ];
        for (more, class) in table {
            assert_eq!(read(&outcome(true, &more), "").failure.unwrap().class, class, "{more}");
        }
        for (stderr, class) in [
            ("Error: piped stdin input exceeds 10MB", Some(Failure::ContextTooLong)),
            ("Invalid API key \u{b7} Please run /login", Some(Failure::Auth)),
            ("Error: something else", None),
        ] {
            assert_eq!(read("", stderr).failure.map(|complaint| complaint.class), class, "{stderr}");
        }
    }

    #[test]
    fn the_end_of_a_plans_limit_is_taken_along() {
        for text in ["Claude AI usage limit reached|1795353600", "You've hit your limit \u{b7} resets 1:20pm (UTC)"] {
            let complaint = read(&outcome(true, &json!({"result": text})), "").failure.unwrap();
            assert_eq!(complaint.class, Failure::Quota, "{text}");
            assert_eq!(complaint.retry_after, Some("2026-11-22T13:20:00Z".parse().unwrap()), "{text}");
        }
        for limit in ["session", "weekly", "Opus", "Sonnet", "monthly"] {
            let text = format!("You've hit your {limit} limit \u{b7} resets 2:59am (UTC)");
            let complaint =
                read(&outcome(true, &json!({"api_error_status": 429, "result": text})), "").failure.unwrap();
            assert_eq!(complaint.class, Failure::Quota, "{text}");
            assert_eq!(complaint.retry_after, Some("2026-11-23T02:59:00Z".parse().unwrap()), "{text}");
        }
        for text in [
            "You're out of usage credits. Run /usage-credits to keep using it or /model to switch models.",
            "You're out of extra usage \u{b7} resets 3pm (UTC)",
            "You've reached your Fable 5 limit.",
            "Your org is out of usage \u{b7} contact your admin",
            "Your seat type doesn't include usage credits",
            "This service is disabled for your org",
        ] {
            let complaint =
                read(&outcome(true, &json!({"api_error_status": 429, "result": text})), "").failure.unwrap();
            assert_eq!(complaint.class, Failure::Quota, "{text}");
        }
    }

    #[test]
    fn an_impossible_cost_is_not_believed_and_a_refusal_cost_nothing_known() {
        let cost = |value: Value| read(&outcome(false, &json!({"total_cost_usd": value})), "").cost;
        assert_eq!(cost(json!(-0.5)), ReportedCost::Unbelievable);
        assert_eq!(cost(json!("0.5")), ReportedCost::Unbelievable);
        assert_eq!(cost(json!(null)), ReportedCost::Nothing);
        let refused = read(&outcome(true, &json!({"total_cost_usd": 0, "modelUsage": {}})), "");
        assert_eq!((refused.cost, refused.has_worked), (ReportedCost::Nothing, false));
    }
}
