//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand};
use haltline_analytics::SINKS;
use haltline_dispatcher::PROVIDERS;
use haltline_protocol::{EventState, Severity};
use jiff::{SignedDuration, Span, SpanRelativeTo};

/// Keeps the halts of unattended coding agents and build orchestrators, and has each real fault investigated once.
#[derive(Debug, Parser)]
#[command(name = "haltline", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,

    /// Log more: once what happens, twice how, three times everything. RUST_LOG wins
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,

    /// The home of the queue [default: $HALTLINE_HOME, $GSTACK_HOME, ~/.gstack or the XDG state folder]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
#[command(defer = true)]
pub(crate) enum Command {
    /// Work the queue off: settle what is free, have the rest investigated
    DrainFaults(DrainFaults),
    /// The same for one run at the end of a build; silent when there is nothing to do
    AutoDrain(AutoDrain),
    /// Record by hand that a feature is shipped
    MarkShipped(MarkShipped),
    /// Record by hand that a phase is committed
    MarkPhaseCommitted(MarkPhaseCommitted),
    /// Put a halt into the queue, durably
    Emit(Emit),
    /// Say that a fault went away by itself
    Resolve(Resolve),
    /// Bring what earlier releases wrote up to date
    Upgrade(Upgrade),
    /// Have one fault investigated now; nothing is moved
    Investigate(Investigate),
    /// Count what is in the queue; nothing is touched
    Status(Status),
    /// List the events in the queue; nothing is touched
    List(List),
    /// Show one fault: its events, attempts, outcomes, cost, and where each file is; nothing is touched
    Show(OneFault),
    /// Tell the history of one fault in plain words, and what to do next; nothing is touched
    Explain(OneFault),
    /// Let a fault be dispatched again that was given up on, or that has to wait
    Retry(OneFault),
    /// Let no drain dispatch a fault until it is released
    Hold(OneFault),
    /// Let drains dispatch a fault again that is held
    Release(OneFault),
    /// Take away what is settled and old; tells only what would go, unless --yes is given
    Purge(Purge),
    /// Look whether a drain could run and investigate here, or with --fsck through the files of the queue
    Doctor(Doctor),
    /// Look at the configuration
    #[command(subcommand)]
    Config(ConfigCommand),
    /// See the whole way of a halt, for real, in a scratch home
    Demo(Demo),
}

#[derive(Debug, Args)]
pub(crate) struct DrainFaults {
    /// Work the whole queue off
    #[arg(long, required = true)]
    pub(crate) queue: bool,

    /// Only tell what would be done; change no byte
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// Only the events of this run
    #[arg(long, value_name = "ID")]
    pub(crate) run_id: Option<String>,

    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) drain: DrainArgs,
}

/// What every drain takes.
#[derive(Debug, Args, Default)]
pub(crate) struct DrainArgs {
    /// The most investigations to start [default: 20]
    #[arg(long, value_name = "N")]
    pub(crate) max: Option<u32>,

    /// Leave less severe faults alone: LOW, MEDIUM, HIGH or CRITICAL [default: MEDIUM]
    #[arg(long, value_name = "SEVERITY")]
    pub(crate) severity_min: Option<Severity>,

    #[command(flatten)]
    pub(crate) asked: InvestigatorArgs,

    /// Investigations at a time [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) jobs: Option<u16>,

    /// Where notes for people go [default: $GSTACK_INBOX_DIR, or inbox/ in the queue]
    #[arg(long, value_name = "DIR")]
    pub(crate) inbox: Option<PathBuf>,

    /// The configuration file [default: $HALTLINE_CONFIG, or haltline/config.toml in the XDG config folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

/// The help of `--investigator`, with every provider's name.
fn investigator_help() -> String {
    let names: Vec<&str> = PROVIDERS.iter().map(|provider| provider.name()).collect();
    format!(
        "Who investigates: {}, or a name from the configuration [default: the first of drain.chain on PATH]",
        names.join(", ")
    )
}

/// Who investigates, and for how long.
#[derive(Debug, Args, Clone, Default)]
pub(crate) struct InvestigatorArgs {
    #[arg(long, value_name = "NAME", help = investigator_help())]
    pub(crate) investigator: Option<String>,

