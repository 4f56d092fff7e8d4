//! Adding a field to a JSON object without touching any other byte of it.

use haltline_evidence::JsonStrings;

/// Adds a field as the last one of an object that is known to be well formed and to have a field. What stands between
/// the parts of the last field is taken over, so that the row keeps its style, pretty or compact. `None` where the
/// text is no such object after all.
pub(crate) fn with_last_field(text: &[u8], name: &str, value: &str) -> Option<Vec<u8>> {
    let close = (text.len() - whitespace_before(text, text.len())).checked_sub(1)?;
    if text[close] != b'}' {
        return None;
    }
    let (last_key, colon) = last_field(text)?;
    let end = close - whitespace_before(text, close);
    let mut out = Vec::with_capacity(text.len() + 32);
    out.extend_from_slice(&text[..end]);
    out.push(b',');
    out.extend_from_slice(whitespace_at(text, last_key));
    out.extend_from_slice(format!("\"{name}\":").as_bytes());
    out.extend_from_slice(whitespace_at(text, colon + 1));
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(&text[end..]);
    Some(out)
}

/// Where the space before the last field's key begins, and where its colon is.
fn last_field(text: &[u8]) -> Option<(usize, usize)> {
    let (mut depth, mut strings) = (0_usize, JsonStrings::default());
    let (mut last_key, mut colon) = (None, None);
    for (place, byte) in text.iter().enumerate() {
        if strings.holds(*byte) {
            continue;
        }
        match byte {
            b'{' | b'[' => {
                depth += 1;
                if depth == 1 {
                    last_key = Some(place + 1);
                }
            }
            b'}' | b']' => depth = depth.checked_sub(1)?,
            b',' if depth == 1 => last_key = Some(place + 1),
            b':' if depth == 1 => colon = Some(place),
            _ => {}
        }
    }
    Some((last_key?, colon?))
}

fn is_whitespace(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn whitespace_before(text: &[u8], end: usize) -> usize {
    text[..end].iter().rev().take_while(|byte| is_whitespace(**byte)).count()
}

fn whitespace_at(text: &[u8], start: usize) -> &[u8] {
    let length = text[start..].iter().take_while(|byte| is_whitespace(**byte)).count();
    &text[start..start + length]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_comes_last_in_the_style_of_the_row() {
        let table = [
            (
                "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": []\n  }\n}\n",
                "{\n  \"a\": 1,\n  \"b\": {\n    \"c\": []\n  },\n  \"x\": false\n}\n",
            ),
            (r#"{"a":1,"b":"},{\"q\":,"}"#, r#"{"a":1,"b":"},{\"q\":,","x":false}"#),
            (r#"{"a": 1, "b": [1, {"c":2}]}"#, r#"{"a": 1, "b": [1, {"c":2}], "x": false}"#),
            ("{\r\n\t\"a\" : 1\r\n}  \r\n", "{\r\n\t\"a\" : 1,\r\n\t\"x\": false\r\n}  \r\n"),
            ("\u{feff} { \"a\":1.0 }", "\u{feff} { \"a\":1.0, \"x\":false }"),
            (r#"{"a":"\\"}"#, r#"{"a":"\\","x":false}"#),
        ];
        for (before, after) in table {
            let written = with_last_field(before.as_bytes(), "x", "false").unwrap();
            assert_eq!(String::from_utf8(written).unwrap(), after);
        }
    }

    #[test]
    fn what_is_no_object_with_a_field_is_left() {
        for text in ["", " ", "[]", "{}", "null", "\"}\"", "]}", "{\"a\":1"] {
            assert_eq!(with_last_field(text.as_bytes(), "x", "false"), None, "{text}");
        }
    }
}
