//! The migrations: one file and one row each.

haltline_protocol::registry! {
    /// Every migration there is, in any order.
    pub static MIGRATIONS: haltline_protocol::Migration = {
        v1_40_5_0 => FlagRecoveryRows,
    }
}
