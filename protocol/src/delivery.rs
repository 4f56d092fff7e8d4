//! What earlier attempts at an event left for the next drain to know.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::document::Document;
use crate::time::rfc3339_millis;

/// The `notBefore` of an event that a person holds: 9999-01-01T00:00:00Z. From then on it is no time to wait for, and
/// no reader may shorten it; a reader that knows nothing of holding waits.
pub const HELD: Timestamp = Timestamp::constant(253_370_764_800, 0);

/// The `delivery` field of an event, kept by the drain.
///
/// Attempts and back-off belong to the fault, so [`merge`](Self::merge) joins those of its occurrences.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delivery {
    /// Investigations that were started and failed.
    #[serde(default)]
    pub attempts: u32,
    /// No drain dispatches the event before this time.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "not_before")]
    pub not_before: Option<Timestamp>,
    /// Why the last attempt failed, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

impl Delivery {
    /// Joins what two occurrences of one fault know: the most attempts and the latest time hold for both.
    #[must_use]
    pub fn merge(self, other: &Self) -> Self {
        Self {
            attempts: self.attempts.max(other.attempts),
            not_before: self.not_before.max(other.not_before),
            last_error: self.last_error.or_else(|| other.last_error.clone()),
        }
    }

    /// Writes it into an event's row, whose other fields stay as they are; where there is nothing to keep, the row gets
    /// none.
    ///
    /// # Errors
    /// The row is no JSON object.
    pub fn write_into(&self, row: &[u8]) -> Result<Vec<u8>, serde_json::Error> {
        let text = row.strip_prefix(b"\xef\xbb\xbf").unwrap_or(row);
        let mut document = Document::parse(text)?;
        if *self == Self::default() {
            document.remove("delivery");
        } else {
            document.set("delivery", self)?;
        }
        Ok(document.to_pretty())
    }

    /// Whether a person holds the fault, until it is released. No clock decides it.
    pub fn is_held(&self) -> bool {
        self.not_before.is_some_and(|time| time >= HELD)
    }

    /// Whether the fault has to wait longer.
    pub fn holds_back_at(&self, now: Timestamp) -> bool {
        self.is_held() || self.not_before.is_some_and(|time| time > now)
    }
}

/// Reads leniently: a time that nobody can read holds nothing back.
mod not_before {
    use serde::{Deserializer, Serializer};

    use super::*;

    #[expect(clippy::ref_option, reason = "the signature is serde's")]
    pub(super) fn serialize<S: Serializer>(time: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => serializer.serialize_str(&rfc3339_millis(*time)),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        Ok(text.and_then(|text| text.parse().ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_attempts_and_the_latest_time_hold() {
        let early: Delivery = serde_json::from_str(r#"{"attempts":2,"notBefore":"2026-01-01T00:00:00Z"}"#).unwrap();
        let late: Delivery =
            serde_json::from_str(r#"{"attempts":1,"notBefore":"2026-01-02T00:00:00Z","lastError":"quota"}"#).unwrap();
        let both = early.merge(&late);
        assert_eq!(both.attempts, 2);
        assert_eq!(both.not_before, late.not_before);
        assert_eq!(both.last_error.as_deref(), Some("quota"));
    }

    #[test]
    fn what_is_held_stays_held_whatever_the_clock_says_and_reads_as_it_was_written() {
        let held = Delivery { not_before: Some(HELD), ..Delivery::default() };
        let text = serde_json::to_string(&held).unwrap();
        assert_eq!(text, r#"{"attempts":0,"notBefore":"9999-01-01T00:00:00.000Z"}"#);
        let read: Delivery = serde_json::from_str(&text).unwrap();
        assert!(read.is_held() && read.holds_back_at(Timestamp::MAX) && read.holds_back_at(Timestamp::MIN));
        let waits: Delivery = serde_json::from_str(r#"{"notBefore":"9998-12-31T23:59:59Z"}"#).unwrap();
        assert!(!waits.is_held() && waits.holds_back_at(Timestamp::UNIX_EPOCH));
    }
}
