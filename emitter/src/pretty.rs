//! JSON text indented anew without reading its values, so that numbers and strings stay as they were written.

use haltline_evidence::json_string_length;

/// Indents valid JSON by two spaces a level and ends it with a line end. None where that takes more than `limit` bytes,
/// as deep nesting does.
pub(crate) fn pretty(text: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len().min(limit));
    let mut depth = 0_usize;
    let mut rest = text;
    while let [byte, after @ ..] = rest {
        let from_here = rest;
        rest = after;
        match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {}
            b'"' => {
                let (string, after) = from_here.split_at(json_string_length(from_here));
                out.extend_from_slice(string);
                rest = after;
            }
            b'{' | b'[' => {
                out.push(*byte);
                rest = rest.trim_ascii_start();
                if let [closing @ (b'}' | b']'), after @ ..] = rest {
                    out.push(*closing);
                    rest = after;
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut out, depth);
                out.push(*byte);
            }
            b',' => {
                out.push(b',');
                new_line(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            other => out.push(*other),
        }
        if out.len() >= limit {
            return None;
        }
    }
    out.push(b'\n');
    Some(out)
}

fn new_line(out: &mut Vec<u8>, depth: usize) {
    out.push(b'\n');
    out.resize(out.len() + 2 * depth, b' ');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_laid_out_as_serde_json_does_and_values_stay_as_they_were() {
        let text = r#"{"a":[1,{"b":"x, {y}: \" \\"},[ ],{ }],"c":null,"d":{"e":[true]}}"#;
        let value: serde_json::Value = serde_json::from_str(text).unwrap();
        let expected = format!("{}\n", serde_json::to_string_pretty(&value).unwrap());
        let once = pretty(text.as_bytes(), 1000).unwrap();
        assert_eq!(String::from_utf8(once.clone()).unwrap(), expected);
        assert_eq!(pretty(&once, 1000).unwrap(), once);
        assert_eq!(pretty(br#"[1.0,1e2,"\u0041"]"#, 100).unwrap(), b"[\n  1.0,\n  1e2,\n  \"\\u0041\"\n]\n");
    }

    #[test]
    fn what_grows_too_large_is_given_up_and_damage_is_no_panic() {
        assert_eq!(pretty("[".repeat(100_000).as_bytes(), 1 << 20), None);
        assert_eq!(pretty(b"[1]", 6), None);
        assert!(pretty(b"[1]", 9).is_some());
        for text in [&b"\"\\"[..], b"}}]", b"\"a", b"", b"{\xff"] {
            assert!(pretty(text, 100).is_some());
        }
    }
}
