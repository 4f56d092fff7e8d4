//! What a report and a note have in common: the title, the facts, and the line that names the investigation.

use haltline_evidence::display;

use crate::{Cost, DrainId, Filing, HaltEvent, rfc3339_millis};

use super::markdown::{code_span, inline};

/// The most characters that are shown of an id or a name.
pub(super) const NAME_CHARS: usize = 200;
/// The most characters that are shown of what happened; the event has the rest.
pub(super) const MESSAGE_CHARS: usize = 2000;

/// The line that names the investigation that a file is of. Nothing from outside can write it into a paragraph.
pub(super) fn marker(drain_id: &DrainId, seq: u64) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let drain_id: String =
        drain_id.as_str().chars().map(|letter| if is_plain(letter) { letter } else { '_' }).collect();
    format!("<!-- haltline drainId={drain_id} seq={seq} -->")
}

/// Markdown in the making.
#[derive(Default)]
pub(super) struct Page(String);

impl Page {
    /// Adds a line.
    pub(super) fn line(&mut self, text: &str) {
        self.0.push_str(text);
        self.0.push('\n');
    }

    /// Adds lines with an empty one after them.
    pub(super) fn block(&mut self, text: &str) {
        self.line(text);
        self.line("");
    }

    /// Ends the page with the line that names its investigation.
    pub(super) fn finish(mut self, filing: &Filing) -> String {
        self.line(&marker(&filing.drain_id, filing.seq));
        self.0
    }
}

pub(super) fn title(event: &HaltEvent) -> String {
    format!(
        "{} in run {}",
        inline(&display(event.kind.as_str()), NAME_CHARS),
        inline(&display(event.run_id.as_str()), NAME_CHARS)
    )
}

pub(super) fn summary(filing: &Filing) -> String {
    let times = match filing.occurrences {
        0 | 1 => "once".to_owned(),
        count => format!("{count} times"),
    };
    let severity = inline(&display(&filing.event.severity_text), NAME_CHARS);
    format!("**{}**, {severity}, halted {times}", filing.report.outcome.as_str())
}

pub(super) fn facts(filing: &Filing) -> String {
    let event = &*filing.event;
    let mut page = Page::default();
    page.line(&format!("- Fault: {}", code_span(&display(event.fault_id.as_str()), NAME_CHARS)));
    page.line(&format!("- Slug: {}", code_span(&display(&event.state_slug), NAME_CHARS)));
    let halted = event.timestamp.map_or_else(|| "at an unknown time".to_owned(), rfc3339_millis);
    page.line(&format!("- Halted: {halted}"));
    page.line(&format!("- Investigated: {}, {}", rfc3339_millis(filing.ts), answered_by(filing)));
    for reason in &filing.usage.passed_over {
        page.line(&format!("- Passed over: {}", inline(&display(reason), MESSAGE_CHARS)));
    }
    page.0
}

fn answered_by(filing: &Filing) -> String {
    let usage = &filing.usage;
    let model = usage
        .model
        .as_ref()
        .map(|model| format!(" with {}", code_span(&display(model), NAME_CHARS)))
        .unwrap_or_default();
    let cost = match usage.cost {
        Some(Cost { usd, source }) => format!("{usd:.4} USD ({})", source.as_str()),
        None => "at unknown cost".to_owned(),
    };
    let seconds = usage.duration.as_secs_f64();
    format!("by {}{model} in {seconds:.1} s, {cost}", code_span(&display(&usage.provider), NAME_CHARS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_cannot_be_ended_by_the_id_that_it_carries() {
        assert_eq!(marker(&"a--> <b>".into(), 3), "<!-- haltline drainId=a--___b_ seq=3 -->");
    }
}
