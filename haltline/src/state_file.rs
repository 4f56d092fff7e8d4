//! A build state of the orchestrator: a JSON file that is its own, in which a recovery by hand is recorded.
//!
//! The file lies outside the queue and haltline knows little of it. So only the fields that say what happened are
//! written into its text; every other byte stays as it is.

mod splice;

use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use haltline_files::{FileError, Folder};
use haltline_protocol::{Document, rfc3339_millis};
use jiff::Timestamp;
use rustix::fs::Mode;
use rustix::io::Errno;
use serde_json::Value;
use thiserror::Error;

use splice::{Edits, Member, elements, members};

/// The largest state that is read, in bytes. Real ones have some hundred kilobytes; beyond this it is another file.
const LARGEST_STATE: u64 = 16 * 1024 * 1024;
/// What the orchestrator calls a feature or a phase that is done.
const COMMITTED: &str = "committed";

/// A state as it was read.
#[derive(Debug)]
pub(crate) struct StateFile {
    folder: Folder,
    name: String,
    path: PathBuf,
    mode: Mode,
    text: String,
    fields: Vec<Member>,
}

/// What a recovery makes of a state.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It says so already.
    Nothing,
    /// Its new text.
    Text(String),
}

/// Why a recovery cannot be recorded in a state.
#[derive(Debug, Error)]
pub(crate) enum StateError {
    /// The file cannot be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is no state.
    #[error("{} is no build state: {problem}; correct it, or leave --state out", path.display())]
    NoState {
        /// The file.
        path: PathBuf,
        /// What was found.
        problem: String,
    },
    /// The state does not know what is asked for.
    #[error("no {what} {name} in {}; known are: {}", path.display(), known_list(known))]
    Unknown {
        /// `feature` or `phase`.
        what: &'static str,
        /// Its number as it was given.
        name: String,
        /// The numbers that there are.
        known: Vec<String>,
        /// The file.
        path: PathBuf,
    },
    /// The state knows more than one of that number.
    #[error("{what} {name} stands {times} times in {}; correct the file", path.display())]
    Ambiguous {
        /// `feature` or `phase`.
        what: &'static str,
        /// Its number as it was given.
        name: String,
        /// How often it is there.
        times: usize,
        /// The file.
        path: PathBuf,
    },
}

fn known_list(known: &[String]) -> String {
    if known.is_empty() { "none".to_owned() } else { known.join(", ") }
}

impl StateError {
    /// Whether the caller asked for what cannot be (exit code 2), and not the machine failed (exit code 1).
    pub(crate) fn is_usage(&self) -> bool {
        !matches!(self, Self::File(_))
    }
}

/// A feature or a phase.
struct Item {
    object: Range<usize>,
    fields: Vec<Member>,
}

