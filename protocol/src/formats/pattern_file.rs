//! The known patterns, `learned-patterns.json`: a list that people write, and in which drains count hits.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::value::RawValue;

use crate::time::rfc3339_millis;
use crate::{Document, LearnedPattern};

/// The file of known patterns. Whatever haltline does not know of an entry stays as it was, to the byte.
#[derive(Debug, Default)]
pub struct PatternFile {
    entries: Vec<Box<RawValue>>,
}

impl PatternFile {
    /// The name of the file in the queue root.
    pub const NAME: &'static str = "learned-patterns.json";
    /// The largest file that is read, in bytes; each event is held against every pattern, so a larger one is a mistake.
    pub const LARGEST: u64 = 4 << 20;

    /// Reads the file.
    ///
    /// # Errors
    /// It is no JSON list.
    pub fn parse(file: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(file).map(|entries| Self { entries })
    }

    /// Returns the pattern at each place, or why the entry there is none.
    pub fn patterns(&self) -> impl Iterator<Item = Result<LearnedPattern, serde_json::Error>> {
        self.entries.iter().map(|entry| serde_json::from_str(entry.get()))
    }

    /// Adds hits by place and notes the time of the last one. Returns the places where it could not, and why.
    pub fn count_hits(&mut self, hits: &BTreeMap<usize, u64>, now: Timestamp) -> Vec<(usize, serde_json::Error)> {
        let now = rfc3339_millis(now);
        let mut uncounted = Vec::new();
        for (place, count) in hits {
            let Some(entry) = self.entries.get_mut(*place) else { continue };
            match counted(entry, *count, &now) {
                Ok(counted) => *entry = counted,
                Err(error) => uncounted.push((*place, error)),
            }
        }
        uncounted
    }

    /// Writes the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let texts: Vec<String> = self.entries.iter().map(|entry| format!("  {}", entry.get())).collect();
        format!("[\n{}\n]\n", texts.join(",\n")).into_bytes()
    }
}

fn counted(entry: &RawValue, count: u64, now: &str) -> Result<Box<RawValue>, serde_json::Error> {
    let mut pattern = Document::parse(entry.get().as_bytes())?;
    let before: u64 = pattern.get("hitCount").and_then(|text| text.parse().ok()).unwrap_or(0);
    pattern.set("hitCount", &before.saturating_add(count))?;
    pattern.set("lastHit", &now)?;
    serde_json::from_slice(&pattern.to_pretty_at(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hits_are_counted_and_all_else_stays_to_the_byte() {
        let text = "[\n  {\n    \"category\": \"c\",\n    \"matcherKind\": \"k\",\n    \"pattern\": \"p\",\n    \
                    \"own\": 1.0\n  },\n  {\"odd\": 12345678901234567890123}\n]\n";
        let mut file = PatternFile::parse(text.as_bytes()).unwrap();
        assert_eq!(file.to_bytes(), text.as_bytes());
        assert_eq!(file.patterns().map(|pattern| pattern.is_ok()).collect::<Vec<_>>(), [true, false]);
        assert!(file.count_hits(&BTreeMap::from([(0, 2), (7, 1)]), Timestamp::UNIX_EPOCH).is_empty());
        let counted = "\"own\": 1.0,\n    \"hitCount\": 2,\n    \"lastHit\": \"1970-01-01T00:00:00.000Z\"\n";
        assert_eq!(String::from_utf8(file.to_bytes()).unwrap(), text.replace("\"own\": 1.0\n", counted));
        assert!(PatternFile::parse(b"{}").is_err());
    }
}
