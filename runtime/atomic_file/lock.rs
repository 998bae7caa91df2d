//! A file that is locked while something beside it is changed.

use std::fs::File;
use std::io;
use std::path::Path;

/// Opens it, and makes it where it is missing; never where a link leads, which somebody else may have put there.
pub fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).write(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NOFOLLOW.bits() as i32);
    options.open(path)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_link_in_the_place_of_the_lock_makes_nothing_where_it_leads() {
        let folder = tempfile::tempdir().unwrap();
        let (lock, elsewhere) = (folder.path().join(".lock"), folder.path().join("elsewhere"));
        std::os::unix::fs::symlink(&elsewhere, &lock).unwrap();
        assert!(open_lock(&lock).is_err() && !elsewhere.exists());
        std::fs::remove_file(&lock).unwrap();
        open_lock(&lock).unwrap().lock().unwrap();
    }
}
