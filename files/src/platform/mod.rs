//! What differs from system to system, behind the same functions in each file.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;

#[cfg(target_os = "linux")]
pub(crate) use linux::{
    begin_sync, create_unnamed, exchange, link_unnamed, next_names, open_unseen, rename_noreplace, sync, sync_data,
};
#[cfg(target_os = "macos")]
pub(crate) use macos::{
    begin_sync, create_unnamed, exchange, link_unnamed, next_names, open_unseen, rename_noreplace, sync, sync_data,
};
