//! `haltline status`: counts what is in the queue. Nothing is touched.

use haltline_protocol::Layout;
use haltline_view::{Status, Tally, status};
use jiff::Timestamp;

use crate::cli;
use crate::exit::Exit;
use crate::output::{self, age, line};
use crate::queue;

pub(crate) fn run(layout: &Layout, args: &cli::Status) -> Exit {
    let survey = queue::survey(layout);
    let status = match status(&survey, &queue::rules(layout).inbox) {
        Ok(status) => status,
        Err(error) => {
            output::error(&error);
            return Exit::CannotWrite;
        }
    };
    if args.json {
        output::json(&status);
    } else {
        print(&status);
    }
    Exit::Done
}

fn print(status: &Status) {
    let now = Timestamp::now();
    let counts = [
        (status.pending, "wait"),
        (status.deferred, "wait for their next attempt"),
        (status.held, "wait until they are released"),
        (status.in_flight, "held by drains that run"),
        (status.abandoned, "left by drains that died; the next one takes them back"),
        (status.processed, "settled"),
        (status.dead_letter, "given up on"),
        (status.quarantine, "in quarantine: no readable events"),
        (status.inbox, "notes in the inbox"),
    ];
    for (Tally { count, oldest }, what) in counts {
        let oldest = oldest.map(|time| format!(", the oldest {}", age(now.duration_since(time))));
        line(format!("{count:>7} {what}{}", oldest.unwrap_or_default()));
    }
    if status.unreadable > 0 {
        line(format!("{:>7} wait and are no readable events", status.unreadable));
    }
    line(match status.live_drains {
        0 => "No drain runs.".to_owned(),
        drains => format!("Drains that run: {drains}."),
    });
    if status.stopped {
        line(format!("Dispatching is stopped by {}/STOP; remove it to go on.", status.queue));
    }
}
