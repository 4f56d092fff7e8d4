//! An upgrade: the migrator, and analytics with the sinks that want to hear of it.

use haltline_analytics::{Analytics, OpenSinks};
use haltline_migrator::{Migrator, UpgradeEvent, UpgradeRequest, Upgraded};
use haltline_protocol::Layout;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::PipelineError;

/// Runs the migrations that are due.
///
/// # Errors
/// As [`haltline_migrator::upgrade`], or an actor has gone.
pub async fn upgrade(
    layout: &Layout,
    dry_run: bool,
    sinks: OpenSinks,
    progress: Option<mpsc::Sender<UpgradeEvent>>,
) -> Result<Upgraded, PipelineError> {
    // There is one request, and one batch for each migration.
    let (to_analytics, batches) = mpsc::channel(1);
    let (to_migrator, requests) = mpsc::channel(1);
    let recording = tokio::spawn(Analytics::new(sinks).run(batches, CancellationToken::new()));
    let migrating = tokio::spawn(Migrator::new(layout.clone(), to_analytics).run(requests));
    let (reply, answer) = oneshot::channel();
    let gone = || PipelineError::ActorGone("migrator");
    to_migrator.send(UpgradeRequest { dry_run, progress, reply }).await.map_err(|_| gone())?;
    drop(to_migrator);
    let upgraded = answer.await.map_err(|_| gone())?;
    migrating.await.map_err(|_| gone())?;
    recording.await.map_err(|_| PipelineError::ActorGone("analytics"))?;
    Ok(upgraded?)
}
