//! What an investigator sees of our environment: nothing but what a list allows.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};

use haltline_process::MARK;

/// Variables of our environment, taken once, so that nothing reads it behind our back.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<OsString, OsString>);

/// Shows names only: the values hold credentials.
impl fmt::Debug for Environment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// What every investigator may see, where it is set.
const ALLOWED: [&str; 11] = [
    "PATH",
    "HOME",
    "LANG",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
    "no_proxy",
];
/// Counts how many investigators stand above a process, so that one that halts does not call the next.
const DEPTH: &str = "HALT_DEPTH";
/// Where programs are looked up when nobody set PATH.
const USUAL_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

impl Environment {
    /// The environment of this process.
    pub fn of_this_process() -> Self {
        Self(std::env::vars_os().collect())
    }

    /// Sets a variable.
    #[must_use]
    pub fn with(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    /// Whether a variable is set to anything.
    pub fn has(&self, name: &str) -> bool {
        self.0.get(OsStr::new(name)).is_some_and(|value| !value.is_empty())
    }

    /// The folder that a variable names, where it is set to an absolute path.
    pub fn folder(&self, name: &str) -> Option<PathBuf> {
        self.0.get(OsStr::new(name)).map(PathBuf::from).filter(|folder| folder.is_absolute())
    }

    /// Where programs are looked up.
    pub(crate) fn path(&self) -> &OsStr {
        self.0.get(OsStr::new("PATH")).map_or(OsStr::new(USUAL_PATH), OsString::as_os_str)
    }

    /// The environment of an investigator that works in `folder` and may also see the variables of `credentials`.
    pub(crate) fn for_investigator(&self, folder: &Path, credentials: &[&str]) -> BTreeMap<OsString, OsString> {
        let mut allowed: BTreeMap<OsString, OsString> = ALLOWED
            .iter()
            .chain(credentials)
            .filter_map(|name| Some((OsString::from(name), self.0.get(OsStr::new(name))?.clone())))
            .collect();
        allowed.insert("PATH".into(), self.path().to_owned());
        allowed.insert("TERM".into(), "dumb".into());
        allowed.insert(MARK.into(), folder.into());
        allowed.insert(DEPTH.into(), (self.depth() + 1).to_string().into());
        allowed
    }

    /// How many investigators stand above this process.
    pub(crate) fn depth(&self) -> u32 {
        let text = self.0.get(OsStr::new(DEPTH)).and_then(|text| text.to_str());
        text.and_then(|text| text.parse::<u32>().ok()).unwrap_or(0).min(u32::MAX - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_allowed_gets_through() {
        let ours = ["GITHUB_TOKEN", "LD_PRELOAD", "OTHER_KEY", "NODE_OPTIONS", "GIT_DIR", "HOME", "MY_KEY"]
            .into_iter()
            .fold(Environment::default(), |ours, name| ours.with(name, "x"))
            .with("HALT_DEPTH", "2")
            .with("TMPDIR", "/elsewhere");
        let theirs = ours.for_investigator(Path::new("/attempt"), &["MY_KEY"]);
        let names: Vec<_> = theirs.keys().map(|name| name.to_str().unwrap()).collect();
        assert_eq!(names, ["HALT_DEPTH", "HOME", "MY_KEY", "PATH", "TERM", "TMPDIR"]);
        assert_eq!(theirs[OsStr::new("HALT_DEPTH")], "3");
        assert_eq!(theirs[OsStr::new("TMPDIR")], "/attempt");
        assert_eq!(theirs[OsStr::new("PATH")], USUAL_PATH);
    }

    #[test]
    fn no_value_is_ever_shown() {
        let shown = format!("{:?}", Environment::default().with("MY_KEY", "s3cret"));
        assert!(shown.contains("MY_KEY") && !shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn a_depth_that_is_no_number_counts_as_none() {
        for text in ["", "x", "-1", "99999999999"] {
            assert_eq!(Environment::default().with(DEPTH, text).depth(), 0, "{text}");
        }
    }
}
