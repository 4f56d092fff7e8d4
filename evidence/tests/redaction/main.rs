//! Redaction held against planted secrets, against clean logs, and against anything.

#![expect(clippy::unwrap_used, reason = "it is a test program")]

mod clean;
mod dice;
mod planted;
#[path = "../../../fuzz/properties/redactor.rs"]
mod redactor;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use haltline_evidence::{Redactor, own_secrets};
use proptest::prelude::*;

use crate::clean::clean_lines;
use crate::dice::{ALNUM, BASE64, Dice};
use crate::planted::{Planted, base64, leak, planted, ways};

const KEY: [u8; 32] = [7; 32];

#[test]
fn no_planted_secret_is_left_in_any_encoding() {
    let redactor = Redactor::default().with_key(KEY);
    let (mut count, mut leaks) = (0, Vec::new());
    let mut dice = Dice(3);
    let planted = planted();
    assert!(planted.len() >= 200, "{}", planted.len());
    for planted in &planted {
        for (way, text) in ways(planted, &mut dice) {
            count += 1;
            assert!(leak(planted, &text).is_some(), "{} {way}: the check would see nothing: {text}", planted.format);
            let redacted = redactor.redact(&text);
            if let Some(piece) = leak(planted, &redacted) {
                leaks.push(format!("{} {way}: {piece:?}\n{text}\n=> {redacted}", planted.format));
            }
            assert_eq!(redactor.redact(&redacted), redacted, "{} {way}", planted.format);
        }
    }
    assert!(
        leaks.is_empty(),
        "{} of {count} leak\n{}",
        leaks.len(),
        leaks.iter().take(15).cloned().collect::<Vec<_>>().join("\n\n")
    );
    assert!(count > 1500, "{count}");
}

#[test]
fn what_stands_around_a_secret_is_kept() {
    let redactor = Redactor::default();
    for Planted { format, before, secret, after, .. } in planted() {
        let text = format!("first line\n{before}{secret}{after}\nlast line");
        let redacted = redactor.redact(&text);
        assert!(redacted.contains("[REDACTED:"), "{format}: {redacted}");
        assert!(redacted.starts_with("first line\n") && redacted.ends_with("\nlast line"), "{format}: {redacted}");
        let head = before.split(['A', 'a']).next().unwrap();
        assert!(
            redacted.contains(head) && redacted.contains(after.trim_start_matches("; Path=/")),
            "{format}: {redacted}"
        );
    }
}

#[test]
fn of_a_clean_log_less_than_one_line_in_a_hundred_changes() {
    let redactor = Redactor::default();
    let lines = clean_lines();
    let changed: Vec<&String> = lines.iter().filter(|line| matches!(redactor.redact(line), Cow::Owned(_))).collect();
    assert!(changed.len() * 100 < lines.len(), "{} lines, as {:#?}", changed.len(), &changed[..changed.len().min(20)]);
    // Together they could join to what none of them is.
    let log = lines.join("\n");
    let redacted = redactor.redact(&log);
    let mut kept: BTreeMap<&str, usize> = BTreeMap::new();
    redacted.lines().for_each(|line| *kept.entry(line).or_default() += 1);
    let lost: Vec<&String> = lines
        .iter()
        .filter(|line| {
            kept.get_mut(line.as_str()).is_none_or(|count| {
                if *count == 0 {
                    true
                } else {
                    *count -= 1;
                    false
                }
            })
        })
        .collect();
    assert!(lost.len() * 100 < lines.len(), "{} lines, as {:#?}", lost.len(), &lost[..lost.len().min(20)]);
}

#[test]
fn what_only_stands_where_a_password_could_is_kept() {
    let redactor = Redactor::default();
    for text in [
        "let password = readUserPassword(form);",
        "password = passwordFromEnvironment",
        "<password>string</password>",
        "<password>${db.password}</password>",
        "<password/><host>db-7.internal</host>",
        "g++ -L/usr/lib/mysql -lmysqlclient -pthread -pipe",
        "mysql -u root -p -P 3306 shop",
        "mysql -u root shop && mkdir -p build/release7",
        "mysqldump shop | ssh -p2222 backup.example",
        "DB_PASSWORD=\nDB_HOST=db-7.internal.example",
        "DB_PASSWORD=\n\nbuild-4f2a9c81d0e7",
        "password:\n  secretKeyRef7:",
        "password:\n  must have 8 characters",
        "password:\nweb-frontend-v2",
        "login password for user7 expired",
        "the password expired7 days ago",
        "https://discord.com/api/webhooks/ is down",
    ] {
        assert_eq!(redactor.redact(text), text);
    }
}

