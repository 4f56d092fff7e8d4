//! The note in the inbox that asks a person to act.

use std::path::Path;

use haltline_evidence::display;

use crate::{DrainId, FaultId, Filing, fault_part};

use super::markdown::{code_span, inline};
use super::page::{MESSAGE_CHARS, NAME_CHARS, Page, facts, marker, summary, title};

/// The most characters of the cause that a note shows; the report has the rest.
const NOTE_CAUSE_CHARS: usize = 600;

/// What stands in the name of a note between the day and the fault.
const NAME_PART: &str = "-halt-";
/// How the name of a note ends.
const EXTENSION: &str = ".md";

/// Returns the names to try for the note of a filing in turn: `<YYYY-MM-DD>-halt-<fault>.md`, then with `-2`, `-3` …
/// before the extension.
pub fn note_names(filing: &Filing) -> impl Iterator<Item = String> {
    let stem = format!("{}{NAME_PART}{}", filing.ts.strftime("%Y-%m-%d"), fault_part(&filing.event.fault_id));
    let first = format!("{stem}{EXTENSION}");
    std::iter::once(first).chain((2_u32..).map(move |count| format!("{stem}-{count}{EXTENSION}")))
}

/// Tells whether a file of this name is a note.
pub fn is_note(name: &str) -> bool {
    name.ends_with(EXTENSION) && name.contains(NAME_PART)
}

/// Tells whether a file of this name may be a note of a fault. Other runs may have notes of the same name.
pub fn is_note_of(name: &str, fault_id: &FaultId) -> bool {
    name.ends_with(EXTENSION) && name.contains(&format!("{NAME_PART}{}", fault_part(fault_id)))
}

/// Writes what a person has to know to act, with the path of the report.
pub fn note_text(filing: &Filing, report_path: &Path) -> String {
    let (event, report) = (&*filing.event, &*filing.report);
    let mut page = Page::default();
    page.block(&format!("# Halt: {}", title(event)));
    page.block(&summary(filing));
    page.block(&inline(&display(&event.message), MESSAGE_CHARS));
    page.line(&format!("- Cause: {}", inline(&report.root_cause, NOTE_CAUSE_CHARS)));
    if let Some(option) = report.proposed_fix.as_ref().and_then(|fix| fix.options.first()) {
        page.line(&format!("- Proposed: {} ({})", inline(&option.label, NAME_CHARS), option.blast_radius.as_str()));
    }
    if !event.pointers.worktree_path.is_empty() {
        page.line(&format!("- Work tree: {}", code_span(&display(&event.pointers.worktree_path), MESSAGE_CHARS)));
    }
    page.line(&format!("- Report: {}", code_span(&display(&report_path.to_string_lossy()), MESSAGE_CHARS)));
    page.line(&facts(filing));
    page.finish(filing)
}

/// Tells whether a file is the note of an investigation. People write beneath a note, so any line may say so.
pub fn note_tells_of(file: &[u8], drain_id: &DrainId, seq: u64) -> bool {
    let marker = marker(drain_id, seq);
    file.split(|byte| *byte == b'\n').any(|line| line == marker.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::samples::{HOSTILE, check, filing};

    #[test]
    fn a_note_says_what_is_needed_to_act() {
        let filing = filing("");
        let path = Path::new("/h/skill-faults/reports/build-42/PHASE_FAILED:p3:302c3b29.md");
        let text = note_text(&filing, path);
        check(&text, include_str!("golden/note.md"), "note.md");
        assert!(note_tells_of(format!("{text}\nlooked at it\n").as_bytes(), &filing.drain_id, filing.seq));
        assert!(!note_tells_of(text.as_bytes(), &filing.drain_id, filing.seq + 1));
    }

    #[test]
    fn a_note_is_known_by_its_name() {
        let filing = filing("");
        let names: Vec<_> = note_names(&filing).take(3).collect();
        let stem = "2026-05-20-halt-PHASE_FAILED:p3:302c3b29";
        assert_eq!(names, [format!("{stem}.md"), format!("{stem}-2.md"), format!("{stem}-3.md")]);
        assert!(names.iter().all(|name| is_note(name) && is_note_of(name, &filing.event.fault_id)));
        assert!(!is_note("2026-05-20-other.md") && !is_note_of(&names[0], &"PHASE_FAILED:p3:0".into()));
    }

    #[test]
    fn hostile_text_stays_text_in_a_note() {
        let filing = filing(HOSTILE);
        let text = note_text(&filing, Path::new("/h/r.md"));
        let markers = text.lines().filter(|line| line.starts_with("<!--")).count();
        assert_eq!(markers, 1, "only our own comment begins a line");
        check(&text, include_str!("golden/hostile-note.md"), "hostile-note.md");
    }
}
