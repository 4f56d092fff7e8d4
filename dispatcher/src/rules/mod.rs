//! Rules that somebody wrote down once, held against the end of a log. The rules are data: the `.toml` files here.

mod evaluate;
mod line;
mod rule_set;

pub(crate) use evaluate::{Finding, Origin, Texts, last_lines};
pub(crate) use rule_set::{Rule, built_in};
