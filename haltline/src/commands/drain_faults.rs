//! `haltline drain-faults --queue`: works the queue off.

use std::error::Error;

use haltline_protocol::{HaltEvent, Layout, RunId};
use jiff::Timestamp;

use crate::cli::DrainFaults;
use crate::compose::{self, Plan};
use crate::config;
use crate::exit::Exit;
use crate::output;
use crate::result::{DrainResult, exit, explain_end};

pub(crate) fn run(layout: &Layout, args: DrainFaults) -> Exit {
    let settings = match config::in_force(args.drain.config.as_deref(), &args.drain) {
        Ok(settings) => settings,
        Err(error) => return refuse(&error, Exit::Config, args.json, args.dry_run),
    };
    let own_audit = match own_audit() {
        Ok(event) => event,
        Err(error) => {
            output::error(&error);
            return Exit::Failed;
        }
    };
    let mut plan = Plan::of(layout, settings, args.run_id.map(RunId::new));
    plan.options.dry_run = args.dry_run;
    plan.options.own_audit = Some(own_audit);
    let drained = match compose::drain(layout, plan) {
        Ok(drained) => drained,
        Err(error) => return refuse(&error, error.exit(), args.json, args.dry_run),
    };
    let result = DrainResult::new(&drained, args.dry_run);
    if args.json {
        output::json(&result);
    } else {
        result.print();
    }
    explain_end(layout, &drained);
    exit(&drained)
}

/// Tells why the drain did not come to its end. A wrong configuration keeps it from beginning, and is no reason for a
/// program that reads the result to find none.
fn refuse(error: &dyn Error, exit: Exit, json: bool, dry_run: bool) -> Exit {
    output::error(error);
    if json && exit == Exit::Config {
        output::json(&DrainResult::nothing(dry_run));
    }
    exit
}

/// The drain tells the audit of itself, like every manual recovery.
fn own_audit() -> Result<HaltEvent, haltline_emitter::EmitError> {
    haltline_emitter::drain_queue(Timestamp::now()).map(|emission| emission.event().clone())
}
