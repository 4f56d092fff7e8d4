//! Runs the migrations that are due, oldest version first, and marks those that are complete.

use std::time::Duration;

use haltline_files::Folder;
use haltline_protocol::{DrainId, Layout, Migration, MigrationReport};
use jiff::Timestamp;
use serde::Serialize;

use crate::lock::{PATIENCE, take_settle_lock};
use crate::progress::{Tally, UpgradeEvent};
use crate::{MIGRATIONS, UpgradeError, marker};

/// One migration, and whether it is completed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MigrationStatus {
    /// The version that it migrates to.
    pub version: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// Whether its marker is there.
    pub done: bool,
}

/// What became of one migration in one upgrade.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MigrationRun {
    /// The version that it migrates to.
    pub version: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// How it ended.
    pub state: RunState,
    /// What it did; none where it was completed before.
    pub report: Option<MigrationReport>,
    /// Why its marker could not be written although it is complete.
    pub error: Option<String>,
}

/// How a migration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunState {
    /// It was completed before; no row was read.
    DoneBefore,
    /// It is completed, and its marker is written.
    Completed,
    /// A dry run: it would be completed.
    WouldComplete,
    /// Something is left to do, or in a dry run would be. There is no marker, and later migrations did not run.
    Incomplete,
}

/// Runs every migration that has no marker, in version order, up to the first that is not complete. A dry run reads
/// only: it takes no lock and makes nothing. `tell` hears how far it is, and what each migration did.
///
/// # Errors
/// A marker is no regular file, the settle lock is held too long, or a folder cannot be opened. Nothing was changed.
pub fn upgrade(
    layout: &Layout,
    dry_run: bool,
    tell: &mut dyn FnMut(UpgradeEvent),
) -> Result<Vec<MigrationRun>, UpgradeError> {
    upgrade_with(layout, MIGRATIONS, dry_run, PATIENCE, tell)
}

/// Lists all migrations in version order.
///
/// # Errors
/// A marker is no regular file, or the folder of markers cannot be read.
pub fn status(layout: &Layout) -> Result<Vec<MigrationStatus>, UpgradeError> {
    in_version_order(MIGRATIONS)
        .into_iter()
        .map(|migration| {
            let done = marker::is_done(layout, migration)?;
            Ok(MigrationStatus { version: migration.version(), summary: migration.summary(), done })
        })
        .collect()
}

fn upgrade_with(
    layout: &Layout,
    migrations: &'static [&'static dyn Migration],
    dry_run: bool,
    patience: Duration,
    tell: &mut dyn FnMut(UpgradeEvent),
) -> Result<Vec<MigrationRun>, UpgradeError> {
    let migrations = in_version_order(migrations);
    let mut is_any_due = false;
    for migration in &migrations {
        is_any_due |= !marker::is_done(layout, *migration)?;
    }
    let _settle_lock = match is_any_due && !dry_run && has_queue(layout)? {
        true => Some(take_settle_lock(layout, patience)?),
        false => None,
    };
    // Upgrades of one queue never run at the same time, so the time tells them apart.
    let upgrade_id = DrainId::at(Timestamp::now(), u64::from(std::process::id()));
    let mut runs = Vec::new();
    for (migration, seq) in migrations.into_iter().zip(1..) {
        let run = run_one(layout, migration, dry_run, Tally::new(migration, &upgrade_id, seq, tell))?;
        let is_complete = run.state != RunState::Incomplete;
        runs.push(run);
        if !is_complete {
            break;
        }
    }
    Ok(runs)
}

/// Runs one migration. The marker is looked for again: another upgrade may have held the lock before.
fn run_one(
    layout: &Layout,
    migration: &dyn Migration,
    dry_run: bool,
    mut tally: Tally<'_>,
) -> Result<MigrationRun, UpgradeError> {
    let mut run = MigrationRun {
        version: migration.version(),
        summary: migration.summary(),
        state: RunState::DoneBefore,
        report: None,
        error: None,
    };
    if marker::is_done(layout, migration)? {
        return Ok(run);
    }
    let report = migration.run(layout.home(), dry_run, &mut |step| tally.count(&step));
    run.state = match report.is_complete() {
        true if dry_run => RunState::WouldComplete,
        true => match marker::write(layout, migration, &report) {
            Ok(()) => RunState::Completed,
            Err(error) => {
                run.error = Some(error.to_string());
                RunState::Incomplete
            }
        },
        false => RunState::Incomplete,
    };
    if !dry_run {
        tally.end(run.state == RunState::Completed);
    }
    run.report = Some(report);
    Ok(run)
}

