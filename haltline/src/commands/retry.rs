//! `haltline retry`: a fault that was given up on, or that has to wait, is due again as if it had never been tried.

use haltline_protocol::{Delivery, Layout};
use haltline_spool::Scope;

use super::by_hand::Change;
use crate::case::Case;
use crate::cli::OneFault;
use crate::exit::Exit;
use crate::sighting::State;

pub(crate) fn run(layout: &Layout, args: &OneFault) -> Exit {
    let change = Change {
        scope: Scope::WaitingAndGivenUp,
        edit: &due,
        refuse: &refuse,
        done: "is due; the next drain dispatches it, with no attempt counted",
        idle: "is due already",
    };
    change.run(layout, args)
}

/// As if never tried. Why the last attempt failed is still worth to know.
fn due(delivery: &Delivery) -> Option<Delivery> {
    let due = Delivery { last_error: delivery.last_error.clone(), ..Delivery::default() };
    (due != *delivery && !delivery.is_held()).then_some(due)
}

fn refuse(case: &Case) -> Option<&'static str> {
    if case.is_any(State::Held) {
        return Some("a person holds it; `haltline release` it first");
    }
    case.events
        .iter()
        .all(|sighted| sighted.state == State::Processed)
        .then_some("it is settled; `haltline investigate` asks about it again")
}
