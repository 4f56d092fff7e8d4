//! One drain from beginning to end.

use std::convert::Infallible;
use std::sync::Arc;

use futures::future::join_all;
use haltline_protocol::{
    Destination, DispatchRequest, DrainCounts, FaultKey, FreeSettles, HaltEvent, RecordBatch, Session, Settlement,
    Ticket,
};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::candidate::{Batch, Candidate};
use crate::counts::SettleCounts;
use crate::error::{DispatchEnd, DrainError};
use crate::filter::Filter;
use crate::options::DrainOptions;
use crate::patterns::{PatternBook, count_hits};
use crate::progress::{Progress, ProgressSender};
use crate::records::Recorder;
use crate::recovery::Recovery;
use crate::rules::{Context, ResolvedFaults, filters};
use crate::scan::{Scan, Scanned};
use crate::settle::{GROUP, Order, Settle, SettleRequest};
use crate::waiting::WaitingFaults;
use crate::worker::Worker;

/// Batches between two actors: one in work and one ready; more would only cost memory.
const BATCHES: usize = 1;

/// The channels of a drain to the other actors, which the composition root connects.
#[derive(Debug)]
pub struct Wires {
    /// To the dispatcher.
    pub dispatcher: mpsc::Sender<DispatchRequest>,
    /// To analytics.
    pub analytics: mpsc::Sender<RecordBatch>,
    /// To a person who watches.
    pub progress: Option<mpsc::Sender<Progress>>,
    /// Claim no more; running investigations finish.
    pub stop: CancellationToken,
    /// End running investigations. The drain itself cancels it when its session is lost.
    pub cut: CancellationToken,
}

/// One drain.
#[derive(Debug)]
pub struct Drain {
    session: Arc<dyn Session>,
    options: DrainOptions,
}

/// What a drain did.
#[derive(Debug, Default)]
pub struct DrainReport {
    /// The counts.
    pub counts: DrainCounts,
    /// Dispatch was due, and no investigator could be found: what to do about it.
    pub no_investigator: Option<String>,
    /// The investigator's surroundings failed, so dispatching ended: how.
    pub unfit: Option<String>,
    /// The investigators of the chain that were asked and could not work, each reason once.
    pub passed_over: Vec<String>,
    /// A cap ended dispatching: which, and when it frees.
    pub refused: Option<String>,
    /// A stop left work undone.
    pub stopped: bool,
    /// It was the queue's own stop, by which a person ends all dispatching.
    pub stopped_by_queue: bool,
    /// The orchestrator's slug, as the first event that was looked at says it.
    pub state_slug: Option<String>,
}

impl DrainReport {
    fn stop_by_queue(&mut self) {
        self.stopped = true;
        self.stopped_by_queue = true;
    }
}

/// What the scan and the filters left for the worker.
struct Sifted {
    counts: DrainCounts,
    waiting: WaitingFaults,
    state_slug: Option<String>,
    stopped: bool,
}

impl Drain {
    /// A drain of a queue that is open.
    pub fn new(session: Arc<dyn Session>, options: DrainOptions) -> Self {
        Self { session, options }
    }

    /// Processes the queue.
    ///
    /// # Errors
    /// The queue or a sink failed. What was done is done and recorded or in the journal; the next drain goes on.
    pub async fn run(self, wires: Wires) -> Result<DrainReport, DrainError> {
        let recorder = Recorder(wires.analytics.clone());
        let right = self.session.free_settles().await?.map(Arc::new);
        let mut report = DrainReport::default();
        if let Some(right) = &right {
            let recovery = Recovery {
                session: self.session.clone(),
                right: right.clone(),
                dispatcher: wires.dispatcher.clone(),
                recorder: recorder.clone(),
                max_attempts: self.options.max_attempts,
            };
            report.counts += &recovery.run().await?;
        } else {
            tracing::info!("another drain settles the free events; they are left to it");
        }

        let context = Arc::new(Context {
            severity_min: self.options.severity_min,
            now: Timestamp::now(),
            resolved: ResolvedFaults::default(),
            patterns: PatternBook::load(&self.options.learned_patterns),
        });
        let settle = Settle {
            session: self.session.clone(),
            recorder: recorder.clone(),
            progress: ProgressSender(wires.progress.clone()),
            right: right.clone(),
        };
        let sifted = self.sift(&wires, settle, right.as_deref(), &context).await?;
        drop(right);
        let Sifted { counts, waiting, state_slug, stopped } = sifted;
        report.counts += &counts;
        report.stopped = stopped;
        report.state_slug = state_slug;

        if self.options.dry_run {
            self.preview(waiting, &mut report).await?;
        } else {
            self.dispatch(wires, recorder, waiting, context, &mut report).await?;
        }
        self.session.close(self.session.id()).await?;
        Ok(report)
    }

