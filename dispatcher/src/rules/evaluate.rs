//! Decides which rule a log's end fits, in two passes: the first looks for all rules at once and keeps only where each
//! fitted first; the second collects the lines of the rule that won.

use haltline_evidence::excerpt;

use super::rule_set::{Quotes, Rule, RuleSet};

/// How many lines are quoted.
const MOST_EVIDENCE: usize = 8;
/// How far from a matching line another one is still quoted along, in lines.
const NEAR: usize = 40;
/// How many other rules that fit are named.
const MOST_OTHERS: usize = 3;

/// The texts of an event, taken in from outside: without control characters and secrets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Texts<'a> {
    /// The end of the log.
    pub(crate) tail: &'a str,
    /// Why the orchestrator says that it failed.
    pub(crate) reason: &'a str,
    /// The event's message.
    pub(crate) message: &'a str,
}

/// The text that a line stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The end of the log.
    Tail,
    /// The failure reason.
    Reason,
    /// The message.
    Message,
}

/// The rule that gives the report.
#[derive(Debug)]
pub(crate) struct Finding<'a> {
    /// The rule.
    pub(crate) rule: &'a Rule,
    /// Lines that it fits, to the letter, in their order.
    pub(crate) evidence: Vec<String>,
    /// Where the first of them stands.
    pub(crate) origin: Origin,
    /// Other rules that fit, the likeliest first.
    pub(crate) others: Vec<&'a str>,
}

struct Quoted {
    place: usize,
    text: String,
}

impl<'a> Texts<'a> {
    fn parts(&self) -> [(Origin, &'a str); 3] {
        [(Origin::Tail, self.tail), (Origin::Reason, self.reason), (Origin::Message, self.message)]
    }

    /// Shows every line that speaks of something, with its place and its body.
    fn visit(&self, rule_set: &RuleSet, mut visit: impl FnMut(usize, Origin, &str)) {
        let mut place = 0;
        for (origin, text) in self.parts() {
            for line in text.lines() {
                place += 1;
                if let Some(body) = rule_set.body(line) {
                    visit(place, origin, body);
                }
            }
        }
    }
}

impl RuleSet {
    /// Finds the rule that fits best: the one of the lowest rank, and of equals the one that fitted first.
    pub(crate) fn evaluate(&self, texts: &Texts<'_>) -> Option<Finding<'_>> {
        let mut first: Vec<Option<(usize, Origin)>> = vec![None; self.rules.len()];
        texts.visit(self, |place, origin, body| {
            for pattern in &self.patterns.matches(body.as_bytes()) {
                first[self.owners[pattern]].get_or_insert((place, origin));
            }
        });
        let rules = self.rules.iter().zip(&self.quotes).zip(first);
        let mut fitting: Vec<_> = rules.filter_map(|(rule, at)| Some((rule, at?))).collect();
        fitting.sort_by_key(|((rule, _), (place, _))| (rule.rank, *place));
        let ((rule, quotes), (place, origin)) = *fitting.first()?;
        let others = fitting.iter().skip(1).take(MOST_OTHERS).map(|((rule, _), _)| rule.name.as_str());
        Some(Finding { rule, evidence: self.evidence(quotes, texts, place), origin, others: others.collect() })
    }

    /// The lines that a rule fits: the first, the last ones, and, where there is room, those near the first that are
    /// quoted along.
    fn evidence(&self, quotes: &Quotes, texts: &Texts<'_>, first: usize) -> Vec<String> {
        let mut matching: Vec<Quoted> = Vec::new();
        let mut near: Vec<Quoted> = Vec::new();
        texts.visit(self, |place, _, body| {
            let bytes = body.as_bytes();
            if let Some(found) = quotes.matching.find(bytes) {
                let text = excerpt(body, found.start()).to_owned();
                if matching.iter().all(|quoted| quoted.text != text) {
                    if matching.len() == MOST_EVIDENCE {
                        matching.remove(1);
                    }
                    matching.push(Quoted { place, text });
                }
            } else if place.abs_diff(first) <= NEAR
                && let Some(found) = quotes.also.find(bytes)
            {
                near.push(Quoted { place, text: excerpt(body, found.start()).to_owned() });
            }
        });
        near.sort_by_key(|quoted| quoted.place.abs_diff(first));
        near.truncate(MOST_EVIDENCE - matching.len().min(MOST_EVIDENCE));
        matching.append(&mut near);
        matching.sort_by_key(|quoted| quoted.place);
        matching.into_iter().map(|quoted| quoted.text).collect()
    }
}

/// The last lines that were printed, for a person to read where no rule fits.
pub(crate) fn last_lines(texts: &Texts<'_>) -> Vec<String> {
    let lines = texts.parts().into_iter().flat_map(|(_, text)| text.lines());
    let spoken = lines.filter(|line| line.chars().any(char::is_alphanumeric));
    let mut last: Vec<String> = spoken.map(|line| excerpt(line, 0).to_owned()).collect();
    last.split_off(last.len().saturating_sub(MOST_EVIDENCE))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::built_in;
    use super::*;

    fn evaluate<'a>(tail: &str, reason: &str) -> Option<Finding<'a>> {
        built_in().unwrap().evaluate(&Texts { tail, reason, message: "phase 3 failed" })
    }

    fn name(tail: &str) -> Option<&'static str> {
        evaluate(tail, "").map(|finding| finding.rule.name.as_str())
    }

