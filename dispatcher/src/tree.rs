//! Which processes belong to an attempt, and how they end.
//!
//! A process group is not enough: a grandchild that called setsid(2) survives the group's end and holds its output
//! open. So the drain makes itself the subreaper (prctl(2)) of what it starts: whoever loses its parent becomes the
//! drain's child. From the process table an attempt then owns
//! - its leader's session,
//! - any child of ours in a foreign session that carries the attempt's mark: its `TMPDIR`, or a descriptor that holds
//!   the lock on one of its files,
//! - such a child without any mark, where no other attempt that runs can have started it,
//! - and the descendants of all these.
//!
//! So nothing else in this process may start a child in a session of its own; whatever it is, it is taken for an orphan.
//!
//! A process is signalled through a pidfd that is compared with the table first, so that a pid that came again is
//! safe. All are stopped before one is killed: a stopped process cannot fork away.
//!
//! Rejected: cgroup.kill needs a delegated cgroup, which an ordinary user seldom has; a supervisor process for each
//! attempt needs a second program and has the same table to read.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use rustix::fs::Mode;
use rustix::process::{
    DumpableBehavior, Pid, PidfdFlags, Resource, Rlimit, Signal, WaitOptions, getpid, getrlimit, pidfd_open,
    pidfd_send_signal, set_child_subreaper, set_dumpable_behavior, setrlimit, umask, waitpid,
};

use crate::attempt::ProcessNote;

/// How often the process table is read again until nothing is left. With the pause between: four seconds.
const MOST_ROUNDS: u32 = 400;
/// How long a killed process gets to vanish before the table is read again.
const PAUSE: Duration = Duration::from_millis(10);
/// How often new processes are looked for among those that were just stopped, before the killing begins.
const MOST_STOPS: u32 = 16;

/// The attempts that run in this process. The subreaper's children are the whole process's, so their owners are too.
static LIVE: Mutex<Vec<Live>> = Mutex::new(Vec::new());

#[derive(Debug, Clone)]
struct Live {
    pid: i32,
    start_ticks: u64,
    folder: PathBuf,
}

fn live() -> MutexGuard<'static, Vec<Live>> {
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One line of the process table (proc_pid_stat(5)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Process {
    pid: i32,
    state: u8,
    parent: i32,
    session: i32,
    start_ticks: u64,
}

impl Process {
    /// One look brings the line whole: 52 numbers and a name of at most 64 bytes.
    fn read(pid: i32) -> Option<Self> {
        let mut line = [0; 2048];
        let length = File::open(format!("/proc/{pid}/stat")).and_then(|mut file| file.read(&mut line)).ok()?;
        Self::parse(&String::from_utf8_lossy(&line[..length]))
    }

    /// The name in parentheses is the process's own choice and may hold anything, so the fields count from its end.
    fn parse(line: &str) -> Option<Self> {
        let pid = line.split(' ').next()?.parse().ok()?;
        let fields: Vec<&str> = line[line.rfind(')')? + 1..].split_ascii_whitespace().collect();
        let number = |place: usize| fields.get(place)?.parse::<i64>().ok();
        Some(Self {
            pid,
            state: *fields.first()?.as_bytes().first()?,
            parent: i32::try_from(number(1)?).ok()?,
            session: i32::try_from(number(3)?).ok()?,
            start_ticks: u64::try_from(number(19)?).ok()?,
        })
    }

    fn is_dead(&self) -> bool {
        matches!(self.state, b'Z' | b'X')
    }

    fn is_stopped(&self) -> bool {
        matches!(self.state, b'T' | b't')
    }

    /// Signals this very process, or nobody.
    fn signal(&self, signal: Signal) {
        let Some(pid) = Pid::from_raw(self.pid) else { return };
        let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return };
        if Self::read(self.pid).is_some_and(|now| now.start_ticks == self.start_ticks)
            && let Err(errno) = pidfd_send_signal(&handle, signal)
            && errno != rustix::io::Errno::SRCH
        {
            tracing::debug!(pid = self.pid, %errno, "could not signal a process");
        }
    }

    /// Whether it carries the mark of the attempt in `folder`.
    fn is_marked(&self, folder: &Path) -> bool {
        use std::os::unix::ffi::OsStrExt;

        let mark = [b"TMPDIR=", folder.as_os_str().as_bytes()].concat();
        let environment = fs::read(format!("/proc/{}/environ", self.pid)).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark) || self.holds_lock_in(folder)
    }

    fn holds_lock_in(&self, folder: &Path) -> bool {
        let Ok(descriptors) = fs::read_dir(format!("/proc/{}/fd", self.pid)) else { return false };
        descriptors.flatten().any(|descriptor| {
            let path = descriptor.path();
            fs::read_link(&path).is_ok_and(|target| target.parent() == Some(folder))
                && fs::read_to_string(format!("/proc/{}/fdinfo/{}", self.pid, descriptor.file_name().display()))
                    .is_ok_and(|info| info.contains("FLOCK"))
        })
    }
}

