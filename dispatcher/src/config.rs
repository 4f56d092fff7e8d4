//! What the user sets for investigators.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Deserializer};

use crate::{Charges, Environment, Limits};

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

/// What the dispatcher needs to know, after flags, environment and file were merged.
#[derive(Debug, Clone)]
pub struct DispatcherConfig {
    /// The investigator by name, or `auto`.
    pub choice: String,
    /// What `auto` looks for, in order.
    pub chain: Vec<String>,
    /// The text of `--command`, which `sh -c` runs.
    pub shell_command: Option<String>,
    /// The model of `--model`; it wins over the sections'.
    pub model: Option<String>,
    /// Investigations at a time.
    pub jobs: usize,
    /// What an investigation has to keep to; its wall clock is `drain.timeout`.
    pub limits: Limits,
    /// The wall clock of `--timeout`; it wins over the sections'.
    pub timeout: Option<Duration>,
    /// What an investigation may cost and is charged: `[prices]`, and of `[budget]` the two figures for a single one.
    pub charges: Charges,
    /// The sections by name.
    pub investigators: BTreeMap<String, InvestigatorConfig>,
    /// The environment to look programs up in and to take allowed variables from.
    pub environment: Environment,
}

/// What `auto` looks for where nothing else is said.
const DEFAULT_CHAIN: [&str; 3] = ["codex", "claude", "gemini"];
/// Investigations at a time where nothing else is said: they wait for a model nearly all the time, and cost money.
const DEFAULT_JOBS: usize = 2;

impl Default for DispatcherConfig {
    fn default() -> Self {
        Self {
            choice: "auto".to_owned(),
            chain: DEFAULT_CHAIN.map(str::to_owned).to_vec(),
            shell_command: None,
            model: None,
            jobs: DEFAULT_JOBS,
            limits: Limits::default(),
            timeout: None,
            charges: Charges::default(),
            investigators: BTreeMap::new(),
            environment: Environment::default(),
        }
    }
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
