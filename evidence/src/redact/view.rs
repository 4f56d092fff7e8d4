//! A text without what tears a secret apart: line breaks with the indentation behind them (as they are, and as JSON
//! writes them), terminal escapes, control and zero-width characters. It knows where each byte came from.

use std::borrow::Cow;
use std::ops::Range;

/// The deepest indentation that is left out behind a line break, in bytes.
const DEEPEST_INDENT: usize = 40;
/// The longest terminal escape that is left out, in bytes.
const LONGEST_ESCAPE: usize = 64;

/// A text as the readers see it.
pub(super) struct View<'t> {
    bytes: Cow<'t, [u8]>,
    gaps: Vec<Gap>,
    /// Where in the view a line begins, but the first.
    lines: Vec<usize>,
}

/// What was left out before the byte at `at`.
struct Gap {
    at: usize,
    /// Where the text goes on.
    resumes: usize,
    /// How many line breaks it holds.
    breaks: u32,
}

impl<'t> View<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let source = text.as_bytes();
        let mut view = Self { bytes: Cow::Borrowed(source), gaps: Vec::new(), lines: Vec::new() };
        let mut kept = Vec::new();
        let (mut from, mut place) = (0, 0);
        while let Some(found) = source[place..].iter().position(|byte| SUSPECT[usize::from(*byte)]) {
            place += found;
            let Some((length, breaks)) = gap_at(&source[place..]) else {
                place += 1;
                continue;
            };
            if kept.capacity() == 0 {
                kept.reserve(source.len());
            }
            kept.extend_from_slice(&source[from..place]);
            let joins = view.gaps.last().is_some_and(|gap| gap.at == kept.len());
            place += length;
            from = place;
            if joins && let Some(gap) = view.gaps.last_mut() {
                gap.resumes = place;
                gap.breaks += breaks;
            } else {
                view.gaps.push(Gap { at: kept.len(), resumes: place, breaks });
            }
            if breaks > 0 && view.lines.last() != Some(&kept.len()) {
                view.lines.push(kept.len());
            }
        }
        if !view.gaps.is_empty() {
            kept.extend_from_slice(&source[from..]);
            view.bytes = Cow::Owned(kept);
        }
        view
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Where the bytes of a range come from, with all that was left out between them.
    pub(super) fn origin(&self, range: &Range<usize>) -> Range<usize> {
        let origin = |place: usize| match self.gaps[..self.gaps.partition_point(|gap| gap.at <= place)].last() {
            Some(gap) => gap.resumes + place - gap.at,
            None => place,
        };
        if range.is_empty() { 0..0 } else { origin(range.start)..origin(range.end - 1) + 1 }
    }

    /// Where something was left out next, after a place; the end where nothing was.
    pub(super) fn next_gap(&self, place: usize) -> usize {
        let next = self.gaps.partition_point(|gap| gap.at <= place);
        self.gaps.get(next).map_or(self.bytes.len(), |gap| gap.at)
    }

    /// How many line breaks stand right before a place.
    pub(super) fn breaks_before(&self, place: usize) -> u32 {
        match self.gaps.binary_search_by_key(&place, |gap| gap.at) {
            Ok(found) => self.gaps[found].breaks,
            Err(_) => 0,
        }
    }

    /// Where the line of a byte begins.
    pub(super) fn line_start(&self, place: usize) -> usize {
        let count = self.lines.partition_point(|line| *line <= place);
        if count == 0 { 0 } else { self.lines[count - 1] }
    }

    /// Where the line of a byte ends.
    pub(super) fn line_end(&self, place: usize) -> usize {
        let next = self.lines.partition_point(|line| *line <= place);
        self.lines.get(next).copied().unwrap_or(self.bytes.len())
    }

    /// Whether a word could begin at a place, as `is_word` sees words.
    pub(super) fn begins_word(&self, place: usize, is_word: fn(u8) -> bool) -> bool {
        place == 0 || !is_word(self.bytes[place - 1]) || self.breaks_before(place) > 0
    }
}

