//! Looks a program up, as a shell would, before anything is claimed.

use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

/// Finds a program in the absolute folders of `path`. A name with a slash is taken as a path of its own.
///
/// Folders of PATH that are not absolute are passed over: an investigator runs in a folder that somebody else wrote.
pub(crate) fn look_up(program: &OsStr, path: &OsStr) -> Option<PathBuf> {
    let name = Path::new(program);
    if name.components().count() > 1 || name.is_absolute() {
        let place = std::path::absolute(name).ok()?;
        return is_program(&place).then_some(place);
    }
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|place| is_program(place))
}

/// Whether it is a regular file that we may execute. A folder is executable too, and is no program.
pub(crate) fn is_program(place: &Path) -> bool {
    place.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        && access(place, Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn put(place: &Path, mode: u32) {
        fs::write(place, "#!/bin/sh\n").unwrap();
        fs::set_permissions(place, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn folders_and_files_without_the_executable_bit_are_passed_over() {
        let home = tempfile::tempdir().unwrap();
        let folders: Vec<_> = ["a", "b", "c", "d"].iter().map(|name| home.path().join(name)).collect();
        folders.iter().for_each(|folder| fs::create_dir(folder).unwrap());
        fs::create_dir(folders[0].join("codex")).unwrap();
        put(&folders[1].join("codex"), 0o644);
        put(&folders[2].join("codex"), 0o755);
        put(&folders[3].join("codex"), 0o755);
        let path = std::env::join_paths(
            [Path::new("relative"), Path::new("")].into_iter().map(Path::to_owned).chain(folders.clone()),
        )
        .unwrap();
        assert_eq!(look_up(OsStr::new("codex"), &path), Some(folders[2].join("codex")));
        assert_eq!(look_up(OsStr::new("claude"), &path), None);
        assert_eq!(look_up(folders[3].join("codex").as_os_str(), &path), Some(folders[3].join("codex")));
        assert_eq!(look_up(folders[1].join("codex").as_os_str(), &path), None);
    }
}
