//! L4: the power goes at random instants while events are emitted, drained and upgraded.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::Result;
use rustix::process::Signal;

use super::case::Case;
use super::checker::Strictness;
use super::events::SCENARIOS;
use super::loop_disk::{Mounted, copy, format};
use super::program::Call;
use super::random::Random;
use super::setting::Setting;
use super::tally::{Outcome, Tally, run_side_by_side};

/// The longest that work goes on before the power goes.
const LONGEST_WORK: Duration = Duration::from_millis(600);

/// What a power cut demands: a report whose writer was told nothing may be gone, and a move may be undone.
const STRICT: Strictness = Strictness { reports_survive: false, moves_survive: false, results_are_kept: true };

/// Cuts the power this many times.
///
/// # Errors
/// The harness itself failed.
pub(super) fn run(setting: &Setting, cuts: u64) -> Result<Outcome> {
    let empty = setting.disk.join("empty.ext4");
    if let Err(error) = try_once(setting, &empty) {
        return Ok(Outcome::Skipped(format!("no disk that can lose power: {error:#}")));
    }
    let is_enough = |tally: &Tally| setting.is_enough(tally, cuts);
    run_side_by_side(setting.workers, setting.seed, is_enough, |number| history(setting, &empty, number))
        .map(Outcome::Ran)
}

/// Whether all of it works here: the one way to know.
fn try_once(setting: &Setting, empty: &Path) -> Result<()> {
    format(empty)?;
    let folder = tempfile::Builder::new().prefix("power-").tempdir_in(&setting.disk)?;
    let disk = folder.path().join("disk");
    copy(empty, &disk)?;
    Mounted::new(&disk, folder.path().join("mnt"))?.cut_power()
}

/// What one emitter was told.
struct Told {
    token: String,
    acknowledged: bool,
}

fn history(setting: &Setting, empty: &Path, number: u64) -> Result<Tally> {
    let mut random = Random::new(number);
    let folder = tempfile::Builder::new().prefix("power-").tempdir_in(&setting.disk)?;
    let disks = [folder.path().join("disk"), folder.path().join("copy")];
    copy(empty, &disks[0])?;
    let [point, later] = ["mnt", "later"].map(|name| folder.path().join(name));
    let mounted = Mounted::new(&disks[0], point.clone())?;
    let mut case = Case::at(&setting.tools, folder.path().to_owned(), point.join("home"));
    let at = usize::try_from(random.below(SCENARIOS.len() as u64))?;
    case.plant(&(SCENARIOS[at].files)())?;
    case.history.step(SCENARIOS[at].name);
    // What is planted counts as acknowledged.
    rustix::fs::syncfs(fs::File::open(&point)?)?;

    let wait = random.wait(LONGEST_WORK);
    let told = work_until_cut(&case, &mounted, wait)?;
    case.history.step(format!("power cut after {} ms", wait.as_millis()));
    for Told { token, acknowledged } in told {
        case.history.begin(&token);
        if acknowledged {
            case.history.acknowledge(&token, None);
        }
    }
    drop(mounted);
    // The dead file system may live on for as long as anybody knows it: only a copy is sure to be read from the disk.
    copy(&disks[0], &disks[1])?;
    let _mounted = Mounted::new(&disks[1], later.clone())?;
    case.home = later.join("home");
    case.rest_and_check(STRICT)?;
    case.let_time_pass()?;
    case.rest_and_check(STRICT)?;
    Ok(Tally::of(case, 1, &format!("--seed {number} --count 1"), setting.keep))
}

/// Lets an emitter, a drain and an upgrade work side by side until the power goes.
fn work_until_cut(case: &Case, mounted: &Mounted, wait: Duration) -> Result<Vec<Told>> {
    let (stop, stopped) = std::sync::mpsc::sync_channel::<()>(0);
    thread::scope(|scope| {
        let emitter = scope.spawn(|| emit_until_refused(case));
        let others: Vec<_> = [case.drain(), case.call(&["upgrade"]), case.drain()]
            .into_iter()
            .enumerate()
            .map(|(number, call)| scope.spawn(move || run_once(case, &call, number)))
            .collect();
        // Nobody sends: this is a wait that no signal cuts short.
        let _timed_out = stopped.recv_timeout(wait);
        drop(stop);
        let cut = mounted.cut_power();
        let told = emitter.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        for other in others {
            other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        cut.and(told)
    })
}

/// Emits one event after the other; without a disk every emission fails.
fn emit_until_refused(case: &Case) -> Result<Vec<Told>> {
    let mut told = Vec::new();
    for number in 0.. {
        let token = format!("tok-e{number}-");
        let ended = case.start(&case.emission(&token), "emit")?.ended()?;
        let acknowledged = ended.status.success();
        told.push(Told { token, acknowledged });
        if !acknowledged {
            break;
        }
    }
    Ok(told)
}

fn run_once(case: &Case, call: &Call, number: usize) -> Result<()> {
    let running = case.start(call, &format!("other-{number}"))?;
    // A machine without power runs nothing.
    if !running.wait(LONGEST_WORK * 2)? {
        running.signal(Signal::KILL);
    }
    running.ended().map(drop)
}