/// The bytes at which something to be left out can begin.
static SUSPECT: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 0x20 {
        table[byte] = byte != 0x09;
        byte += 1;
    }
    table[0x7f] = true;
    table[b'\\' as usize] = true;
    // The first bytes of U+00AD, U+200B to U+206F, and U+FEFF.
    table[0xc2] = true;
    table[0xe2] = true;
    table[0xef] = true;
    table
};

/// The length of what is to be left out at the beginning of a text, and how many line breaks it holds.
fn gap_at(rest: &[u8]) -> Option<(usize, u32)> {
    match rest {
        [b'\n', after @ ..] => Some((1 + indent(after), 1)),
        [b'\r', b'\n', after @ ..] => Some((2 + indent(after), 1)),
        [b'\r', ..] => Some((1, 1)),
        [0x1b, b'[', after @ ..] => Some((2 + control_sequence(after), 0)),
        [b'\\', ..] => escaped(rest),
        [0xc2, 0xad, ..] => Some((2, 0)),
        [0xe2, 0x80, 0x8b..=0x8f | 0xaa..=0xae, ..] | [0xe2, 0x81, 0xa0..=0xaf, ..] | [0xef, 0xbb, 0xbf, ..] => {
            Some((3, 0))
        }
        [0x00..=0x1f | 0x7f, ..] => Some((1, 0)),
        _ => None,
    }
}

/// A line break or a terminal escape as a JSON string has it, and a line that a shell goes on with.
fn escaped(rest: &[u8]) -> Option<(usize, u32)> {
    let slashes = rest.iter().take(LONGEST_ESCAPE).take_while(|byte| **byte == b'\\').count();
    match &rest[slashes..] {
        [b'r', b'\\', ..] => match escaped(&rest[slashes + 1..]) {
            Some((length, breaks)) => Some((slashes + 1 + length, breaks.max(1))),
            None => Some((slashes + 1, 1)),
        },
        [b'n' | b'r' | b't', ..] => Some((slashes + 1, 1)),
        [b'\n', after @ ..] => Some((slashes + 1 + indent(after), 1)),
        [b'u', b'0', b'0', b'1', b'b' | b'B', b'[', after @ ..] => Some((slashes + 6 + control_sequence(after), 0)),
        _ => None,
    }
}

fn indent(rest: &[u8]) -> usize {
    rest.iter().take(DEEPEST_INDENT).take_while(|byte| matches!(byte, b' ' | b'\t')).count()
}

/// The rest of a control sequence (ECMA-48); nothing where it does not end.
fn control_sequence(rest: &[u8]) -> usize {
    let parameters = rest.iter().take(LONGEST_ESCAPE).take_while(|byte| matches!(byte, 0x20..=0x3f)).count();
    if matches!(rest.get(parameters), Some(0x40..=0x7e)) { parameters + 1 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> String {
        String::from_utf8(View::of(text).bytes().to_vec()).unwrap()
    }

    #[test]
    fn what_tears_a_word_apart_is_left_out() {
        for torn in [
            "ab\ncd",
            "ab\r\n    cd",
            "ab\\ncd",
            "ab\\\\r\\\\ncd",
            "ab\\\n  cd",
            "ab\u{1b}[31mcd",
            "ab\\u001b[0mcd",
            "ab\u{200b}cd",
            "ab\0cd",
            "a\u{ad}b\ncd",
        ] {
            assert_eq!(seen(torn), "abcd", "{torn:?}");
        }
        assert_eq!(seen("päth\tx \\d é –"), "päth\tx \\d é –");
    }

    #[test]
    fn a_range_leads_back_to_where_it_came_from() {
        let text = "x ab\n  cd\u{1b}[0mef y";
        let view = View::of(text);
        let at = view.bytes().windows(6).position(|six| six == b"abcdef").unwrap();
        assert_eq!(&text[view.origin(&(at..at + 6))], "ab\n  cd\u{1b}[0mef");
        assert_eq!(&text[view.origin(&(at..at + 2))], "ab");
        assert_eq!(&text[view.origin(&(at + 2..at + 4))], "cd");
        assert_eq!((view.breaks_before(at + 2), view.breaks_before(at + 4)), (1, 0));
        assert_eq!((view.line_start(at + 3), view.line_end(at)), (at + 2, at + 2));
    }
}
