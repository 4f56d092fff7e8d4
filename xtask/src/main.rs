//! The command line of `cargo xtask`.
#![allow(clippy::print_stderr, reason = "a developer's tool talks to its terminal")]

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};
use xtask::workspace::Workspace;
use xtask::{bench, ci, crash, fmt, lint, tidy};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "What a developer of haltline runs", arg_required_else_help = true)]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Format every crate, the modules that `registry!` declares included
    Fmt {
        /// Change nothing; fail where something would change
        #[arg(long)]
        check: bool,
    },
    /// Run clippy, and cargo-deny where it is installed
    Lint,
    /// Check the rules of the house
    Tidy,
    /// Run what continuous integration runs
    Ci,
    /// Measure haltline against a bare program that does the same file work
    Bench(bench::Options),
    /// Kill, stop, refuse and cut off haltline at any point, and check what is left
    Crash(crash::Options),
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    match task {
        Task::Fmt { check } => fmt::run(&Workspace::load()?, check).map(|()| ExitCode::SUCCESS),
        Task::Lint => lint::run(&Workspace::load()?).map(|()| ExitCode::SUCCESS),
        Task::Tidy => tidy::run(&Workspace::load()?),
        Task::Ci => ci::run(&Workspace::load()?),
        Task::Bench(options) => bench::run(&options),
        Task::Crash(options) => crash::run(&options),
    }
}
