//! One home with its history: planted, worked on, cut short, brought to rest, checked.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use rustix::fs::{FlockOperation, flock};
use tempfile::TempDir;

use super::checker::{self, Strictness, names, token};
use super::events::Planted;
use super::history::{Emitted, History};
use super::program::{Call, Ended, Running};
use super::stub;

/// What is written into `notBefore` where a wait is to be over; as long as what stands there.
const LONG_AGO: &str = "2020-01-01T00:00:00.000Z";

/// The longest that a killed drain's child may take to become its program.
const LONGEST_LOCK: Duration = Duration::from_secs(10);

/// How a run is cut short.
#[derive(Debug, Clone, Copy)]
pub(super) enum Cut {
    /// Not at all.
    Never,
    /// Killed by itself before its n-th step that changes files.
    AtStep(u64),
    /// Killed from outside after a time.
    After(Duration),
}

/// The programs that a history needs.
#[derive(Debug, Clone)]
pub(super) struct Tools {
    /// The real binary.
    pub(super) haltline: PathBuf,
    /// The stub's script.
    pub(super) stub: PathBuf,
    /// The lie that the file system of the binary is to tell.
    pub(super) lie: Option<String>,
}

/// One home.
#[derive(Debug)]
pub(super) struct Case {
    tools: Tools,
    /// The `HOME` of everything that runs; it holds the stub's log and is not the home of the queue.
    pub(super) folder: PathBuf,
    /// The home of the queue.
    pub(super) home: PathBuf,
    pub(super) history: History,
    pub(super) violations: Vec<String>,
    /// Removes the folder.
    own: Option<TempDir>,
}

