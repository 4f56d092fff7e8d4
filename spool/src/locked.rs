//! Locks between the threads of one process.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A lock whose holder panicked guards data that is still whole: each step leaves it so.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
