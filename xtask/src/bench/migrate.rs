//! Measures the flagging of rows that an earlier release wrote.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::benchmark::{Measured, Pair, Setting};
use super::events::{Sample, pending_folder};
use super::homes::{filled, settle};
use crate::run::{succeeds, timed};

/// What one does without a program: three runs of jq for each row, and a rename.
const LOOP: &str = r#"
set -e
for row in "$1"/skill-faults/pending-investigations/*.json; do
    [ "$(jq -r .kind "$row")" = MANUAL_RECOVERY_INVOKED ] || continue
    [ "$(jq 'has("investigate")' "$row")" = false ] || continue
    jq '.investigate = false' "$row" > "$row.tmp"
    mv "$row.tmp" "$row"
done
"#;

pub(super) fn against_floor(setting: &Setting, folder: &Path) -> Result<Measured> {
    let haltline = filled(folder, "haltline", setting.events, Sample::Unflagged)?;
    let floor = filled(folder, "floor", setting.events, Sample::Unflagged)?;
    settle(folder)?;
    let ours = upgrade(setting, &haltline)?;
    let words = [OsStr::new("migrate"), floor.as_os_str()];
    let other = timed(&setting.floor, &words, &floor)?.took.as_secs_f64();
    demand_flagged(&floor)?;
    Ok(Measured::Pair(Pair { haltline: ours, other }))
}

pub(super) fn against_jq(setting: &Setting, folder: &Path) -> Result<Measured> {
    for program in ["bash", "jq"] {
        if !succeeds(program, &["--version"]) {
            return Ok(Measured::Skipped(format!("{program} is not on PATH")));
        }
    }
    let haltline = filled(folder, "haltline", setting.events, Sample::Unflagged)?;
    let script = filled(folder, "jq", setting.events, Sample::Unflagged)?;
    settle(folder)?;
    let ours = upgrade(setting, &haltline)?;
    let words = ["-c", LOOP, "bash"].map(OsStr::new);
    let other = timed(Path::new("bash"), &[&words[..], &[script.as_os_str()]].concat(), &script)?.took.as_secs_f64();
    demand_flagged(&script)?;
    Ok(Measured::Pair(Pair { haltline: ours, other }))
}

fn upgrade(setting: &Setting, home: &Path) -> Result<f64> {
    let words = [OsStr::new("upgrade"), OsStr::new("--home"), home.as_os_str()];
    let took = timed(&setting.haltline, &words, home)?.took.as_secs_f64();
    demand_flagged(home)?;
    Ok(took)
}

fn demand_flagged(home: &Path) -> Result<()> {
    for entry in fs::read_dir(pending_folder(home))? {
        let path = entry?.path();
        let row: serde_json::Value =
            serde_json::from_slice(&fs::read(&path)?).with_context(|| path.display().to_string())?;
        ensure!(row["investigate"] == false, "{} is not flagged", path.display());
    }
    Ok(())
}
