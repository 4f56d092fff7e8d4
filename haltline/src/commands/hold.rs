//! `haltline hold`: what waits of a fault is not dispatched until it is released.

use haltline_protocol::{Delivery, HELD, Layout};
use haltline_spool::Scope;

use super::by_hand::{Change, refuse_settled};
use crate::cli::OneFault;
use crate::exit::Exit;

pub(crate) fn run(layout: &Layout, args: &OneFault) -> Exit {
    let hold =
        |delivery: &Delivery| (!delivery.is_held()).then(|| Delivery { not_before: Some(HELD), ..delivery.clone() });
    let change = Change {
        scope: Scope::Waiting,
        edit: &hold,
        refuse: &refuse_settled,
        done: "is held: no drain dispatches it until `haltline release`",
        idle: "is held already",
    };
    change.run(layout, args)
}