    #[test]
    fn a_first_cause_answers_before_what_follows_from_it() {
        let table = [
            ("error: could not compile `app`\nld: No space left on device\nnpm ERR! code 1\n", "disk-full"),
            ("sh: 1: protoc: not found\n--- FAIL: TestParse (0.00s)\nFAIL\tapp\t0.1s\n", "missing-program"),
            ("thread 'main' panicked at a.rs:1:1:\nConnection refused (os error 111)\n", "connection-refused"),
            ("FAILED a.py::b - ModuleNotFoundError: No module named 'x'\n1 failed in 0.1s\n", "python-module-missing"),
            ("make: *** [all] Error 2\nerror[E0382]: borrow of moved value\n", "rust-compile"),
            ("CONFLICT (content): Merge conflict in a\nerror[E0425]: <<<<<<< HEAD\n", "git-conflict"),
            ("npm ERR! code ELIFECYCLE\nTests:       1 failed, 4 passed, 5 total\n", "js-test"),
            ("Error: Test timed out in 50ms.\n FAIL  a.test.ts > waits\n", "js-test"),
            ("bash: line 1: 77 Killed   cargo build\nmake: *** [all] Error 137\n", "killed"),
        ];
        for (tail, expected) in table {
            assert_eq!(name(tail), Some(expected), "{tail}");
        }
    }

    #[test]
    fn of_equal_rank_the_earlier_line_answers_and_the_others_are_named() {
        let (pytest, go) = ("FAILED a.py::b - assert 0", "--- FAIL: TestParse (0.00s)");
        let finding = evaluate(&format!("{pytest}\n{go}\n"), "").unwrap();
        assert_eq!((finding.rule.name.as_str(), finding.others), ("pytest", vec!["go-test"]));
        let finding = evaluate(&format!("{go}\n{pytest}\n"), "").unwrap();
        assert_eq!((finding.rule.name.as_str(), finding.others), ("go-test", vec!["pytest"]));
    }

    #[test]
    fn many_matching_lines_are_quoted_from_both_ends_and_equal_ones_once() {
        let tail: String = (0..100).map(|number| format!("npm ERR! line {number}\nnpm ERR! again\n")).collect();
        let evidence = evaluate(&tail, "").unwrap().evidence;
        assert_eq!(evidence.len(), MOST_EVIDENCE);
        assert_eq!((evidence[0].as_str(), evidence[7].as_str()), ("npm ERR! line 0", "npm ERR! line 99"));
        assert_eq!(evaluate(&"npm ERR! again\n".repeat(9), "").unwrap().evidence, ["npm ERR! again"]);
    }

    #[test]
    fn lines_beside_the_match_are_quoted_along_in_their_order() {
        let tail = "error: unused variable: `x`\n --> src/lib.rs:2:22\nerror: could not compile `app` (lib)\n";
        let evidence = evaluate(tail, "").unwrap().evidence;
        assert_eq!(
            evidence,
            ["error: unused variable: `x`", " --> src/lib.rs:2:22", "error: could not compile `app` (lib)"]
        );
    }

    #[test]
    fn the_reason_and_the_message_count_too() {
        let finding = evaluate("all quiet\n", "gemini exited with code 41").unwrap();
        assert_eq!((finding.rule.name.as_str(), finding.origin), ("agent-login", Origin::Reason));
        let message = Texts { tail: "", reason: "", message: "spawn docker ENOENT" };
        let finding = built_in().unwrap().evaluate(&message).unwrap();
        assert_eq!((finding.rule.name.as_str(), finding.origin), ("missing-program", Origin::Message));
    }

    #[test]
    fn without_a_rule_the_last_lines_are_what_there_is() {
        let texts = Texts { tail: "all quiet\n\n-----\nnothing to see\n", reason: "", message: "phase 3 failed" };
        assert!(built_in().unwrap().evaluate(&texts).is_none());
        assert_eq!(last_lines(&texts), ["all quiet", "nothing to see", "phase 3 failed"]);
    }

    /// Generous for a slow machine and an unoptimised build; what would break it is a match that is not linear.
    #[test]
    fn hostile_and_ordinary_logs_of_full_length_take_linear_time() {
        let length = 256 << 10;
        let ordinary = "   Compiling serde v1.0.229\nINFO request 4711 took 12 ms, 200 OK, é\n";
        for text in [ordinary, "a", "\n", "\u{1b}[", "error: ", "(((((", "npm ERR! x\n", "\u{1b}]0;", " 1", "warn: \n"]
        {
            let tail = text.repeat(length / text.len());
            let start = Instant::now();
            let _finding = evaluate(&tail, "");
            assert!(start.elapsed() < Duration::from_secs(20), "{text:?} took {:?}", start.elapsed());
        }
    }
}
