//! What holds of any text that is redacted. That the work grows with the length alone is measured beside the twin of
//! this, in `evidence/tests/redaction`.

use std::sync::LazyLock;

use haltline_evidence::Redactor;

/// A secret that is known by name, and two that are known by their form.
const OWN: &str = "secretö-of-ours";
const PLANTED: [&str; 3] = [OWN, "ghp_aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dE3fG5", "AIzaSyD3fG5hJ7kL9zX1cV3bN5mQ7wE9rT1yU3i"];

static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::new([OWN]).with_key([7; 32]));

/// Redacting never panics, is idempotent, and makes nothing longer than twelve times its length and 64 bytes more. A
/// secret that stands behind a text, whatever the text, is gone. What was JSON is JSON.
pub(crate) fn holds(text: &str) {
    let once = stays(text);
    assert!(once.len() <= bound(text), "{} bytes became {}", text.len(), once.len());
    // In the middle of a word it would be none.
    for secret in PLANTED.into_iter().filter(|secret| !text.contains(secret)) {
        let planted = format!("{text}\n\n{secret}\n");
        let redacted = stays(&planted);
        assert!(!redacted.contains(secret), "{secret} is left in {redacted:?}");
    }
    let json = REDACTOR.redact_json(text.as_bytes(), &[]).into_owned();
    assert!(String::from_utf8(json).is_ok());
    let written = serde_json::json!({"a": [text], "n": 1.0}).to_string();
    let json = REDACTOR.redact_json(written.as_bytes(), &[]);
    assert!(serde_json::from_slice::<serde_json::Value>(&json).is_ok(), "no JSON any more");
}

fn stays(text: &str) -> String {
    let once = REDACTOR.redact(text).into_owned();
    assert_eq!(REDACTOR.redact(&once), once.as_str(), "redacted again, it is another text");
    once
}

fn bound(text: &str) -> usize {
    text.len() * 12 + 64
}
