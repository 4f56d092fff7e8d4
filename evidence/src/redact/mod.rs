//! Takes secrets out of text before it reaches a file, a prompt, an argument or a log.
//!
//! A log is looked at as a *view*: without the line breaks, escapes and invisible characters that tear a secret apart.
//! One pass of a literal matcher over the view finds *cues* (the prefix of a kind of key, the name of a setting, the
//! head of a key block); a hand-written reader at each cue decides how far the secret goes and whether it is one. Runs
//! of base64 are decoded and looked at the same way. Whoever hides a secret on purpose gets it through; this
//! catches what programs print by accident.

mod base64;
mod entropy;
mod formats;
mod headers;
mod in_force;
mod json;
mod jwt;
mod key_block;
mod literals;
mod marker;
mod own;
mod pairs;
mod redactor;
mod run;
mod tag;
mod view;

pub use own::own_secrets;
pub use redactor::Redactor;
