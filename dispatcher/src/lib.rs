//! Runs investigators: finds one, asks it, watches its processes, checks its report. It knows nothing of skipping.

mod actor;
mod attempt;
mod candidate;
mod chain;
mod charges;
mod citations;
mod conclusion;
mod config;
mod configured_providers;
mod cost;
mod environment;
mod error;
mod extract;
mod investigate;
#[cfg(any(test, feature = "mock"))]
pub mod mock;
mod preview;
mod prices;
mod prompt;
mod provider;
mod providers;
mod report_check;
mod reset;
mod rules;
mod salvage;
mod schema;
mod secret_places;
mod setting;
mod survey;
mod verdict;

pub use actor::{Dispatcher, DispatcherSummary, Source};
pub use charges::Charges;
pub use config::DispatcherConfig;
pub use configured_providers::Providers;
pub use cost::{ModelTokens, Price, ReportedCost};
pub use environment::Environment;
pub use error::DispatcherError;
pub use haltline_process::{Exit, Limits};
pub use investigate::ProcessInvestigator;
pub use preview::PreviewInvestigator;
pub use prices::{PRICES_AS_OF, PriceTable};
pub use provider::{Brief, Captured, CommandLine, Complaint, Plan, Provider, Reading};
pub use providers::PROVIDERS;
pub use report_check::{CheckError, Checked, Expected};
pub use setting::{Hidden, InvestigatorConfig, Setting};
pub use survey::{Finding, Seen};