fn read_table() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| Process::read(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// The boot that start times count from.
fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// What every process that we start inherits, so that none runs a moment without it: no core dump, no more descriptors
/// than a Node program asks for, and no larger file. The last one holds for our own files too, so it is far above what
/// the rows of a lifetime take.
///
/// There is no bound on processes: the kernel counts all that the user has, so one that stops a fork bomb stops the
/// user's other work as well, and our own threads.
const INHERITED: [(Resource, u64); 3] = [(Resource::Core, 0), (Resource::Nofile, 16_384), (Resource::Fsize, 16 << 30)];

/// A limit of so much, or of what is allowed already where that is less.
pub(crate) fn at_most(resource: Resource, most: u64) -> Rlimit {
    let allowed = getrlimit(resource).maximum.map_or(most, |allowed| allowed.min(most));
    Rlimit { current: Some(allowed), maximum: Some(allowed) }
}

/// Makes this process fit to start others: it adopts their orphans, and they create files for the user alone and inherit
/// its limits.
pub(crate) fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        umask(Mode::RWXG | Mode::RWXO);
        for (resource, most) in INHERITED {
            if let Err(errno) = setrlimit(resource, at_most(resource, most)) {
                tracing::warn!(?resource, %errno, "cannot bound what an investigator may use");
            }
        }
        // What we start runs as the same user. It could read our environment and our memory, and with them every secret
        // that its own environment was kept free of.
        if let Err(errno) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
            tracing::warn!(%errno, "an investigator can read the environment of this process");
        }
        if let Err(errno) = set_child_subreaper(Some(getpid())) {
            tracing::warn!(%errno, "cannot adopt orphans; a process that leaves its session may survive");
        }
    });
}

/// An attempt whose leader was started by us, from its start until nothing of it is left.
#[derive(Debug)]
pub(crate) struct Member {
    live: Live,
}

impl Member {
    /// Starts a leader. No sweep runs meanwhile, so none takes it for an orphan.
    pub(crate) fn start<T>(folder: &Path, start: impl FnOnce() -> io::Result<(T, i32)>) -> io::Result<(T, Self)> {
        let mut all = live();
        let (child, pid) = start()?;
        // It is not reaped yet, so it is in the table even if it has ended.
        let start_ticks = Process::read(pid).map_or(0, |process| process.start_ticks);
        let live = Live { pid, start_ticks, folder: folder.to_owned() };
        all.push(live.clone());
        Ok((child, Self { live }))
    }

    /// Who the leader is, for a later drain.
    pub(crate) fn note(&self) -> ProcessNote {
        ProcessNote { pid: self.live.pid, start_ticks: self.live.start_ticks, boot_id: boot_id() }
    }

