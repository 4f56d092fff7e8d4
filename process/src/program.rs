//! Looks a program up, as a shell would.

use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Access, OFlags, access};

/// Finds a program in the absolute folders of `path`. A name with a slash is taken as a path of its own.
///
/// Folders of PATH that are not absolute are passed over: a child may run in a folder that somebody else wrote.
pub fn look_up(program: &OsStr, path: &OsStr) -> Option<PathBuf> {
    let name = Path::new(program);
    if is_path(program) {
        let place = std::path::absolute(name).ok()?;
        return is_program(&place).then_some(place);
    }
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|place| is_program(place))
}

/// Whether a program is given by a path of its own, and not by a name to be found on PATH.
pub fn is_path(program: &OsStr) -> bool {
    let name = Path::new(program);
    name.components().count() > 1 || name.is_absolute()
}

/// Whether it is a regular file that we may execute. A folder is executable too, and is no program.
pub fn is_program(place: &Path) -> bool {
    place.metadata().is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
        && access(place, Access::EXEC_OK).is_ok()
        && !is_of_another_machine(place)
}

/// The machines of ELF headers (elf(5), `e_machine`) that this one runs.
const MACHINES: &[u16] = match std::env::consts::ARCH.as_bytes() {
    b"x86_64" => &[62, 3],
    b"aarch64" => &[183, 40],
    _ => &[],
};

/// Whether it is a program that only another kind of machine can run. The C library would hand such a file to the
/// shell, line by line, and the fault would be blamed for what the shell says. What cannot be read may be run.
fn is_of_another_machine(place: &Path) -> bool {
    let mut header = [0; 20];
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = std::fs::OpenOptions::new().read(true).custom_flags(flags).open(place);
    if file.and_then(|mut file| file.read_exact(&mut header)).is_err() || !header.starts_with(b"\x7fELF") {
        return false;
    }
    // Of the two orders of bytes, the machines of the table have the first.
    let is_known = match header[5] {
        1 => MACHINES.contains(&u16::from_le_bytes([header[18], header[19]])),
        2 => false,
        _ => return false,
    };
    !MACHINES.is_empty() && !is_known
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
    fn a_program_of_another_machine_is_none_and_a_script_is_one() {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().join("program");
        put(&place, 0o755);
        assert!(is_program(&place));
        assert!(is_program(&std::env::current_exe().unwrap()));
        if MACHINES.is_empty() {
            return;
        }
        fs::write(&place, b"\x7fELF\x02\x02\x01\0\0\0\0\0\0\0\0\0\x00\x02\x00\x16\ntouch ran\n").unwrap();
        assert!(!is_program(&place));
        for nothing_to_go_by in [&b"\x7fELF"[..], b"\x7fELF is how this text begins"] {
            fs::write(&place, nothing_to_go_by).unwrap();
            assert!(is_program(&place));
        }
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
