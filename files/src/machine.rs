//! The file system that everything works on where nobody names another.

use std::sync::{Arc, LazyLock};

#[cfg(feature = "faults")]
use crate::fail_points::FailPoints;
use crate::system::System;
use crate::vfs::Vfs;

#[cfg(not(feature = "faults"))]
static SYSTEM: LazyLock<Arc<dyn Vfs>> = LazyLock::new(|| Arc::new(System));
#[cfg(feature = "faults")]
static SYSTEM: LazyLock<Arc<dyn Vfs>> = LazyLock::new(|| Arc::new(FailPoints::new(System)));

/// Returns the file system of the machine; with the feature `faults` it has fail points.
pub fn system() -> Arc<dyn Vfs> {
    SYSTEM.clone()
}
