//! `haltline release`: a fault that a person held is due again. The attempts at it stay counted.

use haltline_protocol::{Delivery, Layout};
use haltline_spool::Scope;

use super::by_hand::{Change, refuse_settled};
use crate::cli::OneFault;
use crate::exit::Exit;

pub(crate) fn run(layout: &Layout, args: &OneFault) -> Exit {
    let release = |delivery: &Delivery| delivery.is_held().then(|| Delivery { not_before: None, ..delivery.clone() });
    let change = Change {
        scope: Scope::Waiting,
        edit: &release,
        refuse: &refuse_settled,
        done: "is released, and due",
        idle: "is not held",
    };
    change.run(layout, args)
}
