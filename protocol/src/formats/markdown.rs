//! Makes text from outside harmless in Markdown: a log, an agent or a web page may have written it.
//!
//! Characters that act or hide are taken out first (terminal escapes, controls, bidirectional and zero-width marks,
//! tags). What is left is shown as text: in a paragraph every sign that Markdown or HTML knows is escaped, so there is
//! no link and no image, and an address is broken so that no viewer makes a link of it; in code the fence is longer
//! than any run of backticks inside.

use crate::Redactor;

/// The text without secrets and without anything that acts on a terminal or hides. Lines end in `\n`; tabs stay.
pub(super) fn plain(text: &str) -> String {
    Redactor::in_force().redact(&without_control(text)).into_owned()
}

fn without_control(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '\u{1b}' | '\u{9b}' | '\u{9d}' | '\u{90}' | '\u{98}' | '\u{9e}' | '\u{9f}' => {
                skip_escape(letter, &mut rest);
            }
            '\r' => {
                rest.next_if_eq(&'\n');
                out.push('\n');
            }
            '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            '\n' | '\t' => out.push(letter),
            _ if letter.is_control() || is_hidden(letter) => {}
            _ => out.push(letter),
        }
    }
    out
}

/// Passes over an escape sequence (ECMA-48). One that does not end, ends with its line.
fn skip_escape(first: char, rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    let kind = if first == '\u{1b}' { rest.peek().copied().unwrap_or(' ') } else { first };
    match kind {
        '[' | '\u{9b}' => {
            rest.next_if_eq(&'[');
            while rest.next_if(|letter| matches!(letter, ' '..='?')).is_some() {}
            rest.next_if(|letter| matches!(letter, '@'..='~'));
        }
        ']' | 'P' | 'X' | '^' | '_' | '\u{9d}' | '\u{90}' | '\u{98}' | '\u{9e}' | '\u{9f}' => {
            while let Some(letter) = rest.next_if(|letter| *letter != '\n') {
                if matches!(letter, '\u{7}' | '\u{9c}') {
                    return;
                }
                if letter == '\u{1b}' {
                    rest.next_if_eq(&'\\');
                    return;
                }
            }
        }
        _ => {
            while rest.next_if(|letter| matches!(letter, ' '..='/')).is_some() {}
            rest.next_if(|letter| matches!(letter, '0'..='~'));
        }
    }
}

/// Marks of direction, of zero width, fillers and tags: a reader does not see them, a machine does.
fn is_hidden(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// The text on one line, escaped, at most `longest` characters of it.
pub(super) fn inline(text: &str, longest: usize) -> String {
    line_start_escaped(&escaped(&shortened(&one_line(text), longest)))
}

/// The text as paragraphs, escaped; its lines stay lines.
pub(super) fn paragraphs(text: &str) -> String {
    let text = plain(text);
    let lines: Vec<String> = text.trim().lines().map(|line| line_start_escaped(&escaped(line.trim()))).collect();
    or_empty(lines.join("\n"))
}

/// The text on one line as code, at most `longest` characters of it.
pub(super) fn code_span(text: &str, longest: usize) -> String {
    let text = shortened(&one_line(text), longest);
    if text.is_empty() {
        return or_empty(text);
    }
    let fence = "`".repeat(longest_run(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// The text as a block of code.
pub(super) fn code_block(text: &str) -> String {
    let text = plain(text);
    let fence = "`".repeat((longest_run(&text) + 1).max(3));
    format!("{fence}text\n{}\n{fence}", text.trim_matches('\n'))
}

fn one_line(text: &str) -> String {
    plain(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{} …", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

fn or_empty(text: String) -> String {
    if text.is_empty() { "(empty)".to_owned() } else { text }
}

fn longest_run(text: &str) -> usize {
    text.split(|letter| letter != '`').map(str::len).max().unwrap_or(0)
}

/// Escapes what Markdown, its dialects and HTML know within a line, and breaks addresses.
fn escaped(line: &str) -> String {
    let mut out = String::with_capacity(line.len() + 16);
    let mut before = ' ';
    let mut rest = line.chars().peekable();
    while let Some(letter) = rest.next() {
        let next = rest.peek().copied().unwrap_or(' ');
        match letter {
            '\\' | '`' | '*' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '$' => out.extend(['\\', letter]),
            // Within a word an underscore is only an underscore, and names are full of them.
            '_' if !(before.is_alphanumeric() && next.is_alphanumeric()) => out.push_str("\\_"),
            ':' if next == '/' || ends_in_word(&out, "mailto") || ends_in_word(&out, "xmpp") => out.push_str("(:)"),
            '.' if ends_in_word(&out, "www") => out.push_str("(.)"),
            _ => out.push(letter),
        }
        before = letter;
    }
    out
}

fn ends_in_word(text: &str, word: &str) -> bool {
    let Some(start) = text.len().checked_sub(word.len()).filter(|start| text.is_char_boundary(*start)) else {
        return false;
    };
    text[start..].eq_ignore_ascii_case(word) && !text[..start].ends_with(|letter: char| letter.is_ascii_alphanumeric())
}

/// Escapes what means something at the start of a line only: headings, lists, rules.
fn line_start_escaped(line: &str) -> String {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    match line.as_bytes().get(digits) {
        Some(b'.' | b')') if digits > 0 => format!("{}\\{}", &line[..digits], &line[digits..]),
        Some(b'#' | b'-' | b'+' | b'=') if digits == 0 => format!("\\{line}"),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(plain(text), expected, "{text:?}");
            assert_eq!(plain(expected), expected);
        }
    }

    #[test]
    fn there_is_no_link_no_image_and_no_html() {
        let table = [
            ("![x](https://evil.example/?q=1)", r"!\[x\](https(:)//evil.example/?q=1)"),
            ("<img src=x onerror=y>", r"\<img src=x onerror=y\>"),
            ("<https://a.b> WWW.a.b MailTo:c", r"\<https(:)//a.b\> WWW(.)a.b MailTo(:)c"),
            ("[a]: ftp://b", r"\[a\]: ftp(:)//b"),
            ("a `b` *c* _d_ e_f ~g~ | $h$ &lt;", r"a \`b\` \*c\* \_d\_ e_f \~g\~ \| \$h\$ \&lt;"),
            ("a\\", r"a\\"),
            ("éwww.x", "éwww(.)x"),
            ("# a", r"\# a"),
            ("1. a", r"1\. a"),
        ];
        for (text, expected) in table {
            assert_eq!(inline(text, 100), expected);
        }
    }

    #[test]
    fn no_line_of_a_paragraph_begins_anything() {
        let text = "# a\n- b\n+ c\n===\n12. d\n3) e\n    f\n> g\n\n---\n4 h\n```\n";
        let expected = "\\# a\n\\- b\n\\+ c\n\\===\n12\\. d\n3\\) e\nf\n\\> g\n\n\\---\n4 h\n\\`\\`\\`";
        assert_eq!(paragraphs(text), expected);
        assert_eq!(paragraphs(" \u{200b}\n"), "(empty)");
    }

    #[test]
    fn no_code_ends_before_its_end() {
        assert_eq!(code_block("a\n````\n# b\n"), "`````text\na\n````\n# b\n`````");
        assert_eq!(code_block("~~~\nx"), "```text\n~~~\nx\n```");
        assert_eq!(code_span("a ``b`` c\nd", 100), "```a ``b`` c d```");
        assert_eq!(code_span("`", 100), "`` ` ``");
        assert_eq!(code_span("", 100), "(empty)");
        assert_eq!(code_span("abcdef", 3), "`abc …`");
    }
}
