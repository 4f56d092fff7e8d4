//! Patterns of paths in a home, by which a plug-in says what it writes.
//!
//! A pattern is a path from the home with `/` between names, such as `skill-faults/reports/*/*.md`. A `*` stands for any
//! text within a name; a name has one at most.

/// Tells whether a pattern stands for a file. `path` is the file's path from the home.
pub fn pattern_has_file(pattern: &str, path: &str) -> bool {
    path.split('/').count() == pattern.split('/').count() && agree(pattern, path)
}

/// Tells whether a pattern stands for files beneath a folder. `path` is the folder's path from the home.
pub fn pattern_has_folder(pattern: &str, path: &str) -> bool {
    path.split('/').count() < pattern.split('/').count() && agree(pattern, path)
}

/// Compares the names that both have.
fn agree(pattern: &str, path: &str) -> bool {
    path.split('/').zip(pattern.split('/')).all(|(name, wanted)| name_matches(wanted, name))
}

fn name_matches(wanted: &str, name: &str) -> bool {
    match wanted.split_once('*') {
        None => name == wanted,
        Some((begin, end)) => name.len() > begin.len() + end.len() && name.starts_with(begin) && name.ends_with(end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_stands_for_files_and_for_the_folders_above_them() {
        let pattern = "skill-faults/reports/*/*.md";
        for (path, is_file, is_folder) in [
            ("skill-faults/reports/build-42/f.md", true, false),
            ("skill-faults/reports/build-42/.md", false, false),
            ("skill-faults/reports/build-42/f.json", false, false),
            ("skill-faults/reports/build-42/x/f.md", false, false),
            ("skill-faults/reports/f.md", false, true),
            ("skill-faults/reports", false, true),
            ("skill-faults", false, true),
            ("skill-fault", false, false),
        ] {
            assert_eq!(
                (pattern_has_file(pattern, path), pattern_has_folder(pattern, path)),
                (is_file, is_folder),
                "{path}"
            );
        }
        assert!(pattern_has_file("a/b.jsonl", "a/b.jsonl") && !pattern_has_file("a/b.jsonl", "a/c.jsonl"));
    }
}
