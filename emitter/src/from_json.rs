//! An event that an orchestrator wrote itself: completed, checked, and else kept as it is.

use std::io::Read;

use haltline_evidence::{fit_tail, redact_lossy};
use haltline_protocol::{Document, LARGEST_ROW, Pointers, rfc3339_millis};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::emission::Emission;
use crate::fault::WrittenPointers;
use crate::pretty::pretty;
use crate::{EmitError, FaultKind, Place, Snapshot, fault_id};

/// The most that is read of the input, in bytes. A log tail may be far larger than what is kept of it; beyond this
/// it is somebody's whole log, and memory matters more.
const LARGEST_INPUT: u64 = 16 * 1024 * 1024;

/// Reads one event as a JSON object and completes it: a missing faultId, timestamp or severity, and missing pointers
/// or snapshot. A tail longer than 256 KiB is cut from its front. Every other field stays, in order and to the digit.
///
/// # Errors
/// The input cannot be read; or it is no event: no JSON object, a required field missing or of the wrong type, an
/// audit kind, an unknown kind without severity, another fault's id, or too large.
pub fn from_json(input: impl Read, now: Timestamp) -> Result<Emission, EmitError> {
    let mut text = Vec::new();
    input.take(LARGEST_INPUT + 1).read_to_end(&mut text).map_err(EmitError::Input)?;
    if text.len() as u64 > LARGEST_INPUT {
        return Err(EmitError::InputTooLarge(LARGEST_INPUT));
    }
    let mut document = Document::parse(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text))?;
    drop(text);
    complete(&mut document, now)?;
    let compact = document.to_pretty();
    // Indenting alone must not cost an event: one that only then is too large stays as it came.
    let row = pretty(&compact, LARGEST_ROW).unwrap_or(compact);
    Emission::seal_row(&document, &row, now)
}

fn complete(document: &mut Document, now: Timestamp) -> Result<(), EmitError> {
    let kind: FaultKind = required(document, "kind")?.parse()?;
    let kind = kind.kind();
    let message = required(document, "message")?;
    for (field, text) in [("message", &message), ("runId", &required(document, "runId")?)] {
        if text.is_empty() {
            return Err(EmitError::Empty(field));
        }
    }
    required(document, "stateSlug")?;

    object_or(document, "pointers", &WrittenPointers::from(&Pointers::default()))?;
    let mut snapshot = object_or(document, "snapshot", &Snapshot::default())?;
    admit_log_text(document, &mut snapshot)?;

    if text(document, "severity")?.is_none() {
        let severity = kind.default_severity().ok_or_else(|| EmitError::SeverityMissing(kind.as_str().to_owned()))?;
        document.set("severity", &severity)?;
    }
    if text(document, "timestamp")?.is_none() {
        document.set("timestamp", &rfc3339_millis(now))?;
    }
    let expected = fault_id(kind, &Place::of_snapshot(&snapshot), &message);
    match text(document, "faultId")? {
        None => document.set("faultId", &expected)?,
        Some(given) if given == expected.as_str() => {}
        Some(given) => {
            return Err(EmitError::FaultIdMismatch { given, expected: expected.as_str().to_owned() });
        }
    }
    Ok(())
}

/// Leads the log text of a snapshot through its gate. A field that is no text is no log text and stays as it is.
fn admit_log_text(document: &mut Document, snapshot: &mut Document) -> Result<(), EmitError> {
    let mut changed = false;
    for field in ["stdoutTail", "failureReason"] {
        let text = snapshot.get(field).and_then(|text| serde_json::from_str::<String>(text).ok()).unwrap_or_default();
        let admitted = redact_lossy(text.as_bytes());
        let kept = if field == "stdoutTail" { fit_tail(&admitted) } else { &admitted };
        if kept != text {
            snapshot.set(field, &kept)?;
            changed = true;
        }
    }
    if changed {
        document.set("snapshot", &raw(snapshot)?)?;
    }
    Ok(())
}

fn raw(document: &Document) -> Result<Box<RawValue>, EmitError> {
    Ok(serde_json::from_slice(&document.to_pretty())?)
}

