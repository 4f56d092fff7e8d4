//! Looks up what a report cites: a log line in the event, `path:line` in the work tree. A claim whose evidence nobody
//! can find is a guess, however well it reads.
//!
//! The report comes from outside, so a path in it is walked folder by folder from the work tree without following a
//! symbolic link, only regular files up to a size are read, and nothing of what they hold goes anywhere.

use std::collections::HashSet;
use std::fs::File;
use std::io::Read;
use std::path::{Component, Path};
use std::sync::LazyLock;

use haltline_protocol::{Citation, HaltEvent, Report, ReportOutcome};
use regex::Regex;
use rustix::fs::{CWD, Mode, OFlags, openat};

/// How many entries are looked up; a report has a handful.
const MOST_ENTRIES: usize = 32;
/// The most of an entry that is looked at, in bytes.
const MOST_OF_ENTRY: usize = 2 << 10;
/// The largest file that is looked into, in bytes.
const LARGEST_FILE: u64 = 2 << 20;
/// How many files are looked into for one report.
const MOST_FILES: usize = 16;
/// The shortest quotation of one word that proves anything, in characters; a shorter one needs two words.
const SHORTEST_QUOTE: usize = 12;
/// The shortest name that proves anything beside a place, in characters; a shorter one needs another word.
const SHORTEST_NAME: usize = 6;
/// The shortest word that says anything in a quotation, in letters and digits.
const SHORTEST_WORD: usize = 3;
/// The shortest word that says anything in prose.
const SHORTEST_PROSE: usize = 4;
/// The longest ending by which two forms of one word differ.
const LONGEST_ENDING: usize = 3;
/// How many words of prose have to be found beside a place, where it has as many.
const WORDS_NEAR: usize = 2;
/// How far from the cited line the quoted text may stand, in lines: people and models miscount.
const NEAR: usize = 5;
/// How many words around a cited line are looked at; a file may be one line.
const MOST_WORDS: usize = 20_000;
/// The most components of a path.
const DEEPEST_PATH: usize = 64;

static PLACE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r#"([^\s:`"'()\[\]<>]+):(\d{1,9})\b"#).ok());
static QUOTE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new("`+([^`]+)`+|\"([^\"]+)\"|\u{201c}([^\u{201d}]+)\u{201d}|'([^']{6,})'").ok());

/// What stands before the root cause of a report whose evidence was not found.
const UNPROVEN: &str = "None of the evidence was found in the event or in the work tree, so this is a guess. ";

/// Looks up every entry of the evidence. A root cause without one that is found becomes a question to a person.
pub(crate) fn verify(report: &mut Report, event: &HaltEvent) -> Vec<Citation> {
    let sources = Sources::of(event);
    let mut files_left = MOST_FILES;
    let look_up = |entry: &String| Citation { verified: sources.has(entry, &mut files_left) };
    let mut citations: Vec<Citation> = report.evidence.iter().take(MOST_ENTRIES).map(look_up).collect();
    citations.resize(report.evidence.len(), Citation { verified: false });
    if report.outcome == ReportOutcome::RootCauseIdentified && citations.iter().all(|citation| !citation.verified) {
        tracing::warn!(fault = %report.fault_id, "no evidence of a root cause was found; a person has to look");
        report.outcome = ReportOutcome::NeedsHuman;
        report.root_cause.insert_str(0, UNPROVEN);
    }
    citations
}

/// What evidence may cite.
struct Sources<'a> {
    /// What the event says, its spaces evened out.
    text: String,
    lines: HashSet<String>,
    worktree: &'a Path,
    /// The log that the event points to.
    log: &'a Path,
}

impl<'a> Sources<'a> {
    fn of(event: &'a HaltEvent) -> Self {
        let parts = [event.stdout_tail(), event.failure_reason(), event.message.clone()];
        // Cleaned as a whole, as in the prompt that the investigator saw.
        let clean: Vec<_> = parts.iter().map(|part| haltline_evidence::clean(part)).collect();
        let lines: Vec<String> = clean.iter().flat_map(|part| part.lines()).map(even).collect();
        Self {
            text: lines.join(" "),
            lines: lines.into_iter().filter(|line| !line.is_empty()).collect(),
            worktree: Path::new(&event.pointers.worktree_path),
            log: Path::new(&event.pointers.stdout_log),
        }
    }

    fn has(&self, entry: &str, files_left: &mut usize) -> bool {
        let entry = haltline_evidence::clean(&entry[..entry.floor_char_boundary(MOST_OF_ENTRY)]);
        let entry = entry.as_ref();
        self.quotes_event(entry) || self.cites_file(entry, files_left)
    }

