//! `haltline resolve`: says that a fault went away by itself.

use haltline_emitter::{EmitError, resolve};
use haltline_protocol::{EventState, FaultKey, Layout, QueueError, Survey, WaitingBody};
use haltline_view::name_of;
use jiff::Timestamp;

use super::emit;
use crate::cli::Resolve;
use crate::exit::Exit;
use crate::output::{self, line};
use crate::queue;

pub(crate) fn run(layout: &Layout, args: &Resolve) -> Exit {
    let key = FaultKey { run_id: args.run_id.as_str().into(), fault_id: args.fault_id.as_str().into() };
    let put = || -> Result<_, EmitError> { resolve(&queue::intake(layout, true)?, &key, Timestamp::now()) };
    match put() {
        Ok(marker) => {
            let name = name_of(&key);
            match what_waits(layout, &key) {
                Ok(waits) => line(format!("{name} is marked as resolved; {waits}. Marker: {marker}")),
                Err(error) => {
                    line(format!("{name} is marked as resolved. Marker: {marker}"));
                    output::error(&error);
                }
            }
            Exit::Done
        }
        Err(error) => emit::failed(&error),
    }
}

/// What the marker has to do with the queue as it is now, for people.
fn what_waits(layout: &Layout, key: &FaultKey) -> Result<String, QueueError> {
    let (mut waiting, mut held) = (0_u64, 0_u64);
    queue::survey(layout).look_through(&EventState::UNSETTLED, &mut |seen| match &seen.waiting.body {
        WaitingBody::Event(event) if event.key() == *key && seen.state == EventState::InFlight => held += 1,
        WaitingBody::Event(event) if event.key() == *key => waiting += 1,
        _ => {}
    })?;
    Ok(match (waiting, held) {
        (0, 0) => "nothing of it waits now".to_owned(),
        (0, _) => "a drain has it in hand".to_owned(),
        (events, _) => format!("the next drain settles free what waits of it (events: {events})"),
    })
}
