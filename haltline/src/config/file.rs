//! The configuration file: what may stand in it, read strictly.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use haltline_analytics::{SINKS, SinkEntry};
use haltline_dispatcher::{DispatcherConfig, DispatcherError, InvestigatorConfig, Price, Providers};
use haltline_protocol::{Severity, Usd};
use jiff::SignedDuration;
use serde::de::Error;
use serde::{Deserialize, Deserializer};

use super::ConfigError;
use super::locate::{Place, locate};
use super::position::Positions;

/// The most investigations at a time. More would not be served by a provider, and each holds files and memory.
const MOST_JOBS: u16 = 64;

/// The most US dollars that a figure of `[budget]` may be. More is a mistake.
const MOST_USD: Usd = Usd::from_micros(10_000_000_000);

/// What the file says.
#[derive(Debug, Default)]
pub(crate) struct Config {
    /// The file that was read; none where the default one is not there.
    pub(crate) file: Option<PathBuf>,
    /// The section `[drain]`.
    pub(crate) drain: DrainSection,
    /// The sections `[investigators.NAME]`.
    pub(crate) investigators: BTreeMap<String, InvestigatorConfig>,
    /// The section `[prices]`: US dollars for a million tokens, by model.
    pub(crate) prices: BTreeMap<String, Price>,
    /// The section `[budget]`.
    pub(crate) budget: BudgetSection,
    /// The entries `[[sinks]]`.
    pub(crate) sinks: Vec<SinkEntry>,
}

/// The section `[drain]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a section")]
pub(crate) struct DrainSection {
    /// The most investigations of one drain.
    pub(crate) max: Option<u32>,
    /// Less severe faults are left alone.
    pub(crate) severity_min: Option<Severity>,
    /// Investigations at a time.
    #[serde(deserialize_with = "jobs")]
    pub(crate) jobs: Option<u16>,
    /// The wall clock of one investigation, as `"10m"`.
    #[serde(deserialize_with = "length_of_time")]
    pub(crate) timeout: Option<Duration>,
    /// The investigators to look for, in order.
    #[serde(deserialize_with = "chain")]
    pub(crate) chain: Option<Vec<String>>,
    /// Failed investigations of one fault after which it is given up on.
    #[serde(deserialize_with = "max_attempts")]
    pub(crate) max_attempts: Option<u32>,
}

/// The section `[budget]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "a section")]
pub(crate) struct BudgetSection {
    /// What is set aside for one investigation, in US dollars; 0 is no cap.
    #[serde(deserialize_with = "usd")]
    pub(crate) per_investigation_usd: Option<Usd>,
    /// What an investigation is charged whose cost nobody knows, in US dollars.
    #[serde(deserialize_with = "usd")]
    pub(crate) assumed_usd: Option<Usd>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Contents {
    drain: DrainSection,
    investigators: BTreeMap<String, InvestigatorConfig>,
    prices: BTreeMap<String, Price>,
    budget: BudgetSection,
    sinks: Vec<SinkEntry>,
}

/// Reads the configuration: the file that the flag or `HALTLINE_CONFIG` names, else the user's own, which may be
/// absent.
///
/// # Errors
/// A file that was named is not there, a file cannot be read, or something in it is wrong or unknown.
pub(crate) fn load(flag: Option<&Path>) -> Result<Config, ConfigError> {
    match locate(flag, |name| std::env::var_os(name)) {
        Some(place) => read(place),
        None => Ok(Config::default()),
    }
}

fn read(place: Place) -> Result<Config, ConfigError> {
    let path = place.path;
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return match place.named_by {
                Some(named_by) => Err(ConfigError::NoFile { path, named_by }),
                None => Ok(Config::default()),
            };
        }
        Err(source) => return Err(ConfigError::Unreadable { path, source }),
    };
    parse(&path, &text)
}

fn parse(path: &Path, text: &str) -> Result<Config, ConfigError> {
    let contents: Contents = toml::from_str(text).map_err(|error| {
        let positions = Positions::of(text);
        let offset = error.span().map_or(0, |span| span.start);
        let key = positions.key_at(offset).to_owned();
        // A parser's message may go on with a list on lines of its own.
        let problem = error.message().trim_end().replace('\n', ", ");
        ConfigError::Wrong { path: path.to_owned(), line: positions.line(offset), key, problem }
    })?;
    check_sinks(path, text, &contents.sinks)?;
    check_investigators(path, text, &contents)?;
    let Contents { drain, investigators, prices, budget, sinks } = contents;
    Ok(Config { file: Some(path.to_owned()), drain, investigators, prices, budget, sinks })
}

