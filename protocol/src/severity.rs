//! How bad a fault is.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Ranks a fault. The order is that of urgency: `Low < Medium < High < Critical`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// Worth a look some day.
    Low,
    /// Slows the run down.
    Medium,
    /// Stops the run until somebody acts.
    High,
    /// Stops the run, and work may be lost.
    Critical,
}

impl Severity {
    /// Ranks the severity that an event carries; one that is not known ranks `High`, so that it is not overlooked.
    pub fn rank(text: &str) -> Self {
        text.parse().unwrap_or(Self::High)
    }

    /// The name in events, rows and flags.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
            Self::Critical => "CRITICAL",
        }
    }
}

impl FromStr for Severity {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Low, Self::Medium, Self::High, Self::Critical]
            .into_iter()
            .find(|severity| severity.as_str() == text)
            .ok_or_else(|| format!("`{text}` is no severity: LOW, MEDIUM, HIGH or CRITICAL"))
    }
}
