//! Progress on standard error: a bar on a terminal, nothing where nobody watches.

use std::io::IsTerminal;
use std::time::Duration;

use haltline_consumer::Progress;
use haltline_migrator::UpgradeEvent;
use indicatif::{ProgressBar, ProgressStyle};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Steps between the drain and the bar; what comes faster than the bar draws is dropped.
const STEPS: usize = 64;
/// How often the bar moves while an investigation runs.
const TICK: Duration = Duration::from_millis(120);

/// Shows the steps of a drain. None where standard error is no terminal.
pub(crate) fn show() -> Option<mpsc::Sender<Progress>> {
    if !std::io::stderr().is_terminal() {
        return None;
    }
    let (sender, steps) = mpsc::channel(STEPS);
    tokio::spawn(draw(steps));
    Some(sender)
}

/// Shows how far an upgrade is, until the sender is dropped. None where standard error is no terminal.
pub(crate) fn show_upgrade() -> Option<(mpsc::Sender<UpgradeEvent>, JoinHandle<()>)> {
    if !std::io::stderr().is_terminal() {
        return None;
    }
    let (sender, events) = mpsc::channel(STEPS);
    Some((sender, tokio::spawn(draw_upgrade(events))))
}

async fn draw_upgrade(mut events: mpsc::Receiver<UpgradeEvent>) {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {pos}/{len} [{wide_bar}] {elapsed}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(TICK);
    while let Some(event) = events.recv().await {
        let UpgradeEvent::FilesChecked { version, checked, found } = event else { continue };
        bar.set_message(format!("v{version}"));
        bar.set_length(found);
        bar.set_position(checked);
    }
    bar.finish_and_clear();
}

async fn draw(mut steps: mpsc::Receiver<Progress>) {
    let bar = ProgressBar::new_spinner();
    bar.enable_steady_tick(TICK);
    let mut settled = 0;
    while let Some(step) = steps.recv().await {
        match step {
            Progress::Settled { events } => {
                settled += events;
                bar.set_message(format!("{settled} settled"));
            }
            Progress::InvestigationsPlanned { count } => {
                bar.set_length(count);
                if let Ok(style) = ProgressStyle::with_template("{spinner} {pos}/{len} [{wide_bar}] {elapsed} {msg}") {
                    bar.set_style(style);
                }
            }
            Progress::InvestigationStarted { fault_id, message } => bar.set_message(format!("{fault_id}  {message}")),
            Progress::InvestigationFinished { fault_id, summary } => {
                bar.inc(1);
                bar.println(format!("  {fault_id}  {summary}"));
            }
        }
    }
    bar.finish_and_clear();
}
