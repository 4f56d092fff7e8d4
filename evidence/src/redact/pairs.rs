//! Settings with a secret's name: `API_KEY=…`, `"password": "…"`, `--token …`, `<password>…</password>`, and the
//! `login … password …` of a netrc.

use std::ops::Range;

use super::entropy::{entropy, looks_random};
use super::marker::starts_with_marker;
use super::run::is_base64;
use super::view::View;

/// Words in the names of settings whose values are passwords: people choose them, so they may be weak.
pub(super) const PASSWORD_NAMES: [&str; 6] = ["password", "passwd", "passphrase", "passcode", "pass", "pwd"];
/// Words in the names of settings whose values are keys: machines make them.
pub(super) const KEY_NAMES: [&str; 22] = [
    "secret",
    "token",
    "credential",
    "apikey",
    "api_key",
    "api-key",
    "accesskey",
    "access_key",
    "access-key",
    "privatekey",
    "private_key",
    "private-key",
    "auth_key",
    "authkey",
    "signing_key",
    "encryption_key",
    "master_key",
    "account_key",
    "accountkey",
    "shared_key",
    "sessionid",
    "auth",
];
/// Of these, those that are parts of other words too.
const SHORT_NAMES: [&str; 3] = ["pass", "pwd", "auth"];
/// The longest part of a name behind the word, in bytes.
const LONGEST_SUFFIX: usize = 32;
/// How much of a value decides whether it is a secret, in bytes; all of it is taken out.
const LONGEST_VALUE: usize = 1024;
/// The most spaces or quotes that are looked over between name and value.
const LONGEST_SEPARATOR: usize = 8;
/// How far an element's attributes, or the login before a password, are looked through, in bytes.
const LONGEST_TAG: usize = 128;
/// Where a line is so wide that a terminal may have broken it, in bytes.
const WIDE: usize = 72;

/// Where a value begins, and how it is quoted.
pub(super) struct Opening {
    pub(super) start: usize,
    /// The quote, and how many backslashes stand before it.
    pub(super) quote: Option<(u8, usize)>,
}

/// The secret behind a name that stands at a place, if there is one.
pub(super) fn read(view: &View<'_>, word: &Range<usize>, is_password: bool) -> Option<Range<usize>> {
    let bytes = view.bytes();
    if view.next_gap(word.start) < word.end || !is_own_word(view, word) {
        return None;
    }
    let line_end = view.line_end(word.end - 1);
    let suffix = bytes[word.end..line_end].iter().take(LONGEST_SUFFIX).take_while(|byte| is_name(**byte)).count();
    let name_end = word.end + suffix;
    if !is_suffix(&bytes[word.end..name_end]) || is_verdict(view, word) {
        return None;
    }
    // `ED` of `PASSED` is no word; `Value` of `tokenValue` is.
    if bytes[word.end - 1].is_ascii_uppercase() && bytes[word.end..name_end].first().is_some_and(u8::is_ascii_uppercase)
    {
        return None;
    }
    let opening = opening(view, name_end)
        .or_else(|| argument(view, word.start, name_end))
        .or_else(|| element(view, word.start, name_end))
        .or_else(|| netrc(view, word.start, name_end));
    // A value that a line break took away from its name has to look like a key.
    let is_password = is_password && opening.is_some();
    let opening = opening.or_else(|| on_next_line(view, name_end))?;
    let end = value_end(view, &opening, word.start);
    let value = &bytes[opening.start..end];
    if !is_secret(value, is_password, opening.quote.is_some()) {
        return None;
    }
    let rest = match end - opening.start {
        LONGEST_VALUE => bytes[end..].iter().take_while(|byte| !is_end(**byte)).count(),
        _ => 0,
    };
    Some(opening.start..end + rest)
}

