//! File systems of other machines, on which locks may not work.

use std::path::Path;

/// The kind of network file system that `path` is on; `None` where it is a local one or nobody knows.
#[cfg(target_os = "linux")]
pub fn network_file_system(path: &Path) -> Option<&'static str> {
    let folder = path.ancestors().skip(1).find(|folder| folder.is_dir() || folder.as_os_str().is_empty())?;
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    kind(rustix::fs::statfs(folder).ok()?.f_type as u32)
}

#[cfg(not(target_os = "linux"))]
pub fn network_file_system(_: &Path) -> Option<&'static str> {
    None
}

/// Source: Linux, include/uapi/linux/magic.h, and the manual page statfs(2).
#[cfg(target_os = "linux")]
fn kind(magic: u32) -> Option<&'static str> {
    match magic {
        0x6969 => Some("NFS"),
        0xFF53_4D42 | 0xFE53_4D42 | 0x517B => Some("SMB"),
        0x0102_1997 => Some("9p"),
        0x6573_5546 => Some("FUSE"),
        0x5346_414F | 0x6B41_4653 => Some("AFS"),
        _ => None,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn shares_are_told_from_local_file_systems() {
        assert_eq!((kind(0x6969), kind(0xFE53_4D42)), (Some("NFS"), Some("SMB")));
        // ext4, tmpfs, overlayfs.
        assert_eq!([0xEF53, 0x0102_1994, 0x794C_7630].map(kind), [None; 3]);
        assert_eq!(network_file_system(Path::new("/proc/no/such/folder/samples.db")), None);
    }
}
