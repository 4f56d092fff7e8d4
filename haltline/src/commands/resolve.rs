//! `haltline resolve`: says that a fault went away by itself.

use haltline_emitter::{EmitError, resolve};
use haltline_protocol::FaultKey;
use haltline_spool::{Inlet, Layout};
use jiff::Timestamp;

use super::emit;
use crate::cli::Resolve;
use crate::exit::Exit;

pub(crate) fn run(layout: &Layout, args: &Resolve) -> Exit {
    let key = FaultKey { run_id: args.run_id.as_str().into(), fault_id: args.fault_id.as_str().into() };
    let put = || -> Result<_, EmitError> { resolve(&Inlet::open(layout, true)?, &key, Timestamp::now()) };
    match put() {
        Ok(path) => {
            tracing::info!(path = %path.display(), "marked as resolved");
            Exit::Done
        }
        Err(error) => emit::failed(&error),
    }
}
