//! What the user sets for the dispatcher as a whole.

use std::collections::BTreeMap;
use std::time::Duration;

use haltline_process::Limits;

use crate::charges::Charges;
use crate::environment::Environment;
use crate::providers::default_chain;
use crate::setting::InvestigatorConfig;

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

/// Investigations at a time where nothing else is said: they wait for a model nearly all the time, and cost money.
const DEFAULT_JOBS: usize = 2;

impl Default for DispatcherConfig {
    fn default() -> Self {
        Self {
            choice: "auto".to_owned(),
            chain: default_chain().map(str::to_owned).collect(),
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
