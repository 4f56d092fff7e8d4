//! `haltline mark-phase-committed`: records by hand that a phase is committed.

use haltline_emitter::{mark_phase_committed, pointer};
use haltline_protocol::{Layout, Pointers};

use super::recovery::Recovery;
use crate::cli::MarkPhaseCommitted;
use crate::exit::Exit;
use crate::state_file::StateFile;

pub(crate) fn run(layout: &Layout, args: &MarkPhaseCommitted) -> Exit {
    let recovery =
        Recovery { subject: format!("phase {}", args.phase), outcome: "committed", state: args.state.as_deref() };
    recovery.run(
        layout,
        |state, _| state.with_phase_committed(&args.phase),
        |state, now| {
            let slug = state.and_then(StateFile::slug);
            let site = haltline_emitter::MarkPhaseCommitted {
                phase: &args.phase,
                run_id: &args.run_id,
                slug: slug.as_deref(),
                pointers: Pointers {
                    state_file: args.state.as_deref().map(pointer).unwrap_or_default(),
                    ..Pointers::default()
                },
            };
            mark_phase_committed(&site, now)
        },
    )
}
