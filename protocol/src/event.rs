//! A halt event, read strictly: one way to read it, or none.

use std::borrow::Cow;
use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use thiserror::Error;

use crate::strict::{Checked, Key, SeenKeys};
use crate::{Delivery, Document, FaultId, FaultKey, Kind, RunId, Severity};

/// What one file of the queue holds.
#[derive(Debug, Clone)]
pub enum QueueRow {
    /// An event to work off.
    Event(Box<HaltEvent>),
    /// A marker: the fault went away by itself.
    Resolved(ResolvedMarker),
}

/// One halt, as its file says. Built by reading only; a new event is made by the emitter.
#[derive(Debug, Clone)]
pub struct HaltEvent {
    /// The fault that the row says it is.
    pub fault_id: FaultId,
    /// The run that halted.
    pub run_id: RunId,
    /// The orchestrator's name for its plan or state.
    pub state_slug: String,
    /// What kind of halt it is.
    pub kind: Kind,
    /// The severity as the row says it.
    pub severity_text: String,
    /// When it halted; none where the row's time cannot be read.
    pub timestamp: Option<Timestamp>,
    /// What happened, in one line.
    pub message: String,
    /// Whether it wants an investigation.
    pub investigate: Investigate,
    /// Where to look further.
    pub pointers: Pointers,
    /// What earlier attempts left.
    pub delivery: Delivery,
    raw: Box<[u8]>,
}

/// What the `investigate` field says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Investigate {
    /// There is no such field: a row of an earlier release.
    Absent,
    /// The JSON literal `false`.
    False,
    /// Anything else, `null`, `0` and `"false"` included.
    Other,
}

/// The paths that an event names. They come from outside.
#[derive(Debug, Clone, Default)]
pub struct Pointers {
    /// The orchestrator's state file.
    pub state_file: String,
    /// The log of the failing command.
    pub stdout_log: String,
    /// The plan that was worked on.
    pub living_plan: String,
    /// The work tree that the agent worked in.
    pub worktree_path: String,
}

/// Says that a fault went away by itself.
#[derive(Debug, Clone)]
pub struct ResolvedMarker {
    /// The fault.
    pub key: FaultKey,
    /// When it went away; none where the time cannot be read.
    pub timestamp: Option<Timestamp>,
}

