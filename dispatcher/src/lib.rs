//! Runs investigators: finds one, asks it, watches its processes, checks its report. It knows nothing of skipping.

mod actor;
mod attempt;
mod citations;
mod config;
mod cost;
mod environment;
mod error;
mod extract;
mod investigate;
mod lineup;
#[cfg(any(test, feature = "mock"))]
pub mod mock;
mod preview;
mod prompt;
mod provider;
mod providers;
mod report_check;
mod reset;
mod roster;
mod rules;
mod salvage;
mod schema;
mod secret_places;
mod survey;
mod verdict;

pub use actor::{Bench, Dispatcher, DispatcherSummary};
pub use config::{DispatcherConfig, Hidden, InvestigatorConfig};
pub use cost::{Charges, ModelTokens, PRICES_AS_OF, Price, PriceTable, SaidCost};
pub use environment::Environment;
pub use error::DispatcherError;
pub use haltline_process::{Exit, Limits};
pub use investigate::ProcessInvestigator;
pub use lineup::Lineup;
pub use preview::PreviewInvestigator;
pub use provider::{Brief, Captured, CommandLine, Complaint, Plan, Provider, Reading, Setting};
pub use providers::PROVIDERS;
pub use report_check::{CheckError, Checked, Expected};
pub use roster::Roster;
pub use survey::{Finding, Seen};