fn required(document: &Document, field: &'static str) -> Result<String, EmitError> {
    text(document, field)?.ok_or(EmitError::Missing(field))
}

fn text(document: &Document, field: &'static str) -> Result<Option<String>, EmitError> {
    let value = document.get(field).map(serde_json::from_str).transpose();
    value.map_err(|_| EmitError::WrongType { field, wanted: "string" })
}

fn object_or<V: Serialize>(document: &mut Document, field: &'static str, default: &V) -> Result<Document, EmitError> {
    if document.get(field).is_none() {
        document.set(field, default)?;
    }
    let object = document.get(field).map_or(Ok(Document::empty()), |text| Document::parse(text.as_bytes()));
    object.map_err(|_| EmitError::WrongType { field, wanted: "object without repeated keys" })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: &str = "2026-05-20T08:14:00.123Z";
    const SMALLEST: &str = r#"{"runId":"r","stateSlug":"s","kind":"FEATURE_FAILED","message":"ship failed"}"#;

    fn read(text: &str) -> Result<Emission, EmitError> {
        from_json(text.as_bytes(), NOW.parse().unwrap())
    }

    fn with(field: &str) -> String {
        format!("{},{field}}}", SMALLEST.strip_suffix('}').unwrap())
    }

    fn row(emission: &Emission) -> &str {
        str::from_utf8(emission.row()).unwrap()
    }

    #[test]
    fn what_is_missing_is_filled_in_behind_what_was_there() {
        let emission = read(SMALLEST).unwrap();
        let expected = r#"{
  "runId": "r",
  "stateSlug": "s",
  "kind": "FEATURE_FAILED",
  "message": "ship failed",
  "pointers": {
    "stateFile": "",
    "stdoutLog": "",
    "livingPlan": "",
    "worktreePath": ""
  },
  "snapshot": {
    "stdoutTail": "",
    "failureReason": "",
    "worktreeHead": ""
  },
  "severity": "CRITICAL",
  "timestamp": "2026-05-20T08:14:00.123Z",
  "faultId": "FEATURE_FAILED:all:c6695f1b"
}
"#;
        assert_eq!(row(&emission), expected);
    }

    #[test]
    fn a_complete_row_is_laid_out_anew_and_nothing_else() {
        let text = concat!(
            r#"{"z":12345678901234567890123,"faultId":"FEATURE_FAILED:f3:5ee04918","runId":"r","stateSlug":"\u0073","#,
            r#""kind":"FEATURE_FAILED","severity":"LOW","timestamp":"2026-01-02T03:04:05Z","message":"ship failed","#,
            r#""pointers":{},"snapshot":{"feature":{"number":"3"},"stdoutTail":"\u0061","x":[1.0,{}]},"a":1e2}"#
        );
        let emission = read(text).unwrap();
        let expected = r#"{
  "z": 12345678901234567890123,
  "faultId": "FEATURE_FAILED:f3:5ee04918",
  "runId": "r",
  "stateSlug": "\u0073",
  "kind": "FEATURE_FAILED",
  "severity": "LOW",
  "timestamp": "2026-01-02T03:04:05Z",
  "message": "ship failed",
  "pointers": {},
  "snapshot": {
    "feature": {
      "number": "3"
    },
    "stdoutTail": "\u0061",
    "x": [
      1.0,
      {}
    ]
  },
  "a": 1e2
}
"#;
        assert_eq!(row(&emission), expected);
        assert_eq!(emission.stamp(), "2026-01-02T03:04:05Z".parse().unwrap());
        assert_eq!(row(&read(expected).unwrap()), expected);
    }

    #[test]
    fn an_id_of_another_fault_is_refused_and_the_right_one_told() {
        let error = read(&with(r#""faultId":"FEATURE_FAILED:f3:5ee04918""#)).unwrap_err();
        assert!(error.is_usage());
        assert!(error.to_string().contains("FEATURE_FAILED:all:c6695f1b"), "{error}");
        read(&with(r#""faultId":"FEATURE_FAILED:f3:5ee04918","snapshot":{"feature":{"number":"3"}}"#)).unwrap();
    }

    #[test]
    fn an_audit_kind_is_refused_however_it_is_written() {
        for kind in ["MANUAL_RECOVERY_INVOKED", "RECOVERY_BOUNDARY", r"\u004dANUAL_RECOVERY_INVOKED"] {
            for investigate in ["", r#","investigate":false"#] {
                let text = format!(r#"{{"runId":"r","stateSlug":"s","kind":"{kind}","message":"m"{investigate}}}"#);
                let error = read(&text).unwrap_err();
                assert!(matches!(error, EmitError::AuditKind(_)) && error.is_usage(), "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_event_is_refused_by_the_name_of_its_field() {
        let unknown = SMALLEST.replace("FEATURE_FAILED", "MY_KIND");
        let deep = format!("\"x\":{}{}", "[".repeat(1000), "]".repeat(1000));
        let deeper = format!("\"x\":{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for (text, reason) in [
            ("", "no JSON object"),
            ("[]", "no JSON object"),
            (&with(r#""runId":"q""#), "a key stands twice"),
            (&with(r#""x":{"a":1,"a":2}"#), "no halt event"),
            (&with(r#""x":1e400"#), "no halt event"),
            (&with(&deep), "no halt event"),
            (&with(&deeper), "no halt event"),
            (&with(r#""event":"SKILL_FAULT_RESOLVED""#), "no halt event"),
            (&SMALLEST.replace("\"stateSlug\":\"s\",", ""), "no `stateSlug`"),
            (&SMALLEST.replace("\"r\"", "7"), "`runId` is no string"),
            (&SMALLEST.replace("\"r\"", "\"\""), "`runId` is empty"),
            (&SMALLEST.replace("\"ship failed\"", "\"\""), "`message` is empty"),
            (&SMALLEST.replace("\"ship failed\"", "\"\\ud800\""), "`message` is no string"),
            (&with(r#""severity":null"#), "`severity` is no string"),
            (&with(r#""timestamp":1"#), "`timestamp` is no string"),
            (&with(r#""pointers":[]"#), "`pointers` is no object"),
            (&with(r#""snapshot":null"#), "`snapshot` is no object"),
            (&unknown, "severity must be given"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.is_usage());
            assert!(error.to_string().contains(reason), "{:.80}: {error} should say {reason:?}", text);
        }
    }

    #[test]
    fn a_long_tail_is_cut_and_its_neighbours_stay() {
        let tail = format!("{}end", "x".repeat(2 * LARGEST_ROW));
        let emission = read(&with(&format!(r#""snapshot":{{"a":1.0,"stdoutTail":"{tail}","b":1e2}}"#))).unwrap();
        let kept = emission.event().stdout_tail();
        assert_eq!(kept.len(), 256 * 1024);
        assert!(kept.ends_with("xend"));
        assert!(row(&emission).contains("\n    \"a\": 1.0,\n    \"stdoutTail\": \"xxx"));
        assert!(row(&emission).contains("xend\",\n    \"b\": 1e2\n  },\n"));
    }

    #[test]
    fn what_is_too_large_for_another_reason_is_refused() {
        let error = read(&with(&format!(r#""mine":"{}""#, "x".repeat(LARGEST_ROW)))).unwrap_err();
        assert!(error.to_string().contains("a field of your own"), "{error}");
        let endless = std::io::repeat(b' ');
        assert!(matches!(from_json(endless, Timestamp::UNIX_EPOCH), Err(EmitError::InputTooLarge(_))));
        // Compact it fits, indented it would not.
        let wide = with(&format!(r#""mine":[{}0]"#, "0,".repeat(200_000)));
        assert!(row(&read(&wide).unwrap()).contains("[0,0,0"));
    }

    #[test]
    fn an_input_that_fails_is_no_wrong_usage() {
        struct Broken;

        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                Err(std::io::Error::other("gone"))
            }
        }

        assert!(!from_json(Broken, Timestamp::UNIX_EPOCH).unwrap_err().is_usage());
    }
}
