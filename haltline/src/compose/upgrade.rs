//! Ties the actors of an upgrade together: the migrator, and analytics with the sinks that want to hear of it.

use haltline_analytics::{Activity, Analytics, OpenSinks, SINKS, open_sinks};
use haltline_migrator::{Migrator, UpgradeError, UpgradeRequest, Upgraded, status};
use haltline_protocol::Layout;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{output, progress};

/// Requests that wait for the migrator: there is one.
const REQUESTS: usize = 1;
/// Batches that wait for analytics: there is one.
const BATCHES: usize = 1;

/// Why an upgrade did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UpgradeFailure {
    #[error(transparent)]
    Upgrade(#[from] UpgradeError),
    #[error("cannot start: {0}")]
    Runtime(#[from] std::io::Error),
    #[error("the migrator ended early; this is a defect of haltline, please report it with the log")]
    ActorGone,
}

/// Runs the migrations that are due.
///
/// # Errors
/// As [`haltline_migrator::upgrade`], or the runtime cannot be started.
pub(crate) fn upgrade(layout: &Layout, dry_run: bool) -> Result<Upgraded, UpgradeFailure> {
    // There is no socket and no child to wait for, and so no driver of I/O.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    runtime.block_on(tie(layout, dry_run))
}

async fn tie(layout: &Layout, dry_run: bool) -> Result<Upgraded, UpgradeFailure> {
    let sinks = if !dry_run && is_due(layout) { sinks(layout) } else { OpenSinks::default() };
    let (to_analytics, batches) = mpsc::channel(BATCHES);
    let (to_migrator, requests) = mpsc::channel(REQUESTS);
    let recording = tokio::spawn(Analytics::new(sinks).run(batches, CancellationToken::new()));
    let migrating = tokio::spawn(Migrator::new(layout.clone(), to_analytics).run(requests));
    let (progress, drawing) = progress::show_upgrade().unzip();
    let (reply, answer) = oneshot::channel();
    to_migrator.send(UpgradeRequest { dry_run, progress, reply }).await.map_err(|_| UpgradeFailure::ActorGone)?;
    drop(to_migrator);
    let upgraded = answer.await.map_err(|_| UpgradeFailure::ActorGone)?;
    migrating.await.map_err(|_| UpgradeFailure::ActorGone)?;
    recording.await.map_err(|_| UpgradeFailure::ActorGone)?;
    if let Some(drawing) = drawing {
        drawing.await.ok();
    }
    Ok(upgraded?)
}

/// Whether there is a queue with a migration to run. Where there is none, nothing is recorded and no folder is made.
fn is_due(layout: &Layout) -> bool {
    layout.queue().symlink_metadata().is_ok()
        && status(layout).is_ok_and(|migrations| migrations.iter().any(|migration| !migration.done))
}

/// Opens the sinks. An upgrade that cannot be recorded is worth more than none.
fn sinks(layout: &Layout) -> OpenSinks {
    open_sinks(SINKS, Activity::Upgrade, &[], layout).unwrap_or_else(|error| {
        output::error(&error);
        OpenSinks::default()
    })
}