    /// The program of the investigator `command`, run by `sh -c`
    #[arg(long, value_name = "CMD")]
    pub(crate) command: Option<String>,

    /// The model to ask for
    #[arg(long)]
    pub(crate) model: Option<String>,

    /// The longest that one investigation may take, as 90s or 10m [default: 10m]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
}

#[derive(Debug, Args)]
pub(crate) struct AutoDrain {
    /// The run whose events to work off
    #[arg(long, value_name = "ID")]
    pub(crate) run_id: String,

    /// Stop after this time and leave the rest for later, as 60s
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub(crate) deadline: Option<Duration>,

    /// Exit as drain-faults does, instead of 0 whatever happens
    #[arg(long)]
    pub(crate) strict: bool,

    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) drain: DrainArgs,
}

#[derive(Debug, Args)]
pub(crate) struct MarkShipped {
    /// The feature's number
    #[arg(long, value_name = "N")]
    pub(crate) feature: String,

    /// The number of the pull request
    #[arg(long, value_name = "N")]
    pub(crate) pr: Option<String>,

    /// The plan that was worked on; its file name gives the slug
    #[arg(long, value_name = "FILE")]
    pub(crate) plan: Option<PathBuf>,

    /// A build state (JSON) to record the feature in
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,

    /// The run [default: mark-shipped]
    #[arg(long, value_name = "ID")]
    pub(crate) run_id: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct MarkPhaseCommitted {
    /// The phase's number, or its index where it has none
    pub(crate) phase: String,

    /// The run
    #[arg(long, value_name = "ID")]
    pub(crate) run_id: String,

    /// A build state (JSON) to record the phase in
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Emit {
    /// Read a whole event as JSON from standard input (-) or a file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["kind", "run_id", "message", "slug", "severity", "phase", "feature", "stdout_log", "worktree", "failure_reason"])]
    pub(crate) json: Option<PathBuf>,

    /// What kind of halt it is, as PHASE_FAILED
    #[arg(long, required_unless_present = "json")]
    pub(crate) kind: Option<String>,

    /// The run that halted
    #[arg(long, value_name = "ID", required_unless_present = "json")]
    pub(crate) run_id: Option<String>,

    /// What happened, in one line
    #[arg(long, required_unless_present = "json")]
    pub(crate) message: Option<String>,

    /// Your name for the plan or the state [default: the run]
    #[arg(long)]
    pub(crate) slug: Option<String>,

    /// LOW, MEDIUM, HIGH or CRITICAL; an unknown kind needs it
    #[arg(long)]
    pub(crate) severity: Option<Severity>,

    /// The index of the phase that failed
    #[arg(long, value_name = "N", conflicts_with = "feature")]
    pub(crate) phase: Option<String>,

    /// The number of the feature that failed
    #[arg(long, value_name = "N")]
    pub(crate) feature: Option<String>,

    /// The log of what failed; its last 200 lines go into the event
    #[arg(long, value_name = "FILE")]
    pub(crate) stdout_log: Option<PathBuf>,

    /// The work tree; its git head goes into the event
    #[arg(long, value_name = "DIR")]
    pub(crate) worktree: Option<PathBuf>,

    /// Why it failed, where you know more than the message says
    #[arg(long, value_name = "TEXT")]
    pub(crate) failure_reason: Option<String>,

    /// Do not wait for the disk; a power cut may lose the event
    #[arg(long)]
    pub(crate) no_sync: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Resolve {
    /// The run
    #[arg(long, value_name = "ID")]
    pub(crate) run_id: String,

    /// The fault
    #[arg(long, value_name = "ID")]
    pub(crate) fault_id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Upgrade {
    /// Only tell what would be done; change no byte
    #[arg(long)]
    pub(crate) dry_run: bool,

    /// List the migrations and whether they are done
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) status: bool,

    /// Print the result as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Investigate {
    /// The fault, as PHASE_FAILED:p3:302c3b29
    #[arg(value_name = "FAULT_ID")]
    pub(crate) fault_id: String,

    /// The run, where more than one has the fault
    #[arg(long, value_name = "ID")]
    pub(crate) run_id: Option<String>,

    /// Print the report as one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    #[command(flatten)]
    pub(crate) asked: InvestigatorArgs,

    /// The configuration file [default: $HALTLINE_CONFIG, or haltline/config.toml in the XDG config folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// Print the counts as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Only the events of this state: pending, deferred, held, in-flight, abandoned, processed or
    /// dead-letter
    /// [default: all but processed]
    #[arg(long)]
    pub(crate) state: Option<EventState>,

    /// Only the events of this run
    #[arg(long, value_name = "ID")]
    pub(crate) run_id: Option<String>,

    /// Print each event as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// What the commands take that tell of one fault or change it by hand.
#[derive(Debug, Args)]
pub(crate) struct OneFault {
    /// The fault, as PHASE_FAILED:p3:302c3b29, or the name of a file of it in the queue
    pub(crate) id: String,

    /// The run, where more than one has the fault
    #[arg(long, value_name = "ID")]
    pub(crate) run_id: Option<String>,

    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Purge {
    /// What has not changed for so long, as 30d or 12h
    #[arg(long, value_name = "AGE", value_parser = age)]
    pub(crate) older_than: SignedDuration,

    /// Do it
    #[arg(long)]
    pub(crate) yes: bool,

    /// Print what goes as one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Look through the files instead: permissions, what is out of place, what killed drains and writers left
    #[arg(long)]
    pub(crate) fsck: bool,

    /// Remove temporary files older than 36 hours, and let nobody but you read and write what is there
    #[arg(long, requires = "fsck")]
    pub(crate) repair: bool,

    /// Print what was found as one JSON object
    #[arg(long)]
    pub(crate) json: bool,

    /// The configuration file [default: $HALTLINE_CONFIG, or haltline/config.toml in the XDG config folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print what is in force and where each value comes from
    #[command(after_help = sinks_help())]
    Show(ConfigShow),
}

#[derive(Debug, Args)]
pub(crate) struct ConfigShow {
    /// The configuration file [default: $HALTLINE_CONFIG, or haltline/config.toml in the XDG config folder]
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Where the scratch home goes; it is kept [default: a new folder in the system's temporary folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

/// Reads a length of time above zero, as `90s` or `10m`.
fn duration(text: &str) -> Result<Duration, String> {
    let parsed: SignedDuration = text.parse().map_err(|_| "no length of time, as 90s or 10m".to_owned())?;
    match Duration::try_from(parsed) {
        Ok(length) if !length.is_zero() => Ok(length),
        _ => Err("a length of time must be above zero".to_owned()),
    }
}

/// Reads an age above zero, as `30d` or `12h`. A day has 24 hours.
fn age(text: &str) -> Result<SignedDuration, String> {
    let span: Span = text.parse().map_err(|_| "no age, as 30d or 12h".to_owned())?;
    let age = span.to_duration(SpanRelativeTo::days_are_24_hours());
    age.ok().filter(SignedDuration::is_positive).ok_or_else(|| "an age is above zero, in weeks at most".to_owned())
}

/// Lists what `[[sinks]]` can name.
fn sinks_help() -> String {
    let width = SINKS.iter().map(|sink| sink.declaration().name.len()).max().unwrap_or(0);
    let lines: Vec<_> =
        SINKS.iter().map(|sink| format!("  {:width$}  {}", sink.declaration().name, sink.declaration().docs)).collect();
    format!("Sinks that [[sinks]] can name:\n{}", lines.join("\n"))
}
