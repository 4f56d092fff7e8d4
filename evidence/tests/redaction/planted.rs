//! The planted secrets, and the ways in which a log can hold them.

use crate::dice::{ALNUM, BASE64, Dice, HEX, UPPER, URL_SAFE};

/// A secret as a log has it: what stands before it, itself, what stands behind it.
#[derive(Debug, Clone)]
pub(crate) struct Planted {
    pub(crate) format: &'static str,
    pub(crate) before: String,
    /// All that has to go.
    pub(crate) secret: String,
    pub(crate) after: String,
    /// How much of its beginning everybody knows.
    pub(crate) public: usize,
    /// Whether it can be told without what stands before it, so that it may be torn apart or encoded.
    pub(crate) is_known_by_form: bool,
}

impl Planted {
    fn formed(format: &'static str, prefix: &str, body: String) -> Self {
        Self {
            format,
            before: "error: request with ".to_owned(),
            public: prefix.len(),
            secret: prefix.to_owned() + &body,
            after: " was refused".to_owned(),
            is_known_by_form: true,
        }
    }

    fn named(format: &'static str, before: &str, secret: String, after: &str) -> Self {
        let (before, after) = (before.to_owned(), after.to_owned());
        Self { format, before, public: 0, secret, after, is_known_by_form: false }
    }
}

/// Eight of each of more than twenty kinds.
pub(crate) fn planted() -> Vec<Planted> {
    let (mut dice, mut more_dice) = (Dice(7), Dice(8));
    (0..8).flat_map(|_| [one_of_each(&mut dice), named_otherwise(&mut more_dice)].concat()).collect()
}

/// Secrets that only what stands around them tells.
fn named_otherwise(dice: &mut Dice) -> Vec<Planted> {
    let letters = loop {
        let text = dice.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", 16);
        if text.as_bytes().windows(2).filter(|two| two[0].is_ascii_lowercase() && two[1].is_ascii_uppercase()).count()
            > 1
        {
            break text;
        }
    };
    let webhook = format!("{}/{}", 1_000_000_000_000_000_000 + dice.below(1 << 40), dice.text(URL_SAFE, 68));
    vec![
        Planted::named("setting", "DB_PASSWORD=", letters.clone(), ""),
        Planted::named("setting", "    <password>", letters.clone(), "</password>"),
        Planted::named("setting", "machine git.example.org login bot password ", letters, ""),
        Planted::formed("discord", "https://discord.com/api/webhooks/", webhook),
    ]
}

