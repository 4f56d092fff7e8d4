//! The files that people and other programs read: the writer and the reader of each format side by side.

mod markdown;
mod note;
mod page;
mod pattern_file;
mod record_line;
mod report_json;
mod report_markdown;
mod row_line;
#[cfg(test)]
mod samples;

pub use note::{is_note, is_note_of, note_names, note_tells_of, note_text};
pub use pattern_file::PatternFile;
pub use report_json::ReportFile;
pub use report_markdown::{report_tells_of, report_text};
pub use row_line::RowLine;