    fn quotes_event(&self, entry: &str) -> bool {
        // A line that was too long to be quoted whole says so at its end.
        let whole = even(entry.split(" [the last ").next().unwrap_or(entry));
        let after_label = whole.split_once(": ").map_or("", |(_, rest)| rest);
        let quoted = quotes(entry);
        let mut parts = [whole.as_str(), after_label].into_iter().chain(quoted.iter().map(String::as_str)).map(bare);
        // A short line proves something only where the entry says nothing else: a claim beside it could be any.
        (self.lines.contains(bare(&whole)) && words(&whole, SHORTEST_WORD).next().is_some())
            || parts.any(|part| is_quoted(part, &self.text, SHORTEST_QUOTE))
            || self.lines.iter().any(|line| is_long(line, SHORTEST_QUOTE) && is_quoted(line, &whole, SHORTEST_QUOTE))
    }

    fn cites_file(&self, entry: &str, files_left: &mut usize) -> bool {
        let Some(place) = PLACE.as_ref() else { return false };
        place.captures_iter(entry).any(|found| {
            let (path, line) = (Path::new(&found[1]), found[2].parse().unwrap_or(0));
            let Some(next) = files_left.checked_sub(1) else { return false };
            *files_left = next;
            let Some(text) = self.read(path) else { return false };
            let rest = entry.replacen(&found[0], "", 1);
            stands_near(&text, line, &rest)
        })
    }

    /// The text of a cited file: of the work tree, or the log that the event points to.
    fn read(&self, path: &Path) -> Option<String> {
        if path == self.log && path.is_absolute() {
            return read_bounded(openat(CWD, path, leaf_flags(), Mode::empty()).ok()?.into());
        }
        if !self.worktree.is_absolute() {
            return None;
        }
        let relative = if path.is_absolute() { path.strip_prefix(self.worktree).ok()? } else { path };
        read_below(self.worktree, relative)
    }
}

fn leaf_flags() -> OFlags {
    OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY
}

/// Reads a file below a folder. Every component has to be a name, and none a symbolic link.
fn read_below(root: &Path, relative: &Path) -> Option<String> {
    let name = |component| match component {
        Component::Normal(name) => Some(Some(name)),
        Component::CurDir => Some(None),
        Component::ParentDir | Component::RootDir | Component::Prefix(_) => None,
    };
    let names: Option<Vec<_>> = relative.components().map(name).collect();
    let names: Vec<_> = names?.into_iter().flatten().collect();
    let (leaf, folders) = names.split_last()?;
    if folders.len() > DEEPEST_PATH {
        return None;
    }
    let folder_flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut folder = openat(CWD, root, folder_flags, Mode::empty()).ok()?;
    for name in folders {
        folder = openat(&folder, *name, folder_flags | OFlags::NOFOLLOW, Mode::empty()).ok()?;
    }
    read_bounded(openat(&folder, *leaf, leaf_flags(), Mode::empty()).ok()?.into())
}

