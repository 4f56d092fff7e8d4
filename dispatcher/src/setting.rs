//! What the user sets for one investigator.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Deserializer};

/// The section `[investigators.NAME]` of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InvestigatorConfig {
    /// The model to ask for; the investigator's own choice where none is given.
    pub model: Option<String>,
    /// The reasoning effort, in the investigator's own words, as `high`.
    pub reasoning: Option<String>,
    /// More arguments, put behind those that haltline gives.
    #[serde(default)]
    pub extra_args: Vec<String>,
    /// More variables for its environment. They win over those that it would get.
    #[serde(default)]
    pub env: BTreeMap<String, Hidden>,
    /// The program and its arguments, for an investigator of one's own.
    pub command: Option<Vec<String>>,
    /// The wall clock of one investigation, as `"10m"`; `drain.timeout` where none is given.
    #[serde(default, deserialize_with = "duration")]
    pub timeout: Option<Duration>,
}

/// A text that is never shown: it may be a credential.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Hidden(pub String);

impl fmt::Debug for Hidden {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("…")
    }
}

/// What the user set for an investigator.
#[derive(Debug, Clone, Default)]
pub struct Setting {
    /// The section of the configuration, with the flags' model merged in.
    pub section: InvestigatorConfig,
    /// The text of `--command`.
    pub shell_command: Option<String>,
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let parsed: SignedDuration = text.parse().map_err(serde::de::Error::custom)?;
    match Duration::try_from(parsed) {
        Ok(length) if !length.is_zero() => Ok(Some(length)),
        _ => Err(serde::de::Error::custom(format_args!("`{text}` is no length of time above zero, as \"10m\""))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_reads_as_the_contract_writes_it() {
        let section: InvestigatorConfig = toml::from_str(
            "model = \"gpt-5.5\"\nreasoning = \"high\"\nextra_args = []\nenv = { }\ntimeout = \"90s\"\n\
             command = [\"/usr/local/bin/my-triage\", \"--json\"]\n",
        )
        .unwrap();
        let keyed: InvestigatorConfig = toml::from_str("env = { MY_KEY = \"s3cret\" }").unwrap();
        assert_eq!(keyed.env["MY_KEY"].0, "s3cret");
        assert!(!format!("{keyed:?}").contains("s3cret"));
        assert_eq!(section.timeout, Some(Duration::from_secs(90)));
        assert_eq!(section.command.unwrap().len(), 2);
    }

    #[test]
    fn what_is_unknown_or_no_length_of_time_is_refused() {
        for text in ["modell = \"x\"", "timeout = \"soon\"", "timeout = \"0s\"", "timeout = \"-1m\"", "timeout = 5"] {
            toml::from_str::<InvestigatorConfig>(text).unwrap_err();
        }
    }
}
