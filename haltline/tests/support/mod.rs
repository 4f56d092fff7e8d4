//! A home of one's own and the real program in it.
#![allow(dead_code, reason = "each test file uses a part of it")]

pub(crate) mod drains;
pub(crate) mod faults;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Takes root's power to ignore permissions away; they bind the rest of the command line.
const BOUND: [&str; 6] =
    ["setpriv", "--bounding-set", "-dac_override,-dac_read_search,-fowner", "--inh-caps", "-all", "--"];

/// A temporary folder with a home in it.
pub(crate) struct Home {
    pub(crate) dir: TempDir,
}

/// How the program ended and what it said.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Home {
    /// A home that is not there yet.
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// A path in the temporary folder, beside the home.
    pub(crate) fn beside(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    /// A path in the home.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join("home").join(below)
    }

    /// A path in the queue.
    pub(crate) fn queue(&self, below: &str) -> PathBuf {
        self.path("skill-faults").join(below)
    }

    /// Writes a file of the queue.
    pub(crate) fn write(&self, below: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.queue(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Writes a file beside the home.
    pub(crate) fn write_beside(&self, below: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.beside(below);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The names in a folder of the queue, sorted; none where it is missing.
    pub(crate) fn names(&self, below: &str) -> Vec<String> {
        names(&self.queue(below))
    }

    /// The files of a folder of the queue as JSON, in the order of their names.
    pub(crate) fn rows(&self, below: &str) -> Vec<Value> {
        let folder = self.queue(below);
        let read = |name: String| serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap();
        self.names(below).into_iter().map(read).collect()
    }

    /// Every file and folder beneath the temporary folder, with its bytes, mode and time of change.
    pub(crate) fn snapshot(&self) -> BTreeMap<PathBuf, (Vec<u8>, u32, std::time::SystemTime)> {
        let mut found = BTreeMap::new();
        let mut folders = vec![self.dir.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for name in names(&folder) {
                let path = folder.join(name);
                let stat = path.symlink_metadata().unwrap();
                let bytes = if stat.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
                if stat.is_dir() {
                    folders.push(path.clone());
                }
                found.insert(path, (bytes, stat.permissions().mode(), stat.modified().unwrap()));
            }
        }
        found
    }

    /// A command in a clean environment that names this home.
    #[expect(clippy::disallowed_methods, reason = "a test starts the real program")]
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("HOME", self.dir.path())
            .env("HALTLINE_HOME", self.path(""))
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        command
    }

    /// The program, to be started with more arguments or variables.
    pub(crate) fn haltline(&self) -> Command {
        self.command(env!("CARGO_BIN_EXE_haltline"))
    }

    /// Runs the program to its end.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Ended {
        ended(self.haltline().args(args).output().unwrap())
    }

    /// Runs the program with something on its standard input.
    pub(crate) fn run_with_input<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>, input: &str) -> Ended {
        let mut command = self.haltline();
        let command = command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A program that does not read to the end is no trouble of this side.
        child.stdin.take().unwrap().write_all(input.as_bytes()).ok();
        ended(child.wait_with_output().unwrap())
    }

    /// Runs the program where permissions bind it, root included. `None`, with the reason printed, where that cannot
    /// be had.
    #[expect(clippy::print_stdout, reason = "a test that is skipped says why")]
    pub(crate) fn run_bound<A: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = A>) -> Option<Ended> {
        if is_bound() {
            return Some(self.run(args));
        }
        let mut command = self.command(BOUND[0]);
        match command.args(&BOUND[1..]).arg(env!("CARGO_BIN_EXE_haltline")).args(args).output() {
            Ok(output) => Some(ended(output)),
            Err(error) => {
                println!("SKIP: root is not bound by permissions, and setpriv does not start: {error}");
                None
            }
        }
    }
}

impl Ended {
    /// Expects an exit code, and shows what was said where it is another.
    #[track_caller]
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Expects a text on standard error.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "{text:?} is not in {self:#?}");
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// Sets the permissions of a file or a folder.
pub(crate) fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// The permissions of a file or a folder.
pub(crate) fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().permissions().mode() & 0o7777
}

/// The names in a folder, sorted; none where it is missing.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn ended(output: Output) -> Ended {
    Ended {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Whether permissions bind this process: tried, since root may have lost its powers.
fn is_bound() -> bool {
    let folder = tempfile::tempdir().unwrap();
    set_mode(folder.path(), 0o500);
    std::fs::write(folder.path().join("x"), "").is_err()
}
