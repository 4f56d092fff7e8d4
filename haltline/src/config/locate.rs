//! Where the configuration file is.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Where to look for the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    /// The flag or the variable by which the user names it; none where it may be absent.
    pub(super) named_by: Option<&'static str>,
}

/// Finds the place: the flag, `HALTLINE_CONFIG`, or the user's configuration folder (XDG base directory
/// specification). None where the user has no home.
pub(super) fn locate(flag: Option<&Path>, variable: impl Fn(&str) -> Option<OsString>) -> Option<Place> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(flag) = flag {
        return Some(Place { path: flag.to_owned(), named_by: Some("--config") });
    }
    if let Some(path) = set("HALTLINE_CONFIG") {
        return Some(Place { path, named_by: Some("HALTLINE_CONFIG") });
    }
    let folder = set("XDG_CONFIG_HOME").or_else(|| set("HOME").map(|home| home.join(".config")))?;
    Some(Place { path: folder.join("haltline/config.toml"), named_by: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_set_names_the_file() {
        let find = |flag: Option<&str>, set: &[(&str, &str)]| {
            let variable = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into());
            locate(flag.map(Path::new), variable).map(|place| (place.path.display().to_string(), place.named_by))
        };
        let all = [("HALTLINE_CONFIG", "/c"), ("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")];
        assert_eq!(find(Some("/f"), &all), Some(("/f".into(), Some("--config"))));
        assert_eq!(find(None, &all), Some(("/c".into(), Some("HALTLINE_CONFIG"))));
        assert_eq!(find(None, &all[1..]), Some(("/x/haltline/config.toml".into(), None)));
        assert_eq!(find(None, &all[2..]), Some(("/h/.config/haltline/config.toml".into(), None)));
        assert_eq!(find(None, &[("HALTLINE_CONFIG", ""), ("XDG_CONFIG_HOME", "")]), None);
    }
}
