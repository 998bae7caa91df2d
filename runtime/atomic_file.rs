//! Files and folders that are either the old one or the new one, whatever happens in between.

mod folder;

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

pub use folder::{recover_folder, recover_folders, remove_folder, remove_leftovers, replace_folder};

/// What the names of temporary files begin with.
pub const TEMPORARY: &str = ".tmp-";

/// Replaces `path` by `bytes`: a temporary file beside it, fsync, rename, fsync of the folder.
///
/// After it returns `Ok` the new content survives a power cut; after `Err`, or a cut before that, the old content is
/// still there.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, bytes)?.persist(path).map_err(|error| error.error)?;
    sync_folder(path)
}

/// Like [`replace`], but fails with `AlreadyExists` when there is a file at `path`.
pub fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, bytes)?.persist_noclobber(path).map_err(|error| error.error)?;
    sync_folder(path)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644));
    let mut file = builder.tempfile_in(folder(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Makes a rename or a removal in the folder of `path` survive a power cut.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacing_leaves_one_file_with_the_new_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("current");
        replace(&path, b"1").unwrap();
        replace(&path, b"2").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"2");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn creating_never_overwrites() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("000001.safetensors");
        create(&path, b"first").unwrap();
        assert_eq!(create(&path, b"second").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&path).unwrap(), b"first");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_that_does_not_exist_is_an_error() {
        assert!(replace(Path::new("/nonexistent/folder/file"), b"x").is_err());
    }
}
