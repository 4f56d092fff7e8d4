//! Why the configuration cannot be used.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why the configuration cannot be used.
#[derive(Debug, Error)]
pub(crate) enum ConfigError {
    /// The user names a file that is not there.
    #[error("there is no configuration file {} ({named_by} names it); correct the name, or leave it out", path.display())]
    NoFile {
        /// The file.
        path: PathBuf,
        /// The flag or the variable that names it.
        named_by: &'static str,
    },
    /// The file cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something in the file is wrong.
    #[error("{}:{line}: {}{problem}", path.display(), key_part(key))]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The line, counted from one.
        line: usize,
        /// The key with its sections, as `drain.max`; empty where the text is no TOML.
        key: String,
        /// What is wrong.
        problem: String,
    },
    /// The folder for notes has no absolute path.
    #[error("cannot find the folder for notes {}: {source}", path.display())]
    Inbox {
        /// The folder as it was given.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

fn key_part(key: &str) -> String {
    if key.is_empty() { String::new() } else { format!("`{key}`: ") }
}
