//! `gemini`: Google's command line agent, with tools that only read.
//!
//! Seen with 0.61.0: it checks no schema, says tokens and no cost, and ends with 0 and an empty response when the stream
//! broke. It obeys `.gemini/settings.json` of the folder that it works in, which may name programs to start, and refuses
//! to work in a folder that is not trusted. So it works in an empty folder of the attempt's, with a home of its own whose
//! settings allow reading alone, and is given the work tree as one more folder to read. It is told that nothing is to be
//! trusted, so that it takes no `GEMINI.md` there for a word of the user's, and not to ask for trust, so that it works.
//!
//! A login by a key or by Vertex is in the environment. One by Google account is a file in the user's own home: the
//! private home has a link to it, never a copy.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use haltline_process::Exit;
use haltline_protocol::Failure;
use serde::Deserialize;
use serde_json::json;

use crate::cost::{ModelTokens, Price};
use crate::extract::objects;
use crate::provider::{
    Brief, Captured, CommandLine, Complaint, Plan, Provider, Reading, arguments, classify, common_variables,
};
use crate::setting::Setting;

/// Its home, below the attempt's folder.
const HOME: &str = "gemini-home";
/// Its settings in that home.
const SETTINGS: &str = "gemini-home/.gemini/settings.json";
/// The empty folder that it works in.
const DESK: &str = "gemini-desk";
/// What a Google login keeps in the user's home, and where the private home links to it.
const LOGIN: [(&str, &str); 2] = [
    ("oauth_creds.json", "gemini-home/.gemini/oauth_creds.json"),
    ("google_accounts.json", "gemini-home/.gemini/google_accounts.json"),
];
/// The tools that it gets. Its plan mode is none of them: without a terminal it approves its own plan and then every tool.
const TOOLS: [&str; 4] = ["list_directory", "read_file", "grep_search", "glob"];

/// How many objects of its output are looked at.
const MOST_OBJECTS: usize = 16;

/// What its messages mean, the first row that fits. Texts of gemini 0.61.0.
const MEANINGS: [(Failure, &[&str]); 6] = [
    (Failure::ContextTooLong, &["exceeds the maximum number of tokens", "context window", "input token count"]),
    (
        Failure::Quota,
        &["exhausted your daily quota", "exhausted your capacity", "quota exceeded for quota metric", "perday"],
    ),
    (
        Failure::Auth,
        &[
            "api key not valid",
            "invalid auth method",
            "please set an auth method",
            "unauthenticated",
            "permission_denied",
            "must specify the gemini_api_key",
        ],
    ),
    (Failure::RateLimit, &["resource_exhausted", "exceeded your current quota", "rate limit", "too many requests"]),
    (Failure::Overloaded, &["overloaded", "\"unavailable\"", "status: internal"]),
    (Failure::Transport, &["econnrefused", "fetch failed", "enotfound", "etimedout", "socket hang up", "econnreset"]),
];

/// What its models cost.
const PRICES: [(&str, Price); 3] = [
    ("gemini-2.5-flash", Price::usd(0.30, 0.03, 2.50)),
    ("gemini-2.5-flash-lite", Price::usd(0.10, 0.01, 0.40)),
    ("gemini-2.5-pro", Price::usd(1.25, 0.125, 10.0)),
];

/// Runs `gemini` without a terminal.
#[derive(Debug)]
pub(super) struct Gemini;

impl Provider for Gemini {
    fn name(&self) -> &'static str {
        "gemini"
    }

    fn summary(&self) -> &'static str {
        "Google's gemini CLI, with tools that only read"
    }

    fn install_hint(&self) -> &'static str {
        "gemini: `npm install -g @google/gemini-cli`, then set GEMINI_API_KEY or log in with `gemini`"
    }

    fn program(&self, _setting: &Setting) -> Option<OsString> {
        Some("gemini".into())
    }

    fn credentials(&self) -> &'static [&'static str] {
        &[
            "GEMINI_API_KEY",
            "GOOGLE_API_KEY",
            "GOOGLE_GEMINI_BASE_URL",
            "GOOGLE_GENAI_USE_VERTEXAI",
            "GOOGLE_CLOUD_PROJECT",
            "GOOGLE_CLOUD_LOCATION",
            "GOOGLE_APPLICATION_CREDENTIALS",
        ]
    }

    fn home_variables(&self) -> &'static [&'static str] {
        &["GEMINI_CLI_HOME"]
    }

    fn secret_places(&self) -> &'static [&'static str] {
        &[".gemini"]
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
        line.arguments.extend(arguments(["--prompt", "", "--output-format", "json"]));
        if let Some(model) = &section.model {
            line.arguments.extend(arguments(["--model", model]));
        }
        line.arguments.extend(arguments(&section.extra_args));
        let environment = [
            ("GEMINI_CLI_TRUST_WORKSPACE", "false".into()),
            // It would start itself once more, and that second process ignores SIGTERM.
            ("GEMINI_CLI_NO_RELAUNCH", "true".into()),
            ("GEMINI_CLI_HOME", brief.folder.join(HOME).into_os_string()),
            ("NO_BROWSER", "true".into()),
        ];
        line.environment.extend(common_variables());
        line.environment.extend(environment.map(|(name, value)| (name.to_owned(), value)));
        let login = Login::of(brief);
        if login == Login::Account {
            let home = user_home(brief).unwrap_or_default();
            line.links.extend(LOGIN.map(|(name, link)| (link, home.join(name))));
        }
        line.files.push((SETTINGS, settings(login, brief.directory).into_bytes()));
        line.own_directory = Some(DESK);
        Plan::Spawn(line)
    }

    fn read(&self, captured: &Captured<'_>) -> Reading {
        let answer = answers(captured.stdout).next();
        let Some(answer) = answer else {
            return Reading { failure: complaint(captured), ..Reading::default() };
        };
        let tokens: Vec<ModelTokens> = answer.stats.models.iter().map(of_model).collect();
        let mut reading = Reading { has_worked: tokens.iter().any(ModelTokens::any), tokens, ..Reading::default() };
        match answer.response.filter(|response| !response.trim().is_empty()) {
            Some(response) => reading.answers.push(response),
            None => {
                let said = complaint(captured).filter(|complaint| complaint.class != Failure::Crash);
                let empty = || Complaint::new(Failure::BadReport, "it ended with an empty response");
                reading.failure = Some(said.unwrap_or_else(empty));
            }
        }
        reading
    }
}

