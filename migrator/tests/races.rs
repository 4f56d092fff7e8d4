//! The upgrade while others work on the queue, and on rows of all sorts.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

mod util;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use haltline_files::Folder;
use haltline_migrator::{RunState, upgrade};
use haltline_protocol::HaltEvent;
use proptest::prelude::*;
use util::{FOLDERS, Home, flagged, names, recovery};

/// Every event of the queue by its id, with the places where it lies.
fn census(home: &Home) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for folder in FOLDERS.into_iter().chain(["in-flight/d"]) {
        for name in names(&home.path(folder)) {
            assert!(name.ends_with(".json"), "{folder}/{name} is left behind");
            let text = home.text(&format!("{folder}/{name}"));
            let event = HaltEvent::parse(text.as_bytes()).unwrap();
            let id = event.fault_id.as_str();
            assert!(text == recovery(id) || text == flagged(&recovery(id)), "{text}");
            found.entry(id.to_owned()).or_default().push(format!("{folder}/{name}"));
        }
    }
    found
}

#[test]
fn a_row_that_is_moved_away_meanwhile_is_neither_lost_nor_brought_back() {
    const ROWS: u32 = 400;
    let home = Home::empty();
    for number in 0..ROWS {
        home.write(&format!("pending-investigations/{number}.json"), recovery(&number.to_string()));
    }
    let pending = Folder::open(&home.layout.pending()).unwrap();
    let held = Folder::ensure(&home.path("in-flight/d")).unwrap();
    let processed = Folder::open(&home.layout.processed()).unwrap();
    let moved = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for turn in 0..2 {
            let (pending, held, processed, moved) = (&pending, &held, &processed, &moved);
            scope.spawn(move || {
                for number in (0..ROWS).rev().filter(|number| number % 4 == turn) {
                    let name = format!("{number}.json");
                    pending.move_to(&name, held, &name).unwrap();
                    held.move_to(&name, processed, &name).unwrap();
                    moved.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        home.upgrade(false);
    });
    assert_eq!(moved.into_inner(), ROWS / 2, "a rewrite never makes a name vanish");
    let found = census(&home);
    assert_eq!(found.len() as u32, ROWS);
    assert!(found.values().all(|places| places.len() == 1), "{found:#?}");

    let report = home.upgrade(false);
    assert!(matches!(report.state, RunState::Completed | RunState::DoneBefore));
    for (id, places) in census(&home) {
        assert_eq!(home.text(&places[0]), flagged(&recovery(&id)));
    }
}

#[test]
fn a_newer_emission_of_a_name_that_became_free_is_kept() {
    const NAMES: u32 = 20;
    const TURNS: u32 = 60;
    let home = Home::empty();
    let held = Folder::ensure(&home.path("in-flight/d")).unwrap();
    let pending = Folder::open(&home.layout.pending()).unwrap();
    for name in 0..NAMES {
        home.write(&format!("pending-investigations/{name}.json"), recovery(&format!("{name}-0")));
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for turn in 1..=TURNS {
                for number in 0..NAMES {
                    let name = format!("{number}.json");
                    pending.move_to(&name, &held, &format!("{number}-{}.json", turn - 1)).unwrap();
                    let text = recovery(&format!("{number}-{turn}"));
                    assert!(pending.create_new(&name, text.as_bytes()).unwrap());
                }
            }
            is_over.store(true, Ordering::Release);
        });
        while !is_over.load(Ordering::Acquire) {
            home.upgrade(false);
            if home.is_marked() {
                home.forget_marker();
            }
        }
    });
    let found = census(&home);
    let lost: Vec<String> = (0..NAMES)
        .flat_map(|name| (0..=TURNS).map(move |turn| format!("{name}-{turn}")))
        .filter(|id| !found.contains_key(id))
        .collect();
    assert!(lost.is_empty(), "{lost:?}");
}

