//! What a program says that an investigation cost, and how many tokens it took.

use haltline_protocol::{Cost, CostSource, Usage, Usd};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The highest cost of one investigation that is believed. A larger figure is a mistake or a lie.
const PLAUSIBLE_USD: Usd = Usd::from_micros(10_000_000_000);

/// What a million of a model's tokens cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Tokens that are sent and not cached.
    #[serde(deserialize_with = "price")]
    pub input: Usd,
    /// Tokens that are sent and cached.
    #[serde(deserialize_with = "price")]
    pub cached_input: Usd,
    /// Tokens that come back, those of the reasoning included.
    #[serde(deserialize_with = "price")]
    pub output: Usd,
}

impl Price {
    /// A price in US dollars for a million tokens: sent, sent and cached, answered.
    pub(crate) const fn usd(input: f64, cached_input: f64, output: f64) -> Self {
        Self { input: or_zero(input), cached_input: or_zero(cached_input), output: or_zero(output) }
    }
}

/// `Option::unwrap_or_default` where constants are made.
const fn or_zero(dollars: f64) -> Usd {
    match Usd::from_dollars(dollars) {
        Some(usd) => usd,
        None => Usd::ZERO,
    }
}

/// What a program says that it cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ReportedCost {
    /// Nothing.
    #[default]
    Nothing,
    /// This sum.
    Usd(Usd),
    /// A figure that cannot be: negative, huge, no number, another currency.
    Unbelievable,
}

impl ReportedCost {
    /// Takes a figure in US dollars from outside.
    pub fn usd(dollars: f64) -> Self {
        plausible(dollars).map_or(Self::Unbelievable, Self::Usd)
    }

    /// Takes a JSON value from outside.
    pub fn of(value: &Value) -> Self {
        match value {
            Value::Null => Self::Nothing,
            value => value.as_f64().map_or(Self::Unbelievable, Self::usd),
        }
    }

    /// This, or the other where this says nothing.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self == Self::Nothing { other } else { self }
    }
}

/// Tokens of one model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ModelTokens {
    /// The model; none where the program does not say.
    pub model: Option<String>,
    /// Sent and not cached.
    pub input: u64,
    /// Sent and cached.
    pub cached: u64,
    /// Came back, those of the reasoning included.
    pub output: u64,
}

impl ModelTokens {
    /// Whether a model worked at all.
    pub fn any(&self) -> bool {
        self.input > 0 || self.cached > 0 || self.output > 0
    }
}

/// Adds the tokens of all models to a usage, and names the one that answered most.
pub(crate) fn add_tokens(usage: &mut Usage, tokens: &[ModelTokens]) {
    if !tokens.iter().any(ModelTokens::any) {
        return;
    }
    let sum = |of: fn(&ModelTokens) -> u64| Some(tokens.iter().map(of).fold(0, u64::saturating_add));
    usage.tokens_in = sum(|tokens| tokens.input);
    usage.tokens_cached = sum(|tokens| tokens.cached);
    usage.tokens_out = sum(|tokens| tokens.output);
    let leading = tokens.iter().max_by_key(|tokens| tokens.output);
    usage.model = leading.and_then(|tokens| tokens.model.clone()).or(usage.model.take());
}

/// The sum of what two investigators cost; the less certain source stands for both.
pub(crate) fn add(one: Option<Cost>, other: Option<Cost>) -> Option<Cost> {
    let (Some(first), Some(second)) = (one, other) else { return one.or(other) };
    let rank = |source| match source {
        CostSource::Reported => 0,
        CostSource::Estimated => 1,
        CostSource::Assumed => 2,
    };
    let source = if rank(first.source) >= rank(second.source) { first.source } else { second.source };
    Some(Cost { usd: first.usd + second.usd, source })
}

fn price<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Usd, D::Error> {
    let dollars = f64::deserialize(deserializer)?;
    plausible(dollars).ok_or_else(|| {
        serde::de::Error::custom(format_args!("{dollars} is no price: US dollars for a million tokens, 0 to 10000"))
    })
}

fn plausible(dollars: f64) -> Option<Usd> {
    Usd::from_dollars(dollars).filter(|usd| *usd <= PLAUSIBLE_USD)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charged(dollars: f64, source: CostSource) -> Option<Cost> {
        Usd::from_dollars(dollars).map(|usd| Cost { usd, source })
    }

    #[test]
    fn a_sum_is_as_certain_as_its_less_certain_part() {
        let reported = charged(0.5, CostSource::Reported);
        let assumed = charged(0.3, CostSource::Assumed);
        assert_eq!(add(reported, assumed), charged(0.8, CostSource::Assumed));
        assert_eq!(add(None, reported), reported);
        assert_eq!(add(None, None), None);
    }
}