/// Asks each sink whether its settings are what it knows.
fn check_sinks(path: &Path, text: &str, sinks: &[SinkEntry]) -> Result<(), ConfigError> {
    for (number, entry) in sinks.iter().enumerate() {
        let section = format!("sinks[{number}]");
        let (key, problem) = match SINKS.iter().find(|sink| sink.declaration().name == entry.kind) {
            None => {
                let known: Vec<_> = SINKS.iter().map(|sink| sink.declaration().name).collect();
                ("kind".to_owned(), format!("unknown sink `{}`; known are {}", entry.kind, known.join(", ")))
            }
            Some(sink) => match sink.check(&entry.settings) {
                Ok(()) => continue,
                Err(error) => {
                    let problem = error.to_string();
                    let positions = Positions::of(text);
                    // The sink's own words name the key.
                    let key = positions.keys_in(&section).find(|key| problem.contains(&format!("`{key}`")));
                    (key.unwrap_or("kind").to_owned(), problem)
                }
            },
        };
        return Err(wrong(path, text, format!("{section}.{key}"), problem));
    }
    Ok(())
}

/// Asks the dispatcher whether the sections and the chain name what it knows. No program is looked for.
fn check_investigators(path: &Path, text: &str, contents: &Contents) -> Result<(), ConfigError> {
    let mut config = DispatcherConfig { investigators: contents.investigators.clone(), ..DispatcherConfig::default() };
    if let Some(chain) = &contents.drain.chain {
        config.chain.clone_from(chain);
    }
    let (key, problem) = match Providers::build(&config) {
        Ok(_) => return Ok(()),
        Err(DispatcherError::BadSection { name, problem }) => (format!("investigators.{name}"), problem.to_owned()),
        // The file cannot give the flag.
        Err(DispatcherError::NoCommand(name) | DispatcherError::CommandUnused(name)) => {
            ("drain.chain".to_owned(), format!("`{name}` needs `command = [\"PROGRAM\", …]` in its section"))
        }
        Err(DispatcherError::UnknownInChain { name, known } | DispatcherError::UnknownInvestigator { name, known }) => {
            ("drain.chain".to_owned(), format!("no investigator `{name}`; known are {}", known.join(", ")))
        }
    };
    Err(wrong(path, text, key, problem))
}

fn wrong(path: &Path, text: &str, key: String, problem: String) -> ConfigError {
    let line = Positions::of(text).line_of(&key).unwrap_or(1);
    ConfigError::Wrong { path: path.to_owned(), line, key, problem }
}

fn jobs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u16>, D::Error> {
    match u16::deserialize(deserializer)? {
        jobs @ 1..=MOST_JOBS => Ok(Some(jobs)),
        jobs => Err(Error::custom(format_args!("{jobs} is not between 1 and {MOST_JOBS}"))),
    }
}

fn max_attempts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    match u32::deserialize(deserializer)? {
        0 => Err(Error::custom("0 is less than 1, and every fault would be given up on unasked")),
        attempts => Ok(Some(attempts)),
    }
}

fn chain<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<String>>, D::Error> {
    let chain = Vec::<String>::deserialize(deserializer)?;
    if chain.is_empty() {
        return Err(Error::custom("the list is empty; name an investigator, or leave the key out"));
    }
    Ok(Some(chain))
}

fn usd<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Usd>, D::Error> {
    let dollars = f64::deserialize(deserializer)?;
    let usd = Usd::from_dollars(dollars).filter(|usd| *usd <= MOST_USD);
    usd.map(Some).ok_or_else(|| Error::custom(format_args!("{dollars} is no sum: US dollars, 0 to {MOST_USD}")))
}