/// Whether there is a queue yet. Where there is none, there is no row to migrate and nobody to keep out.
fn has_queue(layout: &Layout) -> Result<bool, UpgradeError> {
    match Folder::open(layout.queue()) {
        Ok(_) => Ok(true),
        Err(error) if error.is_missing() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn in_version_order(migrations: &'static [&'static dyn Migration]) -> Vec<&'static dyn Migration> {
    let mut ordered = migrations.to_vec();
    ordered.sort_by_key(|migration| numbers_of(migration.version()));
    ordered
}

/// The numbers of a version. What is no number comes last; the test of the registry refuses it.
fn numbers_of(version: &str) -> Vec<u64> {
    version.split('.').map(|part| part.parse().unwrap_or(u64::MAX)).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use haltline_protocol::{MigrationStep, RowTrouble};

    use super::*;

    struct Writes(&'static str);

    impl Migration for Writes {
        fn version(&self) -> &'static str {
            self.0
        }

        fn summary(&self) -> &'static str {
            "notes that it ran"
        }

        fn run(&self, home: &Path, _: bool, _: &mut dyn FnMut(MigrationStep)) -> MigrationReport {
            let order = std::fs::read_to_string(home.join("order")).unwrap_or_default();
            std::fs::write(home.join("order"), format!("{order}{} ", self.0)).unwrap();
            let failed = match std::fs::symlink_metadata(home.join("break").join(self.0)) {
                Ok(_) => vec![RowTrouble { file: "x".into(), reason: "broken".into() }],
                Err(_) => Vec::new(),
            };
            MigrationReport { failed, ..MigrationReport::default() }
        }
    }

    static THREE: &[&dyn Migration] = &[&Writes("1.10.0"), &Writes("1.9.0"), &Writes("1.9.0.1")];

    fn versions(home: &Path) -> String {
        std::fs::read_to_string(home.join("order")).unwrap_or_default()
    }

    #[test]
    fn migrations_run_in_numeric_order_and_each_once() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path());
        let runs = upgrade_with(&layout, THREE, false, PATIENCE, &mut |_| ()).unwrap();
        assert!(runs.iter().all(|run| run.state == RunState::Completed));
        assert_eq!(versions(home.path()), "1.9.0 1.9.0.1 1.10.0 ");
        let again = upgrade_with(&layout, THREE, false, PATIENCE, &mut |_| ()).unwrap();
        assert!(again.iter().all(|run| run.state == RunState::DoneBefore && run.report.is_none()));
        assert_eq!(versions(home.path()), "1.9.0 1.9.0.1 1.10.0 ");
    }

    #[test]
    fn an_incomplete_migration_holds_up_the_later_ones_and_is_run_again() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path());
        let obstacle = home.path().join("break/1.9.0.1");
        std::fs::create_dir_all(&obstacle).unwrap();
        let states = |runs: Vec<MigrationRun>| runs.into_iter().map(|run| (run.version, run.state)).collect::<Vec<_>>();
        let first = states(upgrade_with(&layout, THREE, false, PATIENCE, &mut |_| ()).unwrap());
        assert_eq!(first, [("1.9.0", RunState::Completed), ("1.9.0.1", RunState::Incomplete)]);
        std::fs::remove_dir(&obstacle).unwrap();
        upgrade_with(&layout, THREE, false, PATIENCE, &mut |_| ()).unwrap();
        assert_eq!(versions(home.path()), "1.9.0 1.9.0.1 1.9.0.1 1.10.0 ");
    }

    #[test]
    fn an_upgrade_waits_for_the_settle_lock_and_changes_nothing_without_it() {
        let home = tempfile::tempdir().unwrap();
        let layout = Layout::new(home.path());
        let _drain = take_settle_lock(&layout, PATIENCE).unwrap();
        let refused = upgrade_with(&layout, THREE, false, Duration::from_millis(10), &mut |_| ()).unwrap_err();
        assert!(matches!(refused, UpgradeError::Busy { .. }));
        assert_eq!(versions(home.path()), "");
        assert!(upgrade_with(&layout, THREE, true, Duration::ZERO, &mut |_| ()).is_ok(), "a dry run takes no lock");
    }

    #[test]
    fn every_migration_has_a_numeric_version_of_its_own_and_says_what_it_does() {
        let mut versions = Vec::new();
        for migration in MIGRATIONS {
            let numbers: Vec<u64> = migration.version().split('.').map(|part| part.parse().unwrap()).collect();
            assert!(!migration.summary().is_empty() && !versions.contains(&numbers));
            versions.push(numbers);
        }
    }
}
