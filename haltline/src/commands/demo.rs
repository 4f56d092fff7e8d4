//! `haltline demo`: the whole way of a halt, for real, in a scratch home. Nothing is mocked: the same commands run that
//! a user would type, on a log that a failing command really wrote.

use std::fs;
use std::path::{Path, PathBuf};

use haltline_process::run_logged;
use haltline_protocol::Layout;

use super::{drain_faults, emit, mark_shipped, upgrade};
use crate::cli::{Demo, DrainArgs, DrainFaults, Emit, InvestigatorArgs, MarkShipped, Upgrade};
use crate::exit::Exit;
use crate::output::{self, line};

/// Rows as an earlier release wrote them: a recovery event without the flag, twice, and a fault.
const LEGACY: [(&str, &str, &str); 3] = [
    ("MANUAL_RECOVERY_INVOKED", "drain-faults subcommand invoked (queue)", "drain-faults"),
    ("MANUAL_RECOVERY_INVOKED", "mark-shipped subcommand invoked for feature 3 (PR #42)", "mark-shipped"),
    ("STALL_KILLED", "no output for 20 minutes; killed", "build-41"),
];
/// What really fails: a build script that asks for a program that nobody has.
const SCRIPT: &str = "echo 'building checkout'; set -e; no-such-compiler --release main.c; echo done";

pub(crate) fn run(args: &Demo) -> Exit {
    match play(args) {
        Ok(exit) => exit,
        Err(error) => {
            output::note(format!("haltline demo: {error}"));
            Exit::Failed
        }
    }
}

fn play(args: &Demo) -> Result<Exit, DemoError> {
    let folder = scratch(args.dir.as_deref())?;
    let layout = Layout::new(folder.join("home"));
    line(format!("A scratch home for this demo: {}", layout.home().display()));

    step(1, "An earlier release left rows behind. Its recovery rows lack the flag that keeps them free.");
    lay_out_legacy(&layout)?;
    command("haltline upgrade");
    expect(upgrade::run(&layout, &Upgrade { dry_run: false, status: false, json: false }), "upgrade")?;

    step(2, "A build step fails. Its halt is on disk the moment it happens.");
    let log = folder.join("build.log");
    command(&format!("sh -c \"{SCRIPT}\" > {} 2>&1", log.display()));
    let ended =
        run_logged("sh", &["-c", SCRIPT], &log).map_err(|source| DemoError::Io { path: "sh".into(), source })?;
    line(indented(&fs::read_to_string(&log).map_err(|source| DemoError::Io { path: log.clone(), source })?));
    line(format!("  it ended with {ended}"));
    command(&format!(
        "haltline emit --kind PHASE_FAILED --run-id build-42 --phase 3 --message \"phase 3 failed\" --stdout-log {}",
        log.display()
    ));
    expect(emit::run(&layout, &halt_of(&log)), "emit")?;

    step(3, "Somebody ships feature 2 by hand. That is an audit event: worth a row, not worth a cent.");
    command("haltline mark-shipped --feature 2 --pr 17 --run-id build-42");
    expect(mark_shipped::run(&layout, &shipped()), "mark-shipped")?;

    step(4, "One command works the queue off. Here the built-in rules investigate; they are free and offline.");
    command("haltline drain-faults --queue --investigator triage");
    expect(drain_faults::run(&layout, drain()), "drain-faults")?;

    step(5, "What is left on disk:");
    show_files(&layout)?;
    line("");
    line("Next, with the AI command-line tool that you have: haltline drain-faults --queue");
    Ok(Exit::Done)
}

fn step(number: u32, text: &str) {
    line(format!("\n{number}. {text}"));
}

fn command(text: &str) {
    line(format!("  $ {text}"));
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  | {line}")).collect::<Vec<_>>().join("\n")
}

fn expect(exit: Exit, step: &'static str) -> Result<(), DemoError> {
    if exit == Exit::Done { Ok(()) } else { Err(DemoError::Step(step)) }
}

