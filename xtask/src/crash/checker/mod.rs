//! The checker: whether a home that has come to rest keeps every promise, whatever was done to it.

mod conservation;
mod fields;
mod rest;
mod rows;
mod spawns;
mod survey;
mod traces;
mod verdict;

/// The year of every time that the harness puts into the past.
pub(super) const PAST_YEAR: &str = "2020-";

pub(super) use survey::{names, token};
pub(super) use verdict::{Strictness, observe, violations};