#[test]
fn a_private_key_that_a_boundary_cut_is_taken_out() {
    let mut dice = Dice(5);
    let body: Vec<String> = (0..24).map(|_| dice.text(BASE64, 64)).collect();
    let log = format!(
        "before it\n-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{}\n-----END RSA PRIVATE KEY-----\nbehind it\n",
        body.join("\n")
    );
    let begin = log.find("-----BEGIN").unwrap();
    let end = log.find("-----END").unwrap();
    let redactor = Redactor::default();
    for cut in (begin + 40..end - 20).step_by(37) {
        for part in [&log[..cut], &log[cut..]] {
            let redacted = redactor.redact(part);
            let left = body.iter().find(|line| (0..=64 - 16).any(|at| redacted.contains(&line[at..at + 16])));
            // Letters of the line at the cut that are too few to be told from words may stay.
            assert!(left.is_none(), "{cut}: {left:?} in {redacted}");
            assert!(redacted.contains("before it") || redacted.contains("behind it"), "{redacted}");
        }
    }
}

#[test]
fn our_own_secrets_are_found_in_every_form() {
    let secrets = [
        "hunter2-pa$$w0rd",
        "p@ss/word+1 \"q\"",
        "zufälliges-wort",
        "-----KEY\nline one of the key 1\nline two of the key 2\n",
    ];
    let variables = secrets.iter().enumerate().map(|(n, secret)| (format!("A{n}_TOKEN"), secret.into()));
    let redactor = Redactor::new(own_secrets(variables)).with_key(KEY);
    for secret in &secrets[..3] {
        let json = serde_json::Value::from(*secret).to_string();
        let hex: String = secret.bytes().map(|byte| format!("{byte:02X}")).collect();
        let url: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let torn = secret.replacen('-', "-\n  ", 1).replacen("ss/", "ss\n/", 1);
        let mut forms = vec![(*secret).to_owned(), json.clone(), hex, serde_json::Value::from(json).to_string(), torn];
        if secret.bytes().all(|byte| !byte.is_ascii_alphanumeric()) {
            forms.push(url);
        }
        for before in ["", "a", "ab", "abc"] {
            let code = base64(format!("{before}{secret}!").as_bytes());
            forms.push(code.replace('+', "-").replace('/', "_"));
            forms.push(code);
        }
        for form in forms {
            let redacted = redactor.redact(&format!("got {form}.")).into_owned();
            assert!(redacted.starts_with("got ") && redacted.contains("[REDACTED:environment:"), "{form}: {redacted}");
            assert!(!redacted.contains(&form), "{form}: {redacted}");
        }
    }
    assert_eq!(redactor.redact("q=p%40ss%2Fword%2b1%20%22q%22&x=1").matches("[REDACTED:environment").count(), 1);
    assert!(!redactor.redact("x line two of the key 2 y").contains("two of the key"));
    assert!(!format!("{redactor:?}").contains("hunter2"));
}

#[test]
fn equal_secrets_have_equal_tags_in_one_queue_and_other_tags_in_another() {
    let secret = format!("ghp_{}", "aB3".repeat(12));
    let marker = |redactor: &Redactor, text: &str| redactor.redact(text).into_owned();
    let redactor = Redactor::default().with_key(KEY);
    let plain = marker(&redactor, &secret);
    assert_eq!(plain.len(), "[REDACTED:github:12345678]".len());
    assert_eq!(marker(&redactor, &format!("{}\n{}", &secret[..20], &secret[20..])), plain);
    assert_ne!(marker(&Redactor::default().with_key([8; 32]), &secret), plain);
    assert_eq!(marker(&Redactor::default(), &secret), "[REDACTED:github]");
}

#[test]
fn a_marker_that_somebody_made_up_hides_nothing() {
    let redactor = Redactor::default();
    for forged in ["password=[REDACTED:hunter2-and-more]", "password=[REDACTED:setting:hunter2x9]"] {
        assert!(!redactor.redact(forged).contains("hunter2"), "{}", redactor.redact(forged));
    }
    assert_eq!(redactor.redact("password=[REDACTED:setting:0a1b2c3d]"), "password=[REDACTED:setting:0a1b2c3d]");
}

