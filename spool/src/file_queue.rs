//! The queue of one home.

use std::sync::Arc;

use async_trait::async_trait;
use haltline_protocol::{Layout, Queue, QueueError, Session};

use crate::preview::PreviewSession;
use crate::queue::FileSession;

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
}

#[async_trait]
impl Queue for FileQueue {
    async fn open(&self) -> Result<Arc<dyn Session>, QueueError> {
        Ok(Arc::new(FileSession::open(&self.layout)?))
    }

    async fn open_preview(&self) -> Result<Arc<dyn Session>, QueueError> {
        Ok(Arc::new(PreviewSession::open(&self.layout)?))
    }
}
