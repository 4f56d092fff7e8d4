//! `haltline explain`: the history of one fault in plain words: what decided what, why it is where it is, what to do.

use haltline::DrainOptions;
use haltline::redaction;
use haltline_consumer::Decider;
use haltline_protocol::{Layout, ResolvedMarker, Survey};
use haltline_view::{FaultDetail, FindError, Happened, Story, ViewError, explain};
use jiff::Timestamp;

use super::by_hand::find_exit;
use crate::cli::OneFault;
use crate::exit::Exit;
use crate::output::{self, line};
use crate::queue;

pub(crate) fn run(layout: &Layout, args: &OneFault) -> Exit {
    redaction::start(layout);
    match tell(layout, args) {
        Ok(story) if args.json => output::json(&story),
        Ok(story) => print(&story),
        Err(error) => {
            output::error(&error);
            return find_exit(&error);
        }
    }
    Exit::Done
}

fn tell(layout: &Layout, args: &OneFault) -> Result<Story, FindError> {
    let (survey, rules) = (queue::survey(layout), queue::rules(layout));
    let detail = FaultDetail::find(&survey, layout, &rules, &args.id, args.run_id.as_deref())?;
    let is_stopped = survey.is_stopped().map_err(ViewError::from)?;
    let now = Timestamp::now();
    let options = DrainOptions {
        severity_min: rules.severity_min,
        learned_patterns: layout.learned_patterns(),
        ..Default::default()
    };
    let marker = |time| ResolvedMarker { key: detail.fault.key.clone(), timestamp: Some(time) };
    let decider = Decider::new(&options, now, detail.fault.resolved.map(marker));
    Ok(explain(&detail, &rules, &|event, time| decider.next_step(event, time), is_stopped, now))
}

fn print(story: &Story) {
    line(format!("{}  of run {}", story.fault_id, story.run_id));
    story.history.iter().for_each(|Happened { ts, what }| line(format!("  {ts}  {what}")));
    story.now.iter().for_each(|text| line(format!("Now: {text}")));
    story.next.iter().for_each(|text| line(format!("To do: {text}.")));
}