    /// Ends what the leader left behind once it was waited for. Answers how many processes had to be killed, and
    /// how many were still there at the end.
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
            let others: Vec<&Live> = all.iter().filter(|other| other.pid != self.live.pid).collect();
            reap(&table, ours, &all);
            owned_descendants(&table, ours, &self.live, &others)
        });
        found.iter().map(|process| (process.pid, process.start_ticks)).collect()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        live().retain(|other| other.pid != self.live.pid);
    }
}

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Swept {
    pub(crate) killed: usize,
    pub(crate) survivors: usize,
}

/// Stops everything that `find` finds until it finds nothing that runs, then kills it all.
fn stop_and_kill(mut find: impl FnMut() -> Vec<Process>) -> Vec<Process> {
    let mut found = find();
    for _ in 0..MOST_STOPS {
        let running: Vec<_> = found.iter().filter(|process| !process.is_stopped()).collect();
        if running.is_empty() {
            break;
        }
        running.iter().for_each(|process| process.signal(Signal::STOP));
        found = find();
    }
    found.iter().for_each(|process| process.signal(Signal::KILL));
    found
}

/// Takes the exit status of adopted orphans, so that none stays in the table. Leaders are waited for elsewhere.
fn reap(table: &[Process], ours: i32, all: &[Live]) {
    let our_session = session_of(table, ours);
    for orphan in table.iter().filter(|process| {
        process.parent == ours
            && process.is_dead()
            && process.session != our_session
            && all.iter().all(|live| live.pid != process.pid)
    }) {
        if let Err(errno) = waitpid(Pid::from_raw(orphan.pid), WaitOptions::NOHANG) {
            tracing::debug!(pid = orphan.pid, %errno, "could not reap an orphan");
        }
    }
}

fn session_of(table: &[Process], pid: i32) -> i32 {
    table.iter().find(|process| process.pid == pid).map_or(0, |process| process.session)
}

/// The living processes of an attempt among our descendants. Its leader is one until it was waited for.
fn owned_descendants(table: &[Process], ours: i32, owner: &Live, others: &[&Live]) -> Vec<Process> {
    let children = children_of(table);
    let our_session = session_of(table, ours);
    let is_other_leader = |process: &Process| others.iter().any(|other| other.pid == process.pid);
    let descendants = reach(&children, &[ours], |_| true);
    let roots: Vec<i32> = descendants
        .iter()
        .filter(|process| !is_other_leader(process))
        .filter(|process| {
            let in_session = process.session == owner.pid && process.start_ticks >= owner.start_ticks;
            let is_orphan = process.parent == ours && process.session != our_session && !process.is_dead();
            in_session || (is_orphan && belongs(process, owner, others))
        })
        .map(|process| process.pid)
        .collect();
    let mut owned = reach(&children, &roots, |process| !is_other_leader(process));
    owned.extend(descendants.iter().filter(|process| roots.contains(&process.pid)));
    alive_once(owned)
}

/// Whether an orphan in a session of its own is this attempt's rather than another's that runs.
fn belongs(orphan: &Process, owner: &Live, others: &[&Live]) -> bool {
    if orphan.is_marked(&owner.folder) {
        return true;
    }
    let others_began_later = others.iter().all(|other| other.start_ticks > orphan.start_ticks);
    orphan.start_ticks >= owner.start_ticks
        && others_began_later
        && !others.iter().any(|other| orphan.session == other.pid || orphan.is_marked(&other.folder))
}

fn children_of(table: &[Process]) -> HashMap<i32, Vec<Process>> {
    let mut children: HashMap<i32, Vec<Process>> = HashMap::new();
    for process in table {
        children.entry(process.parent).or_default().push(*process);
    }
    children
}

