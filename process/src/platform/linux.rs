//! Linux: /proc, pidfd, prlimit(2) and prctl(2).

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use rustix::io::{Errno, Result};
use rustix::process::{
    DumpableBehavior, Pid, PidfdFlags, Resource, Rlimit, Signal, getpid, pidfd_open, pidfd_send_signal, prlimit,
    set_child_subreaper, set_dumpable_behavior,
};

use crate::table::{Process, State};

/// Reads the row of one process. One look brings the line whole: 52 numbers and a name of at most 64 bytes.
pub(crate) fn read_process(pid: i32) -> Option<Process> {
    let mut line = [0; 2048];
    let length = File::open(format!("/proc/{pid}/stat")).and_then(|mut file| file.read(&mut line)).ok()?;
    parse(&String::from_utf8_lossy(&line[..length]))
}

/// Parses a line of proc_pid_stat(5). The name in parentheses is the process's own choice and may hold anything, so the
/// fields count from its end.
fn parse(line: &str) -> Option<Process> {
    let pid = line.split(' ').next()?.parse().ok()?;
    let fields: Vec<&str> = line[line.rfind(')')? + 1..].split_ascii_whitespace().collect();
    let number = |place: usize| fields.get(place)?.parse::<i64>().ok();
    Some(Process {
        pid,
        state: match fields.first()?.as_bytes().first()? {
            b'Z' | b'X' => State::Dead,
            b'T' | b't' => State::Stopped,
            _ => State::Running,
        },
        parent: i32::try_from(number(1)?).ok()?,
        session: i32::try_from(number(3)?).ok()?,
        start_ticks: u64::try_from(number(19)?).ok()?,
    })
}

/// Reads the whole table; empty where there is none to read.
pub(crate) fn read_table() -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| read_process(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// Returns the boot that start times count from.
pub(crate) fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// Signals this very process, or nobody: the pidfd is compared with the table before it is used, so a pid that came
/// again is safe.
pub(crate) fn send(process: &Process, signal: Signal) {
    let Some(pid) = Pid::from_raw(process.pid) else { return };
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return };
    if read_process(process.pid).is_some_and(|now| now.start_ticks == process.start_ticks)
        && let Err(errno) = pidfd_send_signal(&handle, signal)
        && errno != Errno::SRCH
    {
        tracing::debug!(pid = process.pid, %errno, "could not signal a process");
    }
}

/// Whether a process was started with this variable, as `NAME=value`.
pub(crate) fn has_variable(pid: i32, variable: &[u8]) -> bool {
    let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    environment.split(|byte| *byte == 0).any(|found| found == variable)
}

/// Whether a process holds the lock on a file of this folder.
pub(crate) fn holds_lock_in(pid: i32, folder: &Path) -> bool {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    descriptors.flatten().any(|descriptor| {
        let path = descriptor.path();
        fs::read_link(&path).is_ok_and(|target| target.parent() == Some(folder))
            && fs::read_to_string(format!("/proc/{pid}/fdinfo/{}", descriptor.file_name().display()))
                .is_ok_and(|info| info.contains("FLOCK"))
    })
}

/// Sets a limit of another process and of all that it starts from now on.
pub(crate) fn bound(pid: i32, resource: Resource, limit: Rlimit) -> Result<()> {
    prlimit(Pid::from_raw(pid), resource, limit).map(|_| ())
}

/// Takes from this thread, and so from what it starts, the gain of privileges by set-user-ID programs.
pub(crate) fn forgo_privileges() -> Result<()> {
    rustix::thread::set_no_new_privs(true)
}

/// Keeps other processes of the same user from reading the environment and the memory of this one.
pub(crate) fn hide_memory() -> Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
}

/// Makes this process the parent of every descendant that loses its own.
pub(crate) fn adopt_orphans() -> Result<()> {
    set_child_subreaper(Some(getpid()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_table_is_read_whatever_the_process_calls_itself() {
        let line = "42 (a) R 1 (b c) S 7 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987 1 2 3\n";
        let expect = Process { pid: 42, state: State::Running, parent: 7, session: 42, start_ticks: 987 };
        assert_eq!(parse(line), Some(expect));
        for damaged in ["", "42", "42 (x", "42 (x) S 1", "x (x) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19"] {
            assert_eq!(parse(damaged), None, "{damaged}");
        }
        let own = read_process(getpid().as_raw_pid()).unwrap();
        assert!(own.start_ticks > 0 && own.state != State::Dead);
    }
}
