//! Takes secrets out of the strings of a JSON text, and leaves every other byte as it is.

use std::borrow::Cow;

use super::pairs::is_secret_setting;
use super::redactor::Redactor;
use crate::json_strings::json_string_length;

impl Redactor {
    /// The JSON text with a marker in place of each secret in its strings; numbers, order and layout stay to the byte.
    /// The values of `kept`, fields of the outermost object, stay too: ids that others go by.
    pub fn redact_json<'t>(&self, json: &'t [u8], kept: &[&str]) -> Cow<'t, [u8]> {
        let mut out: Vec<u8> = Vec::new();
        let mut copied = 0;
        let mut scan = Scan::default();
        let mut place = 0;
        while let Some(byte) = json.get(place) {
            if *byte != b'"' {
                scan.sign(*byte);
                place += 1;
                continue;
            }
            let length = json_string_length(&json[place..]);
            let written = &json[place..place + length];
            if let Ok(text) = serde_json::from_slice::<Cow<'_, str>>(written) {
                let redacted = self.redact_string(&text, &scan, kept);
                if let Some(redacted) = redacted {
                    out.extend_from_slice(&json[copied..place]);
                    out.extend_from_slice(serde_json::Value::from(redacted).to_string().as_bytes());
                    copied = place + length;
                }
                scan.string(&text);
            }
            place += length;
        }
        if copied == 0 {
            return Cow::Borrowed(json);
        }
        out.extend_from_slice(&json[copied..]);
        Cow::Owned(out)
    }

    fn redact_string(&self, text: &str, scan: &Scan, kept: &[&str]) -> Option<String> {
        if !scan.awaits_key && scan.objects.len() == 1 && kept.contains(&scan.key.as_str()) {
            return None;
        }
        if !scan.awaits_key && scan.is_in_object() && is_secret_setting(&scan.key, text) {
            return Some(self.marker_for(text));
        }
        match self.redact(text) {
            Cow::Owned(redacted) => Some(redacted),
            Cow::Borrowed(_) => None,
        }
    }
}

/// Where in a JSON text one is.
#[derive(Default)]
struct Scan {
    /// For each thing that is open, whether it is an object.
    objects: Vec<bool>,
    awaits_key: bool,
    key: String,
}

impl Scan {
    fn is_in_object(&self) -> bool {
        self.objects.last() == Some(&true)
    }

    fn sign(&mut self, sign: u8) {
        match sign {
            b'{' | b'[' => {
                self.objects.push(sign == b'{');
                self.awaits_key = sign == b'{';
            }
            b'}' | b']' => {
                self.objects.pop();
                self.awaits_key = false;
            }
            b',' => self.awaits_key = self.is_in_object(),
            b':' => self.awaits_key = false,
            _ => {}
        }
    }

    fn string(&mut self, text: &str) {
        if self.awaits_key {
            text.clone_into(&mut self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_strings_with_secrets_change() {
        let secret = format!("ghp_{}", "aB3".repeat(12));
        let json = format!(
            r#"{{"faultId":"{secret}","n":12345678901234567890,"x":1.0, "a":["é\n{secret}",{{"faultId":"{secret}"}}],
"db":{{"password":"hunter2-x","passwordId":"hunter2-x"}},"plain":"\u00e9"}}"#
        );
        let redacted = Redactor::default().redact_json(json.as_bytes(), &["faultId"]).into_owned();
        let redacted = String::from_utf8(redacted).unwrap();
        let expected = json
            .replace(&format!(r#"\n{secret}"#), r"\n[REDACTED:github]")
            .replace(&format!(r#"{{"faultId":"{secret}"}}]"#), r#"{"faultId":"[REDACTED:github]"}]"#)
            .replace(r#""password":"hunter2-x""#, r#""password":"[REDACTED:setting]""#);
        assert_eq!(redacted, expected);
    }

    #[test]
    fn what_is_no_json_is_no_trouble() {
        for text in ["", "\"", "{\"a", "}}]]", "{\"a\":\"\\", "[\"\\ud800\"]"] {
            assert_eq!(Redactor::default().redact_json(text.as_bytes(), &[]), text.as_bytes());
        }
    }
}
