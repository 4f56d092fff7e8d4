//! What is wrong, and what to do about it.

use serde::Serialize;

/// Something that is wrong or could be better.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Advice {
    /// What was found.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl Advice {
    /// Says what was found and what to do.
    pub fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { problem: problem.into(), remedy: remedy.into() }
    }
}
