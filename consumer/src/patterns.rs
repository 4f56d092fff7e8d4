//! Known patterns: a fault that somebody has explained before is settled free.

use std::collections::BTreeMap;

use haltline_files::{FileError, Folder};
use haltline_protocol::{Document, HaltEvent, LearnedPattern, Matcher, rfc3339_millis};
use jiff::Timestamp;
use serde_json::value::RawValue;
use std::path::Path;

/// The largest pattern file that is read, in bytes; each event is held against every pattern, so a larger one is a
/// mistake.
const LARGEST_FILE: u64 = 4 << 20;

/// The patterns in force.
#[derive(Debug, Default)]
pub(crate) struct PatternBook {
    patterns: Vec<Pattern>,
}

#[derive(Debug)]
struct Pattern {
    /// Its place in the file.
    place: usize,
    category: String,
    matcher: Matcher,
}

impl PatternBook {
    /// Reads the patterns in force. A file that cannot be read as patterns is kept, warned about, and none is in force.
    pub(crate) fn load(path: &Path) -> Self {
        let Some(entries) = read(path) else { return Self::default() };
        let patterns = entries.iter().enumerate().filter_map(|(place, entry)| {
            let compiled = serde_json::from_str::<LearnedPattern>(entry.get())
                .map_err(|error| error.to_string())
                .and_then(|pattern| {
                    let matcher = Matcher::compile(&pattern.matcher_kind, &pattern.pattern);
                    matcher.map(|matcher| (pattern.category, matcher)).map_err(|error| error.to_string())
                });
            match compiled {
                Ok((category, matcher)) => Some(Pattern { place, category, matcher }),
                Err(error) => {
                    tracing::warn!(path = %path.display(), place, error, "passed over a pattern; mend or remove it");
                    None
                }
            }
        });
        Self { patterns: patterns.collect() }
    }

    /// The categories of the patterns, each once.
    pub(crate) fn categories(&self) -> Vec<String> {
        let mut categories: Vec<_> = self.patterns.iter().map(|pattern| pattern.category.clone()).collect();
        categories.sort_unstable();
        categories.dedup();
        categories
    }

    /// The places in the file of the patterns in force.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn places(&self) -> Vec<usize> {
        self.patterns.iter().map(|pattern| pattern.place).collect()
    }

    /// The place in the file of the first pattern that explains an event.
    pub(crate) fn explain(&self, event: &HaltEvent) -> Option<usize> {
        if self.patterns.is_empty() {
            return None;
        }
        let (tail, reason) = (event.stdout_tail(), event.failure_reason());
        let first = self.patterns.iter().find(|pattern| pattern.matcher.matches(&tail, &reason));
        first.map(|pattern| pattern.place)
    }
}

fn read(path: &Path) -> Option<Vec<Box<RawValue>>> {
    let folder = Folder::open(path.parent()?).ok()?;
    let bytes = match folder.read(path.file_name()?.to_str()?, LARGEST_FILE) {
        Ok(bytes) => bytes?,
        Err(error) => {
            tracing::warn!(%error, "no known pattern is in force");
            return None;
        }
    };
    match serde_json::from_slice(&bytes) {
        Ok(entries) => Some(entries),
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "no known pattern is in force; mend the file");
            None
        }
    }
}

/// Counts hits in the pattern file, in place and with every other field as it was. Done under the settle lock, so by
/// one drain at a time.
///
/// # Errors
/// The file cannot be written; the old one stays.
pub(crate) fn count_hits(path: &Path, hits: &BTreeMap<usize, u64>) -> Result<(), FileError> {
    let (Some(mut entries), Some(parent), Some(name)) =
        (read(path), path.parent(), path.file_name().and_then(|name| name.to_str()))
    else {
        return Ok(());
    };
    let now = rfc3339_millis(Timestamp::now());
    for (place, count) in hits {
        let Some(entry) = entries.get_mut(*place) else { continue };
        let counted = Document::parse(entry.get().as_bytes()).and_then(|mut pattern| {
            let before: u64 = pattern.get("hitCount").and_then(|text| text.parse().ok()).unwrap_or(0);
            pattern.set("hitCount", &before.saturating_add(*count))?;
            pattern.set("lastHit", &now)?;
            serde_json::from_slice(&pattern.to_pretty_at(1))
        });
        match counted {
            Ok(counted) => *entry = counted,
            Err(error) => tracing::warn!(path = %path.display(), place, %error, "could not count a pattern's hits"),
        }
    }
    let texts: Vec<String> = entries.iter().map(|entry| format!("  {}", entry.get())).collect();
    Folder::open(parent)?.replace(name, format!("[\n{}\n]\n", texts.join(",\n")).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::candidate;

    const FILE: &str = r#"[
  {
    "category": "disk",
    "matcherKind": "stdout_contains",
    "pattern": "No space left",
    "hitCount": 2,
    "own": 1.0
  },
  {
    "category": "odd",
    "matcherKind": "stdout_regex",
    "pattern": "(?=x)"
  },
  {
    "category": "red",
    "matcherKind": "failureReason_regex",
    "pattern": "red after \\d"
  }
]
"#;

    fn file(text: &str) -> (tempfile::TempDir, std::path::PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("learned-patterns.json");
        std::fs::write(&path, text).unwrap();
        (home, path)
    }

    #[test]
    fn a_bad_pattern_costs_only_itself_and_a_corrupt_file_puts_none_in_force() {
        let (_home, path) = file(FILE);
        let book = PatternBook::load(&path);
        assert_eq!(book.categories(), ["disk", "red"]);
        let event = candidate("PHASE_FAILED", "a", None).event;
        assert_eq!(book.explain(&event), Some(2), "the failure reason is `tests red after 4 tries`");
        for text in ["", "{", "{}", "7"] {
            let (_home, path) = file(text);
            assert!(PatternBook::load(&path).patterns.is_empty());
            assert_eq!(std::fs::read_to_string(path).unwrap(), text);
        }
    }

    #[test]
    fn hits_are_counted_in_place() {
        let (_home, path) = file(FILE);
        count_hits(&path, &BTreeMap::from([(0, 3), (2, 1)])).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("\"hitCount\": 5,\n    \"own\": 1.0,\n    \"lastHit\": \"20"), "{text}");
        assert!(text.contains("\"pattern\": \"red after \\\\d\",\n    \"hitCount\": 1"), "{text}");
        assert!(text.starts_with("[\n  {\n    \"category\": \"disk\","), "{text}");
        let odd = "\n  {\n    \"category\": \"odd\",\n    \"matcherKind\": \"stdout_regex\",\n";
        assert!(text.contains(odd), "an entry without a hit was moved: {text}");
    }
}
