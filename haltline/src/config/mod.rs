//! The configuration: where its file is, what stands in it, and what is in force with flags and environment.

mod error;
mod file;
mod locate;
mod position;
mod settings;
mod toml_text;

pub(crate) use error::ConfigError;
pub(crate) use file::{Config, load};
pub(crate) use settings::{Origin, Settings};
pub(crate) use toml_text::{duration, key, string, strings, value};
