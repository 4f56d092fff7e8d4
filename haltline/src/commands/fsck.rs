//! `haltline doctor --fsck`: looks through the files of the queue and says what is wrong and what to do. Nothing is
//! changed, but with `--repair` what killed writers left is removed and permissions are tightened.

use std::path::PathBuf;

use haltline_protocol::Layout;
use haltline_spool::OperatorError;
use serde::Serialize;

use super::doctor::advise;
use crate::cli::Doctor;
use crate::exit::Exit;
use crate::folders::Advice;
use crate::fsck::Findings;
use crate::output::{self, line};

/// What was found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Checkup {
    /// There is no problem.
    ok: bool,
    home: PathBuf,
    /// How many things were mended before the look.
    repaired: u64,
    /// What a person has to mend.
    problems: Vec<Advice>,
    /// What could be better, or the next drain mends.
    hints: Vec<Advice>,
}

pub(crate) fn run(layout: &Layout, args: &Doctor) -> Exit {
    let checkup = match look(layout, args.repair) {
        Ok(checkup) => checkup,
        Err(error) => {
            output::error(&error);
            return if matches!(error, OperatorError::File(_)) { Exit::CannotWrite } else { Exit::Failed };
        }
    };
    if args.json {
        output::json(&checkup);
    } else {
        checkup.print();
    }
    if checkup.ok { Exit::Done } else { Exit::Failed }
}

fn look(layout: &Layout, repair: bool) -> Result<Checkup, OperatorError> {
    let mut findings = Findings::look(layout)?;
    let mut repaired = 0;
    if repair {
        repaired = findings.repair(layout)?;
        findings = Findings::look(layout)?;
    }
    let Findings { problems, hints, .. } = findings;
    Ok(Checkup { ok: problems.is_empty(), home: layout.home().to_owned(), repaired, problems, hints })
}

impl Checkup {
    fn print(&self) {
        line(format!("Home: {}", self.home.display()));
        if self.repaired > 0 {
            line(format!("Mended: {}", self.repaired));
        }
        advise("hint", &self.hints);
        advise("problem", &self.problems);
        if self.ok {
            line("No problem was found.");
        }
    }
}
