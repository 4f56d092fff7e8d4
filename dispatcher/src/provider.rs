//! The door for investigators: a provider is pure. It says what to start and what its output means; it starts nothing.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use haltline_evidence::clean_line;
use haltline_process::Exit;
use haltline_protocol::{Assignment, Failure, Report, Usd};
use jiff::Timestamp;

use crate::cost::{ModelTokens, Price, ReportedCost};
use crate::environment::Environment;
use crate::reset::retry_after;
use crate::setting::Setting;

/// One kind of investigator. A new one is one file in `providers/` and one row in its registry.
pub trait Provider: Send + Sync + fmt::Debug {
    /// The name in `--investigator`, in the configuration and in rows.
    fn name(&self) -> &'static str;

    /// What it is, in one line for people.
    fn summary(&self) -> &'static str;

    /// What to install where its program is missing; the program's name and the way.
    fn install_hint(&self) -> &'static str;

    /// The program that has to be there, as a name for PATH or a path. None for one that is built in.
    fn program(&self, setting: &Setting) -> Option<OsString>;

    /// Programs to be preferred to the one that was found, where they are there: a wrapper's native program.
    fn native_programs(&self, _found: &Path) -> Vec<PathBuf> {
        Vec::new()
    }

    /// Variables of our environment that it may see beside those that everyone may: its credential, its base URL,
    /// its home.
    fn credentials(&self) -> &'static [&'static str] {
        &[]
    }

    /// Variables that name the folder where the program keeps its state, so that it can be asked for its version
    /// without leaving a trace in the user's own.
    fn home_variables(&self) -> &'static [&'static str] {
        &[]
    }

    /// Files and folders below the user's home that hold its login and its sessions. No investigator may read them.
    fn secret_places(&self) -> &'static [&'static str] {
        &[]
    }

    /// What its models cost, by their names; list prices of the standard tier for prompts below the long-context limits.
    fn prices(&self) -> &'static [(&'static str, Price)] {
        &[]
    }

    /// Whether `auto` asks it where the configuration has no chain.
    fn is_in_default_chain(&self) -> bool {
        false
    }

    /// Whether it runs a command that the user gives: the text of `--command`, or a `command` in the configuration under
    /// a name of the user's own.
    fn runs_commands(&self) -> bool {
        false
    }

    /// Whether its report has to repeat the attempt's random word: whoever cannot has not read the assignment, or was
    /// talked out of it. A program of the user's own may leave it out.
    fn repeats_nonce(&self) -> bool {
        true
    }

    /// Whether a model is paid for its work even where the program does not say how much.
    fn is_paid(&self) -> bool {
        true
    }

    /// What to do about an event.
    fn plan(&self, brief: &Brief<'_>) -> Plan;

    /// What the output of its program means. It may be cut, hostile or not its own.
    fn read(&self, captured: &Captured<'_>) -> Reading;
}

/// What a provider plans by.
#[derive(Debug)]
pub struct Brief<'a> {
    /// The fault.
    pub assignment: &'a Assignment,
    /// What the user set.
    pub setting: &'a Setting,
    /// The program that was found; none for a provider that needs none.
    pub program: Option<&'a Path>,
    /// Where the attempt's own files are.
    pub folder: &'a Path,
    /// Where the program will work: the event's work tree, or the attempt's folder.
    pub directory: &'a Path,
    /// Our environment. A provider may ask which login the user has; what the program sees is not its choice.
    pub environment: &'a Environment,
    /// What is set aside for the investigation, in US dollars; 0 is no cap.
    pub reserve_usd: Usd,
    /// Where credentials are, as absolute paths: what a program that reads files is to be kept out of.
    pub secret_places: &'a [PathBuf],
    /// The JSON schema of the report, strict enough for model servers.
    pub schema: &'a str,
}

/// What to do about an event.
#[derive(Debug)]
pub enum Plan {
    /// Start a program. Its standard input is the prompt.
    Spawn(CommandLine),
    /// Nothing needs to be started: this is the report.
    Answer(Box<Report>),
}

