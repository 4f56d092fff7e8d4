//! Which processes belong to a child that was started, and how they end.
//!
//! A process group is not enough: a grandchild that called setsid(2) survives the group's end and holds its output
//! open. From the process table a tree owns
//! - its leader's session,
//! - what carries the tree's mark: its `TMPDIR`, or a descriptor that holds the lock on one of its files,
//! - and the descendants of these.
//!
//! A process that drops every mark and loses its parent is nobody's then. A program that has its process to itself
//! (`own_this_process`) makes it the subreaper (prctl(2)) of what it starts: whoever loses its parent becomes its child.
//! A tree then owns such a child in a foreign session without any mark too, where no other tree that runs can have
//! started it; and the whole search keeps to the descendants of this process, which are all that there can be.
//!
//! All are stopped before one is killed: a stopped process cannot fork away.
//!
//! Rejected: cgroup.kill needs a delegated cgroup, which an ordinary user seldom has; a supervisor process for each
//! child needs a second program and has the same table to read.

use std::collections::HashSet;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, getpid, waitpid};

use crate::own::is_owned;
use crate::platform::{boot_id, has_variable, holds_lock_in, read_process, read_table, send};
use crate::table::{Process, ProcessId, State, alive_once, children_of, descendants_of};

/// The variable that marks the processes of a tree: its value is the tree's folder.
pub const MARK: &str = "TMPDIR";

/// How often the process table is read again until nothing is left. With the pause between: four seconds.
pub(crate) const MOST_ROUNDS: u32 = 400;
/// How long a killed process gets to vanish before the table is read again.
pub(crate) const PAUSE: Duration = Duration::from_millis(10);
/// How often new processes are looked for among those that were just stopped, before the killing begins.
const MOST_STOPS: u32 = 16;

/// The trees that run in this process. The subreaper's children are the whole process's, so their owners are too.
static LIVE: Mutex<Vec<Leader>> = Mutex::new(Vec::new());

/// The child that everything else of a tree descends from.
#[derive(Debug, Clone)]
struct Leader {
    pid: i32,
    start_ticks: u64,
    folder: PathBuf,
}

fn live() -> MutexGuard<'static, Vec<Leader>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A child that we started with what it started, until nothing of it is left.
#[derive(Debug)]
pub(crate) struct Tree {
    leader: Leader,
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// How many processes were killed.
    pub killed: usize,
    /// How many were still there at the end.
    pub survivors: usize,
}

impl Tree {
    /// Starts a leader. No sweep runs meanwhile, so none takes it for an orphan.
    pub(crate) fn start<T>(folder: &Path, start: impl FnOnce() -> io::Result<(T, i32)>) -> io::Result<(T, Self)> {
        let mut all = live();
        let (child, pid) = start()?;
        // It is not reaped yet, so it is in the table even if it has ended.
        let start_ticks = read_process(pid).map_or(0, |process| process.start_ticks);
        let leader = Leader { pid, start_ticks, folder: folder.to_owned() };
        all.push(leader.clone());
        Ok((child, Self { leader }))
    }

    pub(crate) fn pid(&self) -> i32 {
        self.leader.pid
    }

    pub(crate) fn id(&self) -> ProcessId {
        ProcessId { pid: self.leader.pid, start_ticks: self.leader.start_ticks, boot_id: boot_id() }
    }

    /// Ends what the leader left behind once it was waited for.
    pub(crate) async fn sweep(&self) -> Swept {
        let mut killed = HashSet::new();
        for _ in 0..MOST_ROUNDS {
            let left = self.sweep_once();
            if left.is_empty() {
                return Swept { killed: killed.len(), survivors: 0 };
            }
            killed.extend(left);
            tokio::time::sleep(PAUSE).await;
        }
        Swept { killed: killed.len(), survivors: self.sweep_once().len() }
    }

