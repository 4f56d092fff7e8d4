//! What of a log's lines is held against the rules, and what of them is quoted.

use super::pack::Pack;

/// The longest line that is quoted whole, in bytes; of a longer one the part around the match is.
const LONGEST_QUOTE: usize = 500;
/// How much of a long line is quoted before the match, in bytes.
const BEFORE_MATCH: usize = 100;
/// How many leads are taken off one line: a time, a container's name and a stream's name are as many as are seen.
const MOST_LEADS: usize = 3;

/// Cuts a piece out of a line, around the byte where the match began. What is quoted stands in the line to the letter.
pub(super) fn quote(line: &str, around: usize) -> String {
    let line = line.trim_end();
    if line.len() <= LONGEST_QUOTE {
        return line.to_owned();
    }
    let from = around.saturating_sub(BEFORE_MATCH).min(line.len() - LONGEST_QUOTE);
    let from = line.floor_char_boundary(from);
    line[from..line.floor_char_boundary(from + LONGEST_QUOTE)].trim().to_owned()
}

impl Pack {
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
    use super::*;

    #[test]
    fn lines_are_quoted_to_the_letter_and_never_longer_than_the_limit() {
        assert_eq!(quote("  error: x  ", 2), "  error: x");
        let long = format!("{}needle{}", "é".repeat(2000), "ö".repeat(2000));
        for around in [0, 1, 3999, 4000, 4001, 7000, long.len()] {
            let part = quote(&long, around);
            assert!(part.len() <= LONGEST_QUOTE && part.len() > LONGEST_QUOTE - 4, "{around}: {}", part.len());
            assert!(long.contains(&part));
        }
        assert!(quote(&long, 4000).contains("needle"));
    }

    #[test]
    fn what_loggers_put_before_a_line_is_no_part_of_it() {
        let pack = built_in().unwrap();
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
            assert_eq!(pack.body(line), Some("panic: boom"), "{line}");
        }
    }

    #[test]
    fn success_warnings_and_source_code_are_passed_over() {
        let pack = built_in().unwrap();
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
            assert_eq!(pack.body(line), None, "{line}");
        }
    }
}
