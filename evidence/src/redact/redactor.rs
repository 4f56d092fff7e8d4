//! The redactor: finds the cues, asks their readers, and writes markers in place of secrets.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use super::formats::{FORMATS, Format, aws_secrets};
use super::literals::Literals;
use super::marker::{ADDRESS, AWS, COOKIE, CURL, HEADER, JWT, KEY_BLOCK, MYSQL, OWN, SETTING};
use super::own::forms;
use super::tag::tag;
use super::view::View;
use super::{base64, formats, headers, jwt, key_block, pairs};

/// How often a text is looked at again after something was taken out: what stood torn apart by it may join. Two passes
/// are the rule; only text that was made for it has so many layers that a second redaction would take out more.
const MOST_PASSES: usize = 16;
/// How often base64 within base64 is decoded.
const DEEPEST_CODE: usize = 2;

/// Takes secrets out of text. It does an amount of work that grows with the text's length alone, it takes nothing out
/// twice, and it never fails.
pub struct Redactor {
    cues: Literals<Cue>,
    key: Option<[u8; 32]>,
}

/// What a literal that was found may be the beginning of.
enum Cue {
    Own { text: Vec<u8>, is_exact: bool },
    Format(&'static Format, &'static str),
    Jwt,
    KeyBlock,
    Authorization,
    Bearer,
    Cookie,
    Curl,
    Mysql,
    Address,
    Setting { is_password: bool },
}

/// A secret in a view.
struct Hit {
    range: Range<usize>,
    rule: &'static str,
}

/// Shows no secret.
impl fmt::Debug for Redactor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = self.cues.values().filter(|cue| matches!(cue, Cue::Own { .. })).count();
        formatter.debug_struct("Redactor").field("own_forms", &own).finish_non_exhaustive()
    }
}

impl Default for Redactor {
    fn default() -> Self {
        Self::new(std::iter::empty::<&str>())
    }
}

impl Redactor {
    /// Makes one that knows the forms of secrets, and these secrets of our own. Those below 8 bytes are passed over.
    pub fn new<S: AsRef<str>>(own_secrets: impl IntoIterator<Item = S>) -> Self {
        let mut cues = Vec::new();
        let mut add = |pattern: &[u8], cue: Cue| cues.push((pattern.to_ascii_lowercase(), cue));
        for format in FORMATS {
            for prefix in format.prefixes {
                add(prefix.as_bytes(), Cue::Format(format, prefix));
            }
        }
        for (pattern, cue) in [
            (jwt::CUE, Cue::Jwt),
            (key_block::CUE, Cue::KeyBlock),
            ("authorization", Cue::Authorization),
            ("bearer ", Cue::Bearer),
            ("cookie", Cue::Cookie),
            ("curl ", Cue::Curl),
            ("mysql", Cue::Mysql),
            ("mariadb", Cue::Mysql),
            ("://", Cue::Address),
        ] {
            add(pattern.as_bytes(), cue);
        }
        for name in pairs::PASSWORD_NAMES {
            add(name.as_bytes(), Cue::Setting { is_password: true });
        }
        for name in pairs::KEY_NAMES {
            add(name.as_bytes(), Cue::Setting { is_password: false });
        }
        for form in own_secrets.into_iter().flat_map(|secret| forms(secret.as_ref())) {
            let is_exact = form.is_exact;
            add(&form.text.clone(), Cue::Own { text: form.text, is_exact });
        }
        Self { cues: Literals::new(cues), key: None }
    }

    /// Adds the key that makes equal secrets tell themselves equal: `[REDACTED:rule:8 hex digits]`. Without one a
    /// marker has the rule alone.
    #[must_use]
    pub fn with_key(self, key: [u8; 32]) -> Self {
        Self { key: Some(key), ..self }
    }

