//! Runs every rule and prints what they found.

use std::process::ExitCode;

use anyhow::{Result, bail};

use super::{
    Violation, banned, bans, circles, docs, imports, lengths, links, logs, moves, named_tests, openings, texts,
};
use crate::workspace::Workspace;

/// The rules that need no more than the files.
const RULES: [fn(&Workspace) -> Vec<Violation>; 11] = [
    banned::check,
    bans::check,
    circles::check,
    docs::check,
    lengths::check,
    links::check,
    logs::check,
    moves::check,
    named_tests::check,
    openings::check,
    texts::check,
];

/// Finds every violation, by file and line.
///
/// # Errors
/// `cargo metadata` fails.
pub fn check(workspace: &Workspace) -> Result<Vec<Violation>> {
    let mut violations = imports::check(workspace)?;
    violations.extend(RULES.iter().flat_map(|rule| rule(workspace)));
    violations.sort();
    Ok(violations)
}

/// Prints every violation; exits 1 where there is one.
///
/// # Errors
/// `cargo metadata` fails.
pub fn run(workspace: &Workspace) -> Result<ExitCode> {
    let violations = check(workspace)?;
    for violation in &violations {
        println!("{violation}");
    }
    if violations.is_empty() {
        println!("tidy: {} files, nothing to do", workspace.texts().count());
        return Ok(ExitCode::SUCCESS);
    }
    println!("tidy: {} to mend", violations.len());
    Ok(ExitCode::FAILURE)
}

/// Prints every violation, as a step of several.
///
/// # Errors
/// There is one.
pub fn demand(workspace: &Workspace) -> Result<()> {
    if run(workspace)? != ExitCode::SUCCESS {
        bail!("the house is not tidy");
    }
    Ok(())
}
