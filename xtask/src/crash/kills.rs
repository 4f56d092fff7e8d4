//! L2: the program is killed at every step of its file work, and again while it takes back what it left.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};

use super::case::{Case, Cut};
use super::checker::Strictness;
use super::events::{SCENARIOS, Scenario};
use super::program::Call;
use super::random::Random;
use super::setting::Setting;
use super::stub;
use super::tally::{Tally, run_side_by_side};

/// How many drains in a row are killed at most.
const DEEPEST: u64 = 3;

/// What stands in the event that is emitted.
const TOKEN: &str = "tok-e1-";

/// What a kill demands.
const STRICT: Strictness = Strictness { reports_survive: true, moves_survive: true, results_are_kept: true };

/// The commands that are killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Victim {
    Emit,
    Drain,
    Upgrade,
}

/// A point at which a first kill happens.
#[derive(Debug, Clone, Copy)]
struct Point {
    scenario: &'static Scenario,
    victim: Victim,
    step: u64,
}

/// How the victims can be killed.
#[derive(Debug)]
enum Reach {
    /// At any step; the steps that a whole run of each scenario's commands has.
    Steps(Vec<Point>),
    /// At random times only.
    Times,
}

/// Kills until `kills` victims have died, in homes that lie in `parent`.
///
/// # Errors
/// The harness itself failed.
pub(super) fn run(setting: &Setting, parent: &Path, kills: u64) -> Result<Tally> {
    let reach = Reach::Steps(points(setting, parent)?);
    let is_enough = |tally: &Tally| setting.is_enough(tally, kills);
    run_side_by_side(setting.workers, setting.seed, is_enough, |number| history(setting, parent, &reach, number))
}

/// The same with kills from outside alone, which need no special binary.
///
/// # Errors
/// The harness itself failed.
pub(super) fn run_at_random_times(setting: &Setting, parent: &Path, kills: u64) -> Result<Tally> {
    let is_enough = |tally: &Tally| setting.is_enough(tally, kills);
    run_side_by_side(setting.workers, setting.seed, is_enough, |number| history(setting, parent, &Reach::Times, number))
}

/// How many points there are to kill at.
///
/// # Errors
/// The harness itself failed.
fn points(setting: &Setting, parent: &Path) -> Result<Vec<Point>> {
    let mut points = Vec::new();
    for scenario in &SCENARIOS {
        for victim in [Victim::Emit, Victim::Drain, Victim::Upgrade] {
            let mut case = Case::new(&setting.tools, parent)?;
            case.plant(&(scenario.files)())?;
            let count = case.folder.join("steps");
            let mut call = command(&case, victim);
            call.variables.push(("HALTLINE_FAULT_COUNT", count.clone().into()));
            case.run(call, Cut::Never)?;
            let steps = fs::read_to_string(&count).context("the program counted no steps")?;
            let steps: u64 = steps.trim().parse().context("the program's count of steps is no number")?;
            points.extend((1..=steps).map(|step| Point { scenario, victim, step }));
        }
    }
    Ok(points)
}

fn command(case: &Case, victim: Victim) -> Call {
    match victim {
        Victim::Emit => case.emission(TOKEN),
        Victim::Drain => case.drain(),
        Victim::Upgrade => case.call(&["upgrade"]),
    }
}

/// One history; its number says all about it.
fn history(setting: &Setting, parent: &Path, reach: &Reach, number: u64) -> Result<Tally> {
    let mut random = Random::new(number);
    let (scenario, victim, first) = match reach {
        Reach::Steps(points) => {
            let at = usize::try_from(number % points.len().max(1) as u64)?;
            let point = points.get(at).context("no point to kill at")?;
            // Now and then a kill from outside: it may come where no step is, as while the stub runs.
            let cut = if random.once_in(8) { some_time(&mut random) } else { Cut::AtStep(point.step) };
            (point.scenario, point.victim, cut)
        }
        Reach::Times => {
            let victim = [Victim::Emit, Victim::Drain, Victim::Drain, Victim::Drain, Victim::Upgrade];
            let (scenario, victim) = (pick(&mut random, &SCENARIOS), *pick(&mut random, &victim));
            (scenario, victim, some_time(&mut random))
        }
    };
    let mut case = Case::new(&setting.tools, parent)?;
    case.plant(&(scenario.files)())?;
    case.history.step(scenario.name);
    if random.once_in(8) {
        stub::pause(&case.folder, "0.02")?;
    }
    let mut kills = 0;
    if victim == Victim::Emit || random.once_in(3) {
        let cut = if victim == Victim::Emit { first } else { Cut::Never };
        let call = case.emission(TOKEN);
        kills += u64::from(case.emit(TOKEN, call, cut)?.was_killed());
        case.observe()?;
    }
    if victim == Victim::Upgrade {
        let call = case.call(&["upgrade"]);
        kills += u64::from(case.run(call, first)?.was_killed());
        case.observe()?;
    }
    let mut cut = if victim == Victim::Drain { first } else { further(&mut random, reach) };
    for _ in 0..=random.below(DEEPEST) {
        // While a dead drain counts as alive, its share of a fault's occurrences is not to be seen, and the rest of
        // them is investigated by itself: one drain, one investigation, as the contract says.
        case.wait_for_locks()?;
        let killed = case.run(case.drain(), cut)?.was_killed();
        kills += u64::from(killed);
        case.observe()?;
        if !killed {
            break;
        }
        if random.once_in(3) {
            case.let_time_pass()?;
        }
        cut = further(&mut random, reach);
    }
    case.rest_and_check(STRICT)?;
    if random.once_in(8) {
        case.observe()?;
        case.let_time_pass()?;
        case.rest_and_check(STRICT)?;
    }
    Ok(Tally::of(case, kills, &format!("--seed {number} --count 1"), setting.keep))
}

/// A kill of a drain that takes back what another left: early steps are the interesting ones.
fn further(random: &mut Random, reach: &Reach) -> Cut {
    match reach {
        Reach::Steps(points) if !random.once_in(8) => {
            let drains = points.iter().filter(|point| point.victim == Victim::Drain);
            let most = drains.map(|point| point.step).max().unwrap_or(1);
            let most = if random.once_in(2) { most / 3 } else { most };
            Cut::AtStep(1 + random.below(most))
        }
        _ => some_time(random),
    }
}

fn some_time(random: &mut Random) -> Cut {
    let longest = if random.once_in(4) { 50 } else { 15 };
    Cut::After(random.wait(Duration::from_millis(longest)))
}

fn pick<'a, T>(random: &mut Random, among: &'a [T]) -> &'a T {
    let at = random.below(among.len() as u64);
    &among[usize::try_from(at).unwrap_or_default()]
}
