//! `haltline list`: the events in the queue, the most severe and oldest first. Nothing is touched.

use haltline::redaction;
use haltline_protocol::Layout;
use haltline_view::{ListedEvent, list};
use jiff::Timestamp;

use crate::cli::List;
use crate::exit::Exit;
use crate::output::{self, age, line};
use crate::queue;

pub(crate) fn run(layout: &Layout, args: &List) -> Exit {
    redaction::start(layout);
    let events = match list(&queue::survey(layout), args.state, args.run_id.as_deref()) {
        Ok(events) => events,
        Err(error) => {
            output::error(&error);
            return Exit::CannotWrite;
        }
    };
    let now = Timestamp::now();
    for event in &events {
        if args.json {
            output::json(event);
        } else {
            print(event, now);
        }
    }
    Exit::Done
}

fn print(event: &ListedEvent, now: Timestamp) {
    let ListedEvent { state, severity, time, fault_id, run_id, message, .. } = event;
    let (state, severity, age) = (state.as_str(), severity.as_str(), age(now.duration_since(*time)));
    line(format!("{state:<11} {severity:<8} {age:>4}  {fault_id}  {run_id}  {message}"));
}