    /// Reads the queue once, settles what the rules close, and keeps what wants an investigation.
    async fn sift(
        &self,
        wires: &Wires,
        settle: Settle,
        right: Option<&FreeSettles>,
        context: &Arc<Context>,
    ) -> Result<Sifted, DrainError> {
        let (to_settle, orders) = mpsc::channel(BATCHES);
        let own = self.adopt_own_audit(context).await?;
        let settling = tokio::spawn(settle.run(orders));
        let mut read = self.read(wires, context, own, &to_settle).await;
        if let Ok((Scanned { has_late_markers: true, .. }, waiting)) = &mut read {
            send_in_groups(&to_settle, waiting.take_resolved(&context.resolved)).await;
        }
        drop(to_settle);
        // Also after a failed scan: what was read until then is settled and recorded.
        let settled = settling.await.map_err(|_| DrainError::ActorGone("settle"))??;
        let SettleCounts { mut counts, uncollapsed, hits } = settled;
        let (scanned, mut waiting) = read?;
        counts.skipped += scanned.skipped + waiting.hold_back();
        counts.failed += scanned.failed;
        if let Some(right) = right.filter(|_| !self.options.dry_run) {
            // What could not be read may be an event that a marker covers.
            if uncollapsed == 0 && scanned.failed == 0 && !scanned.stopped {
                self.move_markers_away(right, scanned.markers).await?;
            }
            if !hits.is_empty() {
                count_hits(&self.options.learned_patterns, &hits)?;
            }
        }
        Ok(Sifted { counts, waiting, state_slug: scanned.state_slug, stopped: scanned.stopped })
    }

    /// Runs the scan, a filter for each rule, and the ranking behind them, until everything is read.
    async fn read(
        &self,
        wires: &Wires,
        context: &Arc<Context>,
        own: Option<Candidate>,
        to_settle: &mpsc::Sender<SettleRequest>,
    ) -> Result<(Scanned, WaitingFaults), DrainError> {
        let scan = Scan {
            session: self.session.clone(),
            run_id: self.options.run_id.clone(),
            context: context.clone(),
            stop: wires.stop.clone(),
        };
        let (to_filters, mut inbox) = mpsc::channel(BATCHES);
        let mut filtering = Vec::new();
        for rule in filters() {
            let (onward, next) = mpsc::channel(BATCHES);
            let filter = Filter { rule, context: context.clone() };
            filtering.push(filter.run(std::mem::replace(&mut inbox, next), onward, to_settle.clone()));
        }
        let scanning = async {
            // The drain's own audit event goes straight to the filters: no setting of this drain holds it back.
            if let Some(own) = own {
                to_filters.send(Batch { due: vec![own], held_back: Vec::new(), _permit: None }).await.ok();
            }
            scan.run(to_filters, to_settle.clone()).await
        };
        let ranking = async {
            let mut waiting = WaitingFaults::default();
            while let Some(Batch { due, held_back, .. }) = inbox.recv().await {
                due.into_iter().for_each(|candidate| waiting.add(candidate, false, context.now));
                held_back.into_iter().for_each(|candidate| waiting.add(candidate, true, context.now));
            }
            waiting
        };
        let (scanned, _, waiting) = tokio::join!(scanning, join_all(filtering), ranking);
        Ok((scanned?, waiting))
    }

    /// Moves RESOLVED markers away. One whose fault somebody holds is still needed.
    async fn move_markers_away(&self, right: &FreeSettles, markers: Vec<(Ticket, FaultKey)>) -> Result<(), DrainError> {
        if markers.is_empty() {
            return Ok(());
        }
        let (tickets, faults): (Vec<_>, Vec<_>) = markers.into_iter().unzip();
        let holders = self.session.holders(&faults).await?;
        let free = tickets.into_iter().zip(holders).filter(|(_, holder)| holder.is_none());
        let settlements: Vec<_> =
            free.map(|(ticket, _)| Settlement { ticket, to: Destination::Processed, draft: None }).collect();
        for settled in self.session.settle_free(right, settlements).await? {
            if let Some(errno) = settled.outcome.errno() {
                tracing::warn!(file = %settled.ticket.name, errno, "could not move a marker; it stays");
            }
        }
        Ok(())
    }

