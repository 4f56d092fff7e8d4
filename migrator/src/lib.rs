//! Migrations: they bring what earlier releases wrote up to date, when the user asks for it, once each.

mod actor;
mod error;
mod lock;
mod marker;
mod migrations;
mod progress;
mod rows;
mod runner;
mod splice;
mod summary;

pub use actor::{Migrator, UpgradeRequest, Upgraded};
pub use error::UpgradeError;
pub use migrations::MIGRATIONS;
pub use progress::UpgradeEvent;
pub use runner::{MigrationRun, MigrationStatus, RunState, status, upgrade};
pub use summary::{count_line, trouble_lines};