/// Whether a value of a setting of this name is to be taken out.
pub(super) fn is_secret_setting(name: &str, value: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let names = |words: &[&str]| {
        words.iter().any(|word| {
            name.rfind(word).is_some_and(|at| {
                let begins = at == 0 || !name.as_bytes()[at - 1].is_ascii_alphanumeric();
                is_suffix(&name.as_bytes()[at + word.len()..]) && (begins || !SHORT_NAMES.contains(word))
            })
        })
    };
    let is_password = names(&PASSWORD_NAMES);
    (is_password || names(&KEY_NAMES)) && is_secret(value.as_bytes(), is_password, true)
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// `pass` of `bypass` and `auth` of `author` are no words of their own.
fn is_own_word(view: &View<'_>, word: &Range<usize>) -> bool {
    let bytes = view.bytes();
    let text = &bytes[word.clone()];
    if !SHORT_NAMES.iter().any(|short| text.eq_ignore_ascii_case(short.as_bytes())) {
        return true;
    }
    let hump = text[0].is_ascii_uppercase() && word.start > 0 && bytes[word.start - 1].is_ascii_lowercase();
    hump || view.begins_word(word.start, |byte| byte.is_ascii_alphanumeric())
}

/// `PASS:` as test runners say it.
fn is_verdict(view: &View<'_>, word: &Range<usize>) -> bool {
    let bytes = view.bytes();
    &bytes[word.clone()] == b"PASS" && bytes.get(word.end) == Some(&b':') && view.begins_word(word.start, is_name)
}

/// Whether a name goes on as names do: `_FILE`, `2`, `Value`, a plural; `izer` makes another word of it.
fn is_suffix(suffix: &[u8]) -> bool {
    match suffix {
        [] | [b's' | b'S'] => true,
        [first, ..] => matches!(first, b'_' | b'-' | b'.' | b'0'..=b'9' | b'A'..=b'Z') && !is_about(suffix),
    }
}

/// What is told of a secret and is none: how many, how long, of which kind.
fn is_about(suffix: &[u8]) -> bool {
    let about: [&[u8]; 12] = [
        b"_count",
        b"_type",
        b"_length",
        b"_len",
        b"_id",
        b"_name",
        b"_path",
        b"_url",
        b"_uri",
        b"_endpoint",
        b"_file",
        b"_dir",
    ];
    about
        .iter()
        .any(|word| suffix.len() >= word.len() && suffix[suffix.len() - word.len()..].eq_ignore_ascii_case(word))
}

/// Where the value begins of a name that ends at a place and is followed by `=` or `:`.
pub(super) fn opening(view: &View<'_>, name_end: usize) -> Option<Opening> {
    let limit = view.line_end(name_end - 1);
    behind_sign(view, name_end).filter(|place| *place < limit).map(|place| quoted(view.bytes(), place, limit))
}

/// Where the value begins of a name that a line break follows behind `=` or `:`. It is all that its line holds: anything
/// else is the next setting, or the prose that goes on.
fn on_next_line(view: &View<'_>, name_end: usize) -> Option<Opening> {
    let bytes = view.bytes();
    let place = behind_sign(view, name_end)?;
    if place != view.line_end(name_end - 1) || view.breaks_before(place) != 1 {
        return None;
    }
    let line = &bytes[place..view.line_end(place)];
    let padding = line.iter().rev().take_while(|byte| **byte == b'=').count();
    let is_value = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'=' | b':');
    line[..line.len() - padding].iter().all(is_value).then_some(Opening { start: place, quote: None })
}

/// Where the value begins of an element of XML.
fn element(view: &View<'_>, word_start: usize, name_end: usize) -> Option<Opening> {
    let bytes = view.bytes();
    let name =
        bytes[..word_start].iter().rev().take(LONGEST_SUFFIX).take_while(|byte| is_name(**byte) || **byte == b':');
    let name_start = word_start - name.count();
    let attributes = bytes[name_end..].iter().take(LONGEST_TAG).take_while(|byte| !matches!(byte, b'<' | b'>')).count();
    let place = name_end + attributes;
    let is_tag = name_start > 0 && bytes[name_start - 1] == b'<' && bytes.get(place) == Some(&b'>');
    let is_named = attributes == 0 || bytes[name_end] == b' ' && bytes[place - 1] != b'/';
    (is_tag && is_named && place + 1 < bytes.len()).then_some(Opening { start: place + 1, quote: Some((b'<', 0)) })
}