fn one_of_each(dice: &mut Dice) -> Vec<Planted> {
    let formed = |dice: &mut Dice, format, prefixes: &[&str], letters, length| {
        let prefix = dice.pick(prefixes);
        let body = dice.text(letters, length);
        Planted::formed(format, prefix, body)
    };
    let anthropic = format!("{}AA", dice.text(URL_SAFE, 93));
    let openai = format!("{}T3BlbkFJ{}", dice.text(ALNUM, 20), dice.text(ALNUM, 20));
    let project = format!("{}T3BlbkFJ{}", dice.text(URL_SAFE, 74), dice.text(URL_SAFE, 74));
    let slack = format!("{}-{}-{}", dice.below(1 << 40), dice.below(1 << 40), dice.text(ALNUM, 24));
    let token = format!("{}.eyJ{}.{}", dice.text(ALNUM, 33), dice.text(URL_SAFE, 80), dice.text(URL_SAFE, 43));
    let password = format!("{}7!{}", dice.text(ALNUM, 6), dice.text(ALNUM, 5));
    let key_id = format!("AKIA{}", dice.text(UPPER, 16));
    let mut all = vec![
        Planted::formed("anthropic", dice.pick(&["sk-ant-api03-", "sk-ant-admin01-"]), anthropic),
        Planted::formed("openai", "sk-", openai),
        Planted::formed("openai", "sk-proj-", project),
        formed(dice, "github", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], ALNUM, 36),
        formed(dice, "github", &["github_pat_"], ALNUM, 82),
        formed(dice, "google", &["AIza"], URL_SAFE, 35),
        formed(dice, "aws", &["AKIA", "ASIA"], UPPER, 16),
        Planted::formed("slack", dice.pick(&["xoxb-", "xoxp-", "xoxa-"]), slack),
        formed(dice, "discord", &["discord.com/api/webhooks/123456789012345678/"], URL_SAFE, 68),
        formed(dice, "npm", &["npm_"], ALNUM, 36),
        formed(dice, "pypi", &["pypi-AgEIcHlwaS5vcmc"], URL_SAFE, 150),
        formed(dice, "huggingface", &["hf_"], ALNUM, 34),
        formed(dice, "gitlab", &["glpat-"], URL_SAFE, 20),
        formed(dice, "stripe", &["sk_live_", "rk_live_"], ALNUM, 24),
        Planted::formed("jwt", "eyJ", token),
        Planted::named("aws", &format!("aws id {key_id}, secret "), mixed(dice, BASE64, 40), " used"),
        Planted::named("url", "cloning https://bot:", dice.text(ALNUM, 20), "@git.example.org/a/b.git"),
        Planted::named("url", "postgres://app:", password.clone(), "@db.internal:5432/app?sslmode=require"),
        Planted::named("header", "> Authorization: Bearer ", dice.text(URL_SAFE, 40), ""),
        Planted::named("header", "-H 'Authorization: Basic ", dice.text(BASE64, 24), "' https://x.example/"),
        Planted::named("cookie", "< Set-Cookie: ", format!("session={}; Path=/", dice.text(ALNUM, 32)), ""),
        Planted::named("curl", "+ curl -sS -u admin:", password.clone(), " https://x.example/"),
        Planted::named("setting", "export DB_PASSWORD=", password.clone(), ""),
        Planted::named("setting", "export DB_PASSWORD=", letters(dice, 18), ""),
        Planted::named("setting", "DB_PASSWORD=\n", mixed(dice, ALNUM, 18), ""),
        Planted::named("setting", "  <password>", password.clone(), "</password>"),
        Planted::named("setting", "<ds:apiKey type=\"text\">", mixed(dice, ALNUM, 32), "</ds:apiKey>"),
        Planted::named("setting", "machine git.example.org login bot password ", password.clone(), ""),
        Planted::named("setting", "machine git.example.org\n  login bot\n  password ", letters(dice, 16), ""),
        Planted::named("mysql", "+ mysqldump -h db -u root -p", password.clone(), " shop"),
        Planted::named("setting", "  \"clientSecret\": \"", mixed(dice, ALNUM, 32), "\","),
        Planted::named("setting", "{\\\"api_key\\\":\\\"", mixed(dice, HEX, 32), "\\\",\\\"n\\\":1}"),
        Planted::named("setting", "run --auth-token ", mixed(dice, ALNUM, 24), " --verbose"),
        Planted::named("setting", "x-api-key: ", mixed(dice, ALNUM, 40), ""),
    ];
    for block in ["RSA PRIVATE KEY", "OPENSSH PRIVATE KEY", "PRIVATE KEY"] {
        let mut lines: Vec<String> = (0..20).map(|_| dice.text(BASE64, 64)).collect();
        lines.push(dice.text(BASE64, 30) + "==");
        let body = format!("-----BEGIN {block}-----\n{}\n-----END {block}-----", lines.join("\n"));
        let mut key = Planted::formed("key-block", "", body);
        key.public = 11 + block.len() + 5;
        key.before = "loaded\n".to_owned();
        key.after = "\ndone".to_owned();
        all.push(key);
    }
    all
}

/// Small and capital letters, and digits, as a key of this length has them.
fn mixed(dice: &mut Dice, letters: &str, length: usize) -> String {
    loop {
        let text = dice.text(letters, length);
        let has = |is: fn(&u8) -> bool| text.as_bytes().iter().any(is);
        let has_capitals = letters == HEX || has(u8::is_ascii_uppercase);
        if has(u8::is_ascii_digit) && has(u8::is_ascii_lowercase) && has_capitals {
            return text;
        }
    }
}

