//! A batch that fails in its middle. It is a test program of its own: the limit that it sets is the process's.

use std::collections::BTreeSet;

use haltline_emitter::{Emission, drain_queue, emit, emit_all};
use haltline_protocol::Layout;
use haltline_spool::SpoolIntake;
use jiff::Timestamp;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More files than this process may have open in the test.
const BATCH: i64 = 60;
const FEW_FILES: u64 = 40;

#[test]
fn a_batch_that_fails_leaves_nothing_half_written_and_can_be_emitted_again() {
    let home = tempfile::tempdir().unwrap();
    let layout = Layout::new(home.path());
    let intake = SpoolIntake::open(&layout, true).unwrap();
    let stamp = |number: i64| Timestamp::from_millisecond(1_700_000_000_000 + number).unwrap();
    let earlier = drain_queue(stamp(BATCH)).unwrap();
    let emissions: Vec<_> = (0..BATCH).map(|number| drain_queue(stamp(number)).unwrap()).collect();
    let waiting = || layout.pending().read_dir().unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    emit(&intake, &earlier).unwrap();

    let allowed = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(FEW_FILES), ..allowed }).unwrap();
    let refused = emit_all(&intake, &emissions);
    setrlimit(Resource::Nofile, allowed).unwrap();
    let error = refused.unwrap_err();
    assert!(error.to_string().contains("pending-investigations") && !error.is_usage(), "{error}");
    let left: Vec<_> = waiting().collect();
    assert_eq!(left, [earlier.row()]);

    emit_all(&intake, &emissions).unwrap();
    let expected: BTreeSet<_> = emissions.iter().chain([&earlier]).map(Emission::row).map(<[u8]>::to_vec).collect();
    assert_eq!(waiting().count(), expected.len());
    assert_eq!(waiting().collect::<BTreeSet<_>>(), expected);
}