/// How the user is known to Google.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Login {
    Key,
    Vertex,
    Account,
}

impl Login {
    fn of(brief: &Brief<'_>) -> Self {
        let is_set = |name: &str| brief.environment.has(name) || brief.setting.section.env.contains_key(name);
        match () {
            () if is_set("GEMINI_API_KEY") => Self::Key,
            () if is_set("GOOGLE_GENAI_USE_VERTEXAI") || is_set("GOOGLE_API_KEY") => Self::Vertex,
            () => Self::Account,
        }
    }

    /// The name in its settings.
    fn as_str(self) -> &'static str {
        match self {
            Self::Key => "gemini-api-key",
            Self::Vertex => "vertex-ai",
            Self::Account => "oauth-personal",
        }
    }
}

/// The user's own `.gemini`.
fn user_home(brief: &Brief<'_>) -> Option<PathBuf> {
    let home = brief.environment.folder("GEMINI_CLI_HOME").or_else(|| brief.environment.folder("HOME"))?;
    Some(home.join(".gemini"))
}

fn settings(login: Login, directory: &Path) -> String {
    let directory = directory.to_string_lossy();
    // It puts the values of variables into its settings, and a folder's name is somebody else's text.
    let readable: Vec<_> = [directory].into_iter().filter(|directory| !directory.contains('$')).collect();
    json!({
        "security": {"auth": {"selectedType": login.as_str()}, "folderTrust": {"enabled": false}},
        "privacy": {"usageStatisticsEnabled": false},
        "general": {"maxAttempts": 1, "retryFetchErrors": false, "enableAutoUpdate": false},
        "tools": {"core": TOOLS},
        "context": {"includeDirectories": readable, "includeDirectoryTree": false},
        "hooksConfig": {"enabled": false},
        "skills": {"enabled": false},
        "advanced": {"ignoreLocalEnv": true},
    })
    .to_string()
}

/// What `--output-format json` prints.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    response: Option<String>,
    stats: Stats,
}

