//! The keys that can be told by their beginning.

use std::ops::Range;

use super::entropy::{entropy, looks_random};
use super::run::{Class, is_alnum, is_base64, is_url_safe, is_word, run_end};
use super::view::View;

/// A kind of key.
pub(super) struct Format {
    /// Its name in a marker.
    pub(super) rule: &'static str,
    /// What it begins with.
    pub(super) prefixes: &'static [&'static str],
    /// What it goes on with.
    body: Class,
    /// The fewest bytes of its body.
    least: usize,
    /// The most bytes of its body.
    most: usize,
    /// Whether the prefix is so short that it has to begin a word.
    begins_word: bool,
    is_body: fn(&[u8]) -> bool,
}

const fn format(
    rule: &'static str,
    prefixes: &'static [&'static str],
    body: Class,
    (least, most): (usize, usize),
) -> Format {
    Format { rule, prefixes, body, least, most, begins_word: false, is_body: is_anything }
}

impl Format {
    const fn at_word(self) -> Self {
        Self { begins_word: true, ..self }
    }

    const fn if_body(self, is_body: fn(&[u8]) -> bool) -> Self {
        Self { is_body, ..self }
    }
}

/// The kinds that are known. Lengths are what the issuers document or hand out, with room for longer ones where a line
/// break cannot swallow the next line; a shorter rest is no key any more.
pub(super) static FORMATS: &[Format] = &[
    format("anthropic", &["sk-ant-"], is_url_safe, (20, 200)),
    format("openai", &["sk-proj-", "sk-svcacct-", "sk-admin-", "sk-None-"], is_url_safe, (20, 256)),
    format("openai", &["sk-"], is_url_safe, (32, 256)).at_word().if_body(is_noise),
    format("github", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], is_alnum, (36, 36)),
    format("github", &["github_pat_"], is_word, (36, 82)),
    format("google", &["AIza"], is_url_safe, (35, 35)),
    format("google", &["GOCSPX-"], is_url_safe, (28, 28)),
    format("google", &["ya29."], is_url_safe, (20, 512)),
    format("aws", &["AKIA", "ASIA", "ABIA", "ACCA"], is_key_id, (16, 16)).at_word(),
    format(
        "slack",
        &["xoxa-", "xoxb-", "xoxc-", "xoxd-", "xoxe-", "xoxe.xoxp-", "xoxp-", "xoxr-", "xoxs-", "xapp-"],
        is_slack,
        (10, 256),
    ),
    format("slack", &["hooks.slack.com/services/", "hooks.slack.com/workflows/"], is_base64, (20, 128)),
    format(
        "discord",
        &[
            "discord.com/api/webhooks/",
            "discord.com/api/v9/webhooks/",
            "discord.com/api/v10/webhooks/",
            "discordapp.com/api/webhooks/",
        ],
        is_base64,
        (70, 128),
    ),
    format("npm", &["npm_"], is_alnum, (36, 36)),
    format("pypi", &["pypi-Ag"], is_url_safe, (40, 512)),
    format("huggingface", &["hf_"], is_alnum, (34, 40)).at_word(),
    format(
        "gitlab",
        &["glpat-", "gldt-", "glptt-", "glrt-", "glcbt-", "glsoat-", "glimt-", "glagent-"],
        is_gitlab,
        (20, 128),
    ),
    format("stripe", &["sk_live_", "sk_test_", "rk_live_", "rk_test_", "whsec_"], is_alnum, (16, 247)),
    format("sendgrid", &["SG."], is_dotted, (60, 69)).at_word().if_body(is_noise),
    format("digitalocean", &["dop_v1_", "doo_v1_", "dor_v1_"], is_alnum, (64, 64)),
    format("docker", &["dckr_pat_", "dckr_oat_"], is_url_safe, (27, 40)),
    format("vault", &["hvs.", "hvb."], is_url_safe, (24, 300)).at_word().if_body(is_noise),
    format("xai", &["xai-"], is_alnum, (64, 100)).at_word(),
    format("groq", &["gsk_"], is_alnum, (40, 64)).at_word(),
    format("nvidia", &["nvapi-"], is_url_safe, (40, 80)).at_word(),
    format("perplexity", &["pplx-"], is_alnum, (40, 64)).at_word(),
    format("replicate", &["r8_"], is_alnum, (37, 40)).at_word(),
    format("linear", &["lin_api_"], is_alnum, (32, 48)),
    format("sentry", &["sntrys_", "sntryu_"], is_base64, (32, 256)),
    format("shopify", &["shpat_", "shpss_", "shpca_", "shppa_"], is_alnum, (32, 32)),
    format("tailscale", &["tskey-"], is_url_safe, (20, 80)),
    format("rubygems", &["rubygems_"], is_alnum, (48, 48)),
    format("age", &["AGE-SECRET-KEY-1"], is_alnum, (58, 58)),
    format("telegram", &[":AAE", ":AAF", ":AAG", ":AAH"], is_url_safe, (31, 32)).if_body(is_noise),
];

