//! Nothing is left lying about.

use std::path::Path;

use super::survey::Survey;

/// The names in the queue that begin with a dot and are there to stay.
const KEPT: [&str; 2] = ["skill-faults/.migrations", "skill-faults/.redaction-key"];

pub(super) fn check(survey: &Survey) -> Vec<String> {
    let held = survey.in_flight.iter().map(|name| format!("in-flight/{name} is left, and nobody holds it"));
    let strays = survey.paths.iter().filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let is_hidden = name.starts_with('.') && !KEPT.iter().any(|kept| *path == Path::new(kept));
        // Names that end in `.tmp` are what a kill may leave; every reader passes over them.
        (is_hidden || name.contains(".tmp")) && !name.ends_with(".tmp")
    });
    held.chain(strays.map(|path| format!("{} is a stray", path.display()))).collect()
}
