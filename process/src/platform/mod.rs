//! What differs between operating systems, behind one small interface: one file for each.

#[cfg(target_os = "linux")]
mod linux;

#[cfg(target_os = "linux")]
pub(crate) use linux::{
    adopt_orphans, boot_id, bound, forgo_privileges, has_variable, hide_memory, holds_lock_in, read_process,
    read_table, send,
};
