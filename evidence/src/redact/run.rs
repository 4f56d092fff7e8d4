//! Reads a run of characters of one kind, across the line breaks that a terminal or a logger put into it.

use super::entropy::looks_random;
use super::view::View;

/// Which bytes belong to a run.
pub(super) type Class = fn(u8) -> bool;

pub(super) fn is_alnum(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The letters of base64url (RFC 4648, section 5).
pub(super) fn is_url_safe(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// The letters of both base64 alphabets (RFC 4648).
pub(super) fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'/')
}

/// Where a run that begins at `start` ends: at most `most` bytes on. It goes on behind a line break where fewer than
/// `least` bytes were seen, or where what follows looks drawn at random too; never behind an empty line.
pub(super) fn run_end(view: &View<'_>, start: usize, class: Class, least: usize, most: usize) -> usize {
    let bytes = view.bytes();
    let limit = bytes.len().min(start.saturating_add(most));
    let mut end = start;
    loop {
        let stop = view.next_gap(end).min(limit);
        end += bytes[end..stop].iter().take_while(|byte| class(**byte)).count();
        if end < stop || end >= limit {
            return end;
        }
        let breaks = view.breaks_before(end);
        if breaks == 0 {
            continue;
        }
        let line_end = view.line_end(end).min(limit);
        let ahead = bytes[end..line_end].iter().take_while(|byte| class(**byte)).count();
        let goes_on = end - start < least || looks_random(&bytes[end..end + ahead]);
        if breaks > 1 || ahead == 0 || !goes_on {
            return end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end_in(text: &str, least: usize) -> usize {
        run_end(&View::of(text), 0, is_alnum, least, 100)
    }

    #[test]
    fn a_run_goes_on_behind_a_line_break_only_where_it_has_to() {
        assert_eq!(end_in("abcdef\nError: x", 4), 6);
        assert_eq!(end_in("abc\ndef ghi", 4), 6);
        assert_eq!(end_in("abcdef\n9f3a2b: x", 4), 12);
        assert_eq!(end_in("abc\n\ndef", 6), 3);
        assert_eq!(end_in("abc\u{1b}[0mdef", 2), 6);
    }
}
