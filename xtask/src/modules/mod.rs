//! Which file of a crate imports from which other.

mod names;
mod tree;
mod uses;

pub use names::Import;
pub use tree::Tree;
