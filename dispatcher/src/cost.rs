//! What an investigation cost: what the program says, else tokens times a price, else a ceiling. What nobody can
//! believe never makes it cheaper.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use haltline_protocol::{Cost, CostSource, Usage};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The highest cost of one investigation that is believed, in US dollars. A larger figure is a mistake or a lie.
const PLAUSIBLE_USD: f64 = 10_000.0;
/// What an investigation is charged whose cost nobody knows, in US dollars (`budget.assumed_usd`).
const ASSUMED_USD: f64 = 0.30;
/// What is set aside for one investigation, in US dollars (`budget.per_investigation_usd`).
const RESERVE_USD: f64 = 1.0;

/// When the built-in prices were looked up, as year and month. List prices change; `[prices]` in the configuration
/// wins over them.
pub const PRICES_AS_OF: &str = "2026-05";

/// US dollars for a million tokens: sent, sent and cached, answered. List prices of the providers' standard tier for
/// prompts below their long-context limits.
const BUILT_IN_PRICES: [(&str, f64, f64, f64); 15] = [
    ("claude-haiku-4-5", 1.0, 0.10, 5.0),
    ("claude-opus-4-5", 5.0, 0.50, 25.0),
    ("claude-sonnet-4-5", 3.0, 0.30, 15.0),
    ("gemini-2.5-flash", 0.30, 0.03, 2.50),
    ("gemini-2.5-flash-lite", 0.10, 0.01, 0.40),
    ("gemini-2.5-pro", 1.25, 0.125, 10.0),
    ("gpt-5", 1.25, 0.125, 10.0),
    ("gpt-5-codex", 1.25, 0.125, 10.0),
    ("gpt-5-mini", 0.25, 0.025, 2.0),
    ("gpt-5-nano", 0.05, 0.005, 0.40),
    ("gpt-5.1", 1.25, 0.125, 10.0),
    ("gpt-5.1-codex", 1.25, 0.125, 10.0),
    ("gpt-5.2", 1.75, 0.175, 14.0),
    ("gpt-5.4", 2.50, 0.25, 15.0),
    ("gpt-5.5", 5.0, 0.50, 30.0),
];

/// What a model's tokens cost, in US dollars for a million.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Tokens that are sent and not cached.
    #[serde(deserialize_with = "price")]
    pub input: f64,
    /// Tokens that are sent and cached.
    #[serde(deserialize_with = "price")]
    pub cached_input: f64,
    /// Tokens that come back, those of the reasoning included.
    #[serde(deserialize_with = "price")]
    pub output: f64,
}

/// Prices by model: the built-in ones, with those of the configuration's `[prices]` over them.
#[derive(Debug, Clone, PartialEq)]
pub struct PriceTable(BTreeMap<String, Price>);

impl Default for PriceTable {
    fn default() -> Self {
        let row = |(model, input, cached_input, output): (&str, f64, f64, f64)| {
            (model.to_owned(), Price { input, cached_input, output })
        };
        Self(BUILT_IN_PRICES.into_iter().map(row).collect())
    }
}

impl<'de> Deserialize<'de> for PriceTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(Self::with)
    }
}

impl PriceTable {
    /// The built-in prices with these over them.
    pub fn with(prices: BTreeMap<String, Price>) -> Self {
        let mut table = Self::default();
        table.0.extend(prices);
        table
    }

    /// Every model that has a price, in the order of the names.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &Price)> {
        self.0.iter().map(|(model, price)| (model.as_str(), price))
    }

    /// The price of a model, by its name or by its name without the date or the variant that a provider adds.
    fn of(&self, model: &str) -> Option<&Price> {
        let plain = model.split('[').next().unwrap_or(model);
        self.0.get(model).or_else(|| self.0.get(plain)).or_else(|| self.0.get(without_date(plain)?))
    }
}

/// The name before `-20260101` or `-2026-01-01`.
fn without_date(model: &str) -> Option<&str> {
    ["-dddddddd", "-dddd-dd-dd"].into_iter().find_map(|form| {
        let (name, date) = model.split_at_checked(model.len().checked_sub(form.len())?)?;
        let fits =
            |(letter, wanted): (char, char)| if wanted == 'd' { letter.is_ascii_digit() } else { letter == wanted };
        date.chars().zip(form.chars()).all(fits).then_some(name)
    })
}

