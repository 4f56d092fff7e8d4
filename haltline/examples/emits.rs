//! Emits events by the library, for `cargo xtask bench`: `emits HOME EVENTS BATCH THREADS` prints the seconds that it
//! took, the making of the events aside. With a batch of 0, that many tasks emit through the actor.
#![allow(clippy::print_stdout, reason = "a measurement prints its figure")]

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use haltline_emitter::{Emission, EmitError, Emitter, MarkPhaseCommitted, emit, emit_all, mark_phase_committed};
use haltline_protocol::{Intake, Layout, Pointers};
use haltline_spool::SpoolIntake;
use jiff::Timestamp;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [home, events, batch, threads] = words.as_slice() else {
        return Err("usage: emits HOME EVENTS BATCH THREADS".into());
    };
    let (events, batch, threads): (u32, usize, usize) = (events.parse()?, batch.parse()?, threads.parse()?);
    let layout = Layout::new(Path::new(home));
    let intake: Arc<dyn Intake> = Arc::new(SpoolIntake::open(&layout, true)?);
    let emissions: Result<Vec<_>, _> = (0..events).map(emission).collect();
    let emissions = emissions?;
    let start = Instant::now();
    if batch == 0 {
        tokio::runtime::Runtime::new()?.block_on(put_by_tasks(intake, &emissions, threads))?;
    } else {
        std::thread::scope(|scope| {
            let parts = emissions.chunks(emissions.len().div_ceil(threads));
            let emitting: Vec<_> = parts.map(|part| scope.spawn(|| put(&*intake, part, batch))).collect();
            emitting.into_iter().try_for_each(|thread| thread.join().expect("an emitter does not panic"))
        })?;
    }
    println!("{}", start.elapsed().as_secs_f64());
    Ok(())
}

async fn put_by_tasks(
    intake: Arc<dyn Intake>,
    emissions: &[Emission],
    tasks: usize,
) -> Result<(), Box<dyn std::error::Error>> {
    let emitter = Emitter::start(intake);
    let parts = emissions.chunks(emissions.len().div_ceil(tasks)).map(|part| {
        let (emitter, part) = (emitter.clone(), part.to_vec());
        tokio::spawn(async move {
            for emission in part {
                emitter.put(emission).await?;
            }
            Ok::<_, EmitError>(())
        })
    });
    for part in parts.collect::<Vec<_>>() {
        part.await??;
    }
    Ok(())
}

fn put(intake: &dyn Intake, emissions: &[Emission], batch: usize) -> Result<(), EmitError> {
    if batch == 1 {
        return emissions.iter().try_for_each(|emission| emit(intake, emission).map(drop));
    }
    emissions.chunks(batch).try_for_each(|batch| emit_all(intake, batch).map(drop))
}

/// An event of about 640 bytes, unlike the others.
fn emission(number: u32) -> Result<Emission, EmitError> {
    let (run, phase) = (format!("build-{number}"), number.to_string());
    let worktree = format!("/home/dev/checkout/.worktrees/{run}");
    let pointers = Pointers {
        state_file: format!("/home/dev/.gstack/build-state/{run}.json"),
        stdout_log: format!("/home/dev/.gstack/logs/{run}.log"),
        living_plan: "/home/dev/checkout/plans/checkout-flow.md".into(),
        worktree_path: worktree,
    };
    let site = MarkPhaseCommitted { phase: &phase, run_id: &run, slug: Some("checkout-flow"), pointers };
    mark_phase_committed(&site, Timestamp::now())
}
