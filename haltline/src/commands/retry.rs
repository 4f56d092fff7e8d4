//! `haltline retry`: a fault that was given up on, or that has to wait, is due again as if it had never been tried.

use haltline_protocol::{Change, EventState, Layout};
use haltline_view::FaultView;

use super::by_hand::ByHand;
use crate::cli::OneFault;
use crate::exit::Exit;

pub(crate) fn run(layout: &Layout, args: &OneFault) -> Exit {
    let retry = ByHand {
        change: Change::Retry,
        refuse: &refuse,
        done: "is due; the next drain dispatches it, with no attempt counted",
        idle: "is due already",
    };
    retry.run(layout, args)
}

fn refuse(fault: &FaultView) -> Option<&'static str> {
    if fault.is_any(EventState::Held) {
        return Some("a person holds it; `haltline release` it first");
    }
    let is_settled = fault.is_all(&[EventState::Processed]);
    is_settled.then_some("it is settled; `haltline investigate` asks about it again")
}
