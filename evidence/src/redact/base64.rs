//! Base64 (RFC 4648): writes it, to look for known secrets; reads runs of it, to look for all others.

use std::ops::Range;

use super::run::is_base64;
use super::view::View;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
/// The shortest run that is decoded, in letters: 18 bytes, less than any key that is known by its form takes.
const LEAST_RUN: usize = 24;
/// The shortest stretch of plain text in what was decoded that is looked at, in bytes.
const LEAST_TEXT: usize = 12;
/// No letter.
const NONE: u8 = 64;

/// The values of the letters, of both alphabets.
static VALUES: [u8; 256] = {
    let mut table = [NONE; 256];
    let mut value = 0;
    while value < 64 {
        table[ALPHABET[value as usize] as usize] = value;
        value += 1;
    }
    table[b'-' as usize] = 62;
    table[b'_' as usize] = 63;
    table
};

/// The letters that a text has wherever it stands in base64 with `offset` (0 to 2) bytes before it in its group.
pub(super) fn core(text: &[u8], offset: usize) -> String {
    let padded: Vec<u8> = std::iter::repeat_n(0, offset).chain(text.iter().copied()).collect();
    let bit = |at: usize| u32::from(padded[at / 8] >> (7 - at % 8) & 1);
    // Letters with bits of a neighbour are left out.
    let (first, last) = ((offset * 8).div_ceil(6), padded.len() * 8 / 6);
    (first..last)
        .map(|letter| (letter * 6..letter * 6 + 6).fold(0, |value, at| value << 1 | bit(at)))
        .map(|value| char::from(ALPHABET[value as usize]))
        .collect()
}

/// Plain text that stands in a view as base64.
pub(super) struct Decoded {
    pub(super) text: String,
    /// Where the letters of its first byte begin.
    letters: usize,
    /// How many bytes of its group stand before it.
    offset: usize,
}

impl Decoded {
    /// Which letters hold a part of the text.
    pub(super) fn letters_of(&self, part: &Range<usize>) -> Range<usize> {
        let (first, last) = (self.offset + part.start, self.offset + part.end);
        self.letters + first * 8 / 6..self.letters + (last * 8).div_ceil(6)
    }
}

/// Hands over each stretch of plain text that stands in a view as base64, at whatever letter its groups begin.
pub(super) fn each_decoded(view: &View<'_>, mut each: impl FnMut(&Decoded)) {
    let bytes = view.bytes();
    let mut place = 0;
    while place < bytes.len() {
        if VALUES[usize::from(bytes[place])] == NONE {
            place += 1;
            continue;
        }
        let run = bytes[place..].iter().take_while(|byte| is_base64(**byte)).count();
        if run >= LEAST_RUN {
            in_run(view, place..place + run, &mut each);
        }
        place += run;
    }
}

/// Decodes a run, and each of its lines by itself: the next line may belong to it or not.
fn in_run(view: &View<'_>, run: Range<usize>, each: &mut impl FnMut(&Decoded)) {
    let mut line = run.start..view.line_end(run.start).min(run.end);
    let mut decode = |part: Range<usize>| {
        for phase in 0..4 {
            stretches(&view.bytes()[part.clone()], part.start, phase, each);
        }
    };
    if line.end < run.end {
        decode(run.clone());
    }
    while line.start < run.end {
        if line.len() >= LEAST_RUN {
            decode(line.clone());
        }
        line = line.end..view.line_end(line.end).min(run.end);
    }
}

/// Decodes a run whose groups begin at letter `phase`, and hands over what is plain text of it.
fn stretches(run: &[u8], place: usize, phase: usize, each: &mut impl FnMut(&Decoded)) {
    let mut text = Vec::new();
    let mut decoded = 0;
    let mut flush = |text: &mut Vec<u8>, end: usize| {
        if text.len() >= LEAST_TEXT
            && let Ok(plain) = String::from_utf8(std::mem::take(text))
        {
            let first = end - plain.len();
            each(&Decoded { text: plain, letters: place + phase + first / 3 * 4, offset: first % 3 });
        }
        text.clear();
    };
    for group in run[phase..].chunks(4) {
        if group.len() < 2 {
            break;
        }
        let value = |at: usize| u32::from(group.get(at).map_or(0, |byte| VALUES[usize::from(*byte)]));
        let bits = value(0) << 18 | value(1) << 12 | value(2) << 6 | value(3);
        for byte in bits.to_be_bytes().into_iter().skip(1).take(group.len() - 1) {
            if matches!(byte, b' '..=b'~' | b'\t' | b'\n' | b'\r') {
                text.push(byte);
            } else {
                flush(&mut text, decoded);
            }
            decoded += 1;
        }
    }
    flush(&mut text, decoded);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_at_every_offset() {
        for before in ["", "x", "xy", "xyz"] {
            let whole = core(format!("{before}hello, base64 world!!").as_bytes(), 0);
            let at = whole.find(&core(b"hello, base64 world", before.len() % 3));
            assert!(at.is_some(), "{before}");
        }
        assert_eq!(core(b"Man", 0), "TWFu");
    }

    #[test]
    fn what_is_decoded_leads_back_to_its_letters() {
        let text = format!("see path/{}.", core(b"\x01\x02user:hunter2-and-more\xff\xff!", 0));
        let mut found = Vec::new();
        each_decoded(&View::of(&text), |decoded| {
            if let Some(at) = decoded.text.find("hunter2") {
                found.push(text[decoded.letters_of(&(at..at + 7))].to_owned());
            }
        });
        assert_eq!(found.len(), 1);
        assert!(found[0].contains(&core(b"hunter2", (2 + 5) % 3)), "{found:?}");
    }
}
