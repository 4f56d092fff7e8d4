//! `haltline hold`: what waits of a fault is not dispatched until it is released.

use haltline_protocol::{Change, Layout};

use super::by_hand::{ByHand, refuse_settled};
use crate::cli::OneFault;
use crate::exit::Exit;

pub(crate) fn run(layout: &Layout, args: &OneFault) -> Exit {
    let hold = ByHand {
        change: Change::Hold,
        refuse: &refuse_settled,
        done: "is held: no drain dispatches it until `haltline release`",
        idle: "is held already",
    };
    hold.run(layout, args)
}
