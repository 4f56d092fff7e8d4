//! One drain from beginning to end.

use std::sync::Arc;

use haltline_protocol::{DispatchRequest, HaltEvent, Queue, RecordBatch};
use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::candidate::{Batch, Candidate};
use crate::collapse::{Collapse, Markers};
use crate::counts::{DrainCounts, Tally};
use crate::desk::Desk;
use crate::error::{DispatchEnd, DrainError};
use crate::gate::Gate;
use crate::gather::Gather;
use crate::keys::HeldBack;
use crate::options::DrainOptions;
use crate::patterns::{PatternBook, Patterns, count_hits};
use crate::progress::{Progress, Teller};
use crate::ranking::{Again, Ranked, Ranking, SPARE_GROUPS, is_held_elsewhere, part_given_up};
use crate::records::Recorder;
use crate::recovery::Recovery;
use crate::scan::Scan;
use crate::settle::Settle;

/// Batches between two actors: one in work and one ready; more would only cost memory.
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
    spare_groups: usize,
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

/// What came of the markers that were too many for one pass, and the others.
struct Collapsed {
    markers: Markers,
    counts: DrainCounts,
    /// Some covered events could not be moved, and are not to be taken for anything else.
    is_left: bool,
    stopped: bool,
}

impl Collapsed {
    fn new(markers: Markers) -> Self {
        Self { markers, counts: DrainCounts::default(), is_left: false, stopped: false }
    }
}

impl Drain {
    /// A drain of a queue that is open.
    pub fn new(queue: Arc<dyn Queue>, options: DrainOptions) -> Self {
        Self { queue, options, spare_groups: SPARE_GROUPS }
    }

    /// Keeps another number of groups beyond those that may be dispatched; for tests, which have few.
    #[must_use]
    pub fn with_spare_groups(self, spare_groups: usize) -> Self {
        Self { spare_groups, ..self }
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
        let gather = Gather {
            queue: self.queue.clone(),
            recorder: recorder.clone(),
            settles_free,
            run_id: self.options.run_id.clone(),
        };
        let book = Arc::new(PatternBook::load(&self.options.learned_patterns));
        let held_back = HeldBack::default();
        let gate = Gate {
            severity_min: self.options.severity_min,
            now: Timestamp::now(),
            held_back: held_back.clone(),
            only: None,
        };
        let may_move = settles_free && !self.options.dry_run;
        let collapsed = self.collapse_parts(&gather, wires, &gate, may_move).await?;
        let markers = Arc::new(collapsed.markers);
        let gate = Arc::new(gate);
        let scan = self.scan(wires, gate.clone(), markers.clone());
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
        let gating = gate.clone().run(standing, to_audit_skip.clone());
        let scanning = async move {
            // The drain's own audit event goes straight to the filter that settles it, past every other.
            if let Some(own) = own {
                to_audit_skip.send(Batch { candidates: vec![own], _leave: None }).await.ok();
            }
            drop(to_audit_skip);
            scan.run(to_collapse, to_settle).await
        };
        let ranking = self.ranking(held_back).run(unknown);
        let (scanned, (), skipped, (), (), ranking) =
            tokio::join!(scanning, collapsing, gating, auditing, matching, ranking);
        let mut counts = settling.await.map_err(|_| DrainError::ActorGone("settle"))??;
        let scanned = scanned?;
        counts += &collapsed.counts;
        counts.skipped += scanned.skipped + skipped;
        counts.failed += scanned.failed;
        let mut stopped = scanned.stopped || collapsed.stopped;

        let is_sure = !scanned.late_markers.is_full() && !collapsed.is_left;
        let (late_markers, late_tickets) = scanned.late_markers.part();
        let mut ranked = ranking.finish(&late_markers);
        let mut again = ranked.again.take().or((ranked.is_cut && !late_markers.is_empty()).then_some(Again::Refill));
        while let Some(next) = again.filter(|_| is_sure && !stopped) {
            let gate = Arc::new(Gate::for_pass(&gate, &next));
            let ranking = self.ranking(gate.held_back.clone()).only(gate.only.clone());
            let scan = self.scan(wires, gate, markers.clone());
            let gathered;
            (ranked, gathered) = gather.rank(&scan, ranking, &book, &late_markers).await?;
            counts += &gathered.counts;
            stopped |= gathered.stopped;
            again = ranked.again.take();
        }
        if !is_sure {
            tracing::warn!("more RESOLVED markers than one drain can heed; nothing is dispatched until they are gone");
            ranked.defer_all();
        }
        counts += &gather.settle_now(std::mem::take(&mut ranked.collapsed)).await?;
        counts.skipped += ranked.skipped;
        counts.deferred += ranked.deferred;
        if may_move {
            // What could not be read may be an event that a marker covers.
            if counts.uncollapsed == 0 && scanned.failed == 0 && !stopped {
                gather.move_markers(&markers).await?;
                // One that was read late was not held against what the gate had held back by then.
                if skipped == 0 {
                    gather.move_away(late_tickets).await?;
                }
            }
            if !counts.hits.is_empty() {
                count_hits(&self.options.learned_patterns, &counts.hits)?;
            }
        }
        Ok(Sifted { counts, ranked, book, state_slug: scanned.state_slug, stopped })
    }

