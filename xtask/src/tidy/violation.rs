//! What a rule found.

use std::fmt;

/// A place that breaks a rule, and the way out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// The file by its path from the root.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What was found.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl Violation {
    /// Notes a place.
    pub fn new(file: &str, line: usize, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, what: what.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}: {}; {}", self.file, self.line, self.what, self.remedy)
    }
}
