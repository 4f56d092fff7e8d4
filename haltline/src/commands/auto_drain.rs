//! `haltline auto-drain`: the hook at the end of a build. Silent when there is nothing to do, and never a reason for
//! the build to fail unless `--strict` says so.

use std::ffi::OsStr;

use haltline_analytics::Activity;
use haltline_protocol::{Layout, RunId, Survey};

use crate::cli::AutoDrain;
use crate::compose::{self, Plan};
use crate::config;
use crate::exit::Exit;
use crate::home::NoHome;
use crate::output;
use crate::queue;
use crate::result::{DrainResult, exit, explain_end};

pub(crate) fn run(layout: &Layout, args: AutoDrain) -> Exit {
    let strict = args.strict;
    let ended = drain(layout, args);
    if strict { ended } else { Exit::Done }
}

/// Tells that there is no place for a home, unless it is turned off.
pub(crate) fn without_home(args: &AutoDrain, error: &NoHome) -> Exit {
    if is_off() {
        return Exit::Done;
    }
    output::error(error);
    if args.strict { Exit::Usage } else { Exit::Done }
}

fn drain(layout: &Layout, args: AutoDrain) -> Exit {
    if is_off() {
        return Exit::Done;
    }
    let settings = match config::in_force(args.drain.config.as_deref(), &args.drain) {
        Ok(settings) => settings,
        Err(error) => {
            output::error(&error);
            return Exit::Config;
        }
    };
    match queue::survey(layout).has_work() {
        Ok(true) => {}
        Ok(false) => return Exit::Done,
        Err(error) => {
            output::error(&error);
            return Exit::CannotWrite;
        }
    }
    let mut plan = Plan::of(layout, settings, Some(RunId::new(args.run_id)));
    plan.activity = Activity::AutoDrain;
    plan.deadline = args.deadline;
    let drained = match compose::drain(layout, plan) {
        Ok(drained) => drained,
        Err(error) => {
            output::error(&error);
            return error.exit();
        }
    };
    if drained.report.counts.is_idle() {
        return Exit::Done;
    }
    let result = DrainResult::new(&drained, false);
    if args.json {
        output::json(&result);
    } else {
        result.print();
    }
    explain_end(layout, &drained);
    exit(&drained)
}

/// Whether one of the two variables turns it off.
fn is_off() -> bool {
    let is = |variable: &str, value: &str| std::env::var_os(variable).as_deref() == Some(OsStr::new(value));
    is("HALTLINE_AUTO_DRAIN", "off") || is("GSTACK_HALT_EVENTS_OFF", "1")
}
