//! Reads the rules. All of their patterns are one set, so that a line is looked at once, however many rules there are.

use std::sync::LazyLock;

use haltline_protocol::{BlastRadius, FixOption, Severity};
use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;
use thiserror::Error;

/// Pairs each file with its text.
macro_rules! files {
    ($($name:literal),* $(,)?) => { &[$(($name, include_str!($name))),*] };
}

/// The rules by family, a file and a row here each; the order of the files means nothing.
const FILES: &[(&str, &str)] = files![
    "agents.toml",
    "compiled.toml",
    "git.toml",
    "go.toml",
    "javascript.toml",
    "machine.toml",
    "network.toml",
    "python.toml",
    "rust.toml",
];
/// What no rule looks at.
const QUIET: &str = include_str!("quiet.toml");
/// The cache of the automaton that matches, in bytes. With less it is thrown away and built anew in the middle of a log,
/// which costs more than the matching.
const AUTOMATON_CACHE: usize = 16 << 20;

static BUILT_IN: LazyLock<Result<RuleSet, RuleSetError>> = LazyLock::new(|| RuleSet::parse(FILES, QUIET));

/// The rules that come with haltline, read at their first use. A test shows that they can be read.
///
/// # Errors
/// They cannot be read.
pub(crate) fn built_in() -> Result<&'static RuleSet, &'static RuleSetError> {
    BUILT_IN.as_ref()
}

/// Why rules cannot be read.
#[derive(Debug, Error)]
pub(crate) enum RuleSetError {
    /// A file is no valid list of rules.
    #[error("rules `{file}`: {error}")]
    Toml {
        /// The file.
        file: String,
        /// Where and what.
        error: toml::de::Error,
    },
    /// A pattern is no regular expression.
    #[error("a pattern of the rules: {0}")]
    Pattern(#[from] regex::Error),
}

/// Rules, ready to be held against lines.
#[derive(Debug)]
pub(crate) struct RuleSet {
    pub(crate) rules: Vec<Rule>,
    /// All patterns of all rules.
    pub(super) patterns: RegexSet,
    /// The rule of each pattern, by its place in `rules`.
    pub(super) owners: Vec<usize>,
    /// What each rule quotes, by its place in `rules`.
    pub(super) quotes: Vec<Quotes>,
    /// Lines that are passed over.
    pub(super) quiet: RegexSet,
    /// What loggers put before a line.
    pub(super) lead: Regex,
}

/// The patterns of one rule, to find where in a line they match.
#[derive(Debug)]
pub(super) struct Quotes {
    pub(super) matching: Regex,
    pub(super) also: Regex,
}

/// One rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    /// The name, which is also the category of a proposed pattern.
    pub(crate) name: String,
    /// How far a fault of this kind is from a first cause: of several rules that fit, the one of the lowest rank
    /// gives the report. Machine 10 to 29, services 30 to 44, rights 45 to 49, repository 50 to 59, project 60 to 65,
    /// compilers 66 to 69, tests 70 to 77, crashes, missing files and waits 78 to 89, words that only tell of a failure
    /// from 90 on.
    pub(crate) rank: u8,
    /// Regular expressions over one line; one that matches makes the rule fit.
    patterns: Vec<String>,
    /// Regular expressions over lines that are quoted along once the rule fits.
    #[serde(default)]
    also: Vec<String>,
    /// The cause, in plain words.
    pub(crate) explanation: String,
    /// The ways to mend it, the recommended one first.
    pub(crate) fix: Vec<Fix>,
    /// A pattern to be learned, where every fault of this kind may be settled alike.
    #[serde(default)]
    pub(crate) proposal: Option<Proposal>,
    /// Lines on which it is the rule that answers. Held against it by a test.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test that holds each rule against its samples"))]
    fits: Vec<String>,
    /// Lines that look like it, and that no rule may fit.
    #[cfg_attr(not(test), expect(dead_code, reason = "read by the test that holds each rule against its samples"))]
    passes: Vec<String>,
}

/// One way to mend a fault.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fix {
    label: String,
    description: String,
    blast_radius: BlastRadius,
}

/// A pattern that a rule proposes to learn.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Proposal {
    pub(crate) pattern: String,
    pub(crate) severity: Severity,
    pub(crate) description: String,
}

impl Fix {
    pub(crate) fn to_option(&self) -> FixOption {
        FixOption { label: self.label.clone(), description: self.description.clone(), blast_radius: self.blast_radius }
    }
}

