//! The investigator of the harness: it always answers, and keeps a log of its starts outside the home.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A line when it begins, the report, a line when the report is out. Each line is one write to a file opened for
/// appending. `HOME` is the one variable that reaches it and that the harness may choose.
const SCRIPT: &str = r#"
printf 'begin\t%s\t%s\t%s\n' "$HALTLINE_RUN_ID" "$HALTLINE_FAULT_ID" "$HALTLINE_ATTEMPT_DIR" >> "$HOME/stub.log"
if read -r pause 2>/dev/null < "$HOME/stub.pause"; then sleep "$pause"; fi
printf '{"faultId":"%s","outcome":"root-cause-identified","rootCause":"a stub knows","evidence":["it"],' "$HALTLINE_FAULT_ID"
printf '"proposedFix":null,"costUsd":0.01,"learnedPatternProposal":{"category":"stub","matcherKind":"stdout_contains",'
printf '"pattern":"never %s","severity":"HIGH","description":"a stub"}}\n' "$HALTLINE_FAULT_ID"
printf 'end\t%s\t%s\t%s\n' "$HALTLINE_RUN_ID" "$HALTLINE_FAULT_ID" "$HALTLINE_ATTEMPT_DIR" >> "$HOME/stub.log"
"#;

/// Writes the script into a folder.
///
/// # Errors
/// It cannot be written.
pub(super) fn write(folder: &Path) -> Result<PathBuf> {
    let path = folder.join("stub.sh");
    fs::write(&path, SCRIPT).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// What the stub wrote into its log.
pub(super) fn log(home_variable: &Path) -> String {
    fs::read_to_string(home_variable.join("stub.log")).unwrap_or_default()
}

/// Lets every start of the stub take a while before its report.
///
/// # Errors
/// The wish cannot be written.
pub(super) fn pause(home_variable: &Path, seconds: &str) -> Result<()> {
    fs::write(home_variable.join("stub.pause"), format!("{seconds}\n")).context("cannot write the stub's pause")
}
