//! What the measurements of one benchmark say together.

use std::fmt;

use serde::Serialize;

use super::benchmark::{Benchmark, Goal, Measured, TOGETHER};

/// The outcome of one benchmark.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome {
    /// The benchmark's name.
    name: &'static str,
    /// What was done, and against what.
    what: &'static str,
    /// How many events one measurement worked on.
    events: u32,
    /// How many measurements counted.
    measurements: usize,
    /// The unit of `haltline` and `other`.
    unit: &'static str,
    /// The median of haltline.
    pub(super) haltline: Option<f64>,
    /// The median of the other side, where there is one.
    other: Option<f64>,
    /// The median of the pairs' ratios of haltline to the other side, where there is one.
    ratio: Option<f64>,
    /// The ratio that is good enough, or the figure of haltline where nothing is compared.
    goal: f64,
    /// Whether it is.
    verdict: Verdict,
    /// Why it was not measured.
    skipped: Option<String>,
}

/// Whether a goal is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// The ratio or the figure is at most the goal.
    Reached,
    /// It is above the goal.
    Missed,
    /// It could not be measured.
    Skipped,
}

impl Outcome {
    /// Draws the medians.
    pub(super) fn of(benchmark: &Benchmark, events: u32, measured: &[Measured]) -> Self {
        let all = |value: fn(&Measured) -> Option<f64>| median(measured.iter().filter_map(value).collect());
        let haltline = all(|measured| match measured {
            Measured::Pair(pair) => Some(pair.haltline),
            Measured::Value(value) => Some(*value),
            Measured::Skipped(_) => None,
        });
        let pair = |measured: &Measured| if let Measured::Pair(pair) = measured { Some(*pair) } else { None };
        let pairs: Vec<_> = measured.iter().filter_map(pair).collect();
        let other = median(pairs.iter().map(|pair| pair.other).collect());
        let ratio = median(pairs.iter().map(|pair| pair.haltline / pair.other).collect());
        let (found, goal) = match benchmark.goal {
            Goal::Ratio(goal) => (ratio, goal),
            Goal::Most(goal) => (haltline, goal),
        };
        let skipped = measured.iter().find_map(|measured| match measured {
            Measured::Skipped(reason) => Some(reason.clone()),
            _ => None,
        });
        let verdict = match found {
            None => Verdict::Skipped,
            Some(found) if found <= goal => Verdict::Reached,
            Some(_) => Verdict::Missed,
        };
        Self {
            name: benchmark.name,
            what: benchmark.what,
            events,
            measurements: measured.len(),
            unit: benchmark.unit,
            haltline,
            other,
            ratio,
            goal,
            verdict,
            skipped,
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, what, unit, goal, events, .. } = self;
        writeln!(formatter, "{name}: {what}")?;
        let Some(haltline) = self.haltline else {
            return write!(formatter, "  SKIP: {}", self.skipped.as_deref().unwrap_or("nothing was measured"));
        };
        write!(formatter, "  haltline {haltline:.4} {unit}")?;
        if let (Some(other), Some(ratio)) = (self.other, self.ratio) {
            write!(formatter, ", the other {other:.4} {unit}, ratio {ratio:.3}")?;
            if *unit == TOGETHER {
                let rate = |seconds| f64::from(*events) / seconds;
                write!(formatter, " ({:.0} events/s against {:.0})", rate(haltline), rate(other))?;
            }
        }
        let verdict = if self.verdict == Verdict::Reached { "reached" } else { "missed" };
        write!(formatter, ", goal at most {goal:.3}: {verdict} ({events} events, median of {})", self.measurements)
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        length if length % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::benchmark::Pair;
    use crate::bench::benchmarks::BENCHMARKS;

    fn of(name: &str, measured: &[Measured]) -> Outcome {
        let benchmark = BENCHMARKS.iter().find(|benchmark| benchmark.name == name).unwrap();
        Outcome::of(benchmark, 10_000, measured)
    }

    fn pair(haltline: f64, other: f64) -> Measured {
        Measured::Pair(Pair { haltline, other })
    }

    #[test]
    fn one_slow_pair_decides_nothing() {
        let outcome = of("drain", &[pair(0.5, 0.5), pair(9.0, 0.5), pair(0.55, 0.5)]);
        assert!((outcome.ratio.unwrap() - 1.1).abs() < 1e-9);
        assert_eq!(outcome.verdict, Verdict::Reached);
    }

    #[test]
    fn a_ratio_above_the_goal_misses_it() {
        let outcome = of("drain", &[pair(1.3, 1.0)]);
        assert_eq!(outcome.verdict, Verdict::Missed);
        let told = "ratio 1.300 (7692 events/s against 10000), goal at most 1.200: missed";
        assert!(outcome.to_string().contains(told), "{outcome}");
    }

    #[test]
    fn a_count_stands_alone() {
        assert_eq!(of("syscalls", &[Measured::Value(5.5)]).verdict, Verdict::Reached);
        assert_eq!(of("syscalls", &[Measured::Value(5.6)]).verdict, Verdict::Missed);
    }

    #[test]
    fn what_was_not_measured_says_why() {
        let outcome = of("drain-bun", &[Measured::Skipped("bun is not on PATH".into())]);
        assert_eq!(outcome.verdict, Verdict::Skipped);
        assert!(outcome.to_string().ends_with("SKIP: bun is not on PATH"));
    }
}
