//! Measures what looks and touches nothing.

use std::ffi::OsStr;
use std::path::Path;

use anyhow::Result;

use super::benchmark::{Measured, Pair, Setting};
use super::events::Sample;
use super::homes::{filled, settle};
use crate::run::timed;

/// Both look at one home: neither changes it. The first look of all, which warms it, is not counted.
pub(super) fn against_listing(setting: &Setting, folder: &Path) -> Result<Measured> {
    let home = filled(folder, "haltline", setting.events, Sample::Audit)?;
    settle(folder)?;
    let floor = || timed(&setting.floor, &["scan".as_ref(), home.as_os_str()], folder);
    floor()?;
    let words = ["status", "--json", "--home"].map(OsStr::new);
    let haltline = timed(&setting.haltline, &[&words[..], &[home.as_os_str()]].concat(), folder)?;
    Ok(Measured::Pair(Pair { haltline: haltline.took.as_secs_f64(), other: floor()?.took.as_secs_f64() }))
}

pub(super) fn watch(_: &Setting, _: &Path) -> Result<Measured> {
    Ok(Measured::Skipped("haltline has no command `watch`".into()))
}
