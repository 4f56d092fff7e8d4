//! JSON web tokens: two or more parts in base64url behind dots, the first of them a JSON object (RFC 7519).

use std::ops::Range;

use super::run::{is_url_safe, run_end};
use super::view::View;

/// How each of them begins: `{"`.
pub(super) const CUE: &str = "eyJ";
/// The shortest header, in bytes: `{"alg":"…"}` needs more.
const LEAST_HEADER: usize = 12;
/// The shortest second part, in bytes.
const LEAST_CLAIMS: usize = 8;
/// The longest token, in bytes.
const LONGEST: usize = 16 << 10;
/// The shortest token that ends with its line, in bytes.
const LEAST: usize = 40;

/// The token that begins at a place, if one does. A signature that was cut off takes nothing from it.
pub(super) fn read(view: &View<'_>, start: usize) -> Option<Range<usize>> {
    if !view.begins_word(start, is_url_safe) {
        return None;
    }
    let bytes = view.bytes();
    let part = |from: usize| bytes[from..].iter().take(LONGEST).take_while(|byte| is_url_safe(**byte)).count();
    let header = part(start);
    let dot = start + header;
    if header < LEAST_HEADER || bytes.get(dot) != Some(&b'.') || part(dot + 1) < LEAST_CLAIMS {
        return None;
    }
    let end = run_end(view, start, |byte| is_url_safe(byte) || byte == b'.', LEAST, LONGEST);
    let dots = bytes[start..end].iter().rev().take_while(|byte| **byte == b'.').count();
    Some(start..end - dots)
}
