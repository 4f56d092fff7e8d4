//! Credentials in what programs say to each other: HTTP headers, addresses, and the options of curl and of mysql.

use std::ops::Range;

use super::entropy::looks_random;
use super::marker::{colon_outside_markers, starts_with_marker};
use super::pairs::{Opening, opening, value_end};
use super::run::run_end;
use super::view::View;

/// Schemes whose credential is one word (RFC 9110, section 11).
const ONE_WORD_SCHEMES: [&str; 8] = ["bearer", "basic", "token", "apikey", "negotiate", "ntlm", "dpop", "bot"];
/// Schemes whose credential is the rest of the line.
const WHOLE_LINE_SCHEMES: [&str; 5] = ["digest", "aws4-hmac-sha256", "hmac", "oauth", "signature"];
/// The longest value of a header, in bytes.
const LONGEST_HEADER: usize = 8192;
/// How far the options of curl are looked for, in bytes.
const LONGEST_COMMAND: usize = 2048;
/// The longest part of an address before its host, in bytes.
const LONGEST_USERINFO: usize = 512;
/// The shortest name before a host that may be a key, in bytes.
const LEAST_LONE_KEY: usize = 16;

/// The credential of an `Authorization` header whose name ends at a place.
pub(super) fn authorization(view: &View<'_>, name_end: usize) -> Option<Range<usize>> {
    let Opening { start, .. } = opening(view, name_end)?;
    let bytes = view.bytes();
    let line_end = view.line_end(start).min(start + LONGEST_HEADER);
    let scheme = bytes[start..line_end].iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
    let named = |schemes: &[&str]| {
        schemes.iter().any(|name| bytes[start..start + scheme].eq_ignore_ascii_case(name.as_bytes()))
    };
    let spaces = bytes[start + scheme..line_end].iter().take_while(|byte| **byte == b' ').count();
    let behind = start + scheme + spaces;
    if named(&WHOLE_LINE_SCHEMES) && spaces > 0 {
        return credential(view, behind..line_end, 4);
    }
    if named(&ONE_WORD_SCHEMES) && spaces > 0 {
        return credential(view, behind..run_end(view, behind, is_credential, 8, LONGEST_HEADER), 4);
    }
    let end = run_end(view, start, is_credential, 0, LONGEST_HEADER);
    let stands_alone = bytes.get(end).is_none_or(|byte| !matches!(byte, b' ' | b'\t')) || end == line_end;
    credential(view, start..end, 8).filter(|found| stands_alone || looks_random(&bytes[found.clone()]))
}

/// The credential behind the word `Bearer` where no header's name stands before it.
pub(super) fn bearer(view: &View<'_>, word_end: usize) -> Option<Range<usize>> {
    let end = run_end(view, word_end, is_token, 16, LONGEST_HEADER);
    credential(view, word_end..end, 16).filter(|found| looks_random(&view.bytes()[found.clone()]))
}

/// The value of a `Cookie` or `Set-Cookie` header whose name ends at a place.
pub(super) fn cookie(view: &View<'_>, name: &Range<usize>) -> Option<Range<usize>> {
    let opening = opening(view, name.end)?;
    let bytes = view.bytes();
    if !bytes[name.end..opening.start].contains(&b':') {
        return None;
    }
    let line_end = view.line_end(opening.start).min(opening.start + LONGEST_HEADER);
    let value = &bytes[opening.start..line_end];
    let line_start = view.line_start(name.start);
    // The quote that was opened before the header's name, as curl's arguments have it.
    let around = bytes[line_start..name.start].iter().rev().take(5).find(|byte| matches!(byte, b'"' | b'\''));
    let end = match (opening.quote, around) {
        (Some(_), _) => value_end(view, &opening, name.start),
        (None, Some(quote)) => opening.start + value.iter().position(|byte| byte == quote).unwrap_or(value.len()),
        (None, None) => line_end,
    };
    let found = credential(view, opening.start..end, 6)?;
    bytes[found.clone()].contains(&b'=').then_some(found)
}

/// The password in an address whose `://` ends at a place.
pub(super) fn address(view: &View<'_>, start: usize) -> Option<Range<usize>> {
    let bytes = view.bytes();
    let end =
        run_end(view, start, |byte| is_authority(byte) && !matches!(byte, b'/' | b'?' | b'#'), 0, LONGEST_USERINFO);
    let authority = &bytes[start..end];
    let colon = colon_outside_markers(authority);
    let (at, secret) = match (authority.iter().rposition(|byte| *byte == b'@'), colon) {
        (Some(at), Some(colon)) if colon < at => (at, colon + 1),
        (Some(at), _) => (at, 0),
        // A port has digits only: what else stands there is a password with a slash in it.
        (None, Some(colon)) if !authority[colon + 1..].iter().all(u8::is_ascii_digit) => {
            let end = run_end(view, start, is_authority, 0, LONGEST_USERINFO);
            (bytes[start..end].iter().rposition(|byte| *byte == b'@')?, colon + 1)
        }
        _ => return None,
    };
    let found = start + secret..start + at;
    let value = &bytes[found.clone()];
    let is_stand_in = matches!(value.first(), None | Some(b'$' | b'{' | b'<' | b'*')) || starts_with_marker(value);
    let counts = secret > 0 || (value.len() >= LEAST_LONE_KEY && looks_random(value));
    (!is_stand_in && counts).then_some(found)
}

