//! Faults that went away by themselves, and faults that a known pattern explains.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use serde_json::{Value, json};
use support::drains::{FINDS_CAUSE, PENDING, Running, fault, until, with};
use support::{Home, set_mode};

const NOTHING: [&str; 0] = [];
const PATTERNS: &str = "learned-patterns.json";

fn marker(run_id: &str, fault_id: &str, time: &str) -> String {
    json!({"event": "SKILL_FAULT_RESOLVED", "timestamp": time, "runId": run_id, "faultId": fault_id}).to_string()
}

fn pattern(kind: &str, text: &str) -> Value {
    json!({"category": "c", "matcherKind": kind, "pattern": text, "severity": "HIGH", "description": "d", "source": "s",
        "learnedAt": "2026-05-20T08:14:00.123Z", "hitCount": 2, "own": 1.0})
}

#[test]
fn a_fault_that_went_away_is_settled_free_and_its_marker_moves_along_untold() {
    let home = Home::new();
    let files = [home.put(&fault("r", "f")), home.put(&fault("r", "f"))];
    home.run(["resolve", "--run-id", "r", "--fault-id", "f"]).expect(0);
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!(
        (&result["collapsed"], &result["shortCircuited"], &result["avoided"]),
        (&json!(2), &json!(1), &json!(3))
    );
    home.check_settled_once(&files, "resolved");
    assert_eq!((home.trace().len(), home.names(PENDING).len()), (0, 0));
    assert!(home.names("processed").contains(&"r-RESOLVED-f.json".to_owned()), "{:?}", home.names("processed"));
    assert_eq!(home.told().len(), 3, "a marker gets no row");
}

#[test]
fn what_happened_after_the_marker_is_investigated() {
    let home = Home::new();
    let same = home.put(&fault("r", "f"));
    let newer = home.put(&with(fault("r", "f"), "timestamp", "2026-05-20T08:14:00.124Z"));
    home.put_old("r-RESOLVED-f.json", marker("r", "f", "2026-05-20T08:14:00.123Z"));
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!((&result["collapsed"], &result["processed"]), (&json!(1), &json!(1)));
    home.check_settled_once(&[same], "resolved");
    home.check_settled_once(&[newer], "investigated");
}

#[test]
fn a_marker_speaks_for_its_own_run_and_fault_alone() {
    let home = Home::new();
    let files = [home.put(&fault("r", "g")), home.put(&fault("s", "f"))];
    home.put_old("r-RESOLVED-f.json", marker("r", "f", "2999-01-01T00:00:00Z"));
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!((&result["collapsed"], &result["processed"]), (&json!(0), &json!(2)));
    home.check_settled_once(&files, "investigated");
    assert_eq!(home.names(PENDING), NOTHING, "a marker without events is moved");
    assert_eq!(home.told().len(), 3);
}

#[test]
fn a_marker_stays_while_a_live_drain_holds_its_fault() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    let gate = home.beside("gate");
    let body = format!("while [ ! -e '{}' ]; do sleep 0.02; done; exit 1", gate.display());
    let holder = Running::start(&mut home.drain_with(&body));
    until("the investigation", || home.trace().len() == 1);
    let ended = home.run(["resolve", "--run-id", "r", "--fault-id", "f"]).expect(0);
    assert!(ended.stdout.contains("; a drain has it in hand. Marker: "), "{ended:#?}");
    home.run(["drain-faults", "--queue"]).expect(0);
    assert_eq!(home.names(PENDING), ["r-RESOLVED-f.json"]);
    std::fs::write(gate, "").unwrap();
    holder.end().expect(1);
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!((&result["collapsed"], home.names(PENDING).len()), (&json!(1), 0));
}

#[test]
fn a_marker_is_known_by_its_body_under_any_name() {
    let home = Home::new();
    home.put(&fault("r", "f"));
    home.write(&format!("{PENDING}/some name.json"), marker("r", "f", "2999-01-01T00:00:00Z"));
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!((&result["collapsed"], &result["processed"], home.trace().len()), (&json!(1), &json!(0), 0));
    assert_eq!(home.names(PENDING), NOTHING);
}

#[test]
fn a_marker_whose_name_does_not_say_so_covers_an_event_that_is_held_back() {
    let home = Home::new();
    let mild = home.put(&with(fault("r", "f"), "severity", "LOW"));
    home.put_old("zz.json", marker("r", "f", "2999-01-01T00:00:00Z"));
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!((&result["collapsed"], &result["skipped"]), (&json!(1), &json!(0)));
    home.check_settled_once(&[mild], "resolved");
    assert_eq!(home.names(PENDING), NOTHING);
}

#[test]
fn of_more_markers_than_one_pass_takes_none_moves_while_a_file_cannot_be_read_that_it_may_cover() {
    const MARKERS: usize = 51_000;
    let home = Home::new();
    let file = home.put(&fault("r", "f"));
    set_mode(&home.queue(PENDING).join(&file), 0o000);
    for number in 0..MARKERS {
        let (name, fault_id) = (format!("r-RESOLVED-{number}.json"), number.to_string());
        home.write(&format!("{PENDING}/{name}"), marker("r", &fault_id, "2026-05-20T08:14:00.123Z"));
    }
    let Some(ended) = home.drain_bound(FINDS_CAUSE) else { return };
    assert_eq!(ended.expect(1).json()["failed"], json!(1));
    assert_eq!(home.names(PENDING).len(), MARKERS + 1);
    set_mode(&home.queue(PENDING).join(&file), 0o600);
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    assert_eq!(home.names(PENDING), NOTHING);
}