fn length_of_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let length = text.parse::<SignedDuration>().ok().and_then(|length| Duration::try_from(length).ok());
    match length {
        Some(length) if !length.is_zero() => Ok(Some(length)),
        _ => Err(Error::custom(format_args!("`{text}` is no length of time above zero, as \"90s\" or \"10m\""))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let error = parse(Path::new("/c.toml"), text).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{error:?} should start with {expected:?}");
        assert!(!error.contains('\n'), "{error:?}");
    }

    #[test]
    fn what_is_wrong_is_named_by_file_line_and_key() {
        for (text, expected) in [
            ("[drain]\nmaxx = 1", "/c.toml:2: `drain.maxx`: unknown field `maxx`, expected one of `max`"),
            ("\n\n[triage]\nmode = \"off\"", "/c.toml:3: `triage`: unknown field `triage`, expected one of `drain`"),
            ("[budget]\nper_day_usd = 1", "/c.toml:2: `budget.per_day_usd`: unknown field `per_day_usd`, expected"),
            ("[budget]\nassumed_usd = -1", "/c.toml:2: `budget.assumed_usd`: -1 is no sum"),
            ("[budget]\nper_investigation_usd = nan", "/c.toml:2: `budget.per_investigation_usd`: NaN is no sum"),
            ("[prices.x]\ninput = -1", "/c.toml:2: `prices.x.input`: -1 is no price"),
            ("[prices.x]\ninput = 1\ncached_input = 0", "/c.toml:1: `prices.x`: missing field `output`"),
            ("[drain]\nmax = -1", "/c.toml:2: `drain.max`: invalid value"),
            ("[drain]\nmax = \"1\"", "/c.toml:2: `drain.max`: invalid type"),
            ("[drain]\nseverity_min = \"high\"", "/c.toml:2: `drain.severity_min`: unknown variant `high`"),
            ("[drain]\nmax = 1\njobs = 0", "/c.toml:3: `drain.jobs`: 0 is not between 1 and 64"),
            ("[drain]\njobs = 65", "/c.toml:2: `drain.jobs`: 65 is not between"),
            ("[drain]\nmax_attempts = 0", "/c.toml:2: `drain.max_attempts`: 0 is less than 1"),
            ("[drain]\ntimeout = \"soon\"", "/c.toml:2: `drain.timeout`: `soon` is no length of time"),
            ("[drain]\ntimeout = \"0s\"", "/c.toml:2: `drain.timeout`: `0s` is no length"),
            ("[drain]\nchain = []", "/c.toml:2: `drain.chain`: the list is empty"),
            ("[drain]\nchain = [\"nobody\"]", "/c.toml:2: `drain.chain`: no investigator `nobody`"),
            ("[investigators.codex]\nmodell = \"x\"", "/c.toml:2: `investigators.codex.modell`: unknown field"),
            ("[investigators.codex]\ntimeout = \"0s\"", "/c.toml:2: `investigators.codex.timeout`: `0s` is no"),
            ("[investigators.mine]\nmodel = \"x\"", "/c.toml:1: `investigators.mine`: an investigator of your own"),
            ("[[sinks]]\nkind = \"kafka\"", "/c.toml:2: `sinks[0].kind`: unknown sink `kafka`; known are jsonl"),
            ("[[sinks]]\nkind = \"jsonl\"\nurl = 1", "/c.toml:3: `sinks[0].url`: sink `jsonl`: unknown field `url`"),
            (
                "[[sinks]]\nkind = \"inbox\"\nfolder = \"x\"",
                "/c.toml:3: `sinks[0].folder`: sink `inbox`: `folder` must be",
            ),
            ("[drain]\nmax = 1\nmax = 2", "/c.toml:3: "),
            ("[drain\n", "/c.toml:1: "),
        ] {
            check(text, expected);
        }
        let error = parse(Path::new("/c.toml"), "[[sinks]]\nurl = 1").unwrap_err().to_string();
        assert!(error.contains("missing field `kind`"), "{error}");
    }

    #[test]
    fn the_file_of_the_contract_is_read() {
        let text = "[drain]\nmax = 20\nseverity_min = \"MEDIUM\"\njobs = 2\ntimeout = \"10m\"\n\
                    chain = [\"codex\", \"claude\", \"gemini\"]\nmax_attempts = 3\n\n[investigators.codex]\n\
                    model = \"gpt-5.5\"\nreasoning = \"high\"\nextra_args = []\nenv = { }\n\n[investigators.mine]\n\
                    command = [\"/usr/local/bin/my-triage\", \"--json\"]\n\n[[sinks]]\nkind = \"jsonl\"\n";
        let config = parse(Path::new("/c.toml"), text).unwrap();
        assert_eq!(config.drain.chain.unwrap(), ["codex", "claude", "gemini"]);
        assert!(config.investigators.contains_key("mine"));
    }

    #[test]
    fn what_an_investigation_costs_can_be_said() {
        let text = "[prices.\"gpt-9.1\"]\ninput = 2\ncached_input = 0.2\noutput = 8.0\n[budget]\n\
                    per_investigation_usd = 0\nassumed_usd = 0.5\n";
        let config = parse(Path::new("/c.toml"), text).unwrap();
        let [input, cached_input, output] = [2_000_000, 200_000, 8_000_000].map(Usd::from_micros);
        assert_eq!(config.prices["gpt-9.1"], Price { input, cached_input, output });
        assert_eq!(
            (config.budget.per_investigation_usd, config.budget.assumed_usd),
            (Some(Usd::ZERO), Usd::from_dollars(0.5))
        );
    }

    #[test]
    fn what_is_not_said_stays_open() {
        let config = parse(Path::new("/c.toml"), "").unwrap();
        assert_eq!(config.drain, DrainSection::default());
        let config =
            parse(Path::new("/c.toml"), "[drain]\njobs = 64\ntimeout = \"90s\"\n[[sinks]]\nkind = \"jsonl\"\n");
        let config = config.unwrap();
        assert_eq!((config.drain.jobs, config.drain.timeout), (Some(64), Some(Duration::from_secs(90))));
        assert_eq!(config.sinks.len(), 1);
    }
}