impl StateFile {
    /// Reads a state. A symbolic link is followed to the file that it names, which alone is ever replaced.
    ///
    /// # Errors
    /// The file cannot be read, or it is no JSON object without repeated keys.
    pub(crate) fn read(path: &Path) -> Result<Self, StateError> {
        let failed = |action, source: io::Error| FileError::new(action, path, source);
        let target = path.canonicalize().map_err(|source| failed("read the state file", source))?;
        let (Some(parent), Some(name)) = (target.parent(), target.file_name().and_then(|name| name.to_str())) else {
            let source = io::Error::other("it is no file with a name in UTF-8");
            return Err(failed("read the state file", source).into());
        };
        let folder = Folder::open(parent)?;
        let (file, stat) = folder.open_file(name).map_err(|errno| match errno {
            Errno::INVAL => failed("read the state file", io::Error::other("it is no regular file")),
            errno => failed("read the state file", errno.into()),
        })?;
        let mut bytes = Vec::new();
        file.take(LARGEST_STATE + 1).read_to_end(&mut bytes).map_err(|source| failed("read the state file", source))?;

        let no_state = |problem: String| StateError::NoState { path: target.clone(), problem };
        if bytes.len() as u64 > LARGEST_STATE {
            return Err(no_state(format!("it has more than {LARGEST_STATE} bytes")));
        }
        // From here on the text is known to be a well-formed object.
        Document::parse(&bytes).map_err(|error| no_state(error.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|error| no_state(error.to_string()))?;
        let fields = members(&text, splice::whole(&text)).map_err(no_state)?;
        let (name, mode) = (name.to_owned(), Mode::from_raw_mode(stat.st_mode & 0o7777));
        Ok(Self { folder, name, path: target, mode, text, fields })
    }

    /// The file itself, links resolved.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The orchestrator's name for the build; none where it is missing or empty.
    pub(crate) fn slug(&self) -> Option<String> {
        let slug = self.fields.iter().find(|field| field.key == "slug")?;
        let slug: String = serde_json::from_str(&self.text[slug.value.clone()]).ok()?;
        Some(slug).filter(|slug| !slug.is_empty())
    }

    /// The state with a feature shipped, and with its phases committed.
    ///
    /// # Errors
    /// There is not exactly one such feature, or the lists are not what they should be.
    pub(crate) fn with_feature_shipped(
        &self,
        number: &str,
        pull_request: Option<&str>,
        now: Timestamp,
    ) -> Result<Change, StateError> {
        let features = self.items("features")?;
        let feature = self.only("feature", number, &features, |feature| self.name(feature, &["number"]))?;
        let phases = self.items("phases")?;
        let mut open_phases = phases
            .iter()
            .filter(|phase| self.name(phase, &["feature"]).as_deref() == Some(number) && !self.is_committed(phase))
            .peekable();
        let has_pull_request =
            pull_request.is_none_or(|given| self.name(feature, &["prNumber"]).as_deref() == Some(given));
        let is_shipped = self.is_shipped(feature);
        if is_shipped && has_pull_request && open_phases.peek().is_none() {
            return Ok(Change::Nothing);
        }
        let mut fields = Vec::new();
        // When it was shipped stays as it was recorded.
        if !is_shipped {
            let time = Value::from(rfc3339_millis(now)).to_string();
            fields.extend([("status", committed()), ("shippedAt", time.clone()), ("completedAt", time)]);
        }
        fields.extend(pull_request.map(|given| ("prNumber", number_or_text(given))));
        let mut edits = Edits::default();
        edits.set_fields(&self.text, &feature.object, &feature.fields, &fields, Some("error"));
        for phase in open_phases {
            edits.set_fields(&self.text, &phase.object, &phase.fields, &[("status", committed())], None);
        }
        Ok(Change::Text(edits.apply(&self.text)))
    }

    /// The state with a phase committed.
    ///
    /// # Errors
    /// There is not exactly one such phase, or the list is not what it should be.
    pub(crate) fn with_phase_committed(&self, number: &str) -> Result<Change, StateError> {
        let phases = self.items("phases")?;
        let phase = self.only("phase", number, &phases, |phase| self.name(phase, &["number", "index"]))?;
        if self.is_committed(phase) {
            return Ok(Change::Nothing);
        }
        let mut edits = Edits::default();
        edits.set_fields(&self.text, &phase.object, &phase.fields, &[("status", committed())], None);
        Ok(Change::Text(edits.apply(&self.text)))
    }

    /// Writes a change in place of the file, whole and durably. The file is read again before, since the orchestrator
    /// may have written to it.
    ///
    /// # Errors
    /// As [`read`](Self::read) and the change; or the file cannot be written, and the old one stays.
    pub(crate) fn record(&self, change: impl FnOnce(&Self) -> Result<Change, StateError>) -> Result<(), StateError> {
        let fresh = Self::read(&self.path)?;
        match change(&fresh)? {
            Change::Nothing => Ok(()),
            Change::Text(text) => Ok(fresh.folder.replace_with_mode(&fresh.name, text.as_bytes(), fresh.mode)?),
        }
    }

    fn no_state(&self, problem: String) -> StateError {
        StateError::NoState { path: self.path.clone(), problem }
    }

    /// The objects of a list; none where the list is missing.
    fn items(&self, list: &str) -> Result<Vec<Item>, StateError> {
        let Some(field) = self.fields.iter().find(|field| field.key == list) else { return Ok(Vec::new()) };
        if !self.text[field.value.clone()].starts_with('[') {
            return Err(self.no_state(format!("`{list}` is no list")));
        }
        let objects = elements(&self.text, field.value.clone());
        let objects = objects.into_iter().filter(|object| self.text[object.clone()].starts_with('{'));
        objects
            .map(|object| match members(&self.text, object.clone()) {
                Ok(fields) => Ok(Item { object, fields }),
                Err(problem) => Err(self.no_state(format!("in `{list}`, {problem}"))),
            })
            .collect()
    }

    /// The text of the first of these fields that is a number or a string.
    fn name(&self, item: &Item, fields: &[&str]) -> Option<String> {
        fields.iter().find_map(|name| {
            let field = item.fields.iter().find(|field| field.key == *name)?;
            let text = &self.text[field.value.clone()];
            match text.bytes().next()? {
                b'"' => serde_json::from_str(text).ok(),
                b'-' | b'0'..=b'9' => Some(text.to_owned()),
                _ => None,
            }
        })
    }

    fn only<'a>(
        &self,
        what: &'static str,
        name: &str,
        items: &'a [Item],
        name_of: impl Fn(&Item) -> Option<String>,
    ) -> Result<&'a Item, StateError> {
        let found: Vec<&Item> = items.iter().filter(|item| name_of(item).as_deref() == Some(name)).collect();
        let (name, path) = (name.to_owned(), self.path.clone());
        match found.as_slice() {
            [] => Err(StateError::Unknown { what, name, known: items.iter().filter_map(name_of).collect(), path }),
            [item] => Ok(item),
            more => Err(StateError::Ambiguous { what, name, times: more.len(), path }),
        }
    }

    fn is_committed(&self, item: &Item) -> bool {
        self.name(item, &["status"]).as_deref() == Some(COMMITTED)
    }

    /// Whether a feature says all that a shipped one does. One that its build committed says less.
    fn is_shipped(&self, feature: &Item) -> bool {
        let is_set = |name: &str| {
            let field = feature.fields.iter().find(|field| field.key == name);
            field.is_some_and(|field| &self.text[field.value.clone()] != "null")
        };
        self.is_committed(feature) && is_set("shippedAt") && is_set("completedAt") && !is_set("error")
    }
}

