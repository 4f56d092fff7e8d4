//! Takes out of a text what acts on a terminal or cannot be seen: control characters, terminal escapes (ECMA-48) as a
//! whole, and characters that only steer how text is laid out, which can hide what it says.

use std::borrow::Cow;

/// The longest escape string that is taken for one where text must not get lost, in characters: window titles and links
/// are shorter.
const LONGEST_ESCAPE: usize = 4096;

/// Takes out what acts or hides, and keeps all other text: an escape that never ends loses only its opening, so that a
/// log cannot hide its lines from whoever searches it.
pub fn without_control(text: &str) -> Cow<'_, str> {
    stripped(text, false)
}

/// Takes out what acts or hides from a text that people look at: every kind of line break becomes `\n`, and an escape
/// that never ends takes the rest of its line along, as a terminal would.
pub fn displayable(text: &str) -> Cow<'_, str> {
    stripped(text, true)
}

/// Tells whether a character acts on a terminal or cannot be seen: controls, marks of direction and of zero width,
/// fillers and tags. Newline and tab are fine.
pub fn is_unprintable(letter: char) -> bool {
    match letter {
        '\n' | '\t' => false,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{3164}' | '\u{feff}' => true,
        '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => true,
        letter => letter.is_control(),
    }
}

fn stripped(text: &str, for_people: bool) -> Cow<'_, str> {
    let acts = |letter| is_unprintable(letter) || (for_people && matches!(letter, '\u{2028}' | '\u{2029}'));
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut clean = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((place, letter)) = rest.char_indices().find(|(_, letter)| acts(*letter)) {
        clean.push_str(&rest[..place]);
        rest = &rest[place + letter.len_utf8()..];
        let length = match letter {
            '\u{1b}' => escape_length(rest, for_people),
            '\u{9b}' if for_people => sequence_length(rest),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' if for_people => string_length(rest, for_people),
            '\r' if for_people => {
                clean.push('\n');
                usize::from(rest.starts_with('\n'))
            }
            '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' if for_people => {
                clean.push('\n');
                0
            }
            _ => 0,
        };
        rest = &rest[length..];
    }
    clean.push_str(rest);
    Cow::Owned(clean)
}

/// The length of an escape behind its ESC.
fn escape_length(rest: &str, for_people: bool) -> usize {
    match rest.as_bytes() {
        [b'[', ..] => 1 + sequence_length(&rest[1..]),
        [b']' | b'P' | b'_' | b'^' | b'X', ..] => 1 + string_length(&rest[1..], for_people),
        bytes => run_and_one(bytes, |byte| matches!(byte, b' '..=b'/'), |byte| matches!(byte, b'0'..=b'~')),
    }
}

/// The length of a control sequence behind its opening: parameters, then the final character where it is one.
fn sequence_length(rest: &str) -> usize {
    run_and_one(rest.as_bytes(), |byte| matches!(byte, b' '..=b'?'), |byte| matches!(byte, b'@'..=b'~'))
}

fn run_and_one(bytes: &[u8], is_in_run: fn(u8) -> bool, is_last: fn(u8) -> bool) -> usize {
    let run = bytes.iter().take_while(|byte| is_in_run(**byte)).count();
    run + usize::from(bytes.get(run).is_some_and(|byte| is_last(*byte)))
}

/// The length of a control string behind its opening, its terminator included.
fn string_length(rest: &str, for_people: bool) -> usize {
    let longest = if for_people { usize::MAX } else { LONGEST_ESCAPE };
    for (place, letter) in rest.char_indices().take(longest) {
        match letter {
            '\n' if for_people => return place,
            '\u{7}' | '\u{9c}' => return place + letter.len_utf8(),
            '\u{1b}' => return place + 1 + usize::from(rest[place + 1..].starts_with('\\')),
            _ => {}
        }
    }
    if for_people { rest.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_or_hides_text_goes() {
        let table = [
            ("plain\n\ttext", "plain\n\ttext"),
            ("\u{1b}[31;1merror\u{1b}[0m: x", "error: x"),
            ("\u{1b}]0;title\u{7}after", "after"),
            ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{1b}\\!", "link!"),
            ("a\0b\rc\u{8}d\u{9b}e", "abcde"),
            ("abc\u{202e}fed\u{200b}", "abcfed"),
            ("\u{1b}", ""),
            ("\u{1b}[", ""),
            ("\u{1b}[31", ""),
            ("\u{1b}[3\nnext line", "\nnext line"),
            ("\u{1b}]never ended", "never ended"),
            ("\u{1b}(Bx", "x"),
        ];
        for (text, clean) in table {
            assert_eq!(without_control(text), clean, "{text:?}");
        }
    }

    #[test]
    fn what_acts_or_hides_is_taken_out() {
        let table = [
            ("\u{1b}[31mred\u{1b}[0m", "red"),
            ("\u{1b}]0;title\u{7}a\u{1b}]8;;http://x\u{1b}\\b", "ab"),
            ("\u{1b}]52;c;never ended\nnext", "\nnext"),
            ("\u{1b}(Ba\u{1b}cb\u{1b}", "ab"),
            ("\u{9b}2Ja\u{90}q\u{9c}b", "ab"),
            ("a\0b\u{8}c\u{7f}d\u{85}e", "abcd\ne"),
            ("a\u{202e}b\u{2066}c\u{200b}d\u{feff}e\u{ad}f\u{e0041}g", "abcdefg"),
            ("a\r\nb\rc\u{2028}d\te", "a\nb\nc\nd\te"),
            ("Straße 漢字 🦀", "Straße 漢字 🦀"),
        ];
        for (text, expected) in table {
            assert_eq!(displayable(text), expected, "{text:?}");
            assert_eq!(displayable(expected), expected);
        }
    }
}