/// What is charged when, after flags, environment and file were merged.
#[derive(Debug, Clone)]
pub struct Charges {
    /// Prices by model.
    pub prices: PriceTable,
    /// What is set aside for one investigation, in US dollars; 0 is no cap. An investigator that takes a cap of its own
    /// gets it, and one that reports an impossible cost is charged it.
    pub per_investigation_usd: f64,
    /// What an investigation is charged whose cost nobody knows, in US dollars.
    pub assumed_usd: f64,
    /// Models whose missing price was told of already.
    told: Arc<Mutex<HashSet<String>>>,
}

impl Default for Charges {
    fn default() -> Self {
        Self {
            prices: PriceTable::default(),
            per_investigation_usd: RESERVE_USD,
            assumed_usd: ASSUMED_USD,
            told: Arc::default(),
        }
    }
}

/// What a program says that it cost.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum SaidCost {
    /// Nothing.
    #[default]
    Nothing,
    /// So many US dollars.
    Usd(f64),
    /// A figure that cannot be: negative, huge, no number, another currency.
    Unbelievable,
}

impl SaidCost {
    /// Takes a figure from outside.
    pub fn usd(usd: f64) -> Self {
        if (0.0..=PLAUSIBLE_USD).contains(&usd) { Self::Usd(usd) } else { Self::Unbelievable }
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

impl Charges {
    /// What the configuration says of prices and of a single investigation.
    pub fn new(prices: PriceTable, per_investigation_usd: f64, assumed_usd: f64) -> Self {
        Self { prices, per_investigation_usd, assumed_usd, told: Arc::default() }
    }

    /// What is charged. `was_billed` says that a model has worked, whether or not anybody knows how much.
    pub(crate) fn charge(&self, said: SaidCost, tokens: &[ModelTokens], was_billed: bool) -> Option<Cost> {
        match said {
            SaidCost::Usd(usd) => Cost::new(usd, CostSource::Reported),
            SaidCost::Unbelievable => {
                // Without a cap nothing is set aside, and a lie must not come cheaper than silence.
                let charged = self.per_investigation_usd.max(self.assumed_usd);
                tracing::warn!(charged, "an investigator reported an impossible cost");
                Cost::new(charged, CostSource::Assumed)
            }
            SaidCost::Nothing if tokens.iter().any(ModelTokens::any) => self.estimate(tokens),
            SaidCost::Nothing if was_billed => Cost::new(self.assumed_usd, CostSource::Assumed),
            SaidCost::Nothing => None,
        }
    }

    /// Tokens times prices. Where a model's price is missing, the ceiling is charged on top of what is known.
    fn estimate(&self, tokens: &[ModelTokens]) -> Option<Cost> {
        let mut usd = 0.0;
        let mut is_complete = true;
        for used in tokens.iter().filter(|tokens| tokens.any()) {
            let model = used.model.as_deref().unwrap_or_default();
            let Some(price) = self.prices.of(model) else {
                self.tell_missing(model);
                is_complete = false;
                continue;
            };
            let parts = [(used.input, price.input), (used.cached, price.cached_input), (used.output, price.output)];
            #[expect(clippy::cast_precision_loss, reason = "no count of tokens comes near 2^52")]
            let of_model: f64 = parts.iter().map(|(count, price)| *count as f64 * price / 1e6).sum();
            usd += of_model;
        }
        if is_complete {
            Cost::new(usd, CostSource::Estimated)
        } else {
            Cost::new(usd + self.assumed_usd, CostSource::Assumed)
        }
    }

    fn tell_missing(&self, model: &str) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert(model.to_owned()) {
            let named = if model.is_empty() { "(unnamed: set `model` in the investigator's section)" } else { model };
            tracing::warn!(
                model = named,
                assumed_usd = self.assumed_usd,
                "no price is known for the model, so the assumed cost is charged for it each time; add it to [prices]"
            );
        }
    }
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
    Cost::new(first.usd + second.usd, source)
}

fn price<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let usd = f64::deserialize(deserializer)?;
    if (0.0..=PLAUSIBLE_USD).contains(&usd) {
        return Ok(usd);
    }
    Err(serde::de::Error::custom(format_args!("{usd} is no price: US dollars for a million tokens, 0 to 10000")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tokens(model: &str, input: u64, cached: u64, output: u64) -> ModelTokens {
        ModelTokens { model: Some(model.to_owned()), input, cached, output }
    }

    #[test]
    fn tokens_times_prices_make_an_estimate() {
        let charges = Charges::default();
        let used = [tokens("gpt-5.5", 1_000_000, 2_000_000, 100_000)];
        let cost = charges.charge(SaidCost::Nothing, &used, true).unwrap();
        assert_eq!(cost.source, CostSource::Estimated);
        assert!((cost.usd - (5.0 + 1.0 + 3.0)).abs() < 1e-9, "{}", cost.usd);
        let both = [used[0].clone(), tokens("gemini-2.5-pro", 0, 0, 1_000_000)];
        let cost = charges.charge(SaidCost::Nothing, &both, true).unwrap();
        assert!((cost.usd - 19.0).abs() < 1e-9, "{}", cost.usd);
        let said = charges.charge(SaidCost::Usd(0.5), &both, true);
        assert_eq!(said, Cost::new(0.5, CostSource::Reported), "what is said beats what is worked out");
    }

    #[test]
    fn what_nobody_knows_is_charged_the_ceiling_and_what_never_ran_nothing() {
        let charges = Charges::default();
        let assumed = Cost::new(0.30, CostSource::Assumed);
        assert_eq!(charges.charge(SaidCost::Nothing, &[tokens("brand-new", 1, 0, 0)], true), assumed);
        assert_eq!(charges.charge(SaidCost::Nothing, &[tokens("brand-new", 0, 0, 0)], true), assumed);
        assert_eq!(charges.charge(SaidCost::Nothing, &[], true), assumed);
        assert_eq!(charges.charge(SaidCost::Nothing, &[], false), None);
        assert_eq!(charges.told.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_model_without_a_price_makes_no_other_cheaper() {
        let used = [tokens("gpt-5.5", 9_000_000, 0, 900_000), tokens("brand-new", 10, 0, 10), tokens("newer", 1, 0, 1)];
        let cost = Charges::default().charge(SaidCost::Nothing, &used, true).unwrap();
        assert_eq!(cost.source, CostSource::Assumed);
        assert!((cost.usd - (45.0 + 27.0 + 0.30)).abs() < 1e-9, "{}", cost.usd);
    }

    #[test]
    fn an_impossible_cost_is_charged_what_was_set_aside() {
        let charges = Charges::default();
        for value in [json!(-1), json!(1e300), json!(10_001), json!("0.12"), json!("NaN"), json!([1]), json!(true)] {
            let cost = charges.charge(SaidCost::of(&value), &[tokens("gpt-5.5", 1, 0, 0)], true);
            assert_eq!(cost, Cost::new(1.0, CostSource::Assumed), "{value}");
        }
        assert_eq!(SaidCost::of(&json!(null)), SaidCost::Nothing);
        assert_eq!(SaidCost::of(&json!(0)), SaidCost::Usd(0.0));
        assert_eq!(SaidCost::usd(f64::NAN), SaidCost::Unbelievable);
    }

    #[test]
    fn a_model_is_known_with_its_date_or_its_variant_too() {
        let table = PriceTable::default();
        for model in ["claude-sonnet-4-5-20250929", "claude-sonnet-4-5[1m]", "gpt-5.5-2026-04-23"] {
            assert!(table.of(model).is_some(), "{model}");
        }
        for model in ["", "gpt", "gpt-5.5-pro", "gpt-5.9", "claude-sonnet"] {
            assert_eq!(table.of(model), None, "{model}");
        }
    }

    #[test]
    fn the_configuration_wins_over_the_built_in_prices() {
        let text = "[\"gpt-5.5\"]\ninput = 1.0\ncached_input = 0.1\noutput = 2\n[mine]\ninput = 0\ncached_input = 0\n\
                    output = 0\n";
        let table: PriceTable = toml::from_str(text).unwrap();
        assert_eq!(table.of("gpt-5.5"), Some(&Price { input: 1.0, cached_input: 0.1, output: 2.0 }));
        assert!(table.of("mine").is_some() && table.of("gemini-2.5-pro").is_some());
        for damaged in
            ["[x]\ninput = -1\ncached_input = 0\noutput = 0", "[x]\ninput = 1", "[x]\ninput = nan\noutput = 1"]
        {
            toml::from_str::<PriceTable>(damaged).unwrap_err();
        }
    }

    #[test]
    fn a_sum_is_as_certain_as_its_less_certain_part() {
        let reported = Cost::new(0.5, CostSource::Reported);
        let assumed = Cost::new(0.3, CostSource::Assumed);
        assert_eq!(add(reported, assumed), Cost::new(0.8, CostSource::Assumed));
        assert_eq!(add(None, reported), reported);
        assert_eq!(add(None, None), None);
    }
}
