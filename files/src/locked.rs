//! Locks between the threads of one process.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks a mutex whose data every step leaves whole, so that it is whole even where a holder panicked.
pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