fn read_bounded(file: File) -> Option<String> {
    let found = file.metadata().ok()?;
    if !found.is_file() || found.len() > LARGEST_FILE {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether the line is there and what the entry says of it stands near: a quotation of it, or words that it has.
fn stands_near(text: &str, line: usize, says: &str) -> bool {
    let lines: Vec<&str> = text.lines().collect();
    if line == 0 || line > lines.len() {
        return false;
    }
    let near = &lines[(line - 1).saturating_sub(NEAR)..lines.len().min(line + NEAR)];
    let near = even(&near.join(" "));
    let unmarked = even(says.trim_matches(|letter: char| letter == ':' || letter.is_whitespace()));
    if is_quoted(&unmarked, &near, SHORTEST_NAME) {
        return true;
    }
    let quoted = quotes(says);
    if !quoted.is_empty() {
        return quoted.iter().any(|part| is_quoted(bare(part), &near, SHORTEST_NAME));
    }
    let (near, says) = (near.to_lowercase(), says.to_lowercase());
    let there: HashSet<&str> = words(&near, SHORTEST_PROSE).take(MOST_WORDS).collect();
    let said: HashSet<&str> = words(&says, SHORTEST_PROSE).collect();
    let found = said.iter().filter(|word| there.iter().any(|other| are_akin(word, other))).count();
    found >= said.len().min(WORDS_NEAR)
}

/// Whether a text has a quotation, and the quotation says enough to prove anything: it is long, or it is at least two
/// words that stand there as whole words.
fn is_quoted(part: &str, text: &str, long: usize) -> bool {
    let stands = || {
        text.match_indices(part).any(|(place, _)| {
            let begins = !(part.starts_with(is_letter) && text[..place].ends_with(is_letter));
            begins && !(part.ends_with(is_letter) && text[place + part.len()..].starts_with(is_letter))
        })
    };
    match words(part, SHORTEST_WORD).count() {
        0 => false,
        _ if is_long(part, SHORTEST_QUOTE) => text.contains(part),
        1 => is_long(part, long) && stands(),
        _ => stands(),
    }
}

fn is_long(part: &str, long: usize) -> bool {
    part.chars().filter(|letter| !letter.is_whitespace()).count() >= long
}

/// The words of a text that are not shorter than this.
fn words(text: &str, shortest: usize) -> impl Iterator<Item = &str> {
    text.split(|letter| !is_letter(letter)).filter(move |word| word.chars().count() >= shortest)
}

fn is_letter(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Whether two words are one but for an ending: `open` and `opened`.
fn are_akin(word: &str, other: &str) -> bool {
    let (short, long) = if word.len() <= other.len() { (word, other) } else { (other, word) };
    long.strip_prefix(short).is_some_and(|ending| ending.len() <= LONGEST_ENDING)
}

/// The quoted parts of a text, their spaces evened out.
fn quotes(text: &str) -> Vec<String> {
    let Some(quote) = QUOTE.as_ref() else { return Vec::new() };
    let inner = |found: regex::Captures<'_>| found.iter().skip(1).flatten().next().map(|part| even(part.as_str()));
    quote.captures_iter(text).filter_map(inner).collect()
}

/// Without the marks that people put around a quotation.
fn bare(part: &str) -> &str {
    part.trim_matches(|letter: char| letter.is_whitespace() || "`\"'\u{201c}\u{201d}>".contains(letter))
}

/// Every run of spaces as one.
fn even(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use haltline_protocol::FaultId;
    use serde_json::json;

    use super::*;

    fn event(worktree: &Path, log: &Path) -> HaltEvent {
        let tail = "step 1 ok\n\u{1b}[31mE: No space   left on device\u{1b}[0m\n  at write (fs.js:12)\nOOM\n";
        let row = json!({
            "faultId": "K", "runId": "r", "stateSlug": "s", "kind": "K", "severity": "HIGH", "timestamp": "",
            "message": "phase 3 failed", "pointers": {"worktreePath": worktree, "stdoutLog": log},
            "snapshot": {"stdoutTail": tail, "failureReason": "tests red after 4 tries"},
        });
        HaltEvent::parse(row.to_string().as_bytes()).unwrap()
    }

    fn report(evidence: &[&str], outcome: ReportOutcome) -> Report {
        Report {
            fault_id: FaultId::from("K"),
            outcome,
            duplicate_of_path: None,
            root_cause: "the disk is full".to_owned(),
            evidence: evidence.iter().map(|&entry| entry.to_owned()).collect(),
            proposed_fix: None,
            learned_pattern_proposal: None,
        }
    }

    fn verified(event: &HaltEvent, entry: &str) -> bool {
        verify(&mut report(&[entry], ReportOutcome::NeedsHuman), event)[0].verified
    }

    #[test]
    fn a_quoted_log_line_is_found_however_it_is_quoted() {
        let event = event(Path::new(""), Path::new(""));
        for entry in [
            "E: No space left on device",
            "  E: No space left on device  ",
            "`E: No space left on device`",
            "log line 2: \"No space left on device\"",
            "The log says \u{201c}No space left\u{201d} near its end",
            "Line 2: E: No space left on device (this is the first error)",
            "failure reason: tests red after 4 tries",
            "phase 3 failed",
            "OOM",
            "step 1 ok",
            "E: No space left on dev [the last 3 of 27 bytes are left out]",
        ] {
            assert!(verified(&event, entry), "{entry}");
        }
        for entry in
            ["", " ", "space", "E: disk quota exceeded", "the log ends", "`E:`", "a", "gone.js:12", ":", "\"\""]
        {
            assert!(!verified(&event, entry), "{entry}");
        }
    }

    #[test]
    fn a_word_or_a_brace_of_the_log_proves_no_claim() {
        let tail =
            "compiling\n{\n  \"ok\": 1\n}\n------------\nFAILED\nwarning: unused variable\ntest result: failed\n";
        let row = json!({
            "faultId": "K", "runId": "r", "stateSlug": "s", "kind": "K", "severity": "HIGH", "timestamp": "",
            "message": "", "pointers": {}, "snapshot": {"stdoutTail": tail, "failureReason": ""},
        });
        let event = HaltEvent::parse(row.to_string().as_bytes()).unwrap();
        for entry in
            ["FAILED", "compiling", "the end: test result: failed", "it says \"unused variable\"", "result: failed"]
        {
            assert!(verified(&event, entry), "{entry}");
        }
        for entry in [
            "}",
            "note: }",
            "The resolver: }",
            "Proof: failed",
            "Proof: FAILED",
            "aliens poisoned the DNS and \"failed\"",
            "DNS poisoned: `result`",
            "the lookup: ok",
            "the \"compil\" step",
            "resolver broke: 1",
            "DNS: warning",
            "x: test re",
            "aliens ------------ everywhere",
            "proof: ------------",
        ] {
            assert!(!verified(&event, entry), "{entry}");
        }
    }

    #[test]
    fn a_cited_file_is_found_in_the_work_tree_and_nowhere_else() {
        let home = tempfile::tempdir().unwrap();
        let tree = home.path().join("tree");
        fs::create_dir_all(tree.join("src")).unwrap();
        fs::write(tree.join("src/main.rs"), "fn main() {\n    let disk = open(\"/data\");\n}\n").unwrap();
        fs::write(home.path().join("secret"), "disk\n").unwrap();
        fs::write(home.path().join("build.log"), "early\nfirst failure here\n").unwrap();
        symlink(home.path().join("secret"), tree.join("link")).unwrap();
        symlink(home.path(), tree.join("out")).unwrap();
        rustix::fs::mkfifoat(CWD, tree.join("fifo"), Mode::RWXU).unwrap();
        File::create(tree.join("huge")).unwrap().set_len(LARGEST_FILE + 1).unwrap();
        let log = home.path().join("build.log");
        let event = event(&tree, &log);
        let absolute = format!("{}:2: `let disk`", tree.join("src/main.rs").display());
        let in_log = format!("{}:2 `first failure here`", log.display());
        for entry in [
            "src/main.rs:2",
            "./src/main.rs:2: let disk = open(\"/data\");",
            "`src/main.rs:1` opens the disk",
            "src/main.rs:3 `let disk = open`",
            "src/main.rs:2 `open(\"/data\")`",
            "src/main.rs:2: Opening the data disk",
            "see (src/main.rs:2), where disk is opened",
            &absolute,
            &in_log,
        ] {
            assert!(verified(&event, entry), "{entry}");
        }
        let outside = format!("{}:1 disk", home.path().join("secret").display());
        for entry in [
            "src/main.rs:4 disk",
            "src/main.rs:0 disk",
            "src/main.rs:99999999999 disk",
            "src/main.rs:2 `unwrap()`",
            "src/main.rs:2 panics without reason",
            "src/main.rs:1 with the DNS call in main",
            "src/main.rs:2 ` ` aliens",
            "src/main.rs:2 `is` aliens",
            "src/main.rs:2 `dis` aliens",
            "src/main.rs:2 `main` is poisoned",
            "src/main.rs:2 aliens read the remainder",
            "src/other.rs:1 disk",
            "../secret:1 disk",
            "src/../../secret:1 disk",
            "link:1 disk",
            "out/secret:1 disk",
            "fifo:1",
            "huge:1",
            "src:1",
            &outside,
            "/etc/passwd:1 root",
        ] {
            assert!(!verified(&event, entry), "{entry}");
        }
    }

    #[test]
    fn a_root_cause_without_evidence_that_is_found_becomes_a_question() {
        let event = event(Path::new(""), Path::new(""));
        let mut guess = report(&["I am sure"], ReportOutcome::RootCauseIdentified);
        assert_eq!(verify(&mut guess, &event), [Citation { verified: false }]);
        assert_eq!(guess.outcome, ReportOutcome::NeedsHuman);
        assert!(guess.root_cause.ends_with("so this is a guess. the disk is full"));
        let mut bare = report(&[], ReportOutcome::RootCauseIdentified);
        assert!(verify(&mut bare, &event).is_empty());
        assert_eq!(bare.outcome, ReportOutcome::NeedsHuman);
        let mut proven = report(&["I am sure", "OOM"], ReportOutcome::RootCauseIdentified);
        let found: Vec<bool> = verify(&mut proven, &event).iter().map(|citation| citation.verified).collect();
        assert_eq!((found.as_slice(), proven.outcome), (&[false, true][..], ReportOutcome::RootCauseIdentified));
        assert_eq!(proven.root_cause, "the disk is full");
    }

    #[test]
    fn a_report_of_countless_citations_costs_a_bounded_number_of_looks() {
        let event = event(Path::new("/"), Path::new(""));
        let many = "etc/passwd:1 x ".repeat(10_000);
        let mut flood = report(&vec![many.as_str(); 1000], ReportOutcome::NeedsHuman);
        assert_eq!(verify(&mut flood, &event).len(), 1000);
    }
}
