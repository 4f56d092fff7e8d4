//! `cargo xtask ci`: the steps of `.ci/run`, for a developer's machine.

use std::process::ExitCode;

use anyhow::Result;

use crate::run::{cargo, shown};
use crate::workspace::Workspace;
use crate::{fmt, lint, tidy};

/// The steps in their order, as `.ci/run` names them. The tests come last, so that their closing lines are in sight.
pub const STEPS: [&str; 6] = [
    "cargo xtask fmt --check",
    "cargo xtask lint",
    "cargo xtask tidy",
    "cargo xtask crash --slice",
    "cargo xtask bench --gate",
    "cargo test --workspace --locked",
];

/// Runs every step, also after one that failed, and says at the end which failed.
///
/// # Errors
/// None; a step that fails is told by the exit code.
pub fn run(workspace: &Workspace) -> Result<ExitCode> {
    let mut failed = Vec::new();
    for step in STEPS {
        println!("== {step}");
        let ended = match step {
            "cargo xtask fmt --check" => fmt::run(workspace, true),
            "cargo xtask lint" => lint::run(workspace),
            "cargo xtask tidy" => tidy::demand(workspace),
            command => {
                let arguments: Vec<_> = command.split(' ').skip(1).collect();
                shown(workspace.root(), &cargo(), &arguments)
            }
        };
        if let Err(error) = ended {
            eprintln!("{error:#}");
            failed.push(step);
        }
    }
    if failed.is_empty() {
        println!("== all {} steps passed", STEPS.len());
        return Ok(ExitCode::SUCCESS);
    }
    println!("== failed: {}", failed.join(", "));
    Ok(ExitCode::FAILURE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_runs_the_same_steps_in_the_same_order() {
        let workspace = Workspace::load().unwrap();
        let script = workspace.text(".ci/run").unwrap();
        let steps: Vec<_> = script.lines().filter_map(|line| line.strip_prefix("step ")).collect();
        assert_eq!(steps, STEPS);
    }
}
