//! Where the home is.

use std::ffi::OsString;
use std::path::PathBuf;

use haltline_protocol::Layout;

/// Finds the home: the flag, `HALTLINE_HOME`, `GSTACK_HOME`, `~/.gstack` where it is there, and else the state folder
/// of the XDG base directory specification. Its path is absolute, since investigators get it and run elsewhere.
///
/// # Errors
/// None of them is set, and there is no home of the user either.
pub(crate) fn find(flag: Option<PathBuf>) -> Result<Layout, NoHome> {
    let home = find_with(flag, |name| std::env::var_os(name)).ok_or(NoHome)?;
    Ok(Layout::new(std::path::absolute(&home).unwrap_or(home)))
}

fn find_with(flag: Option<PathBuf>, variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let gstack = || set("HOME").map(|home| home.join(".gstack")).filter(|folder| folder.is_dir());
    let state = || set("XDG_STATE_HOME").or_else(|| set("HOME").map(|home| home.join(".local/state")));
    flag.or_else(|| set("HALTLINE_HOME"))
        .or_else(|| set("GSTACK_HOME"))
        .or_else(gstack)
        .or_else(|| state().map(|state| state.join("haltline")))
}

/// There is no place for a home.
#[derive(Debug, thiserror::Error)]
#[error("no home for the queue: give --home DIR, or set HALTLINE_HOME or HOME")]
pub(crate) struct NoHome;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_that_is_set_wins() {
        let user = tempfile::tempdir().unwrap();
        let find = |flag: Option<&str>, set: &[(&str, &str)]| {
            let variables: Vec<_> =
                set.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value))).collect();
            find_with(flag.map(PathBuf::from), move |name| {
                variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
            })
        };
        let home = user.path().to_str().unwrap();
        let all = [("HALTLINE_HOME", "/h"), ("GSTACK_HOME", "/g"), ("XDG_STATE_HOME", "/x"), ("HOME", home)];
        assert_eq!(find(Some("/f"), &all), Some("/f".into()));
        assert_eq!(find(None, &all), Some("/h".into()));
        assert_eq!(find(None, &all[1..]), Some("/g".into()));
        assert_eq!(find(None, &all[2..]), Some("/x/haltline".into()));
        assert_eq!(find(None, &all[3..]), Some(user.path().join(".local/state/haltline")));
        assert_eq!(find(None, &[("GSTACK_HOME", ""), ("XDG_STATE_HOME", "/x")]), Some("/x/haltline".into()));
        assert_eq!(find(None, &[]), None);
        std::fs::create_dir(user.path().join(".gstack")).unwrap();
        assert_eq!(find(None, &all[2..]), Some(user.path().join(".gstack")));
    }
}
