//! What a program may do to its own process before it starts children, if the process is its own and no host's.

use std::sync::Once;

use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit, umask};

use crate::platform::{adopt_orphans, hide_memory};

/// What every child is bound by, in bytes or numbers: no core dump, no more descriptors than a Node program asks for,
/// and no larger file.
///
/// There is no bound on processes: the kernel counts all that the user has, so one that stops a fork bomb stops the
/// user's other work as well, and our own threads.
const INHERITED: [(Resource, u64); 3] = [(Resource::Core, 0), (Resource::Nofile, 16_384), (Resource::Fsize, 16 << 30)];

/// A limit of so much, or of what is allowed already where that is less.
pub(crate) fn at_most(resource: Resource, most: u64) -> Rlimit {
    let allowed = getrlimit(resource).maximum.map_or(most, |allowed| allowed.min(most));
    Rlimit { current: Some(allowed), maximum: Some(allowed) }
}

/// Makes this process fit to start others: it adopts their orphans, and they create files for the user alone and inherit
/// its limits.
pub fn own_this_process() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
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
