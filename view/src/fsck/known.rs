//! What belongs into a home.

use haltline_protocol::{pattern_has_file, pattern_has_folder};

/// What belongs into a home: patterns of paths from there, which end in `/` for a folder that is not looked into.
#[derive(Debug)]
pub(super) struct KnownFiles {
    patterns: Vec<&'static str>,
}

impl KnownFiles {
    pub(super) fn new(patterns: Vec<&'static str>) -> Self {
        Self { patterns }
    }

    /// Returns the folders of the home that have something of haltline's; the home may have other things.
    pub(super) fn folders_of_home(&self) -> Vec<&'static str> {
        let mut folders: Vec<_> =
            self.patterns.iter().filter_map(|pattern| pattern.split_once('/')).map(|(folder, _)| folder).collect();
        folders.sort_unstable();
        folders.dedup();
        folders
    }

    /// Tells whether a file belongs there, by its path from the home. A hidden file does only where its name is given in
    /// full, or any name may stand there.
    pub(super) fn has_file(&self, path: &str) -> bool {
        let is_hidden = |path: &str| path.rsplit('/').next().is_some_and(|name| name.starts_with('.'));
        self.patterns.iter().any(|pattern| {
            pattern_has_file(pattern, path) && (!is_hidden(path) || is_hidden(pattern) || pattern.ends_with("/*"))
        })
    }

    /// Tells whether a folder belongs there, by its path from the home.
    pub(super) fn has_folder(&self, path: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern_has_folder(pattern, path))
    }

    /// Tells whether a folder is to be looked into, by its path from the home.
    pub(super) fn looks_into(&self, path: &str) -> bool {
        self.patterns.iter().any(|pattern| !pattern.ends_with('/') && pattern_has_folder(pattern, path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_into_a_folder_follows_from_the_patterns() {
        let known =
            KnownFiles::new(vec!["q/.key", "q/in-flight/*/lock", "q/in-flight/*/attempts/", "q/*.json", "a/b/*"]);
        assert_eq!(known.folders_of_home(), ["a", "q"]);
        for (path, expected) in [
            ("q/.key", true),
            ("q/a.json", true),
            ("q/.a.json", false),
            ("a/b/.x", true),
            ("q/in-flight/.new-1/lock", true),
            ("q/in-flight/lock", false),
            ("q/in-flight/x/attempts", false),
        ] {
            assert_eq!(known.has_file(path), expected, "{path}");
        }
        for (path, expected, looked_into) in
            [("q/in-flight/x", true, true), ("q/in-flight/x/attempts", true, false), ("q/x", false, false)]
        {
            assert_eq!((known.has_folder(path), known.looks_into(path)), (expected, looked_into), "{path}");
        }
    }
}