#[test]
fn a_marker_moves_along_though_an_event_of_another_fault_cannot_be_moved() {
    let home = Home::new();
    let file = home.put(&support::drains::audit("s", "a"));
    home.put_old("r-RESOLVED-f.json", marker("r", "f", "2026-05-20T08:14:00.123Z"));
    let path = home.queue(PENDING).join(&file);
    let change = |flag| home.command("chattr").arg(flag).arg(&path).output().is_ok_and(|ended| ended.status.success());
    if !change("+i") {
        println!("SKIP: chattr cannot make a file immutable here");
        return;
    }
    let ended = home.drain(FINDS_CAUSE, NOTHING);
    assert!(change("-i"));
    assert_eq!(ended.expect(1).json()["failed"], json!(1));
    assert_eq!(home.names(PENDING), [file]);
}

#[test]
fn an_event_that_has_a_markers_name_is_an_event() {
    let home = Home::new();
    home.write(&format!("{PENDING}/r-RESOLVED-f.json"), fault("r", "f").to_string());
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!((&result["processed"], home.trace().len()), (&json!(1), 1));
}

#[test]
fn each_kind_of_pattern_settles_free_and_its_hits_are_counted_in_place() {
    let table = [
        ("stdout_contains", "No space left"),
        ("stdout_regex", "(?m)^No space .* device$"),
        ("failureReason_contains", "re"),
        ("failureReason_regex", "^r.d$"),
    ];
    for (kind, text) in table {
        let home = Home::new();
        home.write(PATTERNS, json!([pattern("stdout_contains", "nowhere"), pattern(kind, text)]).to_string());
        let files = [home.put(&fault("r", "f")), home.put(&fault("r", "g"))];
        let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
        assert_eq!(
            (&result["shortCircuited"], &result["dispatched"], &result["avoided"]),
            (&json!(3), &json!(0), &json!(3))
        );
        home.check_settled_once(&files, "pattern-matched");
        let book = home.json_of(PATTERNS);
        assert_eq!((&book[1]["hitCount"], &book[0]["hitCount"]), (&json!(4), &json!(2)), "{kind}");
        assert!(book[1]["lastHit"].is_string() && book[0].get("lastHit").is_none());
        assert!(std::fs::read_to_string(home.queue(PATTERNS)).unwrap().contains("\"own\": 1.0"));
    }
}

#[test]
fn a_corrupt_pattern_file_is_kept_and_puts_no_pattern_in_force() {
    for text in ["", "{", "{}", "[{\"category\":\"c\"", "\u{0}"] {
        let home = Home::new();
        home.write(PATTERNS, text);
        home.put(&fault("r", "f"));
        let ended = home.drain(FINDS_CAUSE, NOTHING).expect(0).says(PATTERNS);
        assert_eq!(ended.json()["processed"], json!(1));
        assert_eq!(std::fs::read_to_string(home.queue(PATTERNS)).unwrap(), text);
    }
}

#[test]
fn a_pattern_that_is_none_costs_only_itself() {
    let home = Home::new();
    let book =
        json!([pattern("stdout_regex", "("), pattern("magic", "No space"), 7, pattern("stdout_contains", "No space")]);
    home.write(PATTERNS, book.to_string());
    home.put(&fault("r", "f"));
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!((&result["shortCircuited"], home.trace().len()), (&json!(2), 0));
    assert_eq!(home.json_of(PATTERNS)[3]["hitCount"], json!(3));
}

#[test]
fn a_pattern_that_would_take_for_ever_elsewhere_does_not_here() {
    let home = Home::new();
    home.write(PATTERNS, json!([pattern("stdout_regex", "^(a+)+$")]).to_string());
    home.put(&with(fault("r", "f"), "snapshot", json!({"stdoutTail": format!("{}!", "a".repeat(100_000))})));
    assert_eq!(home.drain(FINDS_CAUSE, NOTHING).expect(0).json()["processed"], json!(1));
}

#[test]
fn a_pattern_never_takes_what_is_audit_only_or_went_away() {
    let home = Home::new();
    home.write(PATTERNS, json!([pattern("stdout_contains", "No space")]).to_string());
    let audit = home.put(&support::drains::audit("r", "a"));
    let gone = home.put(&fault("r", "gone"));
    home.run(["resolve", "--run-id", "r", "--fault-id", "gone"]).expect(0);
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    home.check_settled_once(&[audit], "audit-skipped");
    home.check_settled_once(&[gone], "resolved");
    assert_eq!(home.json_of(PATTERNS)[0]["hitCount"], json!(2));
}

#[test]
fn a_hit_is_counted_once_its_event_is_settled_and_not_where_the_move_fails() {
    let home = Home::new();
    let file = home.put(&fault("r", "f"));
    home.write(PATTERNS, json!([pattern("stdout_contains", "No space left")]).to_string());
    std::fs::create_dir_all(home.queue("processed")).unwrap();
    set_mode(&home.queue("processed"), 0o500);
    let ended = home.drain_bound(FINDS_CAUSE);
    set_mode(&home.queue("processed"), 0o700);
    let Some(ended) = ended else { return };
    assert_eq!(ended.expect(1).json()["failed"], json!(2), "its own event failed too");
    assert_eq!(home.json_of(PATTERNS)[0]["hitCount"], json!(2), "what still waits is no hit yet");

    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    home.check_settled_once(&[file], "pattern-matched");
    assert_eq!(home.json_of(PATTERNS)[0]["hitCount"], json!(3));
}
