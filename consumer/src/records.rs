//! The wire to analytics: records out, acknowledgements back.

use haltline_protocol::{Record, RecordBatch, SinkError};
use tokio::sync::{mpsc, oneshot};

use crate::error::DrainError;

/// The wire to analytics.
#[derive(Debug, Clone)]
pub(crate) struct Recorder(pub(crate) mpsc::Sender<RecordBatch>);

/// Records that analytics has not acknowledged yet.
#[derive(Debug)]
pub(crate) struct Pending(oneshot::Receiver<Result<(), SinkError>>);

impl Recorder {
    /// Sends records and does not wait for them to be delivered.
    pub(crate) async fn send(&self, records: Vec<Record>, replay: bool) -> Result<Pending, DrainError> {
        let (acknowledge, acknowledged) = oneshot::channel();
        self.0
            .send(RecordBatch { records, replay, acknowledge })
            .await
            .map_err(|_| DrainError::ActorGone("analytics"))?;
        Ok(Pending(acknowledged))
    }

    /// Sends records and waits until every sink has them.
    pub(crate) async fn deliver(&self, records: Vec<Record>, replay: bool) -> Result<(), DrainError> {
        self.send(records, replay).await?.acknowledged().await
    }
}

impl Pending {
    pub(crate) async fn acknowledged(self) -> Result<(), DrainError> {
        self.0.await.map_err(|_| DrainError::ActorGone("analytics"))?.map_err(DrainError::Sink)
    }
}
