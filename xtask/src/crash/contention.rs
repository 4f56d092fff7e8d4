//! L5: eight drains and four emitters at one queue, killed and stopped at random.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use rustix::process::Signal;

use super::case::{Case, Cut};
use super::checker::Strictness;
use super::random::Random;
use super::setting::Setting;
use super::tally::{Outcome, Tally};

const DRAINS: u64 = 8;
const EMITTERS: u64 = 4;

/// One emitter in this many is killed, and one drain in as many; as many drains are stopped for a while.
const ONE_IN: u64 = 5;

/// The longest that a drain works before its signal comes.
const LONGEST_WORK: Duration = Duration::from_millis(400);

/// How long a stopped drain sleeps.
const LONGEST_STOP: Duration = Duration::from_millis(300);

/// How many rounds of waiting it may take at the end until every fault had its last attempt.
const LAST_ROUNDS: u32 = 4;

const STRICT: Strictness = Strictness { reports_survive: true, moves_survive: true, results_are_kept: true };

/// Runs until this many events are acknowledged.
///
/// # Errors
/// The harness itself failed.
pub(super) fn run(setting: &Setting, events: u64) -> Result<Outcome> {
    let number = setting.seed;
    let mut case = Case::new(&setting.tools, setting.fast())?;
    let tokens = emit_and_drain(&case, number, events)?;
    for (token, acknowledged) in &tokens.emitted {
        case.history.begin(token);
        if *acknowledged {
            case.history.acknowledge(token, None);
        }
    }
    case.violations.extend(tokens.complaints);
    case.history.step(format!("{} drains were killed, {} stopped", tokens.killed, tokens.stopped));
    for _ in 0..LAST_ROUNDS {
        case.let_time_pass()?;
        case.run(case.drain(), Cut::Never)?;
        case.observe()?;
    }
    case.rest_and_check(STRICT)?;
    let acknowledged = tokens.emitted.iter().filter(|(_, acknowledged)| *acknowledged).count();
    println!("l5: {} drains were killed, {} were stopped and went on", tokens.killed, tokens.stopped);
    Ok(Outcome::Ran(Tally::of(case, acknowledged as u64, &format!("--seed {number}"), setting.keep)))
}

#[derive(Debug, Default)]
struct Contended {
    emitted: Vec<(String, bool)>,
    complaints: Vec<String>,
    killed: u64,
    stopped: u64,
}

impl Contended {
    fn add(&mut self, other: Self) {
        self.emitted.extend(other.emitted);
        self.complaints.extend(other.complaints);
        self.killed += other.killed;
        self.stopped += other.stopped;
    }
}

fn emit_and_drain(case: &Case, seed: u64, events: u64) -> Result<Contended> {
    let all = Mutex::new(Contended::default());
    let (emitting, next) = (AtomicBool::new(true), AtomicU64::new(0));
    let keep = |found: Contended| all.lock().unwrap_or_else(std::sync::PoisonError::into_inner).add(found);
    thread::scope(|scope| -> Result<()> {
        let emitters: Vec<_> = (0..EMITTERS)
            .map(|worker| {
                let (next, keep) = (&next, &keep);
                scope.spawn(move || emit(case, Random::new(seed ^ (worker << 32)), worker, next, events).map(keep))
            })
            .collect();
        let drains: Vec<_> = (EMITTERS..EMITTERS + DRAINS)
            .map(|worker| {
                let (emitting, keep) = (&emitting, &keep);
                scope.spawn(move || drain(case, Random::new(seed ^ (worker << 32)), worker, emitting).map(keep))
            })
            .collect();
        let mut ended = Ok(());
        for thread in emitters {
            ended = ended.and(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        emitting.store(false, Ordering::Relaxed);
        for thread in drains {
            ended = ended.and(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        ended
    })?;
    Ok(all.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// Emits until enough events are acknowledged; most are audit events, as in a real queue.
fn emit(case: &Case, mut random: Random, worker: u64, next: &AtomicU64, events: u64) -> Result<Contended> {
    let mut found = Contended::default();
    while next.load(Ordering::Relaxed) < events {
        let token = format!("tok-{worker}x{}-", found.emitted.len());
        let call = match random.below(4) {
            0 => case.emission(&token),
            _ => case.call(&["mark-shipped", "--feature", "1", "--run-id", &token]),
        };
        let running = case.start(&call, &format!("worker-{worker}"))?;
        if random.once_in(ONE_IN * 4) && !running.wait(random.wait(Duration::from_millis(10)))? {
            running.signal(Signal::KILL);
        }
        let ended = running.ended()?;
        found.complaints.extend(ended.complaint());
        if !ended.status.success() && !ended.was_killed() {
            found.complaints.push(format!("{token} was refused: {} {}", ended.status, ended.stderr.trim_end()));
        }
        next.fetch_add(u64::from(ended.status.success()), Ordering::Relaxed);
        found.emitted.push((token, ended.status.success()));
    }
    Ok(found)
}

/// Drains as long as somebody emits; some drains are killed, some stopped for a while.
fn drain(case: &Case, mut random: Random, worker: u64, emitting: &AtomicBool) -> Result<Contended> {
    let mut found = Contended::default();
    while emitting.load(Ordering::Relaxed) {
        let running = case.start(&case.drain(), &format!("worker-{worker}"))?;
        let fate = random.below(ONE_IN);
        if fate < 2 && !running.wait(random.wait(LONGEST_WORK))? {
            if fate == 0 {
                running.signal(Signal::KILL);
            } else {
                running.signal(Signal::STOP);
                running.wait(random.wait(LONGEST_STOP))?;
                running.signal(Signal::CONT);
                found.stopped += 1;
            }
        }
        let ended = running.ended()?;
        found.killed += u64::from(ended.was_killed());
        found.complaints.extend(ended.complaint());
        // 74 is a queue that cannot be opened, 78 one whose investigator is missing: neither is the case.
        if matches!(ended.status.code(), Some(2 | 74 | 78)) {
            found.complaints.push(format!("a drain ended with {}: {}", ended.status, ended.stderr.trim_end()));
        }
    }
    Ok(found)
}
