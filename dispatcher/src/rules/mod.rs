//! Rules that somebody wrote down once, held against the end of a log. The rules are data: the `.toml` files here.

mod judge;
mod line;
mod pack;

pub(crate) use judge::{Finding, Origin, Texts, last_lines};
pub(crate) use pack::{Rule, built_in};
