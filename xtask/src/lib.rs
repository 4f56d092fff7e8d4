//! What a developer of haltline runs. It depends on no crate of the product, so that it builds when they do not.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a developer's tool talks to its terminal")]

pub mod bench;
pub mod ci;
pub mod crash;
pub mod floor;
pub mod fmt;
pub mod lint;
pub mod modules;
pub mod registry;
pub mod run;
pub mod source;
pub mod tidy;
pub mod workspace;
