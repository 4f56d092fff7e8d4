//! What stands in place of a secret: `[REDACTED:rule]`, or `[REDACTED:rule:8 hex digits]`.

use super::formats::FORMATS;

/// How each marker begins.
const MARKER: &[u8] = b"[REDACTED:";
/// The rules that are no formats, as markers name them.
const OTHER_RULES: [&str; 10] = [OWN, AWS, JWT, KEY_BLOCK, HEADER, COOKIE, CURL, MYSQL, ADDRESS, SETTING];
pub(super) const OWN: &str = "environment";
pub(super) const AWS: &str = "aws";
pub(super) const JWT: &str = "jwt";
pub(super) const KEY_BLOCK: &str = "key-block";
pub(super) const HEADER: &str = "header";
pub(super) const COOKIE: &str = "cookie";
pub(super) const CURL: &str = "curl";
pub(super) const MYSQL: &str = "mysql";
pub(super) const ADDRESS: &str = "url";
pub(super) const SETTING: &str = "setting";

/// Whether a text begins with a marker of ours, and not with something that only looks like one.
pub(super) fn starts_with_marker(text: &[u8]) -> bool {
    marker_length(text).is_some()
}

/// The length of the marker of ours that a text begins with.
fn marker_length(text: &[u8]) -> Option<usize> {
    let rest = text.strip_prefix(MARKER)?;
    let length = |rule: &str| match rest.strip_prefix(rule.as_bytes())? {
        [b']', ..] => Some(MARKER.len() + rule.len() + 1),
        [b':', hex @ ..] if hex.get(8) == Some(&b']') && hex[..8].iter().all(u8::is_ascii_hexdigit) => {
            Some(MARKER.len() + rule.len() + 10)
        }
        _ => None,
    };
    OTHER_RULES.into_iter().chain(FORMATS.iter().map(|format| format.rule)).find_map(length)
}

/// The first colon that is no part of a marker of ours.
pub(super) fn colon_outside_markers(text: &[u8]) -> Option<usize> {
    let mut place = 0;
    while let Some(byte) = text.get(place) {
        match (byte, marker_length(&text[place..])) {
            (_, Some(length)) => place += length,
            (b':', None) => return Some(place),
            _ => place += 1,
        }
    }
    None
}
