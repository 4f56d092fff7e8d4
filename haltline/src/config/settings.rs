//! What is in force: flags beat the environment, that beats the file, and that beats what is built in.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use haltline::DrainOptions;
use haltline_analytics::{SinkEntry, inbox_folder, set_inbox_folder};
use haltline_dispatcher::{Charges, DispatcherConfig, Environment, InvestigatorConfig, Limits, Price, PriceTable};
use haltline_protocol::{Severity, Usd};

use super::{Config, ConfigError};
use crate::cli::{DrainArgs, InvestigatorArgs};

/// Where notes for people go, if the user wants them elsewhere.
const INBOX_VARIABLE: &str = "GSTACK_INBOX_DIR";

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Nobody said anything.
    BuiltIn,
    /// The configuration file.
    File,
    /// This variable.
    Environment(&'static str),
    /// A flag of the command.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BuiltIn => formatter.write_str("built-in"),
            Self::File => formatter.write_str("file"),
            Self::Environment(name) => write!(formatter, "environment: {name}"),
            Self::Flag => formatter.write_str("flag"),
        }
    }
}

/// A value and where it comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sourced<T> {
    /// The value.
    pub(crate) value: T,
    /// Where it comes from.
    pub(crate) origin: Origin,
}

impl<T> Sourced<T> {
    fn first(flag: Option<T>, file: Option<T>, built_in: impl FnOnce() -> T) -> Self {
        match (flag, file) {
            (Some(value), _) => Self { value, origin: Origin::Flag },
            (None, Some(value)) => Self { value, origin: Origin::File },
            (None, None) => Self { value: built_in(), origin: Origin::BuiltIn },
        }
    }
}

/// What is in force.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The configuration file that was read.
    pub(crate) file: Option<PathBuf>,
    /// The most investigations of one drain.
    pub(crate) max: Sourced<u32>,
    /// Less severe faults are left alone.
    pub(crate) severity_min: Sourced<Severity>,
    /// Investigations at a time.
    pub(crate) jobs: Sourced<usize>,
    /// The wall clock of one investigation.
    pub(crate) timeout: Sourced<Duration>,
    /// The investigators that `auto` looks for, in order.
    pub(crate) chain: Sourced<Vec<String>>,
    /// Failed investigations of one fault after which it is given up on.
    pub(crate) max_attempts: Sourced<u32>,
    /// Where notes for people go, if not to the queue's own folder; an absolute path.
    pub(crate) inbox: Option<PathBuf>,
    /// Where `inbox` comes from.
    pub(crate) inbox_origin: Origin,
    /// The sections of the investigators.
    pub(crate) investigators: BTreeMap<String, InvestigatorConfig>,
    /// The prices that the file names, by model; they win over the built-in ones.
    pub(crate) prices: BTreeMap<String, Price>,
    /// What is set aside for one investigation, in US dollars; 0 is no cap.
    pub(crate) per_investigation_usd: Sourced<Usd>,
    /// What an investigation is charged whose cost nobody knows, in US dollars.
    pub(crate) assumed_usd: Sourced<Usd>,
    /// The sinks that the file names, as it names them.
    pub(crate) sinks: Vec<SinkEntry>,
    asked: InvestigatorArgs,
}

impl Settings {
    /// Joins the flags, the environment and the file.
    ///
    /// # Errors
    /// The folder for notes is relative, and there is no current folder.
    pub(crate) fn merge(flags: &DrainArgs, config: Config) -> Result<Self, ConfigError> {
        Self::merge_with(flags, config, |name| std::env::var_os(name))
    }