/// Where the value begins of a netrc's `password`: behind a login or a machine on the same line or the one before.
fn netrc(view: &View<'_>, word_start: usize, name_end: usize) -> Option<Opening> {
    let bytes = view.bytes();
    let line_start = view.line_start(word_start);
    let begins_line = bytes[line_start..word_start].iter().all(u8::is_ascii_whitespace);
    let from = if begins_line { view.line_start(line_start.checked_sub(1)?) } else { line_start };
    let before = &bytes[from.max(word_start.saturating_sub(LONGEST_TAG))..word_start];
    let mut words = before.rsplit(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).skip(1);
    let has_login = words.next().is_some_and(|word| matches!(word, b"login" | b"machine" | b"account"));
    let place = name_end + 1;
    (has_login && bytes.get(name_end) == Some(&b' ') && place < view.line_end(name_end - 1))
        .then_some(Opening { start: place, quote: None })
}

/// What follows the `=` or `:` behind a name that ends at a place, and the spaces there.
fn behind_sign(view: &View<'_>, name_end: usize) -> Option<usize> {
    let bytes = view.bytes();
    let limit = view.line_end(name_end - 1);
    let skip = |from: usize, skipped: fn(&u8) -> bool| {
        from + bytes[from..limit].iter().take(LONGEST_SEPARATOR).take_while(|byte| skipped(byte)).count()
    };
    let place = skip(name_end, |byte| matches!(byte, b'\\' | b'"' | b'\'' | b'`' | b']'));
    let place = skip(place, |byte| matches!(byte, b' ' | b'\t'));
    if !matches!(bytes[place..limit].first(), Some(b'=' | b':')) {
        return None;
    }
    // `::` joins the parts of a path.
    if bytes[place..limit].starts_with(b"::") {
        return None;
    }
    let place = skip(place, |byte| matches!(byte, b'=' | b':' | b'>'));
    Some(skip(place, |byte| matches!(byte, b' ' | b'\t')))
}

/// Where the value begins of an option that is followed by its argument.
fn argument(view: &View<'_>, word_start: usize, name_end: usize) -> Option<Opening> {
    let bytes = view.bytes();
    let line_start = view.line_start(word_start);
    let name = bytes[line_start..word_start].iter().rev().take(LONGEST_SUFFIX).take_while(|byte| is_name(**byte));
    let name_start = word_start - name.count();
    let limit = view.line_end(name_end - 1);
    let is_option = bytes[name_start..name_end].starts_with(b"-");
    let place = name_end + 1;
    (is_option && bytes.get(name_end) == Some(&b' ') && place < limit).then(|| quoted(bytes, place, limit))
}

fn quoted(bytes: &[u8], place: usize, limit: usize) -> Opening {
    let slashes = bytes[place..limit].iter().take(LONGEST_SEPARATOR).take_while(|byte| **byte == b'\\').count();
    match bytes[place + slashes..limit].first() {
        Some(quote @ (b'"' | b'\'' | b'`')) => Opening { start: place + slashes + 1, quote: Some((*quote, slashes)) },
        _ => Opening { start: place, quote: None },
    }
}

/// Where a value ends: at its quote, else where the next word or sign begins.
pub(super) fn value_end(view: &View<'_>, opening: &Opening, name_start: usize) -> usize {
    let bytes = view.bytes();
    let limit = bytes.len().min(opening.start + LONGEST_VALUE);
    if let Some((quote, slashes)) = opening.quote {
        for end in opening.start..limit {
            if view.breaks_before(end) > 1 {
                break;
            }
            if bytes[end] == quote {
                let before = bytes[opening.start..end].iter().rev().take_while(|byte| **byte == b'\\').count();
                if before <= slashes {
                    return end - before;
                }
            }
        }
    }
    // A line of an environment file holds nothing else.
    let line_start = view.line_start(name_start);
    let is_whole_line = opening.quote.is_none()
        && bytes.get(opening.start.wrapping_sub(1)) == Some(&b'=')
        && name_start - line_start <= LONGEST_SUFFIX
        && bytes[line_start..name_start].iter().all(|byte| is_name(*byte));
    let ends: fn(u8) -> bool = if is_whole_line { is_space } else { is_end };
    let mut end = opening.start;
    loop {
        let stop = view.next_gap(end).min(limit);
        end += bytes[end..stop].iter().take_while(|byte| !ends(**byte)).count();
        if end < stop || end >= limit {
            return end;
        }
        if view.breaks_before(end) == 0 {
            continue;
        }
        let ahead = bytes[end..view.line_end(end).min(limit)].iter().take_while(|byte| is_base64(**byte)).count();
        let was_wide = end - view.line_start(end - 1) >= WIDE;
        if view.breaks_before(end) > 1 || !was_wide || !looks_random(&bytes[end..end + ahead]) {
            return end;
        }
    }
}

fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace()
}

fn is_end(byte: u8) -> bool {
    is_space(byte) || matches!(byte, b'"' | b'\'' | b'`' | b',' | b';' | b'&' | b'<' | b'>' | b')' | b'}' | b'\\')
}

fn is_secret(value: &[u8], is_password: bool, is_quoted: bool) -> bool {
    if starts_with_marker(value) || is_stand_in(value, is_quoted) {
        return false;
    }
    let has_letter = value.iter().any(u8::is_ascii_alphabetic);
    let is_mixed = value.iter().any(|byte| !byte.is_ascii_alphabetic() && *byte != b' ');
    if is_password {
        let words = value.iter().filter(|byte| **byte == b' ').count();
        let is_noise = is_mixed || (looks_random(value) && (is_quoted || !is_camel_case(value)));
        return value.len() >= 6 && has_letter && is_noise && words < 4 && !is_reference(value);
    }
    // Entropy is bound by the length: ten letters have 3.3 bits at most.
    let least_entropy = if value.len() >= 20 && !value.iter().all(u8::is_ascii_hexdigit) { 3.5 } else { 2.9 };
    let is_noise = value.len() >= 10 && looks_random(value) && entropy(value) >= least_entropy;
    !value.contains(&b' ') && is_noise && !is_slug(value) && !is_reference(value)
}

/// What stands for a secret and is none: a variable, a call, a mask, a path, an address.
fn is_stand_in(value: &[u8], is_quoted: bool) -> bool {
    let is_path = value.starts_with(b"./")
        || value.starts_with(b"~/")
        || (value.starts_with(b"/") && value[1..].contains(&b'/') && !looks_random(value));
    let is_mask = value.iter().all(|byte| matches!(byte, b'*' | b'x' | b'X' | b'.' | b'#' | b'-'));
    is_path
        || is_mask
        || matches!(value.first(), Some(b'$' | b'{' | b'<' | b'%' | b'*' | b'('))
        || is_said_to_be_gone(value)
        || value.windows(3).any(|three| three == b"://")
        || (!is_quoted && value.contains(&b'('))
}

/// `[FILTERED]`, as others say it.
fn is_said_to_be_gone(value: &[u8]) -> bool {
    let inner = value.strip_prefix(b"[").map(|rest| rest.strip_suffix(b"]").unwrap_or(rest));
    inner.is_some_and(|inner| inner.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b' ' | b'*')))
}

/// Code that names a secret: `config.db.password2`, `process.env.TOKEN_V2`.
fn is_reference(value: &[u8]) -> bool {
    let parts = || value.split(|byte| matches!(byte, b'.' | b':'));
    let is_identifier = |part: &[u8]| {
        part.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_')
            && part.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            && part.iter().filter(|byte| byte.is_ascii_digit()).count() <= 1
    };
    value.contains(&b'.') && parts().filter(|part| !part.is_empty()).all(is_identifier) && entropy(value) < 4.2
}

/// Words that are written as one: `readUserPassword`.
fn is_camel_case(value: &[u8]) -> bool {
    let is_word = |word: &[u8]| word.len() >= 3 && word[1..].iter().all(u8::is_ascii_lowercase);
    value.chunk_by(|_, next| !next.is_ascii_uppercase()).all(is_word)
}

/// A name of small words: `my-app-tls-v2`.
fn is_slug(value: &[u8]) -> bool {
    let is_small_word = |part: &[u8]| {
        let digits = part.iter().filter(|byte| byte.is_ascii_digit()).count();
        part.len() <= 14
            && (digits == part.len() && digits < 5
                || digits <= 2 && part.iter().rev().take(digits).all(u8::is_ascii_digit))
    };
    let is_small = |byte: &u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.' | b'/' | b':')
    };
    value.iter().all(is_small)
        && value.iter().any(|byte| matches!(byte, b'-' | b'_' | b'.' | b'/'))
        && value.split(|byte| matches!(byte, b'-' | b'_' | b'.' | b'/' | b':')).all(is_small_word)
}
