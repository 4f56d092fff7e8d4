//! Moves that fail, moves that somebody else made, and names that are taken.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod support;

use serde_json::json;
use support::drains::{FINDS_CAUSE, PENDING, Running, audit, fault, reports, until};
use support::{Home, set_mode};

const NOTHING: [&str; 0] = [];

#[test]
fn h3_a_move_that_is_denied_leaves_the_event_and_is_never_told_as_skipped() {
    let home = Home::new();
    let file = home.put(&audit("r", "a"));
    std::fs::create_dir_all(home.queue("processed")).unwrap();
    set_mode(&home.queue("processed"), 0o500);
    let ended = home.drain_bound(FINDS_CAUSE);
    set_mode(&home.queue("processed"), 0o700);
    let Some(ended) = ended else { return };
    let result = ended.expect(1).json();
    assert_eq!((&result["failed"], &result["shortCircuited"]), (&json!(2), &json!(0)), "its own event failed too");
    assert_eq!((home.names(PENDING), home.names("processed").len()), (vec![file.clone()], 0));
    let told = home.told_of(&file);
    assert_eq!(told.len(), 1, "{told:#?}");
    assert_eq!((&told[0]["outcome"], &told[0]["errno"]), (&json!("move-failed"), &json!("EACCES")));
    assert_eq!(told[0]["move"], json!("failed"));
    assert!(home.told().iter().all(|row| row["outcome"] == "move-failed"));
    assert_eq!(home.json_of(&format!("{PENDING}/{file}")).get("delivery"), None, "it is no attempt");

    let again = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!((&again["failed"], &again["dispatched"]), (&json!(0), &json!(0)));
    home.check_settled_once(&[file], "audit-skipped");
    assert_eq!(home.trace(), NOTHING);
    let own = home.told_once().iter().filter(|row| row["runId"] == "drain-faults" && row["move"] == "moved").count();
    assert_eq!((own, home.names("processed").len()), (2, 3), "the own event of the first drain is settled as well");
}

#[test]
fn an_event_that_the_file_system_does_not_let_a_drain_claim_is_a_failure_and_told() {
    let home = Home::new();
    let file = home.put(&fault("r", "f"));
    set_mode(&home.queue(PENDING), 0o500);
    let ended = home.drain_bound(FINDS_CAUSE);
    set_mode(&home.queue(PENDING), 0o700);
    let Some(ended) = ended else { return };
    let result = ended.expect(1).json();
    assert_eq!((&result["failed"], &result["deferred"], &result["dispatched"]), (&json!(1), &json!(0), &json!(0)));
    let told = home.told_of(&file);
    assert_eq!((told.len(), &told[0]["outcome"], &told[0]["errno"]), (1, &json!("move-failed"), &json!("EACCES")));
    assert_eq!((home.names(PENDING), home.trace().len()), (vec![file.clone()], 0));
    assert_eq!(home.json_of(&format!("{PENDING}/{file}")).get("delivery"), None, "it is no attempt");

    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    home.check_settled_once(&[file], "investigated");
}

#[test]
fn h3_a_paid_event_that_cannot_be_moved_stays_held_with_its_report_and_only_the_move_is_tried_again() {
    let home = Home::new();
    let file = home.put(&fault("r", "f"));
    let Some(ended) = home.drain_bound(&format!("{FINDS_CAUSE}; chmod 500 \"$Q/processed\"")) else { return };
    let result = ended.expect(1).json();
    assert_eq!((&result["failed"], &result["processed"]), (&json!(1), &json!(0)));
    assert_eq!((&result["dispatched"], &result["deferred"]), (&json!(1), &json!(0)));
    assert_eq!((home.held(), home.names(PENDING).len()), (vec![file.clone()], 0));
    let told = home.told_of(&file);
    assert_eq!((told.len(), &told[0]["outcome"], &told[0]["errno"]), (1, &json!("move-failed"), &json!("EACCES")));
    assert_eq!(reports(&home, "r").len(), 2, "the report is filed before the event may go");

    let still = home.drain_bound(FINDS_CAUSE).unwrap().expect(1).json();
    assert_eq!((&still["dispatched"], home.trace().len()), (&json!(0), 1));
    assert!(home.held().contains(&file), "{:?}", home.held());

    set_mode(&home.queue("processed"), 0o700);
    let moved = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!((&moved["dispatched"], home.trace().len()), (&json!(0), 1));
    home.check_settled_once(&[file], "investigated");
    assert_eq!((reports(&home, "r").len(), home.names("inbox").len()), (2, 1), "nothing is filed twice");
    assert_eq!(home.holds(), NOTHING);
}

#[test]
fn a_report_that_cannot_be_filed_is_kept_and_filed_by_the_next_drain() {
    let home = Home::new();
    let file = home.put(&fault("r", "f"));
    std::fs::create_dir_all(home.queue("reports")).unwrap();
    let Some(ended) = home.drain_bound(&format!("{FINDS_CAUSE}; chmod 500 \"$Q/reports\"")) else { return };
    ended.expect(74).says("reports");
    assert_eq!((home.held(), home.told_of(&file).len()), (vec![file.clone()], 0));
    set_mode(&home.queue("reports"), 0o700);
    let result = home.drain(FINDS_CAUSE, NOTHING).expect(0).json();
    assert_eq!((&result["dispatched"], &result["recovered"], home.trace().len()), (&json!(0), &json!(1), 1));
    home.check_settled_once(&[file], "investigated");
    assert_eq!((reports(&home, "r").len(), home.names("inbox").len()), (2, 1));
}