/// The objects that begin a line and are what it prints; it may print notices before.
fn answers(stdout: &str) -> impl Iterator<Item = Answer> {
    let starts = stdout.match_indices('{').map(|(start, _)| start);
    let starts = starts.filter(|start| *start == 0 || stdout[..*start].ends_with('\n')).take(MOST_OBJECTS);
    starts.filter_map(|start| serde_json::Deserializer::from_str(&stdout[start..]).into_iter().next()?.ok())
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Stats {
    models: BTreeMap<String, Model>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Model {
    tokens: Tokens,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Tokens {
    /// The cached ones included.
    prompt: u64,
    cached: u64,
    candidates: u64,
    thoughts: u64,
}

fn of_model((model, Model { tokens }): (&String, &Model)) -> ModelTokens {
    ModelTokens {
        model: Some(model.clone()),
        input: tokens.prompt.saturating_sub(tokens.cached),
        cached: tokens.cached,
        output: tokens.candidates.saturating_add(tokens.thoughts),
    }
}

#[derive(Deserialize)]
struct Report {
    error: Trouble,
}

#[derive(Deserialize)]
struct Trouble {
    #[serde(default)]
    message: String,
    #[serde(default)]
    code: serde_json::Value,
}

/// What the object at the end of its standard error says, after stack traces; else the text itself, else the exit code.
fn complaint(captured: &Captured<'_>) -> Option<Complaint> {
    let told = objects(captured.stderr).find_map(|object| serde_json::from_str::<Report>(object).ok());
    let code = told.as_ref().and_then(|told| told.error.code.as_u64());
    let text = told.map_or_else(|| last_line(captured.stderr), |told| told.error.message);
    let class = classify(&text, &MEANINGS)
        .or_else(|| classify(captured.stderr, &MEANINGS).filter(|_| code.is_none()))
        .or_else(|| by_status(code?))
        .or_else(|| by_exit(captured.exit))?;
    Some(Complaint::said(class, &text, captured.ended))
}

fn last_line(text: &str) -> String {
    text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
}

fn by_status(status: u64) -> Option<Failure> {
    Some(match status {
        401 | 403 | 41 => Failure::Auth,
        413 => Failure::ContextTooLong,
        429 => Failure::RateLimit,
        500..=599 => Failure::Overloaded,
        _ => return None,
    })
}

/// Its exit code is the status modulo 256 where the server refused.
fn by_exit(exit: Exit) -> Option<Failure> {
    match exit {
        Exit::Code(41 | 145 | 147) => Some(Failure::Auth),
        Exit::Code(173) => Some(Failure::RateLimit),
        Exit::Code(244..=248) => Some(Failure::Overloaded),
        Exit::Code(code) if code != 0 => Some(Failure::Crash),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(stdout: &str, stderr: &str, code: i32) -> Reading {
        let ended = "2026-11-22T10:00:00Z".parse().unwrap();
        Gemini.read(&Captured { stdout, stderr, exit: Exit::Code(code), ended })
    }

    #[test]
    fn the_response_is_the_answer_and_an_empty_one_is_none() {
        let stats = json!({"models": {"gemini-2.5-pro": {"tokens":
            {"input": 200, "prompt": 1200, "candidates": 80, "total": 1300, "cached": 1000, "thoughts": 20, "tool": 0}}}});
        let printed = |response: &str| {
            let answer = json!({"session_id": "s", "response": response, "stats": stats});
            serde_json::to_string_pretty(&answer).unwrap()
        };
        let good = read(&format!("a notice {{\n{{}}\n{}\n", printed("{\"a\":1}")), "Warning: x", 0);
        assert_eq!((good.answers, good.failure), (vec!["{\"a\":1}".to_owned()], None));
        let model = Some("gemini-2.5-pro".to_owned());
        assert_eq!(good.tokens, [ModelTokens { model, input: 200, cached: 1000, output: 100 }]);
        let empty = read(&printed(" "), "", 0);
        assert!(empty.answers.is_empty() && empty.has_worked);
        assert_eq!(empty.failure.unwrap().class, Failure::BadReport);
        assert_eq!(read("", "", 0).failure, None);
    }

    #[test]
    fn failures_are_told_apart_by_their_texts_and_by_the_status() {
        let table = [
            ("API key not valid. Please pass a valid API key.", json!(400), 144, Failure::Auth),
            ("stub 401", json!(401), 145, Failure::Auth),
            ("stub 403", json!(403), 147, Failure::Auth),
            ("Invalid auth method selected.", json!(41), 41, Failure::Auth),
            ("You have exhausted your daily quota on this model.", json!(429), 1, Failure::Quota),
            ("You exceeded your current quota. Please retry in 27.5s.", json!(429), 173, Failure::RateLimit),
            ("stub 429", json!(429), 173, Failure::RateLimit),
            ("stub 500", json!(500), 244, Failure::Overloaded),
            ("stub 503", json!(503), 247, Failure::Overloaded),
            ("The model is overloaded. Please try again later.", json!("UNAVAILABLE"), 1, Failure::Overloaded),
            ("exception TypeError: fetch failed sending request", json!(1), 1, Failure::Transport),
            (
                "The input token count (2000000) exceeds the maximum number of tokens",
                json!(400),
                144,
                Failure::ContextTooLong,
            ),
            ("something else", json!(1), 1, Failure::Crash),
        ];
        for (message, code, exit, class) in table {
            let error = json!({"session_id": "s", "error": {"type": "Error", "message": message, "code": code}});
            let stderr = format!(
                "Error: x\n    at f (a.js:1) {{\n  y: 1\n}}\n{}\n",
                serde_json::to_string_pretty(&error).unwrap()
            );
            assert_eq!(read("", &stderr, exit).failure.unwrap().class, class, "{message}");
        }
        for (stderr, exit, class) in [
            ("", 173, Failure::RateLimit),
            ("", 147, Failure::Auth),
            ("[API Error: connect ECONNREFUSED 127.0.0.1:9]", 1, Failure::Transport),
            ("no input", 42, Failure::Crash),
        ] {
            assert_eq!(read("", stderr, exit).failure.unwrap().class, class, "{stderr} {exit}");
        }
    }

    #[test]
    fn no_variable_gets_into_its_settings_by_a_folders_name() {
        assert!(settings(Login::Key, Path::new("/w")).contains("[\"/w\"]"));
        assert!(!settings(Login::Key, Path::new("/w/$GEMINI_API_KEY")).contains('$'));
    }

    #[test]
    fn when_it_may_be_asked_again_is_taken_along() {
        let error =
            json!({"error": {"message": "You exceeded your current quota. Please retry in 27.5s.", "code": 429}});
        let complaint = read("", &error.to_string(), 173).failure.unwrap();
        assert_eq!(complaint.retry_after, Some("2026-11-22T10:00:27.5Z".parse().unwrap()));
    }
}