    /// The text with a marker in place of each secret; the text itself where it has none.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Some(mut redacted) = self.pass(text) else {
            return Cow::Borrowed(text);
        };
        for _ in 1..MOST_PASSES {
            match self.pass(&redacted) {
                Some(further) => redacted = further,
                None => break,
            }
        }
        Cow::Owned(redacted)
    }

    /// The marker for a value that is a secret as a whole.
    pub(super) fn marker_for(&self, secret: &str) -> String {
        self.marker(SETTING, secret.as_bytes())
    }

    /// None where nothing is to be taken out.
    fn pass(&self, text: &str) -> Option<String> {
        let view = View::of(text);
        let hits = joined(self.hits(&view, 0));
        if hits.is_empty() {
            return None;
        }
        let mut out = String::with_capacity(text.len());
        let mut from = 0;
        for Hit { range, rule } in hits {
            let origin = view.origin(&range);
            let (start, end) = (text.floor_char_boundary(origin.start).max(from), text.ceil_char_boundary(origin.end));
            out.push_str(&text[from..start]);
            out.push_str(&self.marker(rule, &view.bytes()[range]));
            from = end;
        }
        out.push_str(&text[from..]);
        Some(out)
    }

    fn marker(&self, rule: &str, secret: &[u8]) -> String {
        match &self.key {
            Some(key) => format!("[REDACTED:{rule}:{}]", tag(key, secret)),
            None => format!("[REDACTED:{rule}]"),
        }
    }

    fn hits(&self, view: &View<'_>, depth: usize) -> Vec<Hit> {
        let mut hits = Vec::new();
        let mut marks = Vec::new();
        // Where each kind of reader is to begin again: what it has taken or looked through is not looked at twice.
        let mut done: BTreeMap<&'static str, usize> = BTreeMap::new();
        let small = view.bytes().to_ascii_lowercase();
        self.cues.each(&small, |place, cue| {
            let text = &view.bytes()[place.clone()];
            let rule = cue.rule();
            if done.get(rule).is_some_and(|done| place.start < *done) {
                return;
            }
            let range = match cue {
                Cue::Own { text: own, is_exact } => (!is_exact || text == own.as_slice()).then_some(place),
                Cue::Format(format, prefix) if text == prefix.as_bytes() => formats::read(view, format, &place),
                Cue::Jwt if text == jwt::CUE.as_bytes() => jwt::read(view, place.start),
                Cue::KeyBlock if text == key_block::CUE.as_bytes() => {
                    marks.extend(key_block::mark(view, &place));
                    None
                }
                Cue::Format(..) | Cue::Jwt | Cue::KeyBlock => None,
                Cue::Authorization => headers::authorization(view, place.end),
                Cue::Bearer => headers::bearer(view, place.end),
                Cue::Cookie => headers::cookie(view, &place),
                Cue::Curl => {
                    let (secrets, looked_to) = headers::curl(view, place.end);
                    hits.extend(secrets.into_iter().map(|range| Hit { range, rule }));
                    done.insert(rule, looked_to);
                    None
                }
                Cue::Mysql => {
                    let (secret, looked_to) = headers::mysql(view, &place);
                    done.insert(rule, looked_to);
                    secret
                }
                Cue::Address => headers::address(view, place.end),
                Cue::Setting { is_password } => pairs::read(view, &place, *is_password),
            };
            if let Some(range) = range.filter(|range| !range.is_empty()) {
                // A secret of our own may begin with another one.
                if rule != OWN {
                    done.insert(rule, range.end);
                }
                if rule == AWS {
                    hits.extend(aws_secrets(view, &range).into_iter().map(|range| Hit { range, rule }));
                }
                hits.push(Hit { range, rule });
            }
        });
        hits.extend(key_block::read(view, &marks).into_iter().map(|range| Hit { range, rule: KEY_BLOCK }));
        if depth < DEEPEST_CODE {
            base64::each_decoded(view, |decoded| {
                let inner = View::of(&decoded.text);
                for Hit { range, rule } in self.hits(&inner, depth + 1) {
                    let range = decoded.letters_of(&inner.origin(&range));
                    hits.push(Hit { range: range.start..range.end.min(view.bytes().len()), rule });
                }
            });
        }
        hits
    }
}

impl Cue {
    fn rule(&self) -> &'static str {
        match self {
            Self::Own { .. } => OWN,
            Self::Format(format, _) => format.rule,
            Self::Jwt => JWT,
            Self::KeyBlock => KEY_BLOCK,
            Self::Authorization | Self::Bearer => HEADER,
            Self::Cookie => COOKIE,
            Self::Curl => CURL,
            Self::Mysql => MYSQL,
            Self::Address => ADDRESS,
            Self::Setting { .. } => SETTING,
        }
    }
}

/// The hits in order, those that overlap as one. Of these the one that begins first, and then the longest, names it.
fn joined(mut hits: Vec<Hit>) -> Vec<Hit> {
    hits.sort_by_key(|hit| (hit.range.start, usize::MAX - hit.range.end));
    let mut joined: Vec<Hit> = Vec::with_capacity(hits.len());
    for hit in hits {
        match joined.last_mut() {
            Some(last) if hit.range.start < last.range.end => last.range.end = last.range.end.max(hit.range.end),
            _ => joined.push(hit),
        }
    }
    joined
}