    fn ranking(&self, held_back: HeldBack) -> Ranking {
        Ranking::new(self.options.max, self.spare_groups, held_back)
    }

    fn scan(&self, wires: &Wires, gate: Arc<Gate>, markers: Arc<Markers>) -> Scan {
        let (queue, run_id, stop) = (self.queue.clone(), self.options.run_id.clone(), wires.stop.clone());
        Scan { queue, run_id, gate, markers, stop }
    }

    /// Reads the markers. Where they are too many to be looked at in one pass, all parts of them but the last are
    /// worked off here, each in a pass of its own.
    async fn collapse_parts(
        &self,
        gather: &Gather,
        wires: &Wires,
        gate: &Gate,
        may_move: bool,
    ) -> Result<Collapsed, DrainError> {
        // Where nothing is moved, a later pass would take what this one counted for something new.
        let all = if may_move { Markers::first_part() } else { Markers::all() };
        let markers = gather.read_markers(all).await?;
        let mut collapsed = Collapsed::new(markers);
        let parts = collapsed.markers.parts();
        if parts == 1 {
            return Ok(collapsed);
        }
        collapsed.markers = collapsed.markers.of_part(0);
        for part in 1..parts {
            let markers = gather.read_markers(collapsed.markers.of_part(part)).await?;
            let gathered = gather.collapse(&self.scan(wires, Arc::new(gate.clone()), Arc::new(markers))).await?;
            collapsed.counts += &gathered.counts;
            collapsed.is_left |= gathered.counts.failed > 0;
            collapsed.stopped |= gathered.stopped;
        }
        collapsed.markers = gather.read_markers(collapsed.markers.of_part(0)).await?;
        Ok(collapsed)
    }

    async fn adopt_own_audit(&self, gate: &Gate) -> Result<Option<Candidate>, DrainError> {
        let Some(event) = self.options.own_audit.as_ref().filter(|_| !self.options.dry_run) else { return Ok(None) };
        let ticket = self.queue.adopt(event).await?;
        // Where only one run is looked at, nobody would have been asked about this one.
        let is_due = self.options.run_id.is_none() && gate.is_due(event);
        let event = Box::<HaltEvent>::new(event.clone());
        Ok(Some(Candidate { ticket, event, time: Timestamp::now(), is_due }))
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
        let (groups, given_up) = part_given_up(self.queue.as_ref(), ranked.groups).await?;
        counts.failed += given_up.len() as u64;
        counts.dead_lettered += given_up.len() as u64;
        for group in groups {
            let events = group.waiters.len() as u64;
            let faults: Vec<_> = group.waiters.into_iter().map(|waiter| waiter.key).collect();
            if investigations < self.options.max && !is_held_elsewhere(self.queue.as_ref(), &faults).await? {
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
