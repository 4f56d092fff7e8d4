//! Known patterns: a fault that somebody has explained before is settled free.

use std::collections::BTreeMap;

use haltline_files::{FileError, Folder};
use haltline_protocol::{HaltEvent, Matcher, PatternFile};
use jiff::Timestamp;
use std::path::Path;

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
        let Some(file) = read(path) else { return Self::default() };
        let patterns = file.patterns().enumerate().filter_map(|(place, pattern)| {
            let compiled = pattern.map_err(|error| error.to_string()).and_then(|pattern| {
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

fn read(path: &Path) -> Option<PatternFile> {
    let folder = Folder::open(path.parent()?).ok()?;
    let bytes = match folder.read(path.file_name()?.to_str()?, PatternFile::LARGEST) {
        Ok(bytes) => bytes?,
        Err(error) => {
            tracing::warn!(%error, "no known pattern is in force");
            return None;
        }
    };
    match PatternFile::parse(&bytes) {
        Ok(file) => Some(file),
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
    let (Some(mut file), Some(parent), Some(name)) =
        (read(path), path.parent(), path.file_name().and_then(|name| name.to_str()))
    else {
        return Ok(());
    };
    for (place, error) in file.count_hits(hits, Timestamp::now()) {
        tracing::warn!(path = %path.display(), place, %error, "could not count a pattern's hits");
    }
    Folder::open(parent)?.replace(name, &file.to_bytes())
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
