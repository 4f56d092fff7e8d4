//! What an investigation is charged: what the program says, else tokens times a price, else a ceiling. What nobody can
//! believe never makes it cheaper.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use haltline_protocol::{Cost, CostSource, Usd};

use crate::cost::{ModelTokens, ReportedCost};
use crate::prices::PriceTable;

/// What an investigation is charged whose cost nobody knows (`budget.assumed_usd`).
const ASSUMED_USD: Usd = Usd::from_micros(300_000);
/// What is set aside for one investigation (`budget.per_investigation_usd`).
const RESERVE_USD: Usd = Usd::from_micros(1_000_000);

/// What is charged when, after flags, environment and file were merged.
#[derive(Debug, Clone)]
pub struct Charges {
    /// Prices by model.
    pub prices: PriceTable,
    /// What is set aside for one investigation; 0 is no cap. An investigator that takes a cap of its own
    /// gets it, and one that reports an impossible cost is charged it.
    pub per_investigation_usd: Usd,
    /// What an investigation is charged whose cost nobody knows.
    pub assumed_usd: Usd,
    /// Models whose missing price was told of already.
    warned: Arc<Mutex<HashSet<String>>>,
}

impl Default for Charges {
    fn default() -> Self {
        Self {
            prices: PriceTable::default(),
            per_investigation_usd: RESERVE_USD,
            assumed_usd: ASSUMED_USD,
            warned: Arc::default(),
        }
    }
}

impl Charges {
    /// What the configuration says of prices and of a single investigation.
    pub fn new(prices: PriceTable, per_investigation_usd: Usd, assumed_usd: Usd) -> Self {
        Self { prices, per_investigation_usd, assumed_usd, warned: Arc::default() }
    }

    /// What is charged. `was_billed` says that a model has worked, whether or not anybody knows how much.
    pub(crate) fn charge(&self, said: ReportedCost, tokens: &[ModelTokens], was_billed: bool) -> Option<Cost> {
        match said {
            ReportedCost::Usd(usd) => Some(Cost { usd, source: CostSource::Reported }),
            ReportedCost::Unbelievable => {
                // Without a cap nothing is set aside, and a lie must not come cheaper than silence.
                let charged = self.per_investigation_usd.max(self.assumed_usd);
                tracing::warn!(%charged, "an investigator reported an impossible cost");
                Some(Cost { usd: charged, source: CostSource::Assumed })
            }
            ReportedCost::Nothing if tokens.iter().any(ModelTokens::any) => Some(self.estimate(tokens)),
            ReportedCost::Nothing if was_billed => Some(Cost { usd: self.assumed_usd, source: CostSource::Assumed }),
            ReportedCost::Nothing => None,
        }
    }

    /// Tokens times prices. Where a model's price is missing, the ceiling is charged on top of what is known.
    fn estimate(&self, tokens: &[ModelTokens]) -> Cost {
        let mut usd = Usd::ZERO;
        let mut source = CostSource::Estimated;
        for used in tokens.iter().filter(|tokens| tokens.any()) {
            let model = used.model.as_deref().unwrap_or_default();
            let Some(price) = self.prices.of(model) else {
                self.warn_of_missing_price(model);
                source = CostSource::Assumed;
                continue;
            };
            let parts = [(used.input, price.input), (used.cached, price.cached_input), (used.output, price.output)];
            usd += parts.into_iter().map(|(count, of_million)| of_million.for_each_million(count)).sum();
        }
        if source == CostSource::Assumed {
            usd += self.assumed_usd;
        }
        Cost { usd, source }
    }

    fn warn_of_missing_price(&self, model: &str) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        if warned.insert(model.to_owned()) {
            let named = if model.is_empty() { "(unnamed: set `model` in the investigator's section)" } else { model };
            tracing::warn!(
                model = named,
                assumed_usd = %self.assumed_usd,
                "no price is known for the model, so the assumed cost is charged for it each time; add it to [prices]"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn usd(dollars: f64) -> Usd {
        Usd::from_dollars(dollars).unwrap()
    }

    fn charged(dollars: f64, source: CostSource) -> Option<Cost> {
        Some(Cost { usd: usd(dollars), source })
    }

    fn tokens(model: &str, input: u64, cached: u64, output: u64) -> ModelTokens {
        ModelTokens { model: Some(model.to_owned()), input, cached, output }
    }

    #[test]
    fn tokens_times_prices_make_an_estimate() {
        let charges = Charges::default();
        let used = [tokens("gpt-5.5", 1_000_000, 2_000_000, 100_000)];
        let cost = charges.charge(ReportedCost::Nothing, &used, true).unwrap();
        assert_eq!(cost.source, CostSource::Estimated);
        assert_eq!(cost.usd, usd(5.0 + 1.0 + 3.0));
        let both = [used[0].clone(), tokens("gemini-2.5-pro", 0, 0, 1_000_000)];
        let cost = charges.charge(ReportedCost::Nothing, &both, true).unwrap();
        assert_eq!(cost.usd, usd(19.0));
        let said = charges.charge(ReportedCost::Usd(usd(0.5)), &both, true);
        assert_eq!(said, charged(0.5, CostSource::Reported), "what is said beats what is worked out");
    }

    #[test]
    fn what_nobody_knows_is_charged_the_ceiling_and_what_never_ran_nothing() {
        let charges = Charges::default();
        let assumed = charged(0.30, CostSource::Assumed);
        assert_eq!(charges.charge(ReportedCost::Nothing, &[tokens("brand-new", 1, 0, 0)], true), assumed);
        assert_eq!(charges.charge(ReportedCost::Nothing, &[tokens("brand-new", 0, 0, 0)], true), assumed);
        assert_eq!(charges.charge(ReportedCost::Nothing, &[], true), assumed);
        assert_eq!(charges.charge(ReportedCost::Nothing, &[], false), None);
        assert_eq!(charges.warned.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_model_without_a_price_makes_no_other_cheaper() {
        let used = [tokens("gpt-5.5", 9_000_000, 0, 900_000), tokens("brand-new", 10, 0, 10), tokens("newer", 1, 0, 1)];
        let cost = Charges::default().charge(ReportedCost::Nothing, &used, true).unwrap();
        assert_eq!(cost.source, CostSource::Assumed);
        assert_eq!(cost.usd, usd(45.0 + 27.0 + 0.30));
    }

    #[test]
    fn an_impossible_cost_is_charged_what_was_set_aside() {
        let charges = Charges::default();
        for value in [json!(-1), json!(1e300), json!(10_001), json!("0.12"), json!("NaN"), json!([1]), json!(true)] {
            let cost = charges.charge(ReportedCost::of(&value), &[tokens("gpt-5.5", 1, 0, 0)], true);
            assert_eq!(cost, charged(1.0, CostSource::Assumed), "{value}");
        }
        assert_eq!(ReportedCost::of(&json!(null)), ReportedCost::Nothing);
        assert_eq!(ReportedCost::of(&json!(0)), ReportedCost::Usd(Usd::ZERO));
        assert_eq!(ReportedCost::usd(f64::NAN), ReportedCost::Unbelievable);
    }
}