/// What stands beside an AWS key id within this many bytes may be its secret.
const NEAR: usize = 400;
/// The length of an AWS secret key.
const AWS_SECRET: usize = 40;

fn is_anything(_: &[u8]) -> bool {
    true
}

fn is_noise(body: &[u8]) -> bool {
    body.iter().filter(|byte| byte.is_ascii_digit()).count() >= 2 && entropy(body) >= 3.5
}

fn is_key_id(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

fn is_slack(byte: u8) -> bool {
    is_base64(byte) || byte == b'%'
}

fn is_gitlab(byte: u8) -> bool {
    is_url_safe(byte) || byte == b'.'
}

fn is_dotted(byte: u8) -> bool {
    is_url_safe(byte) || byte == b'.'
}

fn is_aws_secret(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'+')
}

/// The key whose prefix stands at a place, if it is one.
pub(super) fn read(view: &View<'_>, format: &Format, prefix: &Range<usize>) -> Option<Range<usize>> {
    if format.begins_word && !view.begins_word(prefix.start, is_url_safe) {
        return None;
    }
    let bytes = view.bytes();
    let end = run_end(view, prefix.end, format.body, format.least, format.most);
    let body = bytes.get(prefix.end..end)?;
    let body = body.strip_suffix(b".").unwrap_or(body);
    let long_enough = body.len() >= format.least && (format.is_body)(body);
    // A word of exactly this length, and not a longer one.
    let ends = !(format.begins_word && format.least == format.most)
        || bytes.get(end).is_none_or(|byte| !is_word(*byte))
        || view.breaks_before(end) > 0;
    (long_enough && ends).then_some(prefix.start..prefix.end + body.len())
}

/// The secret keys around an AWS key id: 40 characters of base64 that look drawn at random.
pub(super) fn aws_secrets(view: &View<'_>, id: &Range<usize>) -> Vec<Range<usize>> {
    let bytes = view.bytes();
    let limit = bytes.len().min(id.end + NEAR);
    let mut found = Vec::new();
    let mut place = id.start.saturating_sub(NEAR);
    while place < limit {
        if !is_aws_secret(bytes[place]) {
            place += 1;
            continue;
        }
        let end = run_end(view, place, is_aws_secret, 1, AWS_SECRET + 1);
        let run = &bytes[place..end];
        if run.len() == AWS_SECRET && looks_random(run) && has_all_kinds(run) && entropy(run) > 4.0 {
            found.push(place..end);
        }
        // Past the whole run: a longer one is something else.
        place = end + bytes[end..limit.max(end)].iter().take_while(|byte| is_aws_secret(**byte)).count();
    }
    found
}

fn has_all_kinds(run: &[u8]) -> bool {
    run.iter().any(u8::is_ascii_uppercase)
        && run.iter().any(u8::is_ascii_lowercase)
        && run.iter().any(u8::is_ascii_digit)
}
