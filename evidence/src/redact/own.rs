//! Secrets that are known by name: the values of our own environment, in the forms in which programs print them.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};

use super::base64;
use super::view::View;

/// The shortest value that is looked for, in bytes: a shorter one is a word that stands everywhere.
const LEAST: usize = 8;
/// The shortest line that is looked for of a value of several lines, in bytes.
const LEAST_LINE: usize = 20;
/// What the names of secrets hold.
const NAME_PARTS: [&str; 4] = ["KEY", "TOKEN", "SECRET", "PASS"];
/// How the names of places end where secrets lie; the place is none.
const PLACE_ENDINGS: [&str; 7] = ["PATH", "FILE", "DIR", "SOCK", "ASKPASS", "HOME", "STORE"];

/// The values of variables that are secrets by their names (KEY, TOKEN, SECRET, PASS), as
/// [`Redactor::new`](super::Redactor::new) wants them. Paths, addresses and values below 8 bytes are none.
pub fn own_secrets<N: AsRef<OsStr>>(variables: impl IntoIterator<Item = (N, OsString)>) -> Vec<String> {
    let secret = |(name, value): (N, OsString)| {
        let name = name.as_ref().to_string_lossy().to_ascii_uppercase();
        let names_secret = NAME_PARTS.iter().any(|part| name.contains(part));
        let names_place = PLACE_ENDINGS.iter().any(|ending| name.ends_with(ending));
        let value = value.to_string_lossy().trim().to_owned();
        (names_secret && !names_place && is_secret(&value)).then_some(value)
    };
    variables.into_iter().filter_map(secret).collect()
}

fn is_secret(value: &str) -> bool {
    let is_path = value.starts_with('/') && value[1..].contains('/') && !value.contains(['+', '=']);
    let is_address = value.contains("://") && !value.contains('@');
    let is_number = value.len() < 12 && value.bytes().all(|byte| byte.is_ascii_digit());
    let letters: BTreeSet<u8> = value.bytes().collect();
    value.len() >= LEAST && letters.len() > 3 && !is_path && !is_address && !is_number
}

/// A form of a secret.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Form {
    /// As a view has it.
    pub(super) text: Vec<u8>,
    /// Whether its capitals have to be capitals.
    pub(super) is_exact: bool,
}

/// The forms of a secret: as it is, as JSON and addresses write it, in hexadecimal, in base64 wherever it begins
/// within a group, and each long line of one that has several.
pub(super) fn forms(secret: &str) -> BTreeSet<Form> {
    let mut forms = BTreeSet::new();
    let lines = secret.lines().map(str::trim).filter(|line| line.len() >= LEAST_LINE);
    for text in lines.chain([secret]) {
        let mut add = |text: &str, is_exact| {
            let text = View::of(text).bytes().to_vec();
            if text.len() >= LEAST {
                forms.insert(Form { text, is_exact });
            }
        };
        add(text, true);
        let once = in_json(text);
        add(&in_json(&once), true);
        add(&once, true);
        add(&percent_encoded(text), false);
        add(&text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>(), false);
        for offset in 0..3 {
            let code = base64::core(text.as_bytes(), offset);
            add(&code.replace('+', "-").replace('/', "_"), true);
            add(&code, true);
        }
    }
    forms
}

/// As a JSON string has it, without its quotes.
fn in_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).map(str::to_owned).unwrap_or(quoted)
}

/// As an address has it (RFC 3986): everything but unreserved characters escaped.
fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(byte.into()),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_makes_a_value_a_secret_but_no_path_and_no_word() {
        let table = [
            ("MY_API_KEY", "4fGh-29xQ", true),
            ("db_password", "correct horse", true),
            ("GITHUB_TOKEN", "short", false),
            ("EDITOR", "4fGh-29xQ", false),
            ("SSH_ASKPASS", "4fGh-29xQ", false),
            ("KEY_LOCATION", "/home/u/.ssh/id", false),
            ("PASS_URL", "https://example.org/x", false),
            ("PASS_URL", "https://u:p4ss@example.org/x", true),
            ("TOKEN", "xxxxxxxxxxxx", false),
            ("TOKEN_TTL", "36000000", false),
        ];
        for (name, value, is_one) in table {
            assert_eq!(own_secrets([(name, value.into())]).len(), usize::from(is_one), "{name}={value}");
        }
    }
}
