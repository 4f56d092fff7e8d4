//! `haltline doctor --fsck`: looks through the files of the queue and says what is wrong and what to do. Nothing is
//! changed, but with `--repair` what killed writers left is removed and permissions are tightened.

use haltline_protocol::{ControlError, Layout, QueueError};
use haltline_view::FsckReport;

use super::by_hand::control_exit;
use crate::cli::Doctor;
use crate::exit::Exit;
use crate::output::{self, advise, line};
use crate::queue;

pub(crate) fn run(layout: &Layout, args: &Doctor) -> Exit {
    let survey = queue::survey(layout);
    let fsck = queue::fsck(&survey, layout);
    let found = if args.repair {
        fsck.repair(&queue::control(layout))
    } else {
        fsck.look().map_err(|error| ControlError::Queue(QueueError::from(error)))
    };
    let report = match found {
        Ok(report) => report,
        Err(error) => {
            output::error(&error);
            return control_exit(&error);
        }
    };
    if args.json {
        output::json(&report);
    } else {
        print(&report);
    }
    if report.ok { Exit::Done } else { Exit::Failed }
}

fn print(report: &FsckReport) {
    line(format!("Home: {}", report.home.display()));
    if report.repaired > 0 {
        line(format!("Mended: {}", report.repaired));
    }
    advise("hint", &report.hints);
    advise("problem", &report.problems);
    if report.ok {
        line("No problem was found.");
    }
}