/// Small and capital letters alone, as one password in twenty has them that a machine drew.
fn letters(dice: &mut Dice, length: usize) -> String {
    mixed(dice, ALNUM, length).bytes().map(|byte| char::from(if byte.is_ascii_digit() { b'g' } else { byte })).collect()
}

/// The ways in which a log holds the secret, each with a name.
pub(crate) fn ways(planted: &Planted, dice: &mut Dice) -> Vec<(String, String)> {
    let Planted { before, secret, after, .. } = planted;
    let mut ways = vec![("plain".to_owned(), format!("12:00:01 one\n{before}{secret}{after}\n12:00:02 two\n"))];
    ways.push(("windows".to_owned(), ways[0].1.replace('\n', "\r\n")));
    ways.push(("json".to_owned(), serde_json::Value::from(ways[0].1.as_str()).to_string()));
    if !planted.is_known_by_form {
        return ways;
    }
    for width in [40, 80, 120] {
        let line = format!("{}{before}{secret}{after}", "x".repeat(dice.below(width)) + " ");
        ways.push((format!("wrapped at {width}"), wrapped(&line, width, "\n")));
        ways.push((format!("wrapped at {width}, JSON"), wrapped(&line, width, "\\n")));
    }
    for _ in 0..4 {
        let at = 1 + dice.below(secret.len() - 1);
        let (head, tail) = secret.split_at(at);
        ways.push((format!("torn at {at}"), format!("{before}{head}\n    {tail}{after}\n")));
        ways.push((format!("coloured at {at}"), format!("{before}{head}\u{1b}[0m{tail}{after}\n")));
    }
    for lead in ["", ":", "u:", "us:"] {
        let code = base64(format!("{lead}{secret}{}", "\n".repeat(dice.below(3))).as_bytes());
        ways.push((format!("base64 behind {lead:?}"), format!("data {code}\n")));
        ways.push((format!("base64url behind {lead:?}"), format!("?d={}", code.replace('+', "-").replace('/', "_"))));
        ways.push((format!("base64 of 76 behind {lead:?}"), format!("data:\n{}\nend", wrapped(&code, 76, "\n"))));
    }
    ways
}

fn wrapped(line: &str, width: usize, with: &str) -> String {
    line.split('\n')
        .map(|line| {
            line.as_bytes().chunks(width).map(|part| str::from_utf8(part).unwrap()).collect::<Vec<_>>().join(with)
        })
        .collect::<Vec<_>>()
        .join("\n")
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    let code = bytes.chunks(3).flat_map(|group| {
        let bits = group.iter().chain([&0, &0]).take(3).fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte));
        (0..4).map(
            move |at| if at > group.len() { '=' } else { char::from(BASE64.as_bytes()[bits >> (18 - 6 * at) & 63]) },
        )
    });
    code.collect()
}

/// What of the secret can still be read from a text: a piece of it, plain or in base64.
pub(crate) fn leak(planted: &Planted, text: &str) -> Option<String> {
    const PIECE: usize = 10;
    let flat = |text: &str| -> String {
        let text = text.replace("\\r", "").replace("\\n", "").replace("\u{1b}[0m", "").replace("\\u001b[0m", "");
        text.chars().filter(|letter| !letter.is_whitespace()).collect()
    };
    let text = flat(text);
    let body = flat(&planted.secret[planted.public..]);
    let body = body.split("-----END").next().unwrap();
    let pieces = |body: &str, length: usize| -> Vec<String> {
        if body.len() <= length {
            vec![body.to_owned()]
        } else {
            (0..=body.len() - length).map(|at| body[at..at + length].to_owned()).collect()
        }
    };
    let code = text.replace('-', "+").replace('_', "/");
    let in_code = (0..3).flat_map(|offset| {
        let whole = base64(&[&b"xxx"[..offset], &planted.secret.as_bytes()[planted.public..]].concat());
        let core = whole[(offset * 8_usize).div_ceil(6)..].trim_end_matches('=').to_owned();
        pieces(&core[..core.len() - 1], 16).into_iter().step_by(3)
    });
    pieces(body, PIECE)
        .into_iter()
        .find(|piece| text.contains(piece))
        .or_else(|| in_code.into_iter().find(|piece| code.contains(piece.as_str())))
}
