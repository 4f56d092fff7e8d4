//! The two ways in which haltline writes a time. All times are UTC.

use jiff::Timestamp;
use serde::Serializer;

/// Writes a time as RFC 3339 with milliseconds, as `2026-05-20T08:14:00.123Z`.
pub fn rfc3339_millis(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}

/// Serializes a time as [`rfc3339_millis`] writes it.
pub(crate) fn millis<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339_millis(*time))
}

/// Writes a time as it stands in file names, as `20260520T081400123Z`.
pub fn compact_stamp(time: Timestamp) -> String {
    let (seconds, millis) = (time.strftime("%Y%m%dT%H%M%S"), time.strftime("%3f"));
    format!("{seconds}{millis}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_written_to_the_millisecond_in_both_ways() {
        let time: Timestamp = "2026-05-20T10:14:00.1239+02:00".parse().unwrap();
        assert_eq!(rfc3339_millis(time), "2026-05-20T08:14:00.123Z");
        assert_eq!(compact_stamp(time), "20260520T081400123Z");
    }
}
