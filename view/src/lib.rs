//! The read side of haltline as data: what is in a queue, what became of a fault and why, what is wrong with a home.
//! It prints nothing and changes nothing, and asks a queue through [`Survey`](haltline_protocol::Survey).

mod advice;
mod detail;
mod doctor;
mod error;
mod event;
mod explain;
mod fault;
mod find;
mod folders;
mod fsck;
mod list;
mod network;
mod notes;
mod open;
mod reports;
mod rows;
mod show;
mod status;
mod text;

pub use advice::Advice;
pub use detail::{FaultDetail, Rules};
pub use doctor::{Checkup, InvestigatorView};
pub use error::ViewError;
pub use event::EventView;
pub use explain::{Decide, Happened, Story, explain};
pub use fault::{FaultView, name_of};
pub use find::FindError;
pub use folders::{FolderFinding, FolderFindings, FolderState, look_at_folders};
pub use fsck::{Fsck, FsckReport};
pub use list::{ListedEvent, list};
pub use network::shared_file_system;
pub use reports::LastReport;
pub use show::{EventShown, FaultShown, OutcomeShown, ReportShown, show};
pub use status::{Status, Tally, status};
pub use text::{age, clean_line, maybe_millis, millis, visible, visible_line};