#[test]
fn a_row_that_appears_during_the_run_holds_up_the_marker_until_it_is_flagged() {
    const MOST_RUNS: u32 = 100;
    let home = Home::empty();
    let pending = Folder::open(&home.layout.pending()).unwrap();
    let is_over = AtomicBool::new(false);
    let appeared = std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                if is_over.load(Ordering::Acquire) {
                    break;
                }
                assert!(pending.create_new(&format!("old-{number}.json"), recovery("g").as_bytes()).unwrap());
            }
        });
        let appeared = (0..MOST_RUNS).find_map(|_| {
            let run = home.upgrade(false);
            let report = run.report.unwrap();
            assert_eq!(run.state == RunState::Completed, report.is_complete());
            assert_eq!(home.is_marked(), report.is_complete());
            if home.is_marked() {
                home.forget_marker();
            }
            (!report.appeared.is_empty()).then_some(report)
        });
        is_over.store(true, Ordering::Release);
        appeared
    });
    let report = appeared.expect("a row appeared during one of the runs");
    assert!(report.malformed.is_empty() && report.failed.is_empty(), "{report:#?}");
    home.upgrade(false);
    assert!(home.is_marked());
}

#[test]
fn of_two_upgrades_at_once_each_ends_well_and_the_rows_are_flagged_once() {
    let home = Home::empty();
    for number in 0..100 {
        home.write(&format!("pending-investigations/{number}.json"), recovery("f"));
    }
    let flagged_rows: u64 = std::thread::scope(|scope| {
        let runs: Vec<_> =
            (0..4).map(|_| scope.spawn(|| upgrade(&home.layout, false, &mut |_| ()).unwrap().remove(0))).collect();
        runs.into_iter()
            .map(|run| run.join().unwrap())
            .map(|run| {
                assert!(matches!(run.state, RunState::Completed | RunState::DoneBefore));
                run.report.map_or(0, |report| report.count("flagged"))
            })
            .sum()
    });
    assert_eq!(flagged_rows, 100);
    assert!(home.is_marked());
}

fn json(depth: u32) -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        "[1-9][0-9]{0,24}",
        "-?[1-9]\\.[0-9]{1,20}",
        Just("1.0".to_owned()),
        Just("null".to_owned()),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
    ];
    leaf.prop_recursive(depth, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" ,\n"))),
            proptest::collection::btree_map(any::<String>(), inner, 0..4).prop_map(|fields| {
                let fields: Vec<String> = fields
                    .iter()
                    .map(|(key, value)| format!("{} :{value}", serde_json::to_string(key).unwrap()))
                    .collect();
                format!("{{ {} }}", fields.join(","))
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn migrating_keeps_all_content_and_twice_is_once(
        value in json(3),
        snapshot_value in json(2),
        space in "[ \\t\\r\\n]{0,3}",
        is_last in any::<bool>(),
    ) {
        let unknown = format!("\"unknown\"{space}:{space}{value}{space}");
        let fields = format!(
            "\"faultId\":\"f\",\"runId\":\"r\",\"stateSlug\":\"s\",\"kind\":\"MANUAL_RECOVERY_INVOKED\",\
             \"severity\":\"HIGH\",\"timestamp\":\"t\",\"message\":\"mark-shipped subcommand invoked\",\
             \"pointers\":{{}},\"snapshot\":{{\"x\":{snapshot_value}}}"
        );
        let body = if is_last { format!("{fields},{space}{unknown}") } else { format!("{unknown},{space}{fields}") };
        let text = format!("{space}{{{space}{body}{space}}}{space}");
        prop_assume!(HaltEvent::parse(text.as_bytes()).is_ok());

        let home = Home::empty();
        home.write("processed/x.json", &text);
        prop_assert_eq!(home.upgrade(false).state, RunState::Completed);
        let once = home.text("processed/x.json");
        let added: String = once.chars().filter(|letter| !letter.is_whitespace()).collect();
        let given: String = text.chars().filter(|letter| !letter.is_whitespace()).collect();
        let expected = format!("{},\"investigate\":false}}", given.strip_suffix('}').unwrap());
        prop_assert_eq!(added, expected);
        let place = once.rfind(",").unwrap();
        prop_assert_eq!(&once[..place], &text[..place]);
        let closing = once.rfind("false").unwrap() + "false".len();
        prop_assert_eq!(&once[closing..], &text[place..]);

        home.forget_marker();
        prop_assert_eq!(home.upgrade(false).state, RunState::Completed);
        prop_assert_eq!(home.text("processed/x.json"), once);
    }
}
