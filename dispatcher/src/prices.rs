//! What models cost: the prices that are built in, with those of the configuration over them.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use crate::cost::Price;
use crate::providers::PROVIDERS;

/// When the built-in prices were looked up, as year and month. List prices change; `[prices]` in the configuration
/// wins over them.
pub const PRICES_AS_OF: &str = "2026-05";

/// Prices by model: the built-in ones, with those of the configuration's `[prices]` over them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceTable(BTreeMap<String, Price>);

impl Default for PriceTable {
    fn default() -> Self {
        let rows = PROVIDERS.iter().flat_map(|provider| provider.prices());
        Self(rows.map(|(model, price)| ((*model).to_owned(), *price)).collect())
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
    pub(crate) fn of(&self, model: &str) -> Option<&Price> {
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

#[cfg(test)]
mod tests {
    use haltline_protocol::Usd;

    use super::*;

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
        let [input, cached_input, output] = [1_000_000, 100_000, 2_000_000].map(Usd::from_micros);
        assert_eq!(table.of("gpt-5.5"), Some(&Price { input, cached_input, output }));
        assert!(table.of("mine").is_some() && table.of("gemini-2.5-pro").is_some());
        for damaged in
            ["[x]\ninput = -1\ncached_input = 0\noutput = 0", "[x]\ninput = 1", "[x]\ninput = nan\noutput = 1"]
        {
            toml::from_str::<PriceTable>(damaged).unwrap_err();
        }
    }
}
