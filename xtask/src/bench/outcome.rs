//! What the pairs of one benchmark say together.

use std::fmt;

use serde::Serialize;

use super::benchmark::{Benchmark, Pair};

/// The outcome of one benchmark.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome {
    /// The benchmark's name.
    name: &'static str,
    /// What was done.
    what: &'static str,
    /// How many pairs were measured.
    pairs: usize,
    /// The unit of `haltline` and `floor`.
    unit: &'static str,
    /// The median of haltline.
    haltline: f64,
    /// The median of the floor.
    floor: f64,
    /// Events per second of haltline, where it is a rate.
    haltline_per_second: Option<f64>,
    /// Events per second of the floor, where it is a rate.
    floor_per_second: Option<f64>,
    /// The median of the pairs' ratios of haltline to floor.
    ratio: f64,
    /// The ratio that is good enough.
    goal: f64,
    /// Whether it is.
    verdict: Verdict,
}

/// Whether a goal is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// The ratio is at most the goal.
    Reached,
    /// The ratio is above the goal.
    Missed,
}

impl Outcome {
    /// Draws the medians of at least one pair.
    pub(super) fn of(benchmark: &Benchmark, events: u32, pairs: &[Pair]) -> Self {
        let middle = |value: fn(&Pair) -> f64| median(pairs.iter().map(value).collect());
        let (haltline, floor) = (middle(|pair| pair.haltline), middle(|pair| pair.floor));
        let ratio = middle(|pair| pair.haltline / pair.floor);
        let rate = |seconds: f64| benchmark.rate.then(|| f64::from(events) / seconds);
        Self {
            name: benchmark.name,
            what: benchmark.what,
            pairs: pairs.len(),
            unit: benchmark.unit,
            haltline,
            floor,
            haltline_per_second: rate(haltline),
            floor_per_second: rate(floor),
            ratio,
            goal: benchmark.goal,
            verdict: if ratio <= benchmark.goal { Verdict::Reached } else { Verdict::Missed },
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |value: f64, per_second: Option<f64>| match per_second {
            Some(rate) => format!("{value:.3} {} ({rate:.0}/s)", self.unit),
            None => format!("{value:.3} {}", self.unit),
        };
        let verdict = match self.verdict {
            Verdict::Reached => "reached",
            Verdict::Missed => "missed",
        };
        write!(
            formatter,
            "{}: {}\n  haltline {}, floor {}, ratio {:.2}, goal at most {:.2}: {verdict} (median of {})",
            self.name,
            self.what,
            side(self.haltline, self.haltline_per_second),
            side(self.floor, self.floor_per_second),
            self.ratio,
            self.goal,
            self.pairs,
        )
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::benchmark::BENCHMARKS;

    #[test]
    fn one_slow_pair_decides_nothing() {
        let pair = |haltline, floor| Pair { haltline, floor };
        let outcome = Outcome::of(&BENCHMARKS[0], 10_000, &[pair(0.5, 0.5), pair(9.0, 0.5), pair(0.55, 0.5)]);
        assert!((outcome.ratio - 1.1).abs() < 1e-9);
        assert_eq!(outcome.verdict, Verdict::Reached);
        assert_eq!(outcome.floor_per_second, Some(20_000.0));
    }

    #[test]
    fn a_ratio_above_the_goal_misses_it() {
        let outcome = Outcome::of(&BENCHMARKS[0], 10_000, &[Pair { haltline: 1.3, floor: 1.0 }]);
        assert_eq!(outcome.verdict, Verdict::Missed);
        assert!(outcome.to_string().contains("ratio 1.30, goal at most 1.20: missed"));
    }
}
