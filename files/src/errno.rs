//! Names of errors, as rows and messages tell them.

use rustix::io::Errno;

/// The names, as errno(3) has them.
const NAMES: [(Errno, &str); 27] = [
    (Errno::ACCESS, "EACCES"),
    (Errno::AGAIN, "EAGAIN"),
    (Errno::BUSY, "EBUSY"),
    (Errno::DQUOT, "EDQUOT"),
    (Errno::EXIST, "EEXIST"),
    (Errno::FBIG, "EFBIG"),
    (Errno::INTR, "EINTR"),
    (Errno::INVAL, "EINVAL"),
    (Errno::IO, "EIO"),
    (Errno::ISDIR, "EISDIR"),
    (Errno::LOOP, "ELOOP"),
    (Errno::MFILE, "EMFILE"),
    (Errno::MLINK, "EMLINK"),
    (Errno::NAMETOOLONG, "ENAMETOOLONG"),
    (Errno::NFILE, "ENFILE"),
    (Errno::NOENT, "ENOENT"),
    (Errno::NOMEM, "ENOMEM"),
    (Errno::NOSPC, "ENOSPC"),
    (Errno::NOTDIR, "ENOTDIR"),
    (Errno::NOTEMPTY, "ENOTEMPTY"),
    (Errno::NXIO, "ENXIO"),
    (Errno::OPNOTSUPP, "EOPNOTSUPP"),
    (Errno::PERM, "EPERM"),
    (Errno::ROFS, "EROFS"),
    (Errno::STALE, "ESTALE"),
    (Errno::TXTBSY, "ETXTBSY"),
    (Errno::XDEV, "EXDEV"),
];

/// Returns the symbolic name of an error, as `EACCES` (errno(3)); the number where it has none here.
pub fn errno_name(errno: Errno) -> String {
    let found = NAMES.iter().find(|(known, _)| *known == errno);
    found.map_or_else(|| format!("E{}", errno.raw_os_error()), |(_, name)| (*name).to_owned())
}

/// Returns the error of a symbolic name.
pub fn errno_named(name: &str) -> Option<Errno> {
    NAMES.iter().find(|(_, known)| *known == name).map(|(errno, _)| *errno)
}

/// Says what a person can do about an error; none where the error says it all.
pub fn hint(errno: Errno) -> Option<&'static str> {
    match errno {
        Errno::ACCESS | Errno::PERM => Some("check who owns it and its permissions"),
        Errno::NOSPC | Errno::DQUOT => Some("free some space, then try again"),
        Errno::ROFS => Some("the file system is mounted read-only"),
        Errno::NOTDIR => Some("something else has the name of a folder; move it away"),
        Errno::LOOP => Some("a symbolic link stands there; haltline follows none inside its home"),
        Errno::MFILE | Errno::NFILE => Some("too many files are open; raise the limit (ulimit -n)"),
        Errno::XDEV => Some("the queue's folders must be on one file system"),
        _ => None,
    }
}