    fn merge_with(
        flags: &DrainArgs,
        config: Config,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, ConfigError> {
        let Config { file, drain, investigators, prices, budget, sinks } = config;
        let (built_in, drain_built_in) = (DispatcherConfig::default(), DrainOptions::default());
        let inbox_variable = variable(INBOX_VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from);
        let (inbox, inbox_origin) = match (&flags.inbox, inbox_variable, inbox_folder(&sinks)) {
            (Some(inbox), _, _) => (Some(inbox.clone()), Origin::Flag),
            (None, Some(inbox), _) => (Some(inbox), Origin::Environment(INBOX_VARIABLE)),
            (None, None, Some(inbox)) => (Some(inbox), Origin::File),
            (None, None, None) => (None, Origin::BuiltIn),
        };
        let absolute = |path: PathBuf| match std::path::absolute(&path).and_then(utf8) {
            Ok(absolute) => Ok(absolute),
            Err(source) => Err(ConfigError::Inbox { path, source }),
        };
        Ok(Self {
            file,
            max: Sourced::first(flags.max, drain.max, || drain_built_in.max),
            severity_min: Sourced::first(flags.severity_min, drain.severity_min, || drain_built_in.severity_min),
            jobs: Sourced::first(flags.jobs.map(usize::from), drain.jobs.map(usize::from), || built_in.jobs),
            timeout: Sourced::first(flags.asked.timeout, drain.timeout, || built_in.limits.wall),
            chain: Sourced::first(None, drain.chain, || built_in.chain),
            max_attempts: Sourced::first(None, drain.max_attempts, || drain_built_in.max_attempts),
            inbox: inbox.map(absolute).transpose()?.map(PathBuf::from),
            inbox_origin,
            investigators,
            prices,
            per_investigation_usd: Sourced::first(None, budget.per_investigation_usd, || {
                built_in.charges.per_investigation_usd
            }),
            assumed_usd: Sourced::first(None, budget.assumed_usd, || built_in.charges.assumed_usd),
            sinks,
            asked: flags.asked.clone(),
        })
    }

    /// Returns the sinks that the file names, with the folder for notes that is in force.
    pub(crate) fn sink_entries(&self) -> Vec<SinkEntry> {
        let mut entries = self.sinks.clone();
        if let Some(inbox) = &self.inbox {
            set_inbox_folder(&mut entries, &inbox.to_string_lossy());
        }
        entries
    }

    /// What the dispatcher needs of it, with the environment of this process.
    pub(crate) fn into_dispatcher(self) -> DispatcherConfig {
        let built_in = DispatcherConfig::default();
        // A wall clock from a flag beats that of an investigator's section; one from the file does not.
        let by_flag = self.timeout.origin == Origin::Flag;
        let prices = PriceTable::with(self.prices);
        DispatcherConfig {
            choice: self.asked.investigator.unwrap_or(built_in.choice),
            chain: self.chain.value,
            shell_command: self.asked.command,
            model: self.asked.model,
            jobs: self.jobs.value,
            limits: Limits { wall: self.timeout.value, ..built_in.limits },
            timeout: by_flag.then_some(self.timeout.value),
            charges: Charges::new(prices, self.per_investigation_usd.value, self.assumed_usd.value),
            investigators: self.investigators,
            environment: Environment::of_this_process(),
        }
    }
}

/// Refuses a path that cannot stand in a setting.
fn utf8(path: PathBuf) -> io::Result<String> {
    path.into_os_string().into_string().map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "it is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file::{BudgetSection, DrainSection};

    fn merge(flags: &DrainArgs, drain: DrainSection, inbox: Option<&str>) -> Settings {
        let config = Config { drain, ..Config::default() };
        Settings::merge_with(flags, config, |_| inbox.map(OsString::from)).unwrap()
    }

    #[test]
    fn flags_beat_the_environment_that_beats_the_file_that_beats_what_is_built_in() {
        let settings = merge(&DrainArgs::default(), DrainSection::default(), Some(""));
        assert_eq!((settings.max.value, settings.max.origin), (20, Origin::BuiltIn));
        assert_eq!((settings.severity_min.value, settings.jobs.value), (Severity::Medium, 2));
        assert_eq!((settings.timeout.value, settings.max_attempts.value), (Duration::from_secs(600), 3));
        assert_eq!((settings.inbox, settings.inbox_origin), (None, Origin::BuiltIn));

        let file = DrainSection { max: Some(5), jobs: Some(4), ..DrainSection::default() };
        let settings = merge(&DrainArgs::default(), file.clone(), Some("/env"));
        assert_eq!((settings.max.value, settings.max.origin), (5, Origin::File));
        assert_eq!(settings.inbox_origin, Origin::Environment("GSTACK_INBOX_DIR"));

        let flags = DrainArgs { max: Some(0), inbox: Some("/flag".into()), ..DrainArgs::default() };
        let settings = merge(&flags, file, Some("/env"));
        assert_eq!((settings.max.value, settings.max.origin), (0, Origin::Flag));
        assert_eq!((settings.jobs.value, settings.jobs.origin), (4, Origin::File));
        assert_eq!((settings.inbox, settings.inbox_origin), (Some("/flag".into()), Origin::Flag));
    }

    #[test]
    fn the_dispatcher_charges_what_the_file_says() {
        let [input, cached_input, output] = [2_000_000, 200_000, 8_000_000].map(Usd::from_micros);
        let price = Price { input, cached_input, output };
        let budget = BudgetSection { per_investigation_usd: None, assumed_usd: Usd::from_dollars(0.5) };
        let config = Config { prices: [("mine".to_owned(), price)].into(), budget, ..Config::default() };
        let settings = Settings::merge_with(&DrainArgs::default(), config, |_| None).unwrap();
        assert_eq!(
            (settings.assumed_usd.origin, settings.per_investigation_usd.origin),
            (Origin::File, Origin::BuiltIn)
        );
        let charges = settings.into_dispatcher().charges;
        assert_eq!(
            (charges.per_investigation_usd, charges.assumed_usd),
            (Usd::from_micros(1_000_000), Usd::from_micros(500_000))
        );
        assert!(charges.prices.rows().any(|(model, found)| model == "mine" && *found == price));
        assert!(charges.prices.rows().any(|(model, _)| model == "gpt-5.5"));
    }

    #[test]
    fn only_a_wall_clock_from_a_flag_beats_that_of_a_section() {
        let minute = Duration::from_secs(60);
        let file = DrainSection { timeout: Some(minute), ..DrainSection::default() };
        let dispatcher = merge(&DrainArgs::default(), file.clone(), None).into_dispatcher();
        assert_eq!((dispatcher.limits.wall, dispatcher.timeout), (minute, None));
        let asked = InvestigatorArgs { timeout: Some(2 * minute), ..InvestigatorArgs::default() };
        let flags = DrainArgs { asked, ..DrainArgs::default() };
        let dispatcher = merge(&flags, file, None).into_dispatcher();
        assert_eq!((dispatcher.limits.wall, dispatcher.timeout), (2 * minute, Some(2 * minute)));
    }
}
