//! Files and folders that are either the old one or the new one, whatever happens in between.

mod folder;
mod lock;

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::Path;

pub use folder::{recover_folder, recover_folders, remove_folder, remove_leftovers, replace_folder};
pub use lock::open_lock;

/// What the names of temporary files begin with.
pub const TEMPORARY: &str = ".tmp-";

/// Replaces `path` by `bytes`: a temporary file beside it, fsync, rename, fsync of the folder. What root writes belongs to the owner of
/// the folder, who else could not write over it.
///
/// After it returns `Ok` the new content survives a power cut; after `Err`, or a cut before that, the old content is
/// still there.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, bytes, FOR_ALL)?.persist(path).map_err(|error| error.error)?;
    sync_folder(path)
}

/// Like [`replace`], for what nobody but the owner of the folder may read.
pub fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, bytes, FOR_OWNER)?.persist(path).map_err(|error| error.error)?;
    sync_folder(path)
}

/// Makes a folder that nobody but the owner of the folder around it may look into, where it is missing; those around it too.
pub fn create_private_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(folder(path))?;
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        made => made?,
    }
    own_as(folder(path), path)?;
    sync_folder(path)
}

/// Gives what root made at `path` to whom `folder` belongs; what others make is theirs.
#[cfg(unix)]
pub fn own_as(folder: &Path, path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let (wanted, made) = (std::fs::metadata(folder)?, std::fs::symlink_metadata(path)?);
    match (wanted.uid(), wanted.gid()) == (made.uid(), made.gid()) || made.uid() != 0 {
        true => Ok(()),
        false => std::os::unix::fs::lchown(path, Some(wanted.uid()), Some(wanted.gid())),
    }
}

#[cfg(not(unix))]
pub fn own_as(_: &Path, _: &Path) -> io::Result<()> {
    Ok(())
}

/// Like [`replace`], but fails with `AlreadyExists` when there is a file at `path`.
pub fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, bytes, FOR_ALL)?.persist_noclobber(path).map_err(|error| error.error)?;
    sync_folder(path)
}

/// Who may read a file.
const FOR_ALL: u32 = 0o644;
const FOR_OWNER: u32 = 0o600;

#[cfg_attr(not(unix), expect(unused_variables, reason = "there are no modes"))]
fn write(path: &Path, bytes: &[u8], mode: u32) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(mode));
    let mut file = builder.tempfile_in(folder(path))?;
    own_as(folder(path), file.path())?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Writes `bytes` over what is in the file at `path`, which needs no room on the disk; gives whether they were not longer than that, else
/// nothing was done. Not for what a power cut must leave whole.
pub fn overwrite_with(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    let mut file = File::options().write(true).open(path)?;
    if bytes.len() as u64 > file.metadata()?.len() {
        return Ok(false);
    }
    file.write_all(bytes)?;
    file.set_len(bytes.len() as u64)?;
    file.sync_all()?;
    Ok(true)
}

/// Overwrites a file with zeros and removes it; one that is not there is erased already.
pub fn erase(path: &Path) -> io::Result<()> {
    let erased = overwrite(path).and_then(|()| std::fs::remove_file(path)).and_then(|()| sync_folder(path));
    match erased {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        erased => erased,
    }
}

/// Puts zeros in the place of a file's bytes.
fn overwrite(path: &Path) -> io::Result<()> {
    let mut file = File::options().write(true).open(path)?;
    let length = file.metadata()?.len();
    io::copy(&mut io::repeat(0).take(length), &mut file)?;
    file.sync_all()
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

    #[cfg(unix)]
    #[test]
    fn what_is_private_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let (inner, mode) =
            (folder.path().join("state/access"), |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777);
        create_private_folder(&inner).unwrap();
        create_private_folder(&inner).unwrap();
        let path = inner.join("key");
        std::fs::write(&path, "old").unwrap();
        replace_private(&path, b"new").unwrap();
        assert_eq!((mode(&inner), mode(&path)), (0o700, 0o600));
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
    }

    #[cfg(unix)]
    #[test]
    #[cfg_attr(not(is_root), ignore = "only root gives files away")]
    fn what_root_makes_belongs_to_whom_the_folder_does() {
        use std::os::unix::fs::{MetadataExt as _, chown};
        let state = tempfile::tempdir().unwrap();
        chown(state.path(), Some(4321), Some(4322)).unwrap();
        let folder = state.path().join("access");
        create_private_folder(&folder).unwrap();
        replace_private(&folder.join("key"), b"x").unwrap();
        for path in [&folder, &folder.join("key")] {
            let made = path.metadata().unwrap();
            assert_eq!((made.uid(), made.gid()), (4321, 4322), "{}", path.display());
        }
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
    fn what_is_erased_is_gone_and_was_overwritten_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("picture.jpg");
        replace(&path, b"secret").unwrap();
        let other_name = folder.path().join("other");
        std::fs::hard_link(&path, &other_name).unwrap();
        erase(&path).unwrap();
        assert!(!path.exists());
        assert_eq!(std::fs::read(other_name).unwrap(), [0; 6]);
        erase(&path).unwrap();
    }

    #[test]
    fn what_is_written_over_a_file_is_never_longer_than_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("list");
        std::fs::write(&path, "[1, 2, 3]").unwrap();
        assert!(!overwrite_with(&path, b"[1, 2, 3, 4]").unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"[1, 2, 3]");
        assert!(overwrite_with(&path, b"[1, 3]").unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"[1, 3]");
    }

    #[test]
    fn a_folder_that_does_not_exist_is_an_error() {
        assert!(replace(Path::new("/nonexistent/folder/file"), b"x").is_err());
    }
}