/// Why a file is no row of the queue.
#[derive(Debug, Error)]
pub enum EventError {
    /// The text is no JSON object, or its fields are not those of an event.
    #[error("{0}")]
    Malformed(#[from] serde_json::Error),
    /// The file is an event but for fields that are missing.
    #[error("no halt event: {} missing", .0.join(", "))]
    Missing(Vec<&'static str>),
    /// The file says that a fault went away, and is no event.
    #[error("no halt event: it is a RESOLVED marker")]
    Marker,
    /// An id is there but empty.
    #[error("no halt event: `{0}` is empty")]
    EmptyId(&'static str),
}

impl QueueRow {
    /// Reads the bytes of one file. A UTF-8 byte order mark is passed over.
    ///
    /// # Errors
    /// The bytes are no strict JSON, a key stands twice at any depth, a required field is missing or of the
    /// wrong type, or an id is empty.
    pub fn parse(bytes: &[u8]) -> Result<Self, EventError> {
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let fields: Fields<'_> = serde_json::from_slice(text)?;
        fields.into_row(text)
    }
}

impl HaltEvent {
    /// Reads the bytes of one event.
    ///
    /// # Errors
    /// As [`QueueRow::parse`]; and a RESOLVED marker is no event.
    pub fn parse(bytes: &[u8]) -> Result<Self, EventError> {
        match QueueRow::parse(bytes)? {
            QueueRow::Event(event) => Ok(*event),
            QueueRow::Resolved(_) => Err(EventError::Marker),
        }
    }

    /// The fault and its run: what attempts, back-off and markers belong to.
    pub fn key(&self) -> FaultKey {
        FaultKey { run_id: self.run_id.clone(), fault_id: self.fault_id.clone() }
    }

    /// How severe it is; an unknown severity ranks HIGH.
    pub fn severity(&self) -> Severity {
        Severity::rank(&self.severity_text)
    }

    /// Whether it is kept for the audit only, and never to be investigated: an audit kind with the JSON
    /// literal `"investigate": false`, and nothing less.
    pub fn is_audit_only(&self) -> bool {
        self.kind.is_audit() && self.investigate == Investigate::False
    }

    /// The row, to the byte as it was read, less a byte order mark.
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The row as fields to rewrite.
    ///
    /// # Errors
    /// None in practice: the row was read from the same bytes.
    pub fn to_document(&self) -> Result<Document, serde_json::Error> {
        Document::parse(&self.raw)
    }

    /// The last lines of the log; empty where the row has none. Read from the row at each call, since few need it.
    pub fn stdout_tail(&self) -> String {
        self.snapshot_text("stdoutTail")
    }

    /// Why the orchestrator says that it failed; empty where the row does not say.
    pub fn failure_reason(&self) -> String {
        self.snapshot_text("failureReason")
    }

    fn snapshot_text(&self, field: &str) -> String {
        let text = || {
            let document = self.to_document().ok()?;
            let snapshot = Document::parse(document.get("snapshot")?.as_bytes()).ok()?;
            serde_json::from_str(snapshot.get(field)?).ok()
        };
        text().unwrap_or_default()
    }
}

/// The fields of a row as they come; which are required is decided when all are there.
#[derive(Default)]
struct Fields<'a> {
    is_marker: bool,
    fault_id: Option<Cow<'a, str>>,
    run_id: Option<Cow<'a, str>>,
    state_slug: Option<Cow<'a, str>>,
    kind: Option<Cow<'a, str>>,
    severity: Option<Cow<'a, str>>,
    timestamp: Option<Cow<'a, str>>,
    message: Option<Cow<'a, str>>,
    pointers: Option<Pointers>,
    has_snapshot: bool,
    investigate: Option<Investigate>,
    delivery: Delivery,
}

/// The marker's `event` field.
const RESOLVED: &str = "SKILL_FAULT_RESOLVED";

impl Fields<'_> {
    fn into_row(self, text: &[u8]) -> Result<QueueRow, EventError> {
        let mut missing = Vec::new();
        let mut require = |name: &'static str, there: bool| {
            if !there {
                missing.push(name);
            }
        };
        require("faultId", self.fault_id.is_some());
        require("runId", self.run_id.is_some());
        require("timestamp", self.timestamp.is_some());
        if !self.is_marker {
            require("stateSlug", self.state_slug.is_some());
            require("kind", self.kind.is_some());
            require("severity", self.severity.is_some());
            require("message", self.message.is_some());
            require("pointers", self.pointers.is_some());
            require("snapshot", self.has_snapshot);
        }
        if !missing.is_empty() {
            return Err(EventError::Missing(missing));
        }
        let owned = |text: Option<Cow<'_, str>>| text.unwrap_or_default().into_owned();
        let fault_id = owned(self.fault_id);
        let run_id = owned(self.run_id);
        for (name, id) in [("faultId", &fault_id), ("runId", &run_id)] {
            if id.is_empty() {
                return Err(EventError::EmptyId(name));
            }
        }
        let (fault_id, run_id) = (FaultId::new(fault_id), RunId::new(run_id));
        let timestamp = self.timestamp.and_then(|text| text.parse().ok());
        if self.is_marker {
            return Ok(QueueRow::Resolved(ResolvedMarker { key: FaultKey { run_id, fault_id }, timestamp }));
        }
        Ok(QueueRow::Event(Box::new(HaltEvent {
            fault_id,
            run_id,
            state_slug: owned(self.state_slug),
            kind: Kind::new(owned(self.kind)),
            severity_text: owned(self.severity),
            timestamp,
            message: owned(self.message),
            investigate: self.investigate.unwrap_or(Investigate::Absent),
            pointers: self.pointers.unwrap_or_default(),
            delivery: self.delivery,
            raw: text.into(),
        })))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a halt event (a JSON object)")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
        let mut seen = SeenKeys::default();
        let mut fields = Fields::default();
        while let Some(Key(key)) = map.next_key()? {
            let text = match key.as_ref() {
                "faultId" => Some(&mut fields.fault_id),
                "runId" => Some(&mut fields.run_id),
                "stateSlug" => Some(&mut fields.state_slug),
                "kind" => Some(&mut fields.kind),
                "severity" => Some(&mut fields.severity),
                "timestamp" => Some(&mut fields.timestamp),
                "message" => Some(&mut fields.message),
                _ => None,
            };
            match (text, key.as_ref()) {
                (Some(text), name) => {
                    let Key(value) = map.next_value().map_err(|error| wrong(name, error))?;
                    *text = Some(value);
                }
                (None, "event") => fields.is_marker = map.next_value::<Lenient<String>>()?.0 == RESOLVED,
                (None, "investigate") => fields.investigate = Some(map.next_value::<Flag>()?.0),
                (None, "pointers") => {
                    fields.pointers = Some(map.next_value().map_err(|error| wrong("pointers", error))?);
                }
                (None, "snapshot") => {
                    let Object = map.next_value().map_err(|error| wrong("snapshot", error))?;
                    fields.has_snapshot = true;
                }
                (None, "delivery") => fields.delivery = map.next_value::<Lenient<Delivery>>()?.0,
                (None, _) => {
                    map.next_value::<Checked>()?;
                }
            }
            seen.insert(key)?;
        }
        Ok(fields)
    }
}

