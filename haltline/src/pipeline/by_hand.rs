//! An investigation that a person asks for, through the same dispatcher and analytics as a drain's.

use std::sync::Arc;

use haltline_protocol::{
    Assignment, DispatchFailure, DispatchRequest, FaultKey, Filing, HaltEvent, Holder, Investigation, Receipt, Record,
    Session, SinkError,
};
use jiff::Timestamp;
use tokio::sync::oneshot;

use super::PipelineError;
use super::parts::{Actors, Pipeline};

/// What came of an investigation by hand.
#[derive(Debug)]
pub enum ByHand {
    /// The report, as it was handed to the sinks.
    Reported(Filed),
    /// There is no report.
    Failed(DispatchFailure),
    /// Somebody else has the fault; nobody was asked.
    Held(Holder),
    /// All its events are held by drains that died; nobody was asked.
    Orphaned,
    /// A person has stopped all dispatching; nobody was asked.
    Stopped,
}

/// A report and what sinks made of it.
#[derive(Debug)]
pub struct Filed {
    /// The report with what its readers need beside it.
    pub filing: Arc<Filing>,
    /// What the sinks made anew for people.
    pub receipt: Receipt,
    /// Why the sinks do not have it, if they do not.
    pub unfiled: Option<SinkError>,
}

impl Pipeline {
    /// Has a fault investigated, at once and whatever its back-off. Its events stay where they are. `event` is none where
    /// sessions hold all events of the fault.
    ///
    /// # Errors
    /// The queue cannot be read or written, or an actor has gone.
    pub async fn investigate(
        self,
        fault: &FaultKey,
        event: Option<Arc<HaltEvent>>,
        pattern_categories: Arc<[String]>,
    ) -> Result<ByHand, PipelineError> {
        let session = self.queue.open().await?;
        // Who asks by hand and then stops has no further work to save: the investigator is ended at once.
        let actors = Actors::start(self.source, 1, self.sinks, self.stop.clone(), self.stop);
        let asked = ask(&*session, &actors, fault, event, pattern_categories).await;
        let summary = actors.finish().await?;
        if let Err(error) = session.close(session.id()).await {
            tracing::warn!(%error, "left a folder for the next drain to clear away");
        }
        let mut asked = asked?;
        if let ByHand::Reported(filed) = &mut asked {
            filed.receipt = summary.filed();
        }
        Ok(asked)
    }
}

async fn ask(
    session: &dyn Session,
    actors: &Actors,
    fault: &FaultKey,
    event: Option<Arc<HaltEvent>>,
    pattern_categories: Arc<[String]>,
) -> Result<ByHand, PipelineError> {
    let Some(event) = event else {
        let holder = session.holders(std::slice::from_ref(fault)).await?.pop().flatten();
        return Ok(holder.map_or(ByHand::Orphaned, ByHand::Held));
    };
    if session.is_stopped().await? {
        return Ok(ByHand::Stopped);
    }
    let slot = match session.begin_by_hand(&event).await? {
        Ok(slot) => slot,
        Err(holder) => return Ok(ByHand::Held(holder)),
    };
    let assignment = Assignment { event, occurrences: 1, slot, pattern_categories };
    let (reply, answer) = oneshot::channel();
    let request = DispatchRequest::Investigate { assignment: assignment.clone(), reply };
    actors.dispatcher.send(request).await.map_err(|_| PipelineError::ActorGone("dispatcher"))?;
    match answer.await.map_err(|_| PipelineError::ActorGone("dispatcher"))? {
        Ok(investigation) => Ok(ByHand::Reported(file(actors, &assignment, &investigation).await)),
        Err(failure) => Ok(ByHand::Failed(failure)),
    }
}

async fn file(actors: &Actors, assignment: &Assignment, investigation: &Investigation) -> Filed {
    let filing = Arc::new(Filing::new(Timestamp::now(), assignment, investigation));
    let filed = actors.record(Record::Reported(Arc::clone(&filing))).await;
    Filed { filing, receipt: Receipt::default(), unfiled: filed.err() }
}
