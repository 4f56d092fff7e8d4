//! The queue of one home.

use std::sync::Arc;

use async_trait::async_trait;
use haltline_files::{Vfs, system};
use haltline_protocol::{Layout, Queue, QueueError, Session};

use crate::error::queue_error;
use crate::preview::PreviewSession;
use crate::session::FileSession;

/// A queue of files.
#[derive(Debug, Clone)]
pub struct FileQueue {
    layout: Layout,
}

impl FileQueue {
    /// The queue of a home.
    pub fn new(layout: Layout) -> Self {
        Self { layout }
    }

    /// Opens a preview of a queue on another file system.
    ///
    /// # Errors
    /// As [`open_preview`](Queue::open_preview).
    pub fn preview_on(vfs: &Arc<dyn Vfs>, layout: &Layout) -> Result<Arc<dyn Session>, QueueError> {
        Ok(Arc::new(PreviewSession::open_on(vfs, layout).map_err(queue_error)?))
    }
}

#[async_trait]
impl Queue for FileQueue {
    async fn open(&self) -> Result<Arc<dyn Session>, QueueError> {
        Ok(Arc::new(FileSession::open(&self.layout)?))
    }

    async fn open_preview(&self) -> Result<Arc<dyn Session>, QueueError> {
        Self::preview_on(&system(), &self.layout)
    }
}