fn wrong<E: Error>(name: &str, error: E) -> E {
    E::custom(format_args!("`{name}`: {error}"))
}

/// The `investigate` field: only the literal `false` counts, and nothing is refused.
struct Flag(Investigate);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&serde_json::value::RawValue>::deserialize(deserializer)?.get();
        serde_json::from_str::<Checked>(text).map_err(D::Error::custom)?;
        Ok(Self(if text == "false" { Investigate::False } else { Investigate::Other }))
    }
}

/// A field of the drain's own whose damage must not cost the event: what cannot be read counts as not there.
struct Lenient<T>(T);

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&'de serde_json::value::RawValue>::deserialize(deserializer)?.get();
        serde_json::from_str::<Checked>(text).map_err(D::Error::custom)?;
        Ok(Self(serde_json::from_str(text).unwrap_or_default()))
    }
}

/// An object, whatever is in it, checked and dropped.
struct Object;

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PathsVisitor::read(deserializer, |_| None).map(|_| Self)
    }
}

impl<'de> Deserialize<'de> for Pointers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        PathsVisitor::read(deserializer, |key| match key {
            "stateFile" => Some(0),
            "stdoutLog" => Some(1),
            "livingPlan" => Some(2),
            "worktreePath" => Some(3),
            _ => None,
        })
        .map(|[state_file, stdout_log, living_plan, worktree_path]| Self {
            state_file,
            stdout_log,
            living_plan,
            worktree_path,
        })
    }
}

/// Reads an object and picks up to four of its strings; a picked field that is no string reads as empty.
struct PathsVisitor<F>(F);

impl<F: Fn(&str) -> Option<usize>> PathsVisitor<F> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D, place: F) -> Result<[String; 4], D::Error> {
        deserializer.deserialize_map(Self(place))
    }
}