    fn sweep_once(&self) -> Vec<(i32, u64)> {
        let all = live();
        let ours = getpid().as_raw_pid();
        let found = stop_and_kill(|| {
            let table = read_table();
            let others: Vec<&Leader> = all.iter().filter(|other| other.pid != self.leader.pid).collect();
            if is_owned() {
                reap(&table, ours, &all);
                owned_descendants(&table, ours, &self.leader, &others)
            } else {
                marked(&table, ours, &self.leader, &others)
            }
        });
        found.iter().map(|process| (process.pid, process.start_ticks)).collect()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        live().retain(|other| other.pid != self.leader.pid);
    }
}

/// Stops everything that `find` finds until it finds nothing that runs, then kills it all.
pub(crate) fn stop_and_kill(mut find: impl FnMut() -> Vec<Process>) -> Vec<Process> {
    let mut found = find();
    for _ in 0..MOST_STOPS {
        let running: Vec<_> = found.iter().filter(|process| process.state != State::Stopped).collect();
        if running.is_empty() {
            break;
        }
        running.iter().for_each(|process| send(process, Signal::STOP));
        found = find();
    }
    found.iter().for_each(|process| send(process, Signal::KILL));
    found
}

/// Whether a process carries the mark of the tree in `folder`.
pub(crate) fn is_marked(process: &Process, folder: &Path) -> bool {
    let mark = [MARK.as_bytes(), b"=", folder.as_os_str().as_bytes()].concat();
    has_variable(process.pid, &mark) || holds_lock_in(process.pid, folder)
}

/// Takes the exit status of adopted orphans, so that none stays in the table. Leaders are waited for elsewhere.
fn reap(table: &[Process], ours: i32, all: &[Leader]) {
    let our_session = session_of(table, ours);
    for orphan in table.iter().filter(|process| {
        process.parent == ours
            && process.state == State::Dead
            && process.session != our_session
            && all.iter().all(|leader| leader.pid != process.pid)
    }) {
        if let Err(errno) = waitpid(Pid::from_raw(orphan.pid), WaitOptions::NOHANG) {
            tracing::debug!(pid = orphan.pid, %errno, "could not reap an orphan");
        }
    }
}

fn session_of(table: &[Process], pid: i32) -> i32 {
    table.iter().find(|process| process.pid == pid).map_or(0, |process| process.session)
}

/// The living processes of a tree by their marks alone: whoever lost its parent may be anybody's child. Its leader is one
/// until it was waited for.
fn marked(table: &[Process], ours: i32, leader: &Leader, others: &[&Leader]) -> Vec<Process> {
    // The number of a session is free again when the session is empty, for a process that has nothing to do with us.
    let is_reused = table.iter().any(|process| process.pid == leader.pid && process.start_ticks != leader.start_ticks);
    let may_enter = |process: &Process| process.pid != ours && others.iter().all(|other| other.pid != process.pid);
    let is_ours = |process: &Process| {
        process.start_ticks >= leader.start_ticks
            && ((process.session == leader.pid && !is_reused) || is_marked(process, &leader.folder))
    };
    let roots: Vec<Process> = table.iter().filter(|process| may_enter(process) && is_ours(process)).copied().collect();
    let pids: Vec<i32> = roots.iter().map(|process| process.pid).collect();
    let mut owned = descendants_of(&children_of(table), &pids, may_enter);
    owned.extend(roots);
    alive_once(owned)
}

/// The living processes of a tree among our descendants. Its leader is one until it was waited for.
fn owned_descendants(table: &[Process], ours: i32, leader: &Leader, others: &[&Leader]) -> Vec<Process> {
    let children = children_of(table);
    let our_session = session_of(table, ours);
    let is_other_leader = |process: &Process| others.iter().any(|other| other.pid == process.pid);
    let all = descendants_of(&children, &[ours], |_| true);
    let roots: Vec<i32> = all
        .iter()
        .filter(|process| !is_other_leader(process))
        .filter(|process| {
            let in_session = process.session == leader.pid && process.start_ticks >= leader.start_ticks;
            let is_orphan = process.parent == ours && process.session != our_session && process.state != State::Dead;
            in_session || (is_orphan && belongs(process, leader, others))
        })
        .map(|process| process.pid)
        .collect();
    let mut owned = descendants_of(&children, &roots, |process| !is_other_leader(process));
    owned.extend(all.iter().filter(|process| roots.contains(&process.pid)));
    alive_once(owned)
}