fn committed() -> String {
    Value::from(COMMITTED).to_string()
}

/// A pull request's number as JSON: a number where it is one, else a string.
fn number_or_text(given: &str) -> String {
    match given.parse::<u64>() {
        Ok(number) if number.to_string() == given => given.to_owned(),
        _ => Value::from(given).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    const STATE: &str = r#"{
  "slug": "checkout",
  "big": 12345678901234567890123, "one": 1.0,
  "features": [
    { "number": 1, "name": "a" },
    {
      "number": "2",
      "status": "failed",
      "error": "x, \"}",
      "odd": [   1e2 ]
    }
  ],
  "phases": [
    {"index": 0, "number": "2.1", "feature": 2, "status": "failed"},
    {"index": 1, "feature": "2"},
    {"index": 2, "number": null, "feature": 1, "status": "running"}
  ]
}"#;

    fn write(text: &str) -> (tempfile::TempDir, StateFile) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        std::fs::write(&path, text).unwrap();
        let state = StateFile::read(&path).unwrap();
        (folder, state)
    }

    #[test]
    fn only_what_happened_is_written_and_every_other_byte_stays() {
        let (_folder, state) = write(STATE);
        let now = "2026-05-20T08:14:00.123Z".parse().unwrap();
        let expected = STATE
            .replace(r#""status": "failed","#, r#""status": "committed","#)
            .replace("\n      \"error\": \"x, \\\"}\",", "")
            .replace(
                "[   1e2 ]\n",
                "[   1e2 ],\n      \"shippedAt\": \"2026-05-20T08:14:00.123Z\",\n      \
                 \"completedAt\": \"2026-05-20T08:14:00.123Z\",\n      \"prNumber\": 42\n",
            )
            .replace(r#""feature": 2, "status": "failed""#, r#""feature": 2, "status": "committed""#)
            .replace(r#"{"index": 1, "feature": "2"}"#, r#"{"index": 1, "feature": "2", "status": "committed"}"#);
        let change = state.with_feature_shipped("2", Some("42"), now).unwrap();
        assert_eq!(change, Change::Text(expected.clone()));

        let (_folder, state) = write(&expected);
        assert_eq!(state.with_feature_shipped("2", Some("42"), now).unwrap(), Change::Nothing);
        assert_eq!(state.with_feature_shipped("2", None, now).unwrap(), Change::Nothing);
        assert_ne!(state.with_feature_shipped("2", Some("43"), now).unwrap(), Change::Nothing);
    }

    #[test]
    fn a_phase_is_known_by_its_number_and_else_by_its_index() {
        let (_folder, state) = write(STATE);
        let expected = STATE.replace(r#""feature": 2, "status": "failed""#, r#""feature": 2, "status": "committed""#);
        assert_eq!(state.with_phase_committed("2.1").unwrap(), Change::Text(expected));
        let expected = STATE.replace("running", "committed");
        assert_eq!(state.with_phase_committed("2").unwrap(), Change::Text(expected));
        let error = state.with_phase_committed("0").unwrap_err();
        assert!(error.is_usage());
        assert!(error.to_string().ends_with("known are: 2.1, 1, 2"), "{error}");
        assert_eq!(state.slug().as_deref(), Some("checkout"));
    }

    #[test]
    fn what_is_no_state_is_refused() {
        for (text, reason) in [
            ("", "no build state"),
            ("[]", "no build state"),
            (r#"{"a":1,"a":2}"#, "stands twice"),
            (r#"{"phases":{}}"#, "`phases` is no list"),
            (r#"{"phases":[{"number":1,"\u006eumber":2}]}"#, "in `phases`, the key `number` stands twice"),
            (r#"{"phases":[{"number":1},{"number":"1"}]}"#, "stands 2 times"),
            (r#"{"phases":[null,7]}"#, "known are: none"),
            ("{}", "known are: none"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("s");
            std::fs::write(&path, text).unwrap();
            let error = StateFile::read(&path).and_then(|state| state.with_phase_committed("1")).unwrap_err();
            assert!(error.is_usage() && error.to_string().contains(reason), "{text}: {error}");
        }
        let error = StateFile::read(Path::new("/nowhere/state.json")).unwrap_err();
        assert!(!error.is_usage() && error.to_string().contains("/nowhere/state.json"), "{error}");
    }

    #[test]
    fn the_target_of_a_link_is_replaced_with_its_mode_and_what_came_meanwhile_stays() {
        let (folder, state) = write(STATE);
        std::fs::set_permissions(state.path(), PermissionsExt::from_mode(0o640)).unwrap();
        let link = folder.path().join("link.json");
        symlink("state.json", &link).unwrap();
        let state = StateFile::read(&link).unwrap();
        std::fs::write(state.path(), STATE.replace("checkout", "renamed")).unwrap();
        state.record(|state| state.with_phase_committed("2.1")).unwrap();
        let written = std::fs::read_to_string(state.path()).unwrap();
        assert!(written.contains("renamed") && written.contains(r#""feature": 2, "status": "committed""#));
        assert!(link.is_symlink());
        assert_eq!(state.path().metadata().unwrap().permissions().mode() & 0o7777, 0o640);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "no temporary is left");
    }
}