impl<'de, F: Fn(&str) -> Option<usize>> Visitor<'de> for PathsVisitor<F> {
    type Value = [String; 4];

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<[String; 4], A::Error> {
        let mut seen = SeenKeys::default();
        let mut picked = <[String; 4]>::default();
        while let Some(Key(key)) = map.next_key()? {
            match (self.0)(&key) {
                Some(place) => picked[place] = map.next_value::<Lenient<String>>()?.0,
                None => {
                    map.next_value::<Checked>()?;
                }
            }
            seen.insert(key)?;
        }
        Ok(picked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"faultId":"PHASE_FAILED:p3:302c3b29","runId":"build-42","stateSlug":"checkout-flow",
        "kind":"PHASE_FAILED","severity":"CRITICAL","timestamp":"2026-05-20T08:14:00.123Z","message":"tests red",
        "pointers":{"worktreePath":"/w","stateFile":null},"snapshot":{"stdoutTail":"a\nb","phase":{"index":3}}}"#;

    fn with(field: &str) -> Vec<u8> {
        format!("{},{field}}}", EVENT.strip_suffix('}').unwrap()).into_bytes()
    }

    #[test]
    fn an_event_is_read_with_all_that_a_drain_needs() {
        let event = HaltEvent::parse(EVENT.as_bytes()).unwrap();
        assert_eq!(event.fault_id.as_str(), "PHASE_FAILED:p3:302c3b29");
        assert_eq!(event.severity(), Severity::Critical);
        assert_eq!(event.pointers.worktree_path, "/w");
        assert_eq!(event.pointers.state_file, "");
        assert_eq!(event.stdout_tail(), "a\nb");
        assert_eq!(event.failure_reason(), "");
        assert_eq!(event.investigate, Investigate::Absent);
        assert!(!event.is_audit_only());
    }

    #[test]
    fn only_the_literal_false_on_an_audit_kind_is_audit_only() {
        for kind in ["MANUAL_RECOVERY_INVOKED", "RECOVERY_BOUNDARY", "PHASE_FAILED"] {
            for (value, is_false) in [
                ("false", true),
                (" false ", true),
                ("true", false),
                ("null", false),
                ("\"false\"", false),
                ("0", false),
                ("[false]", false),
                ("{}", false),
            ] {
                let row = String::from_utf8(with(&format!("\"investigate\":{value}"))).unwrap();
                let event =
                    HaltEvent::parse(row.replace("\"PHASE_FAILED\"", &format!("\"{kind}\"")).as_bytes()).unwrap();
                assert_eq!(event.is_audit_only(), is_false && kind != "PHASE_FAILED", "{kind} with {value}");
            }
        }
    }

    #[test]
    fn what_is_no_event_is_refused_with_its_reason() {
        let deep = format!("{}\"x\":{}", "{", "[".repeat(200_000));
        for (bytes, reason) in [
            (&b""[..], "EOF"),
            (b"null", "a halt event"),
            (b"[1]", "a halt event"),
            (b"{}", "faultId, runId, timestamp, stateSlug"),
            (br#"{"faultId":7}"#, "`faultId`: invalid type"),
            (EVENT.replace("\"build-42\"", "\"\"").as_bytes(), "`runId` is empty"),
            (EVENT.replace("{\"worktreePath\":\"/w\",\"stateFile\":null}", "[]").as_bytes(), "`pointers`"),
            (&with("\"kind\":\"PHASE_REWIND\""), "`kind` stands twice"),
            (&with("\"extra\":{\"a\":1,\"a\":1}"), "`a` stands twice"),
            (&with("\"extra\":1e400"), "number out of range"),
            (&with("\"extra\":\"\\ud800\""), "hex escape"),
            (format!("{EVENT}{EVENT}").as_bytes(), "trailing characters"),
            (b"{\"a\":\"\xff\"}", "invalid unicode"),
            (deep.as_bytes(), "recursion limit"),
        ] {
            let error = QueueRow::parse(bytes).unwrap_err().to_string();
            assert!(error.contains(reason), "{error:?} should say {reason:?}");
        }
    }

    #[test]
    fn a_byte_order_mark_and_a_damaged_delivery_cost_nothing() {
        let mut bytes = b"\xef\xbb\xbf".to_vec();
        bytes.extend(with("\"delivery\":{\"attempts\":-1}"));
        assert_eq!(HaltEvent::parse(&bytes).unwrap().delivery, Delivery::default());
    }

    #[test]
    fn a_marker_is_told_from_an_event_by_its_body() {
        let marker =
            br#"{"event":"SKILL_FAULT_RESOLVED","timestamp":"2026-05-20T08:14:00Z","runId":"r","faultId":"f"}"#;
        let QueueRow::Resolved(marker) = QueueRow::parse(marker).unwrap() else { panic!("no marker") };
        assert_eq!(marker.key.run_id.as_str(), "r");
        assert!(marker.timestamp.is_some());
        assert!(
            HaltEvent::parse(br#"{"event":"SKILL_FAULT_RESOLVED","timestamp":"","runId":"r","faultId":"f"}"#).is_err()
        );
    }
}
