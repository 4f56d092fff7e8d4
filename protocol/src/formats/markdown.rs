//! Makes text from outside harmless in Markdown: a log, an agent or a web page may have written it.
//!
//! What acts on a terminal or hides has been taken out before: it is text of a [`FitReport`](crate::FitReport), or has
//! passed [`display`](haltline_evidence::display). It is shown as text: in a paragraph every sign that Markdown or HTML knows is escaped, so there is
//! no link and no image, and an address is broken so that no viewer makes a link of it; in code the fence is longer
//! than any run of backticks inside.

use haltline_evidence::longest_backtick_run;

/// The text on one line, escaped, at most `longest` characters of it.
pub(super) fn inline(text: &str, longest: usize) -> String {
    line_start_escaped(&escaped(&shortened(&one_line(text), longest)))
}

/// The text as paragraphs, escaped; its lines stay lines.
pub(super) fn paragraphs(text: &str) -> String {
    let lines: Vec<String> = text.trim().lines().map(|line| line_start_escaped(&escaped(line.trim()))).collect();
    or_empty(lines.join("\n"))
}

/// The text on one line as code, at most `longest` characters of it.
pub(super) fn code_span(text: &str, longest: usize) -> String {
    let text = shortened(&one_line(text), longest);
    if text.is_empty() {
        return or_empty(text);
    }
    let fence = "`".repeat(longest_backtick_run(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// The text as a block of code.
pub(super) fn code_block(text: &str) -> String {
    let fence = "`".repeat((longest_backtick_run(text) + 1).max(3));
    format!("{fence}text\n{}\n{fence}", text.trim_matches('\n'))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
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
        assert_eq!(paragraphs(&haltline_evidence::display(" \u{200b}\n")), "(empty)");
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