    async fn adopt_own_audit(&self, context: &Context) -> Result<Option<Candidate>, DrainError> {
        let Some(event) = self.options.own_audit.as_ref().filter(|_| !self.options.dry_run) else { return Ok(None) };
        let ticket = self.session.adopt(event).await?;
        // Where only one run is looked at, nobody would have been asked about this one.
        let is_due = self.options.run_id.is_none() && context.is_due(event);
        let event = Box::<HaltEvent>::new(event.clone());
        Ok(Some(Candidate { ticket, event, time: context.now, is_due, is_own: true }))
    }

    async fn dispatch(
        &self,
        wires: Wires,
        recorder: Recorder,
        waiting: WaitingFaults,
        context: Arc<Context>,
        report: &mut DrainReport,
    ) -> Result<(), DrainError> {
        let progress = ProgressSender(wires.progress.clone());
        let (to_settle, orders) = mpsc::channel(BATCHES);
        let settle = Settle {
            session: self.session.clone(),
            recorder: recorder.clone(),
            progress: progress.clone(),
            right: None,
        };
        let worker = Worker {
            session: self.session.clone(),
            dispatcher: wires.dispatcher.clone(),
            recorder,
            settle: to_settle,
            progress,
            pattern_categories: context.patterns.categories().into(),
            context,
            max: self.options.max,
            jobs: self.options.jobs,
            max_attempts: self.options.max_attempts,
            stop: wires.stop.clone(),
        };
        let Wires { stop, cut, .. } = wires;
        let lost = async {
            self.session.lost().await;
            tracing::error!("the queue counts this drain as dead; what runs is ended");
            stop.cancel();
            cut.cancel();
            std::future::pending::<Infallible>().await
        };
        let (settled, worked) = tokio::select! {
            worked = async { tokio::join!(settle.run(orders), worker.run(waiting)) } => worked,
            never = lost => match never {},
        };
        // Where settle failed, the worker only says that settle is gone.
        report.counts += &settled?.counts;
        let worked = worked?;
        report.counts += &worked.counts;
        report.passed_over = worked.passed_over.into_iter().collect();
        report.stopped |= stop.is_cancelled() && report.counts.deferred > 0;
        match worked.end {
            Some(DispatchEnd::NoInvestigator(none)) => report.no_investigator = Some(none.0),
            Some(DispatchEnd::Unfit(reason)) => report.unfit = Some(reason),
            Some(DispatchEnd::Stopped) => report.stop_by_queue(),
            Some(DispatchEnd::Refused(cap)) => report.refused = Some(cap),
            None => {}
        }
        Ok(())
    }

    /// Counts what a real drain would do with what was left for the worker.
    async fn preview(&self, mut waiting: WaitingFaults, report: &mut DrainReport) -> Result<(), DrainError> {
        if waiting.is_empty() {
            return Ok(());
        }
        let counts = &mut report.counts;
        if self.options.max > 0 && self.session.is_stopped().await? {
            counts.deferred += waiting.into_groups().events_left();
            report.stop_by_queue();
            return Ok(());
        }
        let dead_letters = self.session.dead_letters().await?.into_iter().collect();
        let joined = waiting.take(&dead_letters).len() as u64;
        counts.failed += joined;
        counts.dead_lettered += joined;
        let mut investigations = 0;
        let mut groups = waiting.into_groups();
        while investigations < self.options.max {
            let Some(group) = groups.next() else { break };
            let events = group.waiters.len() as u64;
            if self.session.is_held_elsewhere(&group.faults()).await? {
                counts.deferred += events;
            } else {
                investigations += 1;
                counts.processed += 1;
                counts.duplicates += events - 1;
                counts.avoided += events - 1;
            }
        }
        counts.deferred += groups.events_left();
        Ok(())
    }
}

/// Sends orders in groups that share their flushes. Where settle has failed, it says so itself.
async fn send_in_groups(to_settle: &mpsc::Sender<SettleRequest>, mut orders: Vec<Order>) {
    while !orders.is_empty() {
        let group = orders.drain(..orders.len().min(GROUP)).collect();
        if to_settle.send(SettleRequest::Settle(group)).await.is_err() {
            return;
        }
    }
}
