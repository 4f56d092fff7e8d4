//! What of a log's lines is held against the rules.

use super::rule_set::RuleSet;

/// How many leads are taken off one line: a time, a container's name and a stream's name are as many as are seen.
const MOST_LEADS: usize = 3;

impl RuleSet {
    /// The part of a line that speaks of a fault; none where the line is blank, tells of success or shows source code.
    pub(super) fn body<'a>(&self, line: &'a str) -> Option<&'a str> {
        let mut body = line.trim_end();
        for _ in 0..=MOST_LEADS {
            if body.is_empty() || self.quiet.is_match(body.as_bytes()) {
                return None;
            }
            match self.lead.find(body.as_bytes()).filter(|lead| lead.start() == 0) {
                // Every lead ends in an ASCII character, so its end is a letter's beginning.
                Some(lead) if body.is_char_boundary(lead.end()) => body = &body[lead.end()..],
                _ => break,
            }
        }
        Some(body).filter(|body| !body.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::super::built_in;

    #[test]
    fn what_loggers_put_before_a_line_is_no_part_of_it() {
        let rule_set = built_in().unwrap();
        for line in [
            "panic: boom",
            "2026-05-20T08:14:00.123Z panic: boom",
            "[08:14:00] panic: boom",
            "2026-05-20 08:14:00,123 [stderr] panic: boom",
            "api_1  | panic: boom",
            "web-1 | 08:14:00 stderr: panic: boom",
            "##[error]panic: boom",
            "#12 0.345 panic: boom",
        ] {
            assert_eq!(rule_set.body(line), Some("panic: boom"), "{line}");
        }
    }

    #[test]
    fn success_warnings_and_source_code_are_passed_over() {
        let rule_set = built_in().unwrap();
        for line in [
            "",
            "   ",
            "test net::connection_refused_is_told ... ok",
            "  ✓ tells of ECONNREFUSED (3 ms)",
            "08:14:00   ✓ tells of ECONNREFUSED (3 ms)",
            "tests/test_a.py::test_disk_full PASSED [ 50%]",
            "--- PASS: TestPermissionDenied (0.00s)",
            "12 |     bail!(\"connection refused\");",
            "1a2b3c4 say more when permission is denied",
            "warning: unused import: `Permission denied`",
            "npm warn ERESOLVE overriding peer dependency",
        ] {
            assert_eq!(rule_set.body(line), None, "{line}");
        }
    }
}
