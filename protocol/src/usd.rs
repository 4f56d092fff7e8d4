//! Money.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const MICROS_IN_DOLLAR: f64 = 1e6;

/// A sum of money in US dollars, kept as whole micro-dollars and never negative. Sums saturate.
///
/// In files it is a JSON number of dollars; what is read is rounded to the micro-dollar.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Usd(u64);

impl Usd {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// A sum of micro-dollars.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Rounds a sum of dollars to the micro-dollar; none where it is negative, infinite, or no number.
    pub const fn from_dollars(dollars: f64) -> Option<Self> {
        if !dollars.is_finite() || dollars < 0.0 {
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is not negative, and saturates"
        )]
        let micros = (dollars * MICROS_IN_DOLLAR).round() as u64;
        Some(Self(micros))
    }

    /// The sum in micro-dollars.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// The sum so many times.
    #[must_use]
    pub const fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(count))
    }

    /// What a number of things costs of which a million cost this much, rounded to the micro-dollar.
    #[must_use]
    pub fn for_each_million(self, count: u64) -> Self {
        const MILLION: u128 = 1_000_000;
        let micros = (u128::from(self.0) * u128::from(count) + MILLION / 2) / MILLION;
        Self(u64::try_from(micros).unwrap_or(u64::MAX))
    }

    /// The nearest double to the sum in dollars: the one that its shortest decimal names.
    #[expect(clippy::cast_precision_loss, reason = "nobody has 9 billion dollars")]
    fn dollars(self) -> f64 {
        self.0 as f64 / MICROS_IN_DOLLAR
    }
}

/// Shows dollars, to as many digits as the formatter asks for, else as many as are needed.
impl fmt::Display for Usd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.dollars().fmt(formatter)
    }
}

/// Shows dollars with a decimal point, as TOML and JSON write a floating-point number.
impl fmt::Debug for Usd {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.dollars(), formatter)
    }
}

impl Add for Usd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(sums: I) -> Self {
        sums.fold(Self::ZERO, Add::add)
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.dollars())
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let dollars = f64::deserialize(deserializer)?;
        let error = || serde::de::Error::custom(format_args!("{dollars} is no sum: US dollars, 0 or more"));
        Self::from_dollars(dollars).ok_or_else(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Usd, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_read_is_written_to_the_letter() {
        for text in ["0.31", "0.0", "1.0", "1e-6", "0.1", "0.3", "10000.0", "1234567.891011"] {
            let usd = read(text).unwrap();
            assert_eq!(serde_json::to_string(&usd).unwrap(), text);
        }
        for (text, micros) in [("2", 2_000_000), ("-0.0", 0), ("0.7000009", 700_001), ("0.0021004", 2100), ("4e-7", 0)]
        {
            assert_eq!(read(text).unwrap(), Usd::from_micros(micros), "{text}");
        }
    }

    #[test]
    fn what_is_no_sum_is_refused() {
        for text in ["-1", "-0.0000001", "1e999", "\"1\"", "null"] {
            read(text).unwrap_err();
        }
        for dollars in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1e-9] {
            assert_eq!(Usd::from_dollars(dollars), None);
        }
    }

    #[test]
    fn sums_are_exact_and_saturate() {
        let tenth = Usd::from_micros(100_000);
        assert_eq!([tenth; 3].into_iter().sum::<Usd>(), Usd::from_micros(300_000));
        assert_eq!(Usd::from_micros(u64::MAX) + tenth, Usd::from_micros(u64::MAX));
        assert_eq!(tenth.times(3).to_string(), "0.3");
        assert_eq!(tenth.for_each_million(15), Usd::from_micros(2), "1.5 micro-dollars");
    }

    #[test]
    fn dollars_are_shown_with_the_digits_that_are_asked_for() {
        let usd = Usd::from_micros(1_250_000);
        assert_eq!(format!("{usd} {usd:.4} {:?}", Usd::from_micros(1_000_000)), "1.25 1.2500 1.0");
    }
}
