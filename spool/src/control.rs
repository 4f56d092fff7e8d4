//! What a person changes by hand, behind the port: each change takes the settle lock for as long as it lasts.

use haltline_protocol::{Change, Control, ControlError, FaultKey, Layout, Purge, QueueError, Repair};
use jiff::Timestamp;

use crate::error::queue_error;
use crate::operator::{Operator, OperatorError};
use crate::purge::PurgePlan;

/// A queue of files that a person changes.
#[derive(Debug, Clone)]
pub struct FileControl {
    layout: Layout,
}

impl FileControl {
    /// Prepares a change of the queue of a home; nothing is opened yet.
    pub fn new(layout: Layout) -> Self {
        Self { layout }
    }
}

impl Control for FileControl {
    fn change(&self, key: &FaultKey, change: Change) -> Result<Vec<String>, ControlError> {
        let changed = Operator::open(&self.layout)?.change(key, change)?;
        Ok(changed.iter().map(|path| path.display().to_string()).collect())
    }

    fn find_purgeable(&self, before: Timestamp) -> Result<Purge, QueueError> {
        Ok(PurgePlan::look(&self.layout, before).map_err(queue_error)?.purge)
    }

    fn purge(&self, before: Timestamp) -> Result<Purge, ControlError> {
        let purged = Operator::open(&self.layout)?.purge(&self.layout, before);
        Ok(purged.map_err(OperatorError::from)?)
    }

    fn repair(&self, repairs: &[Repair]) -> Result<u64, ControlError> {
        let operator = Operator::open(&self.layout)?;
        let mut mended = 0;
        for repair in repairs {
            mended += u64::from(operator.repair(&self.layout, repair).map_err(OperatorError::from)?);
        }
        Ok(mended)
    }
}