/// A program to start.
#[derive(Debug, Default)]
pub struct CommandLine {
    /// An absolute path.
    pub program: PathBuf,
    /// What follows it. No secret and nothing of the event's text belongs here: everybody can read it.
    pub arguments: Vec<OsString>,
    /// More variables for its environment.
    pub environment: Vec<(String, OsString)>,
    /// More files for its folder, by name; a folder in the name is made.
    pub files: Vec<(&'static str, Vec<u8>)>,
    /// Symbolic links for its folder, by name, and what they point to. This is how a program with a home of its own
    /// gets the user's login: a secret is never copied.
    pub links: Vec<(&'static str, PathBuf)>,
    /// Where it works instead of the brief's directory: a folder below its own, by name.
    pub own_directory: Option<&'static str>,
}

/// What a program left.
#[derive(Debug)]
pub struct Captured<'a> {
    /// What it printed. Bytes that are no UTF-8 were replaced.
    pub stdout: &'a str,
    /// What it complained of.
    pub stderr: &'a str,
    /// How it ended; unknown where its drain died before it.
    pub exit: Exit,
    /// When it ended.
    pub ended: Timestamp,
}

/// What a program's output means.
#[derive(Debug, Default)]
pub struct Reading {
    /// Texts that may hold the report, the most final last.
    pub answers: Vec<String>,
    /// Why there is none, where the output says so.
    pub failure: Option<Complaint>,
    /// Tokens by model, where the output says so.
    pub tokens: Vec<ModelTokens>,
    /// The cost, where the output says so.
    pub cost: ReportedCost,
    /// Whether a model has answered at all, so that it will be paid for.
    pub has_worked: bool,
    /// Whether a cost beside the report's fields may be believed.
    pub trusts_report_cost: bool,
}

/// Why a program brought no report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Complaint {
    /// The class that decides what follows.
    pub class: Failure,
    /// What happened, in one line.
    pub text: String,
    /// When it may work again, where the text says so.
    pub retry_after: Option<Timestamp>,
}

impl Complaint {
    /// A complaint in our own words.
    pub fn new(class: Failure, text: impl Into<String>) -> Self {
        Self { class, text: text.into(), retry_after: None }
    }

    /// What a program said when it ended at `ended`; a time in its text counts where waiting helps.
    pub fn said(class: Failure, text: &str, ended: Timestamp) -> Self {
        let helps = matches!(class, Failure::Quota | Failure::RateLimit | Failure::Overloaded);
        let retry_after = helps.then(|| retry_after(text, ended)).flatten();
        Self { class, text: clean_line(text), retry_after }
    }
}

/// What every agent's program has in its environment. Some of them ask git about the work tree before any sandbox is
/// up, and git runs the programs that the tree's `.git/config` names (`core.fsmonitor`, `filter.*.clean`); without a
/// repository it reads no such file. And their times of day are to be UTC.
pub(crate) fn common_variables() -> impl Iterator<Item = (String, OsString)> {
    [("GIT_DIR", "/dev/null"), ("TZ", "UTC")].map(|(name, value)| (name.to_owned(), value.into())).into_iter()
}

/// Finds the class of a failure by its text: the first row of which a part stands in the text wins. Case is ignored.
pub(crate) fn classify(text: &str, table: &[(Failure, &[&str])]) -> Option<Failure> {
    let text = text.to_lowercase();
    let fits = |(_, parts): &&(Failure, &[&str])| parts.iter().any(|part| text.contains(&part.to_lowercase()));
    table.iter().find(fits).map(|(class, _)| *class)
}

/// Turns texts into arguments.
pub(crate) fn arguments<T: AsRef<OsStr>>(texts: impl IntoIterator<Item = T>) -> impl Iterator<Item = OsString> {
    texts.into_iter().map(|text| text.as_ref().to_owned())
}
