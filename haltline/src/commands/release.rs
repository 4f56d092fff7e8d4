//! `haltline release`: a fault that a person held is due again. The attempts at it stay counted.

use haltline_protocol::{Change, Layout};

use super::by_hand::{ByHand, refuse_settled};
use crate::cli::OneFault;
use crate::exit::Exit;

pub(crate) fn run(layout: &Layout, args: &OneFault) -> Exit {
    let release =
        ByHand { change: Change::Release, refuse: &refuse_settled, done: "is released, and due", idle: "is not held" };
    release.run(layout, args)
}
