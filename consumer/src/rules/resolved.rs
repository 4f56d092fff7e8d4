//! An event whose fault went away by itself, as a RESOLVED marker says, needs nobody.

use super::{Closing, Context, Decision, Rule, Stage};
use crate::candidate::Candidate;

/// Closes what a RESOLVED marker covers.
#[derive(Debug)]
pub(crate) struct Resolved;

impl Rule for Resolved {
    fn stage(&self) -> Stage {
        Stage::Scan
    }

    fn decide(&self, candidate: &Candidate, context: &Context) -> Decision {
        let resolved = &context.resolved;
        if !resolved.is_empty() && resolved.covers(&candidate.event.key(), candidate.time) {
            Decision::Close(Closing::Resolved)
        } else {
            Decision::Pass
        }
    }
}
