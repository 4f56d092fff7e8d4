//! One drain from beginning to end.

use std::sync::Arc;

use haltline_protocol::{DispatchRequest, HaltEvent, Queue, RecordBatch, Settlement, Ticket};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::candidate::Candidate;
use crate::collapse::{Collapse, Markers};
use crate::counts::{DrainCounts, Tally};
use crate::desk::Desk;
use crate::error::{DispatchEnd, DrainError};
use crate::gate::{Gate, HeldBack};
use crate::options::DrainOptions;
use crate::patterns::{PatternBook, Patterns, count_hits};
use crate::progress::{Progress, Teller};
use crate::ranking::{Ranked, Ranking};
use crate::records::Recorder;
use crate::recovery::Recovery;
use crate::scan::Scan;
use crate::settle::{Order, Settle, SettleRequest};

/// Batches between two actors: one in work and one ready. A batch holds up to 1024 events, so more would only cost
/// memory.
const BATCHES: usize = 1;

/// The wires of a drain to the other actors, which only the binary ties.
#[derive(Debug)]
pub struct Wires {
    /// To the dispatcher.
    pub dispatcher: mpsc::Sender<DispatchRequest>,
    /// To analytics.
    pub analytics: mpsc::Sender<RecordBatch>,
    /// To a person who watches.
    pub progress: Option<mpsc::Sender<Progress>>,
    /// Claim no more. What runs is finished, or cut by whoever holds that token.
    pub stop: CancellationToken,
}

/// One drain.
#[derive(Debug)]
pub struct Drain {
    queue: Arc<dyn Queue>,
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

/// What is left of the scan for the desk.
struct Sifted {
    counts: DrainCounts,
    ranked: Ranked,
    book: Arc<PatternBook>,
    state_slug: Option<String>,
    stopped: bool,
}

impl Drain {
    /// A drain of a queue that is open.
    pub fn new(queue: Arc<dyn Queue>, options: DrainOptions) -> Self {
        Self { queue, options }
    }

    /// Works the queue off.
    ///
    /// # Errors
    /// The queue or a sink failed. What was done is done and recorded or in the journal; the next drain goes on.
    pub async fn run(self, wires: Wires) -> Result<DrainReport, DrainError> {
        let recorder = Recorder(wires.analytics.clone());
        let teller = Teller(wires.progress.clone());
        let settles_free = self.queue.begin_free_settles().await?;
        let mut report = DrainReport::default();
        if settles_free {
            report.counts += &self.recover(&wires, &recorder).await?;
        } else {
            tracing::info!("another drain settles the free events; they are left to it");
        }

        let Sifted { counts, ranked, book, state_slug, stopped } =
            self.sift(&wires, &recorder, &teller, settles_free).await?;
        self.queue.end_free_settles().await;
        report.counts += &counts;
        report.stopped = stopped;
        report.state_slug = state_slug;

        if self.options.dry_run {
            self.preview(ranked, &mut report).await?;
        } else {
            self.dispatch(wires, recorder, teller, ranked, &book, &mut report).await?;
        }
        self.queue.close().await?;
        Ok(report)
    }

    async fn recover(&self, wires: &Wires, recorder: &Recorder) -> Result<DrainCounts, DrainError> {
        let recovery = Recovery {
            dispatcher: wires.dispatcher.clone(),
            recorder: recorder.clone(),
            max_attempts: self.options.max_attempts,
        };
        let mut counts = DrainCounts::default();
        for leftover in self.queue.recover().await? {
            counts += &recovery.finish(leftover).await?;
        }
        Ok(counts)
    }

    /// Sends what waits through the filters, and settles what they take out.
    async fn sift(
        &self,
        wires: &Wires,
        recorder: &Recorder,
        teller: &Teller,
        settles_free: bool,
    ) -> Result<Sifted, DrainError> {
        let mut markers = Markers::default();
        for (ticket, marker) in self.queue.markers().await? {
            if self.options.run_id.as_ref().is_none_or(|run_id| *run_id == marker.key.run_id) {
                markers.add(ticket, marker);
            }
        }
        let markers = Arc::new(markers);
        let book = Arc::new(PatternBook::load(&self.options.learned_patterns));
        let held_back = HeldBack::default();
        let gate = Arc::new(Gate {
            severity_min: self.options.severity_min,
            now: Timestamp::now(),
            held_back: held_back.clone(),
        });
        let scan = Scan {
            queue: self.queue.clone(),
            run_id: self.options.run_id.clone(),
            gate: gate.clone(),
            stop: wires.stop.clone(),
        };
        let settle =
            Settle { queue: self.queue.clone(), recorder: recorder.clone(), teller: teller.clone(), settles_free };

        let (to_settle, orders) = mpsc::channel(BATCHES);
        let (to_collapse, read) = mpsc::channel(BATCHES);
        let (to_gate, standing) = mpsc::channel(BATCHES);
        let (to_audit_skip, due) = mpsc::channel(BATCHES);
        let (to_patterns, faults) = mpsc::channel(BATCHES);
        let (to_ranking, unknown) = mpsc::channel(BATCHES);
        let own = self.adopt_own_audit(&gate).await?;

        let settling = tokio::spawn(settle.run(orders));
        let collapsing = Collapse { markers: markers.clone() }.run(read, to_gate, to_settle.clone());
        let auditing = crate::audit_skip::AuditSkip.run(due, to_patterns, to_settle.clone());
        let matching = Patterns { book: book.clone() }.run(faults, to_ranking, to_settle.clone());
        let gating = {
            let to_audit_skip = to_audit_skip.clone();
            gate.run(standing, to_audit_skip)
        };
        let scanning = async move {
            // The drain's own audit event goes straight to the filter that settles it, past every other.
            if let Some(own) = own {
                to_audit_skip.send(vec![own]).await.ok();
            }
            drop(to_audit_skip);
            scan.run(to_collapse, to_settle).await
        };
        let (scanned, (), skipped, (), (), ranking) =
            tokio::join!(scanning, collapsing, gating, auditing, matching, Ranking::default().run(unknown));
        let mut counts = settling.await.map_err(|_| DrainError::ActorGone("settle"))??;
        let scanned = scanned?;
        let mut ranked = ranking.finish(&held_back, &scanned.late_markers);
        counts.skipped += scanned.skipped + skipped + ranked.skipped;
        counts.failed += scanned.failed;

        counts += &self.settle_now(recorder, settles_free, std::mem::take(&mut ranked.collapsed)).await?;
        if settles_free && !self.options.dry_run {
            if counts.failed == 0 && !scanned.stopped {
                let markers = Arc::into_inner(markers).unwrap_or_default();
                self.move_markers(markers.into_tickets().into_iter().chain(scanned.late_markers.into_tickets()))
                    .await?;
            }
            if !counts.hits.is_empty() {
                count_hits(&self.options.learned_patterns, &counts.hits)?;
            }
        }
        Ok(Sifted { counts, ranked, book, state_slug: scanned.state_slug, stopped: scanned.stopped })
    }

