//! The commands, one file each.

mod auto_drain;
mod by_hand;
mod config_show;
mod demo;
mod doctor;
mod drain_faults;
mod emit;
mod explain;
mod fsck;
mod hold;
mod investigate;
mod list;
mod mark_phase_committed;
mod mark_shipped;
mod purge;
mod recovery;
mod release;
mod resolve;
mod retry;
mod show;
mod status;
mod upgrade;

use haltline_process::own_this_process;

use crate::cli::{Cli, Command, ConfigCommand};
use crate::exit::Exit;
use crate::{home, output};

/// Runs the command that was asked for.
pub(crate) fn run(cli: Cli) -> Exit {
    let layout = match home::find(cli.home) {
        Ok(layout) => layout,
        Err(error) => {
            if let Command::AutoDrain(args) = &cli.command {
                return auto_drain::without_home(args, &error);
            }
            output::error(&error);
            return Exit::Usage;
        }
    };
    // Here at the top, so that no program that embeds a drain has its own process changed.
    if matches!(
        cli.command,
        Command::DrainFaults(_) | Command::AutoDrain(_) | Command::Investigate(_) | Command::Doctor(_)
    ) {
        own_this_process();
    }
    match cli.command {
        Command::DrainFaults(args) => drain_faults::run(&layout, args),
        Command::AutoDrain(args) => auto_drain::run(&layout, args),
        Command::MarkShipped(args) => mark_shipped::run(&layout, &args),
        Command::MarkPhaseCommitted(args) => mark_phase_committed::run(&layout, &args),
        Command::Emit(args) => emit::run(&layout, &args),
        Command::Resolve(args) => resolve::run(&layout, &args),
        Command::Upgrade(args) => upgrade::run(&layout, &args),
        Command::Investigate(args) => investigate::run(&layout, &args),
        Command::Status(args) => status::run(&layout, &args),
        Command::List(args) => list::run(&layout, &args),
        Command::Show(args) => show::run(&layout, &args),
        Command::Explain(args) => explain::run(&layout, &args),
        Command::Retry(args) => retry::run(&layout, &args),
        Command::Hold(args) => hold::run(&layout, &args),
        Command::Release(args) => release::run(&layout, &args),
        Command::Purge(args) => purge::run(&layout, &args),
        Command::Doctor(args) => doctor::run(&layout, &args),
        Command::Config(ConfigCommand::Show(args)) => config_show::run(&layout, &args),
        Command::Demo(args) => demo::run(&args),
    }
}