impl RuleSet {
    fn parse(files: &[(&str, &str)], quiet: &str) -> Result<Self, RuleSetError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            rule: Vec<Rule>,
        }

        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Quiet {
            quiet: Vec<String>,
            lead: Vec<String>,
        }

        let in_file = |file: &str| {
            let file = file.to_owned();
            |error| RuleSetError::Toml { file, error }
        };
        let mut rules = Vec::new();
        for (file, text) in files {
            let File { rule } = toml::from_str(text).map_err(in_file(file))?;
            rules.extend(rule);
        }
        let Quiet { quiet, lead } = toml::from_str(quiet).map_err(in_file("quiet.toml"))?;
        let owners = rules.iter().enumerate().flat_map(|(place, rule)| rule.patterns.iter().map(move |_| place));
        let quotes = |rule: &Rule| Ok(Quotes { matching: any_of(&rule.patterns)?, also: any_of(&rule.also)? });
        Ok(Self {
            quotes: rules.iter().map(quotes).collect::<Result<_, regex::Error>>()?,
            owners: owners.collect(),
            patterns: set(rules.iter().flat_map(|rule| &rule.patterns))?,
            quiet: set(&quiet)?,
            lead: any_of(&lead)?,
            rules,
        })
    }
}

/// Compiles patterns into one set. They match bytes, so that a word's end is an ASCII matter, which the fast automaton
/// can decide.
fn set<'a>(patterns: impl IntoIterator<Item = &'a String>) -> Result<RegexSet, regex::Error> {
    RegexSetBuilder::new(patterns).unicode(false).dfa_size_limit(AUTOMATON_CACHE).build()
}

/// Compiles patterns into one; none at all match nothing.
fn any_of(patterns: &[String]) -> Result<Regex, regex::Error> {
    let joined: Vec<String> = patterns.iter().map(|pattern| format!("(?:{pattern})")).collect();
    let joined = if joined.is_empty() { "[^\\x00-\\xff]".to_owned() } else { joined.join("|") };
    RegexBuilder::new(&joined).unicode(false).build()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use haltline_protocol::Matcher;

    use super::super::{Origin, Texts};
    use super::*;

    #[test]
    fn the_rules_can_be_read_and_each_says_enough() {
        let rule_set = built_in().unwrap();
        let mut names = HashSet::new();
        for rule in &rule_set.rules {
            let name = &rule.name;
            assert!(names.insert(name), "{name} stands twice");
            assert!(name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '-'), "{name}");
            assert!(rule.explanation.ends_with('.') && !rule.patterns.is_empty() && !rule.fix.is_empty(), "{name}");
            assert!(!rule.fits.is_empty() && !rule.passes.is_empty(), "{name} has no samples");
            assert!(rule.fix.iter().all(|fix| !fix.label.is_empty() && fix.description.ends_with('.')), "{name}");
        }
        assert!(names.len() > 60);
    }

    #[test]
    fn every_rule_fits_its_own_samples_and_no_rule_its_counter_samples() {
        let rule_set = built_in().unwrap();
        let answer = |line: &str| {
            let finding = rule_set.evaluate(&Texts { tail: line, reason: "", message: "" });
            finding.map(|finding| (finding.rule.name.clone(), finding.evidence, finding.origin))
        };
        let mut wrong = Vec::new();
        for rule in &rule_set.rules {
            for line in &rule.fits {
                let expected = Some((rule.name.clone(), vec![line.trim_end().to_owned()], Origin::Tail));
                let found = answer(line);
                if found != expected {
                    wrong.push(format!("{}: {line}: {found:?}", rule.name));
                }
            }
            for line in &rule.passes {
                if let Some((found, ..)) = answer(line) {
                    wrong.push(format!("{} passes over {line}, and {found} fits", rule.name));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
    }

    #[test]
    fn a_proposed_pattern_is_one_that_can_be_in_force_and_matches_its_own_rule() {
        let proposals = built_in().unwrap().rules.iter().filter_map(|rule| Some((rule, rule.proposal.as_ref()?)));
        let mut count = 0;
        for (rule, proposal) in proposals {
            count += 1;
            assert!(proposal.severity > Severity::Low && !proposal.description.is_empty(), "{}", rule.name);
            Matcher::compile("stdout_regex", &proposal.pattern).unwrap();
            let pattern = regex::Regex::new(&proposal.pattern).unwrap();
            assert!(rule.fits.iter().any(|line| pattern.is_match(line)), "{}", rule.name);
            assert!(!rule.passes.iter().any(|line| pattern.is_match(line)), "{}", rule.name);
        }
        assert!(count > 0);
    }

    #[test]
    fn rules_that_cannot_be_read_are_an_error_that_names_the_place() {
        let quiet = "quiet = []\nlead = []\n";
        for (text, quiet, words) in [
            ("rule = 7", quiet, "rules `x.toml`"),
            ("[[rule]]\nname = 'a'\ncolour = 'red'\n", quiet, "rules `x.toml`"),
            ("rule = []", "quiet = 7", "rules `quiet.toml`"),
            ("rule = []", "quiet = ['(']\nlead = []", "a pattern"),
        ] {
            let error = RuleSet::parse(&[("x.toml", text)], quiet).unwrap_err().to_string();
            assert!(error.starts_with(words), "{text}\n{error}");
        }
    }
}