    async fn adopt_own_audit(&self, gate: &Gate) -> Result<Option<Candidate>, DrainError> {
        let Some(event) = self.options.own_audit.as_ref().filter(|_| !self.options.dry_run) else { return Ok(None) };
        let ticket = self.queue.adopt(event).await?;
        let (event, is_due) = (Box::<HaltEvent>::new(event.clone()), gate.is_due(event));
        Ok(Some(Candidate { ticket, event, time: Timestamp::now(), is_due }))
    }

    async fn settle_now(
        &self,
        recorder: &Recorder,
        settles_free: bool,
        orders: Vec<Order>,
    ) -> Result<DrainCounts, DrainError> {
        if orders.is_empty() {
            return Ok(DrainCounts::default());
        }
        let settle =
            Settle { queue: self.queue.clone(), recorder: recorder.clone(), teller: Teller(None), settles_free };
        let (requests, inbox) = mpsc::channel(1);
        requests.send(SettleRequest::Settle(orders)).await.map_err(|_| DrainError::ActorGone("settle"))?;
        drop(requests);
        settle.run(inbox).await
    }

    /// Moves markers away once their events are; one whose fault a live drain holds is still needed.
    async fn move_markers(
        &self,
        markers: impl Iterator<Item = (Ticket, haltline_protocol::FaultKey)>,
    ) -> Result<(), DrainError> {
        let mut settlements = Vec::new();
        for (ticket, key) in markers {
            if !self.queue.is_held_elsewhere(&key).await? {
                settlements.push(Settlement { ticket, to: haltline_protocol::Destination::Processed, draft: None });
            }
        }
        for settled in self.queue.settle(settlements).await? {
            if let Some(errno) = settled.outcome.errno() {
                tracing::warn!(file = %settled.ticket.name, errno, "could not move a marker; it stays");
            }
        }
        Ok(())
    }

    async fn dispatch(
        &self,
        wires: Wires,
        recorder: Recorder,
        teller: Teller,
        ranked: Ranked,
        book: &PatternBook,
        report: &mut DrainReport,
    ) -> Result<(), DrainError> {
        let (to_settle, orders) = mpsc::channel(BATCHES);
        let settle = Settle {
            queue: self.queue.clone(),
            recorder: recorder.clone(),
            teller: teller.clone(),
            settles_free: false,
        };
        let desk = Desk {
            queue: self.queue.clone(),
            dispatcher: wires.dispatcher,
            recorder,
            settle: to_settle,
            teller,
            pattern_categories: book.categories().into(),
            max: self.options.max,
            jobs: self.options.jobs,
            max_attempts: self.options.max_attempts,
            stop: wires.stop.clone(),
        };
        let stop = wires.stop;
        let (settled, desk) = tokio::join!(settle.run(orders), desk.run(ranked.groups));
        // Where settle failed, the desk only says that settle is gone.
        report.counts += &settled?;
        let desk = desk?;
        report.counts += &desk.counts;
        report.passed_over = desk.passed_over.into_iter().collect();
        report.stopped |= stop.is_cancelled() && report.counts.deferred > 0;
        match desk.end {
            Some(DispatchEnd::NoInvestigator(none)) => report.no_investigator = Some(none.0),
            Some(DispatchEnd::Unfit(reason)) => report.unfit = Some(reason),
            Some(DispatchEnd::Stopped) => report.stop_by_queue(),
            None => {}
        }
        Ok(())
    }

    /// Counts what a real drain would do with what was left for the desk.
    async fn preview(&self, ranked: Ranked, report: &mut DrainReport) -> Result<(), DrainError> {
        if !ranked.groups.is_empty() && self.options.max > 0 && self.queue.is_stopped().await? {
            report.counts.deferred += ranked.groups.iter().map(|group| group.waiters.len() as u64).sum::<u64>();
            report.stop_by_queue();
            return Ok(());
        }
        let counts = &mut report.counts;
        let mut investigations = 0;
        for group in ranked.groups {
            let events = group.waiters.len() as u64;
            if self.queue.is_given_up(&group.waiters[0].key).await? {
                counts.failed += events;
                counts.dead_lettered += events;
            } else if investigations < self.options.max {
                investigations += 1;
                counts.add(Tally::Processed);
                counts.duplicates += events - 1;
                counts.avoided += events - 1;
            } else {
                counts.deferred += events;
            }
        }
        Ok(())
    }
}
