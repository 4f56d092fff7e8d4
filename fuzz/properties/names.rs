//! What holds of any id that becomes a part of a file name.

use std::path::{Component, Path};

use haltline_protocol::{FaultKey, candidate_names, compact_stamp, event_name, fault_part, marker_name, run_part};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

/// The longest name that file systems take, in bytes.
const LONGEST_NAME: usize = 255;
/// How much longer than the first the last counted name may be, in bytes.
const MORE_DIGITS: usize = 4;
/// The folders of the queue: no run is named as one.
const FOLDERS: [&str; 8] = [
    "pending-investigations",
    "in-flight",
    "processed",
    "dead-letter",
    "quarantine",
    "reports",
    "inbox",
    ".migrations",
];

/// An id is used as it is or neutralised, as the contract says, and is never more than one plain name. Two ids share a
/// name only if one is, to the letter, what the other becomes.
pub(crate) fn holds(one: &str, other: &str, seconds: i64) {
    let stamp = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
    let run = |id: &str| run_part(&id.into());
    let fault = |id: &str| fault_part(&id.into());
    for id in [one, other] {
        let is_run = is_plain(id, "._-") && !id.starts_with('.') && !FOLDERS.contains(&id);
        assert_eq!(run(id), if is_run { id.to_owned() } else { neutralised(id, "._-") });
        assert_eq!(fault(id), if is_plain(id, "._:-") { id.to_owned() } else { neutralised(id, "._:-") });
        assert_is_name(&run(id));
        assert!(!run(id).starts_with('.') && !FOLDERS.contains(&&*run(id)));
    }
    for (names, kind) in [([run(one), run(other)], "run"), ([fault(one), fault(other)], "fault")] {
        let is_borrowed = names[0] == one || names[1] == other;
        assert!(names[0] != names[1] || one == other || is_borrowed, "{one:?} and {other:?} are one {kind}");
    }
    let key = FaultKey { run_id: one.into(), fault_id: other.into() };
    for name in [
        event_name(&key),
        marker_name(&key),
        format!("{}.json", foreign(one)),
        format!("{}.json.reason.json", foreign(other)),
    ] {
        assert_are_names(&name, stamp);
    }
}

/// The names that are tried for a file: each a name, and no two alike.
fn assert_are_names(name: &str, stamp: Timestamp) {
    let mut tried: Vec<String> = candidate_names(name, stamp).take(4).collect();
    tried.iter().for_each(|name| assert_is_name(name));
    assert!(tried[0] == name || name.len() > LONGEST_NAME);
    assert!(tried[1].contains(&format!("~{}", compact_stamp(stamp))), "{tried:?}");
    assert!(tried[3].len() + MORE_DIGITS <= LONGEST_NAME, "{tried:?}");
    // A name that has its stamp already is tried twice, which costs a call and harms nobody.
    tried.dedup();
    tried.sort_unstable();
    let count = tried.len();
    tried.dedup();
    assert_eq!(tried.len(), count, "{tried:?}");
}

fn assert_is_name(name: &str) {
    let mut components = Path::new(name).components();
    let first = components.next();
    assert!(matches!(first, Some(Component::Normal(part)) if part == name), "{name:?} is no name");
    assert!(components.next().is_none() && name.len() <= LONGEST_NAME && !name.contains('\0'), "{name:?} is no name");
}

/// The stem of what another program may have named a file: what can be the name of one.
fn foreign(text: &str) -> String {
    let mut stem = text.replace(['/', '\0'], "_");
    stem.truncate(stem.floor_char_boundary(LONGEST_NAME - ".json".len()));
    stem
}

fn is_plain(id: &str, punctuation: &str) -> bool {
    (1..=96).contains(&id.chars().count()) && id.chars().all(|letter| is_allowed(letter, punctuation))
}

fn is_allowed(letter: char, punctuation: &str) -> bool {
    letter.is_ascii_alphanumeric() || punctuation.contains(letter)
}

fn neutralised(id: &str, punctuation: &str) -> String {
    let replaced = id.chars().map(|letter| if is_allowed(letter, punctuation) { letter } else { '_' });
    let kept: String = replaced.take(80).collect();
    let kept = kept.strip_prefix('.').map_or_else(|| kept.clone(), |rest| format!("_{rest}"));
    let hash: String = Sha256::digest(id.as_bytes())[..4].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{kept}-{hash}")
}