/// The passwords and cookies among the options of a curl that stands at a place, and how far was looked.
pub(super) fn curl(view: &View<'_>, start: usize) -> (Vec<Range<usize>>, usize) {
    let bytes = view.bytes();
    let limit = bytes.len().min(start + LONGEST_COMMAND);
    let mut found = Vec::new();
    for place in start..limit {
        let begins = bytes[place] == b'-'
            && (place == 0 || bytes[place - 1].is_ascii_whitespace() || view.breaks_before(place) > 0);
        if !begins {
            continue;
        }
        let rest = &bytes[place..limit];
        let options: [(&[u8], bool); 7] = [
            (b"--proxy-user", true),
            (b"--user", true),
            (b"--cookie", false),
            (b"-U", true),
            (b"-u", true),
            (b"-b", false),
            (b"--oauth2-bearer", false),
        ];
        let Some((option, has_user)) = options.into_iter().find(|(option, _)| rest.starts_with(option)) else {
            continue;
        };
        let behind = place + option.len();
        let spaces = bytes[behind..limit].iter().take(4).take_while(|byte| matches!(byte, b' ' | b'=')).count();
        if spaces == 0 && option.len() > 2 {
            continue;
        }
        let slashes = bytes[behind + spaces..limit].iter().take_while(|byte| **byte == b'\\').count();
        let from = behind + spaces + slashes;
        let argument = match bytes[from..limit].first() {
            Some(quote @ (b'"' | b'\'')) => {
                let length = bytes[from + 1..limit].iter().position(|byte| byte == quote || *byte == b'\\');
                from + 1..length.map_or(limit, |length| from + 1 + length)
            }
            _ => from..run_end(view, from, is_argument, 0, LONGEST_HEADER).min(limit),
        };
        let value = &bytes[argument.clone()];
        let colon = colon_outside_markers(value);
        let secret = match (has_user, colon) {
            (true, Some(colon)) => argument.start + colon + 1..argument.end,
            (false, _) if value.contains(&b'=') || looks_random(value) => argument,
            _ => continue,
        };
        found.extend(credential(view, secret, 1));
    }
    (found, limit)
}

/// The password in the options of a mysql whose name begins at a place, as in `mysqldump -u root -psecret`, and how far
/// was looked.
pub(super) fn mysql(view: &View<'_>, name: &Range<usize>) -> (Option<Range<usize>>, usize) {
    let bytes = view.bytes();
    if !view.begins_word(name.start, |byte| byte.is_ascii_alphanumeric() || byte == b'_') {
        return (None, name.end);
    }
    let limit = view.line_end(name.start).min(name.start + LONGEST_COMMAND);
    let ends = |byte: &u8| matches!(byte, b'|' | b';' | b'&');
    let end = bytes[name.end..limit].iter().position(ends).map_or(limit, |length| name.end + length);
    let option = bytes[name.end..end].windows(3).position(|three| three == b" -p");
    let password = option.and_then(|option| {
        let place = name.end + option + 3;
        let quotes = bytes[place..limit].iter().take(2).take_while(|byte| matches!(byte, b'"' | b'\'')).count();
        let length = bytes[place + quotes..limit].iter().take_while(|byte| is_argument(**byte)).count();
        let found = place + quotes..place + quotes + length;
        // What compilers take beside a library of that name.
        let is_flag = matches!(&bytes[found.clone()], b"thread" | b"ipe");
        credential(view, found, 4).filter(|_| !is_flag)
    });
    (password, end)
}

/// A credential, unless it is short, taken out already, or a variable that stands for one.
fn credential(view: &View<'_>, range: Range<usize>, least: usize) -> Option<Range<usize>> {
    let value = view.bytes().get(range.clone())?;
    let is_stand_in = matches!(value.first(), Some(b'$' | b'{' | b'<' | b'*')) || starts_with_marker(value);
    (value.len() >= least && !is_stand_in).then_some(range)
}

/// The letters of `token68` (RFC 9110, section 11.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

fn is_credential(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'' | b'`' | b'\\' | b',' | b'}' | b'<' | b'>')
}

fn is_authority(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'' | b'`' | b'<' | b'>' | b'\\')
}

fn is_argument(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'')
}
