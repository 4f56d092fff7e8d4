//! A fault that a known pattern explains needs no investigation.

use super::{Closing, Context, Decision, Rule, Stage};
use crate::candidate::Candidate;

/// Closes what a known pattern explains.
#[derive(Debug)]
pub(crate) struct KnownPattern;

impl Rule for KnownPattern {
    fn stage(&self) -> Stage {
        Stage::Filter
    }

    fn decide(&self, candidate: &Candidate, context: &Context) -> Decision {
        match context.patterns.explain(&candidate.event) {
            Some(place) => Decision::Close(Closing::PatternMatched(place)),
            None => Decision::Pass,
        }
    }
}
