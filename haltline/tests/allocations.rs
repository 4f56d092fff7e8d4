//! How often a drain asks for memory for each audit event. That has no noise, and so it is held to a number.

#![expect(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::alloc::System;
use std::sync::Arc;

use haltline_consumer::{Drain, DrainOptions, Wires};
use haltline_protocol::Layout;
use haltline_spool::FileSession;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The texts of an event, of its row and of its move, each once, and the share of a batch.
const MOST_FOR_ONE: usize = 22;

const FEW: u32 = 1000;
const MANY: u32 = 3000;

/// Allocations of all threads, from the opened queue to the end of the drain.
fn allocations(events: u32) -> usize {
    let home = tempfile::tempdir().unwrap();
    let layout = Layout::new(home.path());
    std::fs::create_dir_all(layout.pending()).unwrap();
    for number in 0..events {
        let fault_id = format!("MANUAL_RECOVERY_INVOKED:all:{number:08x}");
        let row = serde_json::json!({
            "faultId": fault_id, "runId": "build-42", "stateSlug": "checkout-flow", "kind": "MANUAL_RECOVERY_INVOKED",
            "severity": "HIGH", "timestamp": "2026-05-20T08:14:00.123Z", "message": "mark-shipped subcommand invoked",
            "investigate": false, "pointers": {"stateFile": "", "stdoutLog": "", "livingPlan": "", "worktreePath": ""},
            "snapshot": {"stdoutTail": "", "failureReason": ""},
        });
        std::fs::write(layout.pending().join(format!("build-42-{fault_id}.json")), format!("{row:#}\n")).unwrap();
    }
    let options = DrainOptions { learned_patterns: layout.learned_patterns(), ..DrainOptions::default() };
    let queue = Arc::new(FileSession::open(&layout).unwrap());
    let (dispatcher, _requests) = mpsc::channel(1);
    let (analytics, mut batches) = mpsc::channel::<haltline_protocol::RecordBatch>(1);
    let wires =
        Wires { dispatcher, analytics, progress: None, stop: CancellationToken::new(), cut: CancellationToken::new() };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let region = Region::new(ALLOCATOR);
    let report = runtime.block_on(async {
        let recording = async {
            while let Some(batch) = batches.recv().await {
                batch.acknowledge.send(Ok(())).ok();
            }
        };
        tokio::join!(Drain::new(queue, options).run(wires), recording).0.unwrap()
    });
    assert_eq!(report.counts.short_circuited, u64::from(events));
    let change = region.change();
    change.allocations + change.reallocations
}

#[test]
fn an_audit_event_takes_few_allocations() {
    allocations(FEW);
    let (few, many) = (allocations(FEW), allocations(MANY));
    let more = many - few;
    let most = MOST_FOR_ONE * (MANY - FEW) as usize;
    println!("{more} allocations for {} more audit events", MANY - FEW);
    assert!(more <= most, "{more} allocations; {most} are allowed");
}
