//! `haltline upgrade`: brings what earlier releases wrote up to date.

use haltline::PipelineError;
use haltline_migrator::{MigrationRun, MigrationStatus, RunState, Upgraded, count_line, trouble_lines};
use haltline_protocol::Layout;
use serde::Serialize;

use crate::cli::Upgrade;
use crate::compose::ComposeError;
use crate::exit::Exit;
use crate::{compose, output};

pub(crate) fn run(layout: &Layout, args: &Upgrade) -> Exit {
    let ended = if args.status { status(layout, args) } else { upgrade(layout, args) };
    ended.unwrap_or_else(|error| {
        output::error(&error);
        Exit::Failed
    })
}

#[derive(Serialize)]
struct StatusResult {
    migrations: Vec<MigrationStatus>,
}

fn status(layout: &Layout, args: &Upgrade) -> Result<Exit, ComposeError> {
    let migrations = haltline_migrator::status(layout).map_err(PipelineError::from)?;
    if args.json {
        output::json(&StatusResult { migrations });
        return Ok(Exit::Done);
    }
    for migration in migrations {
        let state = if migration.done { "done" } else { "due " };
        output::line(format!("{state}  v{}  {}", migration.version, migration.summary));
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UpgradeResult {
    dry_run: bool,
    migrations: Vec<MigrationRun>,
}

fn upgrade(layout: &Layout, args: &Upgrade) -> Result<Exit, ComposeError> {
    let Upgraded { runs: migrations, unrecorded } = compose::upgrade(layout, args.dry_run)?;
    for migration in &migrations {
        tell(migration);
    }
    if let Some(error) = unrecorded {
        output::note(format!("haltline: the upgrade is not recorded in the analytics: {error}"));
    }
    if args.dry_run {
        output::note("haltline: a dry run; nothing was changed");
    }
    let is_complete = migrations.iter().all(|migration| migration.state != RunState::Incomplete);
    if args.json {
        output::json(&UpgradeResult { dry_run: args.dry_run, migrations });
    }
    Ok(if is_complete { Exit::Done } else { Exit::Failed })
}

fn tell(migration: &MigrationRun) {
    let version = migration.version;
    if let Some(report) = &migration.report {
        trouble_lines(report).iter().for_each(output::note);
        output::note(count_line(report));
    }
    if let Some(error) = &migration.error {
        output::note(format!("haltline: {error}"));
    }
    output::note(match migration.state {
        RunState::DoneBefore => format!("haltline: v{version} was completed before"),
        RunState::Completed => format!("haltline: v{version} is completed"),
        RunState::WouldComplete => format!("haltline: v{version} would be completed"),
        RunState::Incomplete => {
            format!(
                "haltline: v{version} is not completed; mend what is named above, then run `haltline upgrade` again"
            )
        }
    });
}
