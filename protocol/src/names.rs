//! File names from ids that come from outside. An id is never a path: what a name may not hold is replaced, and a
//! hash keeps two ids apart.

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::{FaultId, FaultKey, RunId, compact_stamp};

/// The longest id that is used as it is, in characters.
const LONGEST_PLAIN_ID: usize = 96;
/// What is kept of an id that is not, in characters, before its hash.
const KEPT_OF_ODD_ID: usize = 80;
/// The longest name on every file system that matters, in bytes.
const LONGEST_NAME: usize = 255;
/// The longest stem of a name that something is added to, in bytes: a stamp, a counter and an extension need less than
/// 55.
const LONGEST_STEM: usize = 200;
/// The folders of the queue; a run of such a name is treated as an odd id.
pub const QUEUE_FOLDERS: [&str; 8] = [
    "pending-investigations",
    "in-flight",
    "processed",
    "dead-letter",
    "quarantine",
    "reports",
    "inbox",
    ".migrations",
];
/// How many counted names are tried before a move gives up: more occurrences of one fault in one millisecond are
/// no accident.
const MOST_COUNTED_NAMES: u32 = 10_000;

/// How the names of temporary files end.
const TEMPORARY: &str = ".tmp";
/// How the name begins of a temporary file that a rewrite makes, which may hold a row.
const REWRITE: &str = ".rewrite-";
/// A temporary file that was not written to for so long is nobody's any more; the rule of maildirs.
const STALE: SignedDuration = SignedDuration::from_hours(36);

/// Tells whether a file of this name is a temporary one.
pub fn is_temporary(name: &str) -> bool {
    name.ends_with(TEMPORARY)
}

/// Tells whether a file of this name was made by a rewrite, and may hold a row.
pub fn is_rewrite(name: &str) -> bool {
    is_temporary(name) && name.starts_with(REWRITE)
}

/// Tells whether a killed writer left a file, which holds nothing that anybody waits for.
pub fn is_stale_temporary(name: &str, modified: Timestamp, now: Timestamp) -> bool {
    is_temporary(name) && !is_rewrite(name) && now.duration_since(modified) > STALE
}

/// The part of a file name that stands for a run.
pub fn run_part(run_id: &RunId) -> String {
    let text = run_id.as_str();
    let plain = is_plain(text, b"._-") && !text.starts_with('.') && !QUEUE_FOLDERS.contains(&text);
    if plain { text.to_owned() } else { neutralised(text, b"._-") }
}

/// The part of a file name that stands for a fault.
pub fn fault_part(fault_id: &FaultId) -> String {
    let text = fault_id.as_str();
    if is_plain(text, b"._:-") { text.to_owned() } else { neutralised(text, b"._:-") }
}

/// The name of an event's file, where it is not taken.
pub fn event_name(key: &FaultKey) -> String {
    format!("{}-{}.json", run_part(&key.run_id), fault_part(&key.fault_id))
}

/// The name of a RESOLVED marker's file, where it is not taken.
pub fn marker_name(key: &FaultKey) -> String {
    format!("{}-RESOLVED-{}.json", run_part(&key.run_id), fault_part(&key.fault_id))
}

/// The names to try for a file in turn: its own if a file system can take it, then `~<stamp>`, then `~<stamp>-2`,
/// `-3` …
pub fn candidate_names(name: &str, stamp: Timestamp) -> impl Iterator<Item = String> {
    let own = (name.len() <= LONGEST_NAME).then(|| name.to_owned());
    own.into_iter().chain(std::iter::once_with(move || stamped_names(name, stamp)).flatten())
}

fn stamped_names(name: &str, stamp: Timestamp) -> impl Iterator<Item = String> + use<> {
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    let stem = &stem[..stem.floor_char_boundary(LONGEST_STEM)];
    let suffix = format!("~{}", compact_stamp(stamp));
    let stamped = if stem.ends_with(&suffix) { stem.to_owned() } else { format!("{stem}{suffix}") };
    let first = format!("{stamped}{extension}");
    let counted = (2..=MOST_COUNTED_NAMES).map(move |count| format!("{stamped}-{count}{extension}"));
    std::iter::once(first).chain(counted)
}

fn is_plain(text: &str, punctuation: &[u8]) -> bool {
    (1..=LONGEST_PLAIN_ID).contains(&text.len()) && text.bytes().all(|byte| is_allowed(byte, punctuation))
}

fn is_allowed(byte: u8, punctuation: &[u8]) -> bool {
    byte.is_ascii_alphanumeric() || punctuation.contains(&byte)
}

fn neutralised(text: &str, punctuation: &[u8]) -> String {
    let mut kept: String = text
        .chars()
        .take(KEPT_OF_ODD_ID)
        .map(|letter| if u8::try_from(letter).is_ok_and(|byte| is_allowed(byte, punctuation)) { letter } else { '_' })
        .collect();
    if kept.starts_with('.') {
        kept.replace_range(..1, "_");
    }
    let hash = Sha256::digest(text.as_bytes());
    format!("{kept}-{}", hex(&hash[..4]))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_id_is_used_as_it_is() {
        assert_eq!(run_part(&"build-42".into()), "build-42");
        assert_eq!(fault_part(&"PHASE_FAILED:p3:302c3b29".into()), "PHASE_FAILED:p3:302c3b29");
        assert_eq!(run_part(&"a".repeat(96).as_str().into()), "a".repeat(96));
    }

    #[test]
    fn an_odd_id_is_neutralised_and_keeps_its_hash() {
        let table = [
            ("../../etc/passwd", "_._.._etc_passwd"),
            (".hidden", "_hidden"),
            ("processed", "processed"),
            ("a b\0c\nd", "a_b_c_d"),
            ("Straße", "Stra_e"),
            ("", ""),
            ("a:b", "a_b"),
        ];
        for (id, kept) in table {
            let part = run_part(&id.into());
            let (stem, hash) = part.rsplit_once('-').unwrap();
            assert_eq!((stem, hash.len()), (kept, 8));
        }
        assert_eq!(run_part(&"x".repeat(97).as_str().into()).len(), 89);
        assert_ne!(run_part(&"a/b".into()), run_part(&"a b".into()));
    }

    #[test]
    fn a_taken_name_is_stamped_then_counted() {
        let stamp: Timestamp = "2026-05-20T08:14:00.123Z".parse().unwrap();
        let names: Vec<_> = candidate_names("r-f.json", stamp).take(3).collect();
        assert_eq!(names, ["r-f.json", "r-f~20260520T081400123Z.json", "r-f~20260520T081400123Z-2.json"]);
        let again: Vec<_> = candidate_names(&names[1], stamp).take(3).collect();
        assert_eq!(again[2], "r-f~20260520T081400123Z-2.json");
        let long = format!("{}.json", "é".repeat(125));
        assert!(candidate_names(&long, stamp).nth(5000).unwrap().len() <= 255);
    }
}