#[test]
fn a_target_folder_that_vanished_is_a_failure_and_no_win_of_another() {
    let home = Home::new();
    let file = home.put(&fault("r", "f"));
    let body = format!("{FINDS_CAUSE}; mv \"$Q/processed\" \"$Q/../gone\"; rm -r \"$Q/../gone\"");
    let result = home.drain(&body, NOTHING).expect(1).json();
    assert_eq!((&result["failed"], &result["processed"]), (&json!(1), &json!(0)));
    let told = home.told_of(&file);
    assert_eq!((&told[0]["outcome"], &told[0]["errno"]), (&json!("move-failed"), &json!("ENOENT")));
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    home.check_settled_once(&[file], "investigated");
    assert_eq!(home.trace().len(), 1);
}

#[test]
fn a_paid_event_that_somebody_took_away_is_done_and_told_apart() {
    let home = Home::new();
    let file = home.put(&fault("r", "f"));
    let body = format!("{FINDS_CAUSE}; mv \"$HALTLINE_ATTEMPT_DIR/../../{file}\" \"$Q/../elsewhere.json\"");
    let result = home.drain(&body, NOTHING).expect(0).json();
    assert_eq!((&result["processed"], &result["failed"]), (&json!(1), &json!(0)));
    let told = home.told_of(&file);
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0]["outcome"], &told[0]["move"]), (&json!("investigated"), &json!("already-gone")));
    assert_eq!((home.names("processed").len(), home.holds().len()), (1, 0));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "this side is the other consumer")]
fn a_free_settle_that_another_consumer_won_is_done_and_told_apart() {
    let home = Home::new();
    let file = home.put(&audit("r", "a"));
    // The move waits between the journal's word of it and the deed, so this side is always quicker.
    let slow_move = ["-e", "trace=renameat2", "-e", "inject=renameat2:delay_enter=3s", "-P", &file];
    let Some(mut command) = home.traced(&slow_move) else { return };
    let drain = Running::start(command.args(["drain-faults", "--queue", "--json"]));
    let is_planned = || {
        home.holds().iter().any(|hold| {
            let journal = std::fs::read(home.queue(&format!("in-flight/{hold}/journal"))).unwrap_or_default();
            String::from_utf8_lossy(&journal).contains(&file)
        })
    };
    until("the plan of the move", is_planned);
    std::fs::rename(home.queue(PENDING).join(&file), home.queue("processed").join(&file)).unwrap();
    let result = drain.end().expect(0).json();
    assert_eq!((&result["shortCircuited"], &result["failed"]), (&json!(2), &json!(0)));
    let told = home.told_of(&file);
    assert_eq!(told.len(), 1);
    assert_eq!((&told[0]["outcome"], &told[0]["move"]), (&json!("audit-skipped"), &json!("already-gone")));
    assert_eq!(home.names("processed").len(), 2);
}

#[test]
#[expect(clippy::disallowed_methods, reason = "this side is the other consumer")]
fn among_many_moves_of_two_consumers_no_event_is_lost_or_settled_twice() {
    let home = Home::new();
    let files: Vec<_> = (0..900)
        .map(|number| home.write(&format!("{PENDING}/{number:03}.json"), audit("r", &number.to_string()).to_string()))
        .collect();
    std::fs::create_dir_all(home.queue("theirs")).unwrap();
    let drain = Running::start(&mut home.drain_with(FINDS_CAUSE));
    until("the first move", || !home.names("processed").is_empty());
    let mut theirs = 0_u64;
    for file in files.iter().rev() {
        theirs += u64::from(std::fs::rename(file, home.queue("theirs").join(file.file_name().unwrap())).is_ok());
    }
    let result = drain.end().expect(0).json();
    let told = home.told();
    let count = |state: &str| told.iter().filter(|row| row["move"] == state).count() as u64;
    assert_eq!(home.names("processed").len() as u64, 901 - theirs);
    assert_eq!(count("moved"), 901 - theirs, "one row for each that this drain moved, its own event included");
    assert_eq!(result["shortCircuited"], json!(count("moved") + count("already-gone")));
    assert!(count("already-gone") <= theirs && count("failed") == 0);
    assert_eq!(home.names(PENDING), NOTHING);
}

#[test]
fn a_name_that_is_taken_is_never_overwritten() {
    let home = Home::new();
    home.write("processed/r-a.json", "an older event");
    home.write("processed/r-a~20260520T081400123Z.json", "one more");
    let file = home.put(&audit("r", "a"));
    home.drain(FINDS_CAUSE, NOTHING).expect(0);
    let read = |name: &str| std::fs::read_to_string(home.queue("processed").join(name)).unwrap();
    assert_eq!(
        (read("r-a.json").as_str(), read("r-a~20260520T081400123Z.json").as_str()),
        ("an older event", "one more")
    );
    assert_eq!(read("r-a~20260520T081400123Z-2.json"), format!("{:#}\n", audit("r", "a")));
    assert_eq!(home.told_of(&file).len(), 1);
}

#[test]
fn an_earlier_report_is_kept_beside_a_later_one() {
    let home = Home::new();
    for _ in 0..3 {
        home.put(&fault("r", "f"));
        home.drain(FINDS_CAUSE, NOTHING).expect(0);
    }
    let names = reports(&home, "r");
    assert_eq!(names.len(), 6, "{names:?}");
    assert!(names.contains(&"f.md".to_owned()) && names.contains(&"f.json".to_owned()), "{names:?}");
    assert_eq!(names.iter().filter(|name| name.starts_with("f~")).count(), 4, "{names:?}");
    assert_eq!(home.names("inbox").len(), 3);
}
