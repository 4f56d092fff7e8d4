//! Runs investigators: finds one, asks it, watches its processes, checks its report. It knows nothing of skipping.

mod actor;
mod attempt;
mod clean;
mod config;
mod environment;
mod error;
mod extract;
mod investigate;
#[cfg(any(test, feature = "mock"))]
pub mod mock;
mod process;
mod program;
mod prompt;
mod provider;
mod providers;
mod report_check;
mod roster;
mod salvage;
mod schema;
mod tree;
mod verdict;

pub use actor::{Bench, Dispatcher, DispatcherSummary};
pub use config::{DispatcherConfig, Hidden, InvestigatorConfig};
pub use environment::Environment;
pub use error::DispatcherError;
pub use investigate::ProcessInvestigator;
pub use process::{Limits, run_logged};
pub use provider::{Brief, Captured, CommandLine, ExitState, Plan, Provider, Reading, Setting};
pub use providers::PROVIDERS;
pub use report_check::{CheckError, Checked, Expected};
pub use roster::Roster;
