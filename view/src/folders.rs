//! Looks whether the folders of a home can be used, and changes nothing.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use haltline_files::{errno_name, hint};
use haltline_protocol::Layout;
use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;
use rustix::process::geteuid;
use serde::Serialize;

use crate::advice::Advice;
use crate::network::shared_file_system;

/// Whether a folder can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FolderState {
    /// It is there and can be used.
    Usable,
    /// It is not there; whoever needs it makes it.
    NotThere,
    /// It cannot be used.
    Unusable,
}

/// One folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FolderFinding {
    /// Where it is.
    pub path: PathBuf,
    /// Whether it can be used.
    pub state: FolderState,
}

/// What was found of all of them.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FolderFindings {
    /// Each of them.
    pub folders: Vec<FolderFinding>,
    /// What keeps a drain from running, or endangers what it keeps.
    pub problems: Vec<Advice>,
    /// What could be better.
    pub hints: Vec<Advice>,
}

/// Looks at the home, the queue, and the folder for notes where the user keeps them elsewhere.
pub fn look_at_folders(layout: &Layout, inbox: Option<&Path>) -> FolderFindings {
    let mut findings = FolderFindings::default();
    // The home and an inbox of one's own may be symbolic links; no folder of the queue may.
    findings.add(layout.home(), true);
    let queue = findings.add(layout.queue(), false);
    let queue_device = queue.as_ref().map(MetadataExt::dev);
    let moved_between =
        [layout.pending(), layout.in_flight(), layout.processed(), layout.dead_letter(), layout.quarantine()];
    if let Some(kind) = shared_file_system(layout.queue()) {
        let problem = format!("{} is on {kind}, which several machines share", layout.queue().display());
        let remedy = "put the home on a disk of this machine, or be sure that only this machine drains the queue";
        findings.hints.push(Advice::new(problem, remedy));
    }
    let mut first_device = None;
    for folder in moved_between {
        // One that is not there will be made in the queue.
        let device = findings.add(&folder, false).as_ref().map(MetadataExt::dev).or(queue_device);
        let Some(device) = device else { continue };
        if *first_device.get_or_insert(device) != device {
            findings.problems.push(Advice::new(
                format!("{} lies on another file system than the other folders of the queue", folder.display()),
                "put them on one: events are moved by rename, which does not cross file systems",
            ));
        }
    }
    findings.add(&layout.queue().join("reports"), false);
    findings.add(inbox.unwrap_or(&layout.inbox()), inbox.is_some());
    findings.add(&layout.analytics(), false);
    findings
}

impl FolderFindings {
    fn add(&mut self, path: &Path, may_be_link: bool) -> Option<Metadata> {
        let looked = if may_be_link { path.metadata() } else { path.symlink_metadata() };
        let found = looked.as_ref().ok().cloned();
        let before = self.problems.len();
        let state = match looked {
            Ok(metadata) => {
                self.judge(path, &metadata);
                FolderState::Usable
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.judge_ancestor(path);
                FolderState::NotThere
            }
            Err(error) => {
                self.problems.push(unusable(path, Errno::from_io_error(&error).unwrap_or(Errno::IO)));
                FolderState::Unusable
            }
        };
        let state = if self.problems.len() > before { FolderState::Unusable } else { state };
        self.folders.push(FolderFinding { path: path.to_owned(), state });
        found
    }

    fn judge(&mut self, path: &Path, metadata: &Metadata) {
        let shown = path.display();
        if !metadata.is_dir() {
            let what = if metadata.is_symlink() { "a symbolic link" } else { "no folder" };
            let remedy = "move it away; haltline makes a folder there, and follows no symbolic link";
            self.problems.push(Advice::new(format!("{shown} is {what}"), remedy));
            return;
        }
        let (owner, own) = (metadata.uid(), geteuid().as_raw());
        if owner != own {
            self.problems.push(Advice::new(
                format!("{shown} belongs to user {owner}, and haltline runs as user {own}"),
                format!("run haltline as user {owner}, or give the folder and what is in it to user {own} (chown -R)"),
            ));
            return;
        }
        if let Err(errno) = may_use(path) {
            self.problems.push(unusable(path, errno));
            return;
        }
        let mode = metadata.permissions().mode() & 0o777;
        let remedy = format!("chmod 700 {shown}");
        if mode & 0o002 != 0 {
            let problem =
                format!("{shown} can be written by everybody (mode {mode:o}), so anyone can plant or move events");
            self.problems.push(Advice::new(problem, remedy));
        } else if mode & 0o077 != 0 {
            self.hints.push(Advice::new(format!("{shown} is open to others (mode {mode:o})"), remedy));
        }
    }

    /// A folder that is not there can be made if what is above it lets us. Only the lowest folder that is there counts;
    /// where that is one of those looked at before, it was judged already.
    fn judge_ancestor(&mut self, path: &Path) {
        let ancestor = path.ancestors().skip(1).find(|above| above.is_dir());
        let Some(above) = ancestor.filter(|above| !self.folders.iter().any(|known| known.path == **above)) else {
            return;
        };
        if let Err(errno) = may_use(above) {
            let problem = format!("{} cannot be made in {}: {}", path.display(), above.display(), errno_name(errno));
            self.problems.push(Advice::new(problem, "let the user of haltline write there, or name another home"));
        }
    }
}

fn may_use(path: &Path) -> Result<(), Errno> {
    accessat(CWD, path, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS)
}

fn unusable(path: &Path, errno: Errno) -> Advice {
    let remedy = match errno {
        Errno::ACCESS => format!("chmod u+rwx {}", path.display()),
        errno => hint(errno).unwrap_or("mend the folder, or name another home").to_owned(),
    };
    Advice::new(format!("{} cannot be read and written: {}", path.display(), errno_name(errno)), remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Layout) {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path().join("home"));
        (dir, layout)
    }

    fn make(path: &Path, mode: u32) {
        std::fs::create_dir_all(path).unwrap();
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_home_that_is_not_there_is_no_problem_and_is_not_made() {
        let (_dir, layout) = home();
        let found = look_at_folders(&layout, None);
        assert_eq!((found.problems, found.hints), (vec![], vec![]));
        assert!(found.folders.iter().all(|folder| folder.state == FolderState::NotThere));
        assert!(!layout.home().is_dir());
    }

    #[test]
    fn what_is_in_a_folders_place_is_a_problem_and_a_home_may_be_a_link() {
        let (dir, layout) = home();
        make(&dir.path().join("target/skill-faults"), 0o700);
        std::os::unix::fs::symlink(dir.path().join("target"), layout.home()).unwrap();
        std::fs::write(layout.processed(), "").unwrap();
        std::os::unix::fs::symlink("/tmp", layout.pending()).unwrap();
        let found = look_at_folders(&layout, None);
        let problems: Vec<_> = found.problems.iter().map(|advice| advice.problem.clone()).collect();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].ends_with("pending-investigations is a symbolic link"), "{problems:?}");
        assert!(problems[1].ends_with("processed is no folder"), "{problems:?}");
        assert_eq!(found.folders[2].state, FolderState::Unusable);
    }

    #[test]
    fn what_everybody_can_write_is_a_problem_and_what_others_can_read_a_hint() {
        let (_dir, layout) = home();
        make(layout.queue(), 0o755);
        make(&layout.pending(), 0o777);
        let found = look_at_folders(&layout, None);
        assert_eq!(found.problems.len(), 1);
        assert!(found.problems[0].problem.contains("mode 777") && found.problems[0].remedy.starts_with("chmod 700 /"));
        assert!(found.hints.iter().any(|advice| advice.problem.contains("skill-faults is open to others (mode 755)")));
    }
}
