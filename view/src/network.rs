//! File systems that several machines share: whether a lock or a rename means there what it means on a disk is up to the
//! server.

use std::path::Path;

use rustix::fs::statfs;

/// What statfs(2) says of them.
const SHARED: [(u64, &str); 8] = [
    (0x517b, "SMB"),
    (0x6969, "NFS"),
    (0x00c3_6400, "Ceph"),
    (0x0102_1997, "9P"),
    (0x0bd0_0bd0, "Lustre"),
    (0x5346_414f, "AFS"),
    (0xfe53_4d42, "SMB2"),
    (0xff53_4d42, "CIFS"),
];

/// Returns the kind of file system that a path is on, or will be once it is made, where several machines share it.
pub fn shared_file_system(path: &Path) -> Option<&'static str> {
    let stat = path.ancestors().find_map(|above| statfs(above).ok())?;
    named(u64::try_from(stat.f_type).ok()?)
}

fn named(kind: u64) -> Option<&'static str> {
    SHARED.iter().find(|(known, _)| *known == kind).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_machines_share_is_told_from_a_disk() {
        assert_eq!([0x6969, 0xff53_4d42, 0xef53, 0x0102_1994].map(named), [Some("NFS"), Some("CIFS"), None, None]);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(shared_file_system(&folder.path().join("not/there")), None);
    }
}
