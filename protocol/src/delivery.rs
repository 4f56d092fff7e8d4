//! What earlier attempts at an event left for the next drain to know.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::time::rfc3339_millis;

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

    /// Whether the fault has to wait longer.
    pub fn holds_back_at(&self, now: Timestamp) -> bool {
        self.not_before.is_some_and(|time| time > now)
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
}
