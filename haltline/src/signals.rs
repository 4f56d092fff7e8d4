//! Stopping: the first signal ends claiming and gives what runs some time; the second ends it at once.

use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// What running investigations are given to end by themselves after the first signal.
const GRACE: Duration = Duration::from_secs(10);

/// The two tokens of a drain.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop {
    /// Claim no more.
    pub(crate) stop: CancellationToken,
    /// End what runs, now.
    pub(crate) cut: CancellationToken,
}

/// Watches for SIGINT and SIGTERM, and for the deadline where there is one, until the drain is over.
///
/// # Errors
/// The signals cannot be watched.
pub(crate) fn watch(stop: &Stop, deadline: Option<Duration>) -> std::io::Result<impl Future<Output = ()> + use<>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let stop = stop.clone();
    Ok(async move {
        let mut signalled = async || {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        let grace = tokio::select! {
            () = signalled() => GRACE,
            () = expire(deadline) => Duration::ZERO,
        };
        tracing::warn!(grace_seconds = grace.as_secs(), "stopping: nothing more is claimed");
        stop.stop.cancel();
        tokio::select! {
            () = signalled() => {}
            () = tokio::time::sleep(grace) => {}
        }
        stop.cut.cancel();
    })
}

async fn expire(deadline: Option<Duration>) {
    match deadline {
        Some(deadline) => tokio::time::sleep(deadline).await,
        None => std::future::pending().await,
    }
}
