//! Tells the strings of a JSON text from what stands around them, for whoever edits or searches the text as it is. Where
//! values are wanted, `serde_json` reads them.

/// Follows a JSON text byte by byte.
///
/// ```
/// let mut strings = haltline_evidence::JsonStrings::default();
/// let signs: Vec<u8> = br#"{"a":"}"}"#.iter().copied().filter(|byte| !strings.holds(*byte)).collect();
/// assert_eq!(signs, b"{:}");
/// ```
#[derive(Debug, Default)]
pub struct JsonStrings {
    is_open: bool,
    is_escaped: bool,
}

impl JsonStrings {
    /// Takes the next byte, and tells whether it belongs to a string; the quotes do.
    pub fn holds(&mut self, byte: u8) -> bool {
        if !self.is_open {
            self.is_open = byte == b'"';
            return self.is_open;
        }
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' => self.is_escaped = true,
            b'"' => self.is_open = false,
            _ => {}
        }
        true
    }
}

/// The length of the string that a text begins with, both its quotes included; of the whole text where it does not end.
pub fn json_string_length(text: &[u8]) -> usize {
    let mut strings = JsonStrings::default();
    let ends = |byte: &u8| {
        strings.holds(*byte);
        !strings.is_open
    };
    text.iter().position(ends).map_or(text.len(), |last| last + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_ends_at_its_own_quote() {
        let table =
            [(r#""" "#, 2), (r#""a":1"#, 3), (r#""a\"b","c""#, 6), (r#""a\\","c""#, 5), (r#""a\"#, 3), (r#""a"#, 2)];
        for (text, length) in table {
            assert_eq!(json_string_length(text.as_bytes()), length, "{text}");
        }
    }
}