/// Whether an orphan in a session of its own is this tree's rather than another's that runs.
fn belongs(orphan: &Process, leader: &Leader, others: &[&Leader]) -> bool {
    if is_marked(orphan, &leader.folder) {
        return true;
    }
    let others_began_later = others.iter().all(|other| other.start_ticks > orphan.start_ticks);
    orphan.start_ticks >= leader.start_ticks
        && others_began_later
        && !others.iter().any(|other| orphan.session == other.pid || is_marked(orphan, &other.folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: i32, parent: i32, session: i32, start_ticks: u64) -> Process {
        Process { pid, state: State::Running, parent, session, start_ticks }
    }

    fn leader(pid: i32, start_ticks: u64) -> Leader {
        Leader { pid, start_ticks, folder: format!("/nowhere/{pid}").into() }
    }

    /// Pids above what Linux gives out, so that no mark is found in /proc.
    const US: i32 = 2_000_000_000;

    #[test]
    fn a_tree_owns_its_session_its_orphans_and_their_descendants_and_no_others() {
        let table = [
            process(US, 1, 500, 5),
            process(US + 1, US, US + 1, 100),
            process(US + 2, US + 1, US + 1, 101),
            process(US + 3, US, US + 3, 102),
            process(US + 4, US + 3, US + 4, 103),
            process(US + 10, US, US + 10, 110),
            process(US + 11, US + 10, US + 10, 111),
            process(US + 12, US, US + 10, 112),
            process(US + 13, US, US + 13, 113),
            process(US + 20, US, 500, 120),
            process(US + 30, 1, US + 1, 130),
        ];
        let (first, second) = (leader(US + 1, 100), leader(US + 10, 110));
        let pids = |owned: Vec<Process>| owned.iter().map(|process| process.pid - US).collect::<Vec<_>>();
        assert_eq!(pids(owned_descendants(&table, US, &first, &[&second])), [1, 2, 3, 4]);
        // Nothing says whose 13 is while the first runs: it could have started it.
        assert_eq!(pids(owned_descendants(&table, US, &second, &[&first])), [10, 11, 12]);
        assert_eq!(pids(owned_descendants(&table, US, &second, &[])), [10, 11, 12, 13]);
    }

    #[test]
    fn in_a_host_a_tree_owns_its_session_and_its_descendants_and_no_child_of_the_host() {
        let mut table = vec![
            process(US, 1, 500, 5),
            process(US + 1, US, US + 1, 100),
            process(US + 2, US + 1, US + 1, 101),
            process(US + 3, US + 2, US + 3, 102),
            process(US + 4, 1, US + 1, 103),
            process(US + 10, US, US + 10, 110),
            process(US + 11, US + 10, US + 10, 111),
            process(US + 20, US, US + 20, 120),
            process(US + 21, 1, US + 21, 121),
            process(US + 30, 1, US + 1, 90),
        ];
        let (first, second) = (leader(US + 1, 100), leader(US + 10, 110));
        let pids = |owned: Vec<Process>| owned.iter().map(|process| process.pid - US).collect::<Vec<_>>();
        assert_eq!(pids(marked(&table, US, &first, &[&second])), [1, 2, 3, 4]);
        assert_eq!(pids(marked(&table, US, &second, &[&first])), [10, 11]);
        // The leader was waited for, and somebody else has its number now.
        table[1] = process(US + 1, 1, US + 1, 140);
        assert_eq!(pids(marked(&table, US, &first, &[&second])), [0; 0]);
    }
}
