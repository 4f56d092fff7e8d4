//! Known patterns: faults that somebody has explained once, so that the next one costs nothing.

use std::str::FromStr;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The most memory that one compiled expression may take, in bytes. The `regex` crate matches in linear time;
/// this bounds what compiling a hostile expression costs.
const REGEX_SIZE_LIMIT: usize = 1 << 20;

/// One entry of `learned-patterns.json`. Fields that are not named here are the file's own and are kept there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LearnedPattern {
    /// The family of the fault, as `disk-full`.
    pub category: String,
    /// A [`MatcherKind`] by name.
    pub matcher_kind: String,
    /// The text or the regular expression.
    pub pattern: String,
}

/// What a pattern is held against, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatcherKind {
    /// The log tail contains the text.
    StdoutContains,
    /// The expression matches in the log tail.
    StdoutRegex,
    /// The failure reason contains the text.
    FailureReasonContains,
    /// The expression matches in the failure reason.
    FailureReasonRegex,
}

impl FromStr for MatcherKind {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "stdout_contains" => Ok(Self::StdoutContains),
            "stdout_regex" => Ok(Self::StdoutRegex),
            "failureReason_contains" => Ok(Self::FailureReasonContains),
            "failureReason_regex" => Ok(Self::FailureReasonRegex),
            other => Err(PatternError::UnknownMatcher(other.to_owned())),
        }
    }
}

/// Why a pattern cannot be in force.
#[derive(Debug, Error)]
pub enum PatternError {
    /// The matcher kind is none of the four.
    #[error(
        "unknown matcherKind `{0}`; known are stdout_contains, stdout_regex, failureReason_contains and \
         failureReason_regex"
    )]
    UnknownMatcher(String),
    /// The expression does not compile. Look-around and back-references are not part of the syntax.
    #[error("`{pattern}` is no regular expression: {source}")]
    NoRegex {
        /// The expression.
        pattern: String,
        /// What the compiler says.
        source: Box<regex::Error>,
    },
    /// The pattern would match any fault.
    #[error("`{0}` matches an empty text, and so any fault")]
    MatchesAnything(String),
}

/// A pattern ready to match.
#[derive(Debug)]
pub struct Matcher {
    kind: MatcherKind,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Contains(String),
    Regex(Regex),
}

impl Matcher {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// The matcher kind is unknown, the expression does not compile, or it matches everything.
    pub fn compile(matcher_kind: &str, pattern: &str) -> Result<Self, PatternError> {
        let kind = matcher_kind.parse()?;
        let test = match kind {
            MatcherKind::StdoutContains | MatcherKind::FailureReasonContains => Test::Contains(pattern.to_owned()),
            MatcherKind::StdoutRegex | MatcherKind::FailureReasonRegex => RegexBuilder::new(pattern)
                .size_limit(REGEX_SIZE_LIMIT)
                .build()
                .map(Test::Regex)
                .map_err(|source| PatternError::NoRegex { pattern: pattern.to_owned(), source: Box::new(source) })?,
        };
        let matcher = Self { kind, test };
        if matcher.test.matches("") {
            return Err(PatternError::MatchesAnything(pattern.to_owned()));
        }
        Ok(matcher)
    }

    /// Whether the pattern explains a fault with this log tail and this failure reason.
    pub fn matches(&self, stdout_tail: &str, failure_reason: &str) -> bool {
        let text = match self.kind {
            MatcherKind::StdoutContains | MatcherKind::StdoutRegex => stdout_tail,
            MatcherKind::FailureReasonContains | MatcherKind::FailureReasonRegex => failure_reason,
        };
        self.test.matches(text)
    }
}

impl Test {
    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Contains(part) => text.contains(part.as_str()),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_matcher_looks_at_its_own_text() {
        let table = [
            ("stdout_contains", "No space left", "E: No space left on device", ""),
            ("stdout_regex", r"(?m)^error\[E\d+\]", "x\nerror[E0382]: moved", ""),
            ("failureReason_contains", "tests red", "", "tests red after 4 tries"),
            ("failureReason_regex", r"after \d tries", "", "tests red after 4 tries"),
        ];
        for (kind, pattern, stdout_tail, failure_reason) in table {
            let matcher = Matcher::compile(kind, pattern).unwrap();
            assert!(matcher.matches(stdout_tail, failure_reason), "{kind}");
            assert!(!matcher.matches(failure_reason, stdout_tail), "{kind} looked at the other text");
        }
    }

    #[test]
    fn what_would_settle_everything_is_refused() {
        for (kind, pattern) in [("stdout_contains", ""), ("stdout_regex", ".*"), ("failureReason_regex", "a|")] {
            assert!(matches!(Matcher::compile(kind, pattern), Err(PatternError::MatchesAnything(_))), "{pattern}");
        }
    }

    #[test]
    fn a_pattern_of_another_dialect_is_refused() {
        assert!(matches!(Matcher::compile("stdout_regex", "(?=x)"), Err(PatternError::NoRegex { .. })));
        assert!(matches!(Matcher::compile("stderr_contains", "x"), Err(PatternError::UnknownMatcher(_))));
    }
}
