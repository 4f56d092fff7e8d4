//! What bounds a child: times and sizes that are watched, and limits that the kernel holds.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit};

use crate::platform::bound;

/// The times and sizes that bound a child process.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Wall time.
    pub wall: Duration,
    /// How long a process that was asked to end (TERM) gets before it is killed (KILL).
    pub grace: Duration,
    /// The most bytes of standard output, and of standard error.
    pub output: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { wall: Duration::from_secs(600), grace: Duration::from_secs(5), output: 8 << 20 }
    }
}

/// What a process that is ours lets its children inherit, in bytes or numbers: no core dump, no more descriptors than a
/// Node program asks for, and no larger file. The last one holds for our own files too, so it is far above what the rows
/// of a lifetime take.
///
/// There is no bound on processes: the kernel counts all that the user has, so one that stops a fork bomb stops the
/// user's other work as well, and our own threads.
pub(crate) const INHERITED: [(Resource, u64); 3] =
    [(Resource::Core, 0), (Resource::Nofile, 16_384), (Resource::Fsize, 16 << 30)];

/// The largest file that a child may write, in bytes. Far above what databases of its own need; it bounds what a flood
/// can do between two looks.
const LARGEST_FILE: u64 = 1 << 30;

/// A limit of so much, or of what is allowed already where that is less.
pub(crate) fn at_most(resource: Resource, most: u64) -> Rlimit {
    let allowed = getrlimit(resource).maximum.map_or(most, |allowed| allowed.min(most));
    Rlimit { current: Some(allowed), maximum: Some(allowed) }
}

/// Bounds a child and all that it starts from now on. What it started before this has the bounds that it inherited.
pub(crate) fn bound_child(pid: i32) {
    for (resource, most) in INHERITED {
        let most = if resource == Resource::Fsize { LARGEST_FILE } else { most };
        if let Err(errno) = bound(pid, resource, at_most(resource, most)) {
            tracing::debug!(?resource, %errno, "could not bound a child");
        }
    }
}
