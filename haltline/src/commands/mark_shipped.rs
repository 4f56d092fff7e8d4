//! `haltline mark-shipped`: records by hand that a feature is shipped.

use haltline_emitter::{mark_shipped, pointer};
use haltline_protocol::{Layout, Pointers};

use super::recovery::Recovery;
use crate::cli::MarkShipped;
use crate::exit::Exit;

pub(crate) fn run(layout: &Layout, args: &MarkShipped) -> Exit {
    let slug = args.plan.as_deref().and_then(|plan| plan.file_stem()).map(|stem| stem.to_string_lossy().into_owned());
    let recovery =
        Recovery { subject: format!("feature {}", args.feature), outcome: "shipped", state: args.state.as_deref() };
    recovery.run(
        layout,
        |state, now| state.with_feature_shipped(&args.feature, args.pr.as_deref(), now),
        |_, now| {
            let site = haltline_emitter::MarkShipped {
                feature: &args.feature,
                pr: args.pr.as_deref(),
                run_id: args.run_id.as_deref(),
                slug: slug.as_deref(),
                pointers: Pointers {
                    state_file: args.state.as_deref().map(pointer).unwrap_or_default(),
                    living_plan: args.plan.as_deref().map(pointer).unwrap_or_default(),
                    ..Pointers::default()
                },
            };
            mark_shipped(&site, now)
        },
    )
}