/// Texts of `size` bytes that are made to cost most: cues without end, and what every reader is slowest at.
fn hostile(size: usize) -> Vec<String> {
    let mut dice = Dice(9);
    let noise = dice.text(ALNUM, 97);
    [
        "eyJ",
        "eyJ.",
        "sk-ant-",
        "ghp_",
        "AKIA",
        "-----BEGIN PRIVATE KEY-----",
        "-----END PRIVATE KEY-----",
        "://",
        "://a:b",
        "curl -u ",
        "pass=",
        "token='",
        "token=token=",
        "Authorization: ",
        "cookie: a=",
        "[REDACTED:",
        "\n",
        "\\n",
        "\\",
        "\u{1b}[",
        "sk-",
        "A",
        "QUFB",
        "a\n",
        "eyJhbGciOiJIUzI1NiJ9.",
        noise.as_str(),
        "AKIAABCDEFGHIJKLMNOP ",
        "bearer ",
        "cGFzc3dvcmQ9aHVudGVyMg",
        "sk-proj-a1\n",
        "\"api_key\":\"",
        "password=\"x1",
        "-----BEGIN PRIVATE KEY-----\nMII\n",
    ]
    .iter()
    .map(|part| part.repeat(size / part.len() + 1))
    .collect()
}

/// The time that this thread was on a processor: unlike a wall clock's, it does not grow when others are busy
/// (proc_pid_schedstat, first field, in nanoseconds).
fn time_on_processor() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

#[test]
fn work_grows_with_the_length_alone() {
    // Above every bound of a reader, so that none of them makes the small text cheaper a byte.
    const SMALL: usize = 24 << 10;
    let redactor = Redactor::default();
    let time = |text: &str| {
        let begun = time_on_processor();
        assert!(redactor.redact(text).len() <= text.len() * 12 + 64);
        time_on_processor() - begun
    };
    for (small, large) in hostile(SMALL).iter().zip(&hostile(8 * SMALL)) {
        let (small_time, large_time) = (time(small), time(large));
        // Eight times the text: quadratic work would take 64 times as long.
        let bound = small_time * 24 + Duration::from_millis(100);
        let begins: String = large.chars().take(20).collect();
        assert!(large_time < bound, "{begins:?}: {small_time:?}, then {large_time:?}");
    }
}

fn anything() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        Just("eyJ".to_owned()),
        Just("sk-ant-".to_owned()),
        Just("AKIA".to_owned()),
        Just("\n".to_owned()),
        Just("-----BEGIN PRIVATE KEY-----".to_owned()),
        Just("-----END PRIVATE KEY-----".to_owned()),
        Just("password=".to_owned()),
        Just("\"token\": \"".to_owned()),
        Just("Authorization: Bearer ".to_owned()),
        Just("Cookie: a=".to_owned()),
        Just("https://u:".to_owned()),
        Just("@".to_owned()),
        Just("curl -u a:".to_owned()),
        Just("\\n".to_owned()),
        Just("\u{1b}[".to_owned()),
        Just("[REDACTED:jwt]".to_owned()),
        Just("ghp_".to_owned()),
        Just("\"".to_owned()),
        Just(".".to_owned()),
        Just(" ".to_owned()),
        Just("\\".to_owned()),
        Just("secretö".to_owned()),
        "[A-Za-z0-9_-]{0,50}",
        "\\PC{0,6}",
        any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(parts, 0..24).prop_map(|parts| parts.concat())
}

/// Found by libFuzzer: each line here is a secret only when the one below is taken out.
#[test]
fn secrets_that_hide_one_another_are_taken_out_at_once() {
    redactor::holds("Auth:Auth://:h\n://:h\n://:h\n://:h\n://:h@");
}

/// Found by libFuzzer: the colon of a marker passed for the one between user and password, pass after pass.
#[test]
fn a_marker_is_no_user_and_password() {
    redactor::holds("curl -u'pass=\"");
    let redactor = Redactor::new(["secret-of-ours"]);
    let redacted = redactor.redact("curl -u'me=secret-of-ours x' https://u!secret-of-ours@host");
    assert_eq!(redacted, "curl -u'me=[REDACTED:environment] x' https://u![REDACTED:environment]@host");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: ProptestConfig::default().cases.max(1024),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn nothing_makes_it_fail_and_what_is_redacted_stays(text in anything()) {
        redactor::holds(&text);
    }
}