fn scratch(wanted: Option<&Path>) -> Result<PathBuf, DemoError> {
    let folder = wanted
        .map_or_else(|| std::env::temp_dir().join(format!("haltline-demo-{}", std::process::id())), Path::to_owned);
    let io = |source| DemoError::Io { path: folder.clone(), source };
    fs::create_dir_all(&folder).map_err(io)?;
    if fs::read_dir(&folder).map_err(io)?.next().is_some() {
        return Err(DemoError::NotEmpty(folder));
    }
    folder.canonicalize().map_err(io)
}

/// Writes rows in the form of an earlier release, which only `upgrade` and the drain read.
fn lay_out_legacy(layout: &Layout) -> Result<(), DemoError> {
    let pending = layout.pending();
    fs::create_dir_all(&pending).map_err(|source| DemoError::Io { path: pending.clone(), source })?;
    for (number, (kind, message, run_id)) in LEGACY.into_iter().enumerate() {
        let row = serde_json::json!({
            "faultId": format!("{kind}:all:0000000{number}"),
            "runId": run_id,
            "stateSlug": "checkout-flow",
            "kind": kind,
            "severity": "HIGH",
            "timestamp": "2026-05-20T08:14:00.123Z",
            "message": message,
            "pointers": {"stateFile": "", "stdoutLog": "", "livingPlan": "", "worktreePath": ""},
            "snapshot": {"stdoutTail": "> waiting for the model\nError: operation timed out after 1200 s\n"},
        });
        let path = pending.join(format!("{run_id}-{kind}:all:0000000{number}.json"));
        fs::write(&path, format!("{row:#}\n")).map_err(|source| DemoError::Io { path: path.clone(), source })?;
        line(format!("  {}", path.display()));
    }
    Ok(())
}

fn halt_of(log: &Path) -> Emit {
    Emit {
        json: None,
        kind: Some("PHASE_FAILED".to_owned()),
        run_id: Some("build-42".to_owned()),
        message: Some("phase 3 failed".to_owned()),
        slug: Some("checkout-flow".to_owned()),
        severity: None,
        phase: Some("3".to_owned()),
        feature: None,
        stdout_log: Some(log.to_owned()),
        worktree: None,
        failure_reason: None,
        no_sync: false,
    }
}

fn shipped() -> MarkShipped {
    MarkShipped {
        feature: "2".to_owned(),
        pr: Some("17".to_owned()),
        plan: None,
        state: None,
        run_id: Some("build-42".to_owned()),
    }
}

fn drain() -> DrainFaults {
    let asked = InvestigatorArgs { investigator: Some("triage".to_owned()), ..InvestigatorArgs::default() };
    let drain = DrainArgs { asked, ..DrainArgs::default() };
    DrainFaults { queue: true, dry_run: false, run_id: None, json: false, drain }
}

fn show_files(layout: &Layout) -> Result<(), DemoError> {
    let queue = layout.queue();
    let shown = [
        (layout.pending(), "waiting"),
        (layout.processed(), "settled events"),
        (queue.join("reports"), "reports"),
        (layout.inbox(), "notes to act on"),
        (layout.analytics(), "one row per outcome"),
    ];
    for (folder, what) in shown {
        let files = files_beneath(&folder)?;
        line(format!("  {:>2} {what}", files.len()));
        for file in files {
            line(format!("       {}", file.display()));
        }
    }
    let notes = files_beneath(&layout.inbox())?;
    if let Some(note) = notes.first() {
        line(format!("\n  $ cat {}", note.display()));
        line(indented(&fs::read_to_string(note).map_err(|source| DemoError::Io { path: note.clone(), source })?));
    }
    Ok(())
}

fn files_beneath(folder: &Path) -> Result<Vec<PathBuf>, DemoError> {
    let io = |source| DemoError::Io { path: folder.to_owned(), source };
    let mut files = Vec::new();
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(files),
        entries => entries.map_err(io)?,
    };
    for entry in entries {
        let path = entry.map_err(io)?.path();
        if path.is_dir() { files.extend(files_beneath(&path)?) } else { files.push(path) }
    }
    files.sort();
    Ok(files)
}

/// Why the demo ended early.
#[derive(Debug, thiserror::Error)]
enum DemoError {
    #[error("{} is not empty; give another folder with --dir", .0.display())]
    NotEmpty(PathBuf),
    #[error("cannot use {}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("`haltline {0}` did not end well; its message stands above")]
    Step(&'static str),
}
