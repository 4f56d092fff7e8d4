//! What each event costs in functions that touch no file: `cargo bench -p haltline`.
//!
//! It stands here, since only this crate may know all of the others.
#![allow(missing_docs, reason = "criterion's macro makes a public function")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use haltline_dispatcher::Expected;
use haltline_emitter::{Place, fault_id};
use haltline_protocol::{DrainId, FaultKey, Kind, MoveOutcome, Row, RowDraft, RowOutcome, event_name};
use jiff::Timestamp;

const MESSAGE: &str = "--mark-phase-committed invoked for phase 3";

/// What an investigator may print beside its answer.
const PROSE: &str = "I read src/main.rs {see fn main} and ran `cargo test`; 3 of 41 tests failed.\n";

fn ids(criterion: &mut Criterion) {
    let (kind, place) = (Kind::new("MANUAL_RECOVERY_INVOKED"), Place::default());
    criterion.bench_function("fault id", |bencher| bencher.iter(|| fault_id(&kind, &place, black_box(MESSAGE))));
}

fn names(criterion: &mut Criterion) {
    let table = [
        ("plain", "build-42", "PHASE_FAILED:p3:302c3b29".to_owned()),
        ("odd", "../../etc/passwd", "PHASE FAILED / 3".to_owned()),
        ("long", "build-42", "a/".repeat(4096)),
    ];
    let mut group = criterion.benchmark_group("event name");
    for (what, run, fault) in table {
        let key = FaultKey { run_id: run.into(), fault_id: fault.as_str().into() };
        group.bench_function(what, |bencher| bencher.iter(|| event_name(black_box(&key))));
    }
    group.finish();
}

fn rows(criterion: &mut Criterion) {
    let draft = RowDraft {
        fault_id: Some("MANUAL_RECOVERY_INVOKED:all:276ba8b1".into()),
        run_id: Some("build-42".into()),
        kind: Some("MANUAL_RECOVERY_INVOKED".into()),
        severity: Some("HIGH".into()),
        ..RowDraft::new(RowOutcome::AuditSkipped, "build-42-MANUAL_RECOVERY_INVOKED:all:276ba8b1.json")
    };
    let now = Timestamp::UNIX_EPOCH;
    let row = Row::complete(now, DrainId::at(now, 1), 1, draft, &MoveOutcome::Moved);
    criterion.bench_function("analytics row", |bencher| {
        let mut lines = Vec::new();
        bencher.iter(|| {
            lines.clear();
            serde_json::to_writer(&mut lines, black_box(&row))
        });
    });
}

fn reports(criterion: &mut Criterion) {
    let fault_id = "PHASE_FAILED:p3:302c3b29".into();
    let report = r#"{"faultId":"PHASE_FAILED:p3:302c3b29","outcome":"needs-human","rootCause":"r","evidence":["a:1"],
        "proposedFix":null,"learnedPatternProposal":null}"#;
    let expected = Expected { fault_id: &fault_id, nonce: None, needs_nonce: false, quoted: &[] };
    let mut group = criterion.benchmark_group("report");
    // It is looked for from the end.
    let before_prose = format!("{report}\n{}", PROSE.repeat((1 << 20) / PROSE.len()));
    for (what, text, is_found) in [
        ("alone", report.to_owned(), true),
        ("before 1 MiB of prose", before_prose, true),
        ("none in 1 MiB of braces", "{".repeat(1 << 20), false),
    ] {
        assert_eq!(expected.find_in(&text).is_ok(), is_found, "{what}");
        group.sample_size(20).throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(what, |bencher| bencher.iter(|| expected.find_in(black_box(&text)).is_ok()));
    }
    group.finish();
}

criterion_group!(benches, ids, names, rows, reports);
criterion_main!(benches);
