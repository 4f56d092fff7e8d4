//! The investigator for a dry run: it starts nothing, ends nothing and writes nothing.

use async_trait::async_trait;
use haltline_process::Limits;
use haltline_protocol::{Assignment, DispatchFailure, Failure, Investigation, Investigator};
use tokio_util::sync::CancellationToken;

use crate::charges::Charges;
use crate::configured_providers::Providers;
use crate::salvage::preview_salvage;

/// Says what a dead drain's attempt left, as a real drain would find it.
#[derive(Debug)]
pub struct PreviewInvestigator {
    limits: Limits,
    charges: Charges,
}

impl PreviewInvestigator {
    /// As the investigators of this providers would read it.
    pub fn of(providers: &Providers) -> Self {
        Self { limits: providers.limits(), charges: providers.charges().clone() }
    }
}

#[async_trait]
impl Investigator for PreviewInvestigator {
    fn name(&self) -> &'static str {
        "dry-run"
    }

    async fn investigate(&self, _: &Assignment, _: CancellationToken) -> Result<Investigation, DispatchFailure> {
        Err(DispatchFailure::new(Failure::Interrupted, "this is a dry run"))
    }

    async fn salvage(&self, assignment: &Assignment) -> Option<Investigation> {
        preview_salvage(assignment, self.limits, &self.charges)
    }
}
