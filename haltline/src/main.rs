//! haltline: keeps the halts of unattended coding agents, and has each real fault investigated once.
//!
//! This crate ties the actors together: the command line, the configuration, the wires, the signals, the exit codes.

mod cli;
mod commands;
mod compose;
mod config;
mod exit;
mod home;
mod investigation;
mod logging;
mod output;
mod progress;
mod queue;
mod result;
mod signals;
mod state_file;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    // What haltline and its investigators create is the user's alone.
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    let cli = cli::Cli::parse();
    logging::start(cli.verbose);
    commands::run(cli).into()
}