/// The descendants of some processes, without those, and without what `enter` refuses and what is below it.
fn reach(children: &HashMap<i32, Vec<Process>>, from: &[i32], enter: impl Fn(&Process) -> bool) -> Vec<Process> {
    let mut found = Vec::new();
    let mut waiting = from.to_vec();
    let mut seen: HashSet<i32> = waiting.iter().copied().collect();
    while let Some(pid) = waiting.pop() {
        for child in children.get(&pid).into_iter().flatten() {
            if enter(child) && seen.insert(child.pid) {
                found.push(*child);
                waiting.push(child.pid);
            }
        }
    }
    found
}

fn alive_once(mut processes: Vec<Process>) -> Vec<Process> {
    processes.retain(|process| !process.is_dead());
    processes.sort_unstable_by_key(|process| process.pid);
    processes.dedup_by_key(|process| process.pid);
    processes
}

/// The living processes of an attempt whose drain died: the noted leader's session if it is still the same leader,
/// what carries the attempt's mark, and the descendants of these.
fn owned_by_nobody(table: &[Process], folder: &Path, leader: Option<&ProcessNote>) -> Vec<Process> {
    let leader = leader.filter(|leader| {
        leader.boot_id == boot_id()
            && table.iter().any(|process| process.pid == leader.pid && process.start_ticks == leader.start_ticks)
    });
    let ours = getpid().as_raw_pid();
    let roots: Vec<Process> = table
        .iter()
        .filter(|process| process.pid != ours)
        .filter(|process| leader.is_some_and(|leader| process.session == leader.pid) || process.is_marked(folder))
        .copied()
        .collect();
    let pids: Vec<i32> = roots.iter().map(|process| process.pid).collect();
    let mut owned = reach(&children_of(table), &pids, |process| process.pid != ours);
    owned.extend(roots);
    alive_once(owned)
}

/// Asks what runs of a dead drain's attempt to end, and ends it when `grace` is over.
pub(crate) async fn end_leftover(folder: &Path, leader: Option<&ProcessNote>, grace: Duration) -> Swept {
    let find = || owned_by_nobody(&read_table(), folder, leader);
    let asked = find();
    asked.iter().for_each(|process| process.signal(Signal::TERM));
    let deadline = tokio::time::Instant::now() + grace;
    while tokio::time::Instant::now() < deadline && !find().is_empty() {
        tokio::time::sleep(PAUSE).await;
    }
    for _ in 0..MOST_ROUNDS {
        if stop_and_kill(find).is_empty() {
            return Swept { killed: asked.len(), survivors: 0 };
        }
        tokio::time::sleep(PAUSE).await;
    }
    Swept { killed: asked.len(), survivors: find().len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: i32, parent: i32, session: i32, start_ticks: u64) -> Process {
        Process { pid, state: b'S', parent, session, start_ticks }
    }

    fn leader(pid: i32, start_ticks: u64) -> Live {
        Live { pid, start_ticks, folder: format!("/nowhere/{pid}").into() }
    }

    /// Pids above what Linux gives out, so that no mark is found in /proc.
    const US: i32 = 2_000_000_000;

    #[test]
    fn what_we_start_cannot_look_into_us() {
        prepare();
        assert_eq!(rustix::process::dumpable_behavior(), Ok(DumpableBehavior::NotDumpable));
    }

    #[test]
    fn a_line_of_the_table_is_read_whatever_the_process_calls_itself() {
        let line = "42 (a) R 1 (b c) S 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987 1 2 3\n";
        let expect = Process { pid: 42, state: b'S', parent: 7, session: 42, start_ticks: 987 };
        assert_eq!(Process::parse(line), Some(expect));
        for damaged in ["", "42", "42 (x", "42 (x) S 1", "x (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19"] {
            assert_eq!(Process::parse(damaged), None, "{damaged}");
        }
        let own = Process::read(getpid().as_raw_pid()).unwrap();
        assert!(own.start_ticks > 0 && !own.is_dead());
    }

    #[test]
    fn an_attempt_owns_its_session_its_orphans_and_their_descendants_and_no_others() {
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
}
