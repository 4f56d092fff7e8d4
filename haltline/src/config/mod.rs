//! The configuration: where its file is, what stands in it, and what is in force with flags and environment.

mod error;
mod file;
mod locate;
mod position;
mod settings;
mod toml_text;

use std::path::Path;

use crate::cli::DrainArgs;

pub(crate) use error::ConfigError;
use file::{Config, load};
pub(crate) use settings::{Origin, Settings};
pub(crate) use toml_text::{duration, key, string, strings, value};

/// What is in force: the configuration file, or the one that is named, with the environment and the flags over it.
///
/// # Errors
/// The file cannot be read, has an unknown key, or a value that is out of range.
pub(crate) fn in_force(file: Option<&Path>, flags: &DrainArgs) -> Result<Settings, ConfigError> {
    load(file).and_then(|config| Settings::merge(flags, config))
}
