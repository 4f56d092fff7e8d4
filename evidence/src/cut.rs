//! Cuts text to a size, at a character.

use std::borrow::Cow;

/// The longest log tail that a row keeps, in bytes. It holds 200 long lines and leaves a row far below its limit.
pub const LONGEST_TAIL: usize = 256 * 1024;

/// The most that a tail may take as JSON, in bytes. Plain text stays below it at [`LONGEST_TAIL`]; a log of control
/// characters, which take six bytes each, is cut further, so that the row still fits.
const LONGEST_WRITTEN_TAIL: usize = 2 * LONGEST_TAIL;

/// The longest line that [`excerpt`] quotes whole, in bytes.
const LONGEST_EXCERPT: usize = 500;
/// How much of a longer line is quoted before the match, in bytes.
const BEFORE_MATCH: usize = 100;

/// Keeps the last `most` bytes of a text, from the beginning of a line where there is one near, and says what went.
pub fn tail(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    let mut start = text.ceil_char_boundary(text.len() - most);
    if let Some(line) = text[start..].find('\n').filter(|line| *line < most / 4) {
        start += line + 1;
    }
    Cow::Owned(format!("[the first {start} of {} bytes are left out]\n{}", text.len(), &text[start..]))
}

/// Keeps the first `most` bytes of a text, and says that more was there.
pub fn head(text: &str, most: usize) -> Cow<'_, str> {
    if text.len() <= most {
        return Cow::Borrowed(text);
    }
    let kept = &text[..text.floor_char_boundary(most)];
    Cow::Owned(format!("{kept} [the last {} of {} bytes are left out]", text.len() - kept.len(), text.len()))
}

/// Keeps the last lines of a text. A line end at the end of the text is kept with its line.
pub fn last_lines(text: &str, count: usize) -> &str {
    let body = text.strip_suffix('\n').unwrap_or(text);
    let before = count.checked_sub(1).and_then(|nth| body.rmatch_indices('\n').nth(nth));
    before.map_or(text, |(place, _)| &text[place + 1..])
}

/// Passes over what is left of a UTF-8 character that began before the text.
pub fn from_character(bytes: &[u8]) -> &[u8] {
    const LONGEST_REST: usize = 3;
    let rest = bytes.iter().take(LONGEST_REST).take_while(|byte| **byte & 0xc0 == 0x80).count();
    &bytes[rest..]
}

/// Cuts a log tail from the front, so that a row can hold it as JSON.
pub fn fit_tail(tail: &str) -> &str {
    let from = tail.ceil_char_boundary(tail.len().saturating_sub(LONGEST_TAIL));
    let tail = &tail[from..];
    let mut written = 0;
    for (place, letter) in tail.char_indices().rev() {
        written += written_length(letter);
        if written > LONGEST_WRITTEN_TAIL {
            return &tail[place + letter.len_utf8()..];
        }
    }
    tail
}

/// How many bytes a character takes in a JSON string (RFC 8259, section 7).
fn written_length(letter: char) -> usize {
    match letter {
        '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
        '\0'..='\u{1f}' => 6,
        _ => letter.len_utf8(),
    }
}

/// Quotes a line: whole where it is short, else the 500 bytes around the byte where a match began. What is quoted
/// stands in the line to the letter.
pub fn excerpt(line: &str, around: usize) -> &str {
    let line = line.trim_end();
    if line.len() <= LONGEST_EXCERPT {
        return line;
    }
    let from = around.saturating_sub(BEFORE_MATCH).min(line.len() - LONGEST_EXCERPT);
    let from = line.floor_char_boundary(from);
    line[from..line.floor_char_boundary(from + LONGEST_EXCERPT)].trim()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_log_is_what_is_kept() {
        let log: String = (0..1000).map(|line| format!("line {line}\n")).collect();
        let kept = tail(&log, 200);
        assert!(kept.starts_with("[the first ") && kept.contains(&format!("of {} bytes", log.len())));
        assert!(kept.ends_with("line 999\n") && kept.len() < 260);
        assert!(kept.lines().skip(1).all(|line| line.starts_with("line ")), "{kept}");
        assert_eq!(tail("é".repeat(10).as_str(), 5).lines().last(), Some("éé"));
        assert_eq!(head("éé", 3), "é [the last 2 of 4 bytes are left out]");
    }

    #[test]
    fn a_tail_is_cut_from_the_front_at_a_character() {
        let long = "é".repeat(LONGEST_TAIL);
        assert_eq!(fit_tail(&long).len(), LONGEST_TAIL);
        let odd = format!("{}z", "é".repeat(LONGEST_TAIL));
        assert_eq!(fit_tail(&odd).len(), LONGEST_TAIL - 1);
        assert!(fit_tail(&odd).ends_with("éz"));
        assert_eq!(fit_tail("short"), "short");
    }

    #[test]
    fn control_characters_cannot_blow_a_tail_up() {
        let hostile = "\0".repeat(LONGEST_TAIL);
        let kept = fit_tail(&hostile);
        let written = serde_json::to_string(kept).unwrap();
        assert!(written.len() <= LONGEST_WRITTEN_TAIL + 2 && written.len() > LONGEST_WRITTEN_TAIL - 6);
        for letter in ('\0'..='\u{80}').chain(['\u{2028}', '\u{fffd}', '😀']) {
            let text = letter.to_string();
            assert_eq!(serde_json::to_string(&text).unwrap().len(), written_length(letter) + 2, "{letter:?}");
        }
    }

    #[test]
    fn lines_are_quoted_to_the_letter_and_never_longer_than_the_limit() {
        assert_eq!(excerpt("  error: x  ", 2), "  error: x");
        let long = format!("{}needle{}", "é".repeat(2000), "ö".repeat(2000));
        for around in [0, 1, 3999, 4000, 4001, 7000, long.len()] {
            let part = excerpt(&long, around);
            assert!(part.len() <= LONGEST_EXCERPT && part.len() > LONGEST_EXCERPT - 4, "{around}: {}", part.len());
            assert!(long.contains(part));
        }
        assert!(excerpt(&long, 4000).contains("needle"));
    }

    #[test]
    fn the_last_lines_are_kept_with_or_without_a_final_line_end() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc\n");
        assert_eq!(last_lines("a\nb\nc", 2), "b\nc");
        assert_eq!(last_lines("a\nb", 2), "a\nb");
        assert_eq!(last_lines("", 2), "");
    }
}
