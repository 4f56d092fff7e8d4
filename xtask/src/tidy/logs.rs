//! A log message begins in lower case and has no full stop: it is a fragment beside its fields.

use std::sync::LazyLock;

use regex::Regex;

use super::Violation;
use crate::source::{Literal, Source, closing};
use crate::workspace::Workspace;

static LOG_MACRO: LazyLock<Regex> = LazyLock::new(|| {
    let names = "trace|debug|info|warn|error|event|trace_span|debug_span|info_span|warn_span|error_span";
    Regex::new(&format!(r"\b(?:{names})!\s*[(\[{{]")).expect("the pattern is a constant")
});

pub(super) fn check(workspace: &Workspace) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (path, source) in workspace.sources() {
        for message in messages(source) {
            let line = source.line(message.span.start);
            let quoted = format!("\"{}\"", message.text);
            if message.text.starts_with(char::is_uppercase) {
                let what = format!("the log message {quoted} begins with a capital");
                violations.push(Violation::new(path, line, what, "begin it in lower case"));
            }
            if message.text.trim_end().ends_with('.') {
                let what = format!("the log message {quoted} ends with a full stop");
                violations.push(Violation::new(path, line, what, "leave it out"));
            }
        }
    }
    violations
}

/// The literals that are an argument by themselves; a field's value has its name before it.
fn messages(source: &Source) -> impl Iterator<Item = &Literal> {
    let code = source.code();
    let bodies = LOG_MACRO.find_iter(code).map(|found| found.end() - 1..closing(code, found.end() - 1));
    bodies.flat_map(move |body| {
        let own = source.literals().iter().filter(move |literal| body.contains(&literal.span.start));
        own.filter(|literal| {
            let before = code[..literal.span.start].trim_end().chars().next_back();
            let after = code[literal.span.end..].trim_start().chars().next();
            matches!(before, Some('(' | '[' | '{' | ',')) && matches!(after, Some(')' | ']' | '}' | ','))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        check(&Workspace::of(&[("a.rs", text)])).into_iter().map(|violation| violation.what).collect()
    }

    #[test]
    fn capitals_and_full_stops_in_messages_are_found() {
        let text = "fn f() {\n tracing::warn!(path = %p, \"Cannot read {}\", p);\n info!(\"it works.\");\n}";
        assert_eq!(
            found(text),
            [
                "the log message \"Cannot read {}\" begins with a capital",
                "the log message \"it works.\" ends with a full stop"
            ]
        );
        assert_eq!(check(&Workspace::of(&[("a.rs", text)]))[1].line, 3);
    }

    #[test]
    fn fields_comments_and_other_macros_are_no_messages() {
        let text = "// info!(\"No.\")\nfn f() { error!(target: \"A.\", kind = \"PHASE_FAILED\", \"moved\");\n \
                    println!(\"Hello.\"); error(\"Nor.\"); debug!(?event, \"claimed {n} of 2\"); }";
        assert_eq!(found(text), Vec::<String>::new());
    }
}
