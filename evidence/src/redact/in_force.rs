//! The redactor of this process.
//!
//! The secrets of an environment and the key of a queue belong to the process as a whole. A gate that had to be handed
//! them could be handed none; so they are put in force once, at the start, and each gate asks here.

use std::sync::{LazyLock, OnceLock};

use super::redactor::Redactor;

static IN_FORCE: OnceLock<Redactor> = OnceLock::new();
/// What is in force before anything was put there: it knows the forms of secrets, but none by name.
static PLAIN: LazyLock<Redactor> = LazyLock::new(Redactor::default);

impl Redactor {
    /// Puts it in force for the whole process, for ever. `false` where another one is already.
    pub fn put_in_force(self) -> bool {
        IN_FORCE.set(self).is_ok()
    }

    /// The redactor in force: the one that was put there, else one that knows the forms of secrets alone.
    pub fn in_force() -> &'static Self {
        IN_FORCE.get().unwrap_or_else(|| &PLAIN)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_always_one() {
        let text = format!("ghp_{}", "aB3".repeat(12));
        assert_eq!(Redactor::in_force().redact(&text), "[REDACTED:github]");
    }
}
