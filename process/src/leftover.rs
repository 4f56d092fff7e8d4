//! Ends what a process that died left running: its child's session, and what carries the mark of the child's folder.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use rustix::process::{Signal, getpid};

use crate::platform::{boot_id, read_table, send};
use crate::table::{Process, ProcessId, alive_once, children_of, descendants_of};
use crate::tree::{MOST_ROUNDS, PAUSE, Swept, is_marked, stop_and_kill};

/// Asks what runs of a dead process's child to end, and kills it when `grace` is over. `streams` are the files that were
/// its standard streams: where none of them is locked, nothing runs, and the answer is none.
pub async fn end_leftover(
    folder: &Path,
    streams: Vec<File>,
    leader: Option<&ProcessId>,
    grace: Duration,
) -> Option<Swept> {
    if !streams.into_iter().any(|file| is_locked(&file)) {
        return None;
    }
    let find = || left_of_tree(&read_table(), folder, leader);
    let asked = find();
    asked.iter().for_each(|process| send(process, Signal::TERM));
    let deadline = tokio::time::Instant::now() + grace;
    while tokio::time::Instant::now() < deadline && !find().is_empty() {
        tokio::time::sleep(PAUSE).await;
    }
    for _ in 0..MOST_ROUNDS {
        if stop_and_kill(find).is_empty() {
            return Some(Swept { killed: asked.len(), survivors: 0 });
        }
        tokio::time::sleep(PAUSE).await;
    }
    Some(Swept { killed: asked.len(), survivors: find().len() })
}

fn is_locked(file: &File) -> bool {
    flock(file, FlockOperation::NonBlockingLockExclusive) == Err(Errno::WOULDBLOCK)
}

/// The living processes of a tree whose parent died: the noted leader's session if it is still the same leader, what
/// carries the tree's mark, and the descendants of these.
fn left_of_tree(table: &[Process], folder: &Path, leader: Option<&ProcessId>) -> Vec<Process> {
    let leader = leader.filter(|leader| {
        leader.boot_id == boot_id()
            && table.iter().any(|process| process.pid == leader.pid && process.start_ticks == leader.start_ticks)
    });
    let ours = getpid().as_raw_pid();
    let roots: Vec<Process> = table
        .iter()
        .filter(|process| process.pid != ours)
        .filter(|process| leader.is_some_and(|leader| process.session == leader.pid) || is_marked(process, folder))
        .copied()
        .collect();
    let pids: Vec<i32> = roots.iter().map(|process| process.pid).collect();
    let mut owned = descendants_of(&children_of(table), &pids, |process| process.pid != ours);
    owned.extend(roots);
    alive_once(owned)
}
