//! What an investigation cost, and where the figure comes from.

use serde::{Deserialize, Serialize};

use crate::Usd;

/// A cost and where the figure comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// The sum.
    pub usd: Usd,
    /// Where the figure comes from.
    pub source: CostSource,
}

/// Where the figure of a cost comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CostSource {
    /// The investigator said it.
    Reported,
    /// Worked out from tokens and a price table.
    Estimated,
    /// Nothing is known; the configured ceiling is charged.
    Assumed,
}

impl CostSource {
    /// The name in rows and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Estimated => "estimated",
            Self::Assumed => "assumed",
        }
    }
}