impl Case {
    /// A home in a new folder, which goes away with the case.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub(super) fn new(tools: &Tools, parent: &Path) -> Result<Self> {
        let own = tempfile::Builder::new().prefix("case-").tempdir_in(parent)?;
        let folder = own.path().to_owned();
        let home = folder.join("home");
        fs::create_dir(&home)?;
        Ok(Self { own: Some(own), ..Self::at(tools, folder, home) })
    }

    /// A home somewhere else, with the folder of what is not to be lost with it.
    pub(super) fn at(tools: &Tools, folder: PathBuf, home: PathBuf) -> Self {
        let (history, violations) = (History::default(), Vec::new());
        Self { tools: tools.clone(), folder, home, history, violations, own: None }
    }

    /// Leaves the folder where it is, and says where.
    pub(super) fn keep(self) {
        if let Some(own) = self.own {
            println!("kept {}", own.keep().display());
        }
    }

    /// Writes files as if they had been there for long.
    ///
    /// # Errors
    /// One cannot be written.
    pub(super) fn plant(&mut self, files: &[Planted]) -> Result<()> {
        let old = SystemTime::now() - Duration::from_secs(3600);
        for planted in files {
            let path = self.home.join(&planted.path);
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            let mut file = File::options().append(true).create(true).open(&path)?;
            file.write_all(&planted.bytes)?;
            file.set_modified(old)?;
            let is_event = planted.path.starts_with("skill-faults/p") && planted.path.ends_with(".json");
            if let Some(token) = token(&planted.bytes).filter(|_| is_event) {
                let Planted { bytes, may_be_flagged, .. } = planted.clone();
                self.history.emitted.insert(token, Emitted { acknowledged: true, bytes: Some(bytes), may_be_flagged });
            }
        }
        Ok(())
    }

    /// The command line of a subcommand.
    pub(super) fn call(&self, words: &[&str]) -> Call {
        let program = self.tools.haltline.clone().into_os_string();
        let words = std::iter::once(program).chain(words.iter().map(OsString::from)).collect();
        let lie = self.tools.lie.as_ref().map(|lie| ("HALTLINE_LIE", lie.into()));
        Call { words, variables: lie.into_iter().collect() }
    }

    /// A drain of everything by the stub.
    pub(super) fn drain(&self) -> Call {
        let mut call = self.call(&["drain-faults", "--queue", "--json", "--severity-min", "LOW", "--max", "1000"]);
        call.words.extend(["--investigator", "command", "--command"].map(OsString::from));
        call.words.push(format!(". '{}'", self.tools.stub.display()).into());
        call
    }

    /// An emission; the token stands in the event.
    pub(super) fn emission(&self, token: &str) -> Call {
        let message = format!("phase of {token} failed");
        let reason = format!("because of {token}");
        self.call(&[
            "emit",
            "--kind",
            "PHASE_FAILED",
            "--run-id",
            "build-e",
            "--message",
            &message,
            "--failure-reason",
            &reason,
        ])
    }

    /// Starts a command line.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn start(&self, call: &Call, name: &str) -> Result<Running> {
        Running::start(call, &self.folder, &self.home, name)
    }

    /// Runs a command line and cuts it short.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn run(&mut self, mut call: Call, cut: Cut) -> Result<Ended> {
        if let Cut::AtStep(step) = cut {
            call.variables.push(("HALTLINE_FAULT", format!("kill:{step}").into()));
        }
        let running = self.start(&call, "last")?;
        if let Cut::After(time) = cut
            && !running.wait(time)?
        {
            running.signal(rustix::process::Signal::KILL);
        }
        self.finish(&call, cut, running)
    }

    /// Waits for the end of a command line and notes what it came to.
    ///
    /// # Errors
    /// Its outputs cannot be read.
    pub(super) fn finish(&mut self, call: &Call, cut: Cut, running: Running) -> Result<Ended> {
        let ended = running.ended()?;
        let after_program = call.words.iter().skip_while(|word| **word != *self.tools.haltline).nth(1);
        let word = after_program.map(|word| word.to_string_lossy().into_owned()).unwrap_or_default();
        let said = ended.stderr.lines().find(|line| line.starts_with("haltline")).unwrap_or_default();
        self.history.step(format!("{word}, cut {cut:?}: {} {said}", ended.status));
        if let Some(complaint) = ended.complaint() {
            self.violations.push(format!("{word}: {complaint}"));
        }
        Ok(ended)
    }

    /// Emits an event, by this command line, while nobody else is at the queue.
    ///
    /// # Errors
    /// The program cannot be started, or what it left cannot be read.
    pub(super) fn emit(&mut self, token: &str, call: Call, cut: Cut) -> Result<Ended> {
        self.history.begin(token);
        let ended = self.run(call, cut)?;
        if ended.status.success() {
            let bytes = self.waiting(token)?;
            if bytes.is_none() {
                self.violations.push(format!("{token} was acknowledged and does not wait"));
            }
            self.history.acknowledge(token, bytes);
        }
        Ok(ended)
    }

    /// The bytes of the event that waits with this token.
    fn waiting(&self, wanted: &str) -> Result<Option<Vec<u8>>> {
        let folder = self.home.join("skill-faults/pending-investigations");
        for name in names(&folder)?.into_iter().filter(|name| name.ends_with(".json")) {
            let bytes = fs::read(folder.join(name))?;
            if token(&bytes).as_deref() == Some(wanted) {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    /// Lets every wait be over, as if hours had passed. The files stay the same files: their inodes are known to the
    /// journals of dead drains. Nobody may be at the queue.
    ///
    /// # Errors
    /// A file cannot be read or written.
    pub(super) fn let_time_pass(&mut self) -> Result<()> {
        let queue = self.home.join("skill-faults");
        let folder = queue.join("pending-investigations");
        for name in names(&folder)?.into_iter().filter(|name| name.ends_with(".json")) {
            let path = folder.join(name);
            let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
            let Some(at) = text.find("\"notBefore\"") else { continue };
            let start = at + text[at..].find("\"2").context("a wait without a time")? + 1;
            if text.get(start + LONG_AGO.len()..=start + LONG_AGO.len()) != Some("\"") {
                anyhow::bail!("{} has a wait of another form", path.display());
            }
            let text = format!("{}{LONG_AGO}{}", &text[..start], &text[start + LONG_AGO.len()..]);
            File::options().write(true).open(&path)?.write_all(text.as_bytes())?;
        }
        self.history.step("time passes");
        Ok(())
    }

    /// Takes note of what is settled by now.
    ///
    /// # Errors
    /// The home cannot be read.
    pub(super) fn observe(&mut self) -> Result<()> {
        let found = checker::observe(&self.home, &mut self.history)?;
        self.violations.extend(found);
        Ok(())
    }

    /// Waits until nothing of what was killed holds a lock any more: a child that was forked and has not yet become
    /// its program has its drain's locks, and for that moment the drain counts as alive.
    ///
    /// # Errors
    /// The folder of what drains hold cannot be read.
    pub(super) fn wait_for_locks(&mut self) -> Result<()> {
        let in_flight = self.home.join("skill-faults/in-flight");
        let mut locks = vec![in_flight.join("settle.lock")];
        locks.extend(names(&in_flight)?.iter().map(|name| in_flight.join(name).join("lock")));
        let start = Instant::now();
        for path in locks {
            let Ok(lock) = File::open(&path) else { continue };
            while flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
                if start.elapsed() > LONGEST_LOCK {
                    self.violations.push(format!("{} is held, and nobody of ours lives", path.display()));
                    return Ok(());
                }
                std::thread::park_timeout(Duration::from_millis(1));
            }
            // A program that another history starts at this moment has our files until it runs: closing is not enough.
            flock(&lock, FlockOperation::Unlock)?;
        }
        Ok(())
    }

    /// One undisturbed drain, then every rule.
    ///
    /// # Errors
    /// The drain cannot be started, or the home cannot be read.
    pub(super) fn rest_and_check(&mut self, strictness: Strictness) -> Result<()> {
        self.wait_for_locks()?;
        let ended = self.run(self.drain(), Cut::Never)?;
        // 1: something went into quarantine, or was given up on.
        if !matches!(ended.status.code(), Some(0 | 1)) {
            let said = ended.stderr.trim_end();
            self.violations.push(format!("the undisturbed drain ended with {}: {said}", ended.status));
        }
        let log = stub::log(&self.folder);
        self.violations.extend(checker::violations(&self.home, &self.history, &log, strictness)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn time_passes_for_what_waits_and_its_file_stays_the_same_file() {
        let dir = tempfile::tempdir().unwrap();
        let tools = Tools { haltline: PathBuf::from("haltline"), stub: PathBuf::from("stub.sh"), lie: None };
        let mut case = Case::new(&tools, dir.path()).unwrap();
        let path = "skill-faults/pending-investigations/a.json";
        let bytes = br#"{"message": "tok-1-", "delivery": {"notBefore": "2026-05-20T08:14:00.123Z"}}"#.to_vec();
        case.plant(&[Planted { path: path.to_owned(), bytes, may_be_flagged: false }]).unwrap();
        let path = case.home.join(path);
        let mark = path.metadata().unwrap().ino();
        case.let_time_pass().unwrap();
        let expected = format!(r#"{{"message": "tok-1-", "delivery": {{"notBefore": "{LONG_AGO}"}}}}"#);
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        assert_eq!(path.metadata().unwrap().ino(), mark);
        assert_eq!(case.waiting("tok-1-").unwrap().unwrap(), expected.into_bytes());
    }
}
