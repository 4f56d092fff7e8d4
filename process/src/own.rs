//! What a program does to its own process before it starts children. A library does nothing of it to its host.

use std::sync::OnceLock;

use rustix::fs::Mode;
use rustix::process::{setrlimit, umask};

use crate::limits::{INHERITED, at_most};
use crate::platform::{adopt_orphans, hide_memory};

/// Set once this process is ours.
static OWNED: OnceLock<()> = OnceLock::new();

/// Makes this process fit to start others, for a program that has the process to itself:
/// - it adopts the orphans of its children, so that one that drops every mark is found and ended too;
/// - what it creates, and what they create, is for the user alone (umask);
/// - they are bounded from their first moment on, because they inherit its resource limits;
/// - they cannot read its environment and its memory.
///
/// From then on no other code of the process may start a child in a session of its own: it would be taken for an orphan
/// and killed. A program that embeds haltline does not call this, and nothing of its process is changed: children are
/// bounded right after their start, and only processes that carry the mark of one of ours, are in its session or
/// descend from these are ever signalled.
pub fn own_this_process() {
    OWNED.get_or_init(|| {
        umask(Mode::RWXG | Mode::RWXO);
        for (resource, most) in INHERITED {
            if let Err(errno) = setrlimit(resource, at_most(resource, most)) {
                tracing::warn!(?resource, %errno, "cannot bound what a child may use");
            }
        }
        // What we start runs as the same user. It could read our environment and our memory, and with them every secret
        // that its own environment was kept free of.
        if let Err(errno) = hide_memory() {
            tracing::warn!(%errno, "a child can read the environment of this process");
        }
        if let Err(errno) = adopt_orphans() {
            tracing::warn!(%errno, "cannot adopt orphans; a process that leaves its session may survive");
        }
    });
}

/// Whether [`own_this_process`] was called.
pub(crate) fn is_owned() -> bool {
    OWNED.get().is_some()
}

#[cfg(test)]
mod tests {
    use rustix::process::{DumpableBehavior, dumpable_behavior};

    use super::*;

    #[test]
    fn what_we_start_cannot_look_into_us() {
        own_this_process();
        assert_eq!(dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
    }
}
