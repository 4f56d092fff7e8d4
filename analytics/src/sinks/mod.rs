//! The sinks, one file and one row each. A report's note names the report, so the report is filed first.

pub use inbox::{inbox_folder, set_inbox_folder};

haltline_protocol::registry! {
    /// Every sink that can be opened, in the order in which they are given a batch.
    pub static SINKS: crate::SinkFactory = {
        jsonl => Jsonl,
        report => Reports,
        inbox => Inbox,
        proposals => Proposals,
        telemetry => Telemetry,
        upgrades => Upgrades,
    }
}
