//! A whole state as one file, and back.
//!
//! The file is a tar archive of `samples.db`, `heads/`, `backbones/` and `pictures/`, without locks and leftovers.

use std::fs::{self, File};
use std::io::{self, Read, Write as _};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::Device;
use super::error::DeviceError;
use super::file_error::BackupError;
use crate::atomic_file::{self, TEMPORARY};
use crate::files::free_bytes;
use crate::store::{Filter, Store, StoreError};

/// What a backup holds.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct BackupReport {
    pub samples: usize,
    pub heads: usize,
    pub backbones: usize,
    /// Of the file.
    pub bytes: u64,
}

/// The folders of a state that are archived, with how deep their files lie.
pub(super) const FOLDERS: [(&str, usize); 3] = [("heads", 2), ("backbones", 3), ("pictures", 2)];
pub(super) const STORE: &str = "samples.db";
/// Which head is live.
const LIVE: &str = "heads/current";
/// An archive is made of blocks of so many bytes, and ends with two that are empty.
const BLOCK: u64 = 512;
/// Of an entry, in bytes.
const LONGEST_NAME: u64 = 4096;
/// So much of an entry is in memory at once.
const PIECE: u64 = 64 << 10;
/// After so much, whether the disk has room is asked again.
const ROOM: u64 = 4 << 20;

impl Device {
    /// Writes the whole state to `file`: its store as of one moment, its heads and its backbones. Others may write meanwhile.
    ///
    /// # Errors
    /// When the state cannot be read or the file not be written; then what was at `file` is still there.
    pub fn back_up(&self, file: &Path) -> Result<BackupReport, DeviceError> {
        let write_error = |source| BackupError::Write { path: file.to_owned(), source };
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let work = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(folder).map_err(write_error)?;
        let store = work.path().join(STORE);
        let original = self.existing_store()?;
        // What the copy names stays until it is archived.
        let held = original.hold_pictures()?;
        original.copy_to(&store)?;
        let archive = work.path().join("archive");
        self.archive(&store, &archive)?;
        drop(held);
        let report = BackupReport {
            samples: samples(&Store::open_existing(&store)?)?,
            heads: self.heads().folder().list()?.len(),
            backbones: self.backbones().list()?.len(),
            bytes: fs::metadata(&archive).map_err(write_error)?.len(),
        };
        fs::rename(&archive, file).and_then(|()| atomic_file::sync_folder(file)).map_err(write_error)?;
        Ok(report)
    }

    /// A backup in a file that nobody else sees and that is gone when it is closed, with its length in bytes.
    ///
    /// # Errors
    /// When the state cannot be read, or there is no room for the file in it. One at a time: what another left is removed.
    pub fn back_up_for_reading(&self) -> Result<(File, u64), DeviceError> {
        let error = |source| BackupError::Write { path: self.state().path().to_owned(), source };
        let prefix = format!("{TEMPORARY}backup-");
        // Of one that was killed in the middle.
        for entry in fs::read_dir(self.state().path()).map_err(error)?.flatten() {
            if entry.file_name().to_string_lossy().starts_with(&prefix) {
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let work = tempfile::Builder::new().prefix(&prefix).tempdir_in(self.state().path()).map_err(error)?;
        let path = work.path().join("backup");
        let report = self.back_up(&path)?;
        Ok((File::open(&path).map_err(error)?, report.bytes))
    }

    fn archive(&self, store: &Path, archive: &Path) -> Result<(), BackupError> {
        let write_error = |source| BackupError::Write { path: archive.to_owned(), source };
        let mut builder = tar::Builder::new(File::create(archive).map_err(write_error)?);
        builder.append_path_with_name(store, STORE).map_err(write_error)?;
        let state = self.state().path();
        // Named before the heads are listed, it is among them, whatever is published meanwhile.
        let live =
            read_if_there(&state.join(LIVE)).map_err(|source| BackupError::Read { path: state.join(LIVE), source })?;
        for (folder, depth) in FOLDERS {
            for entry in walkdir::WalkDir::new(state.join(folder)).min_depth(1).max_depth(depth - 1).sort_by_file_name()
            {
                let entry = match entry {
                    Ok(entry) => entry,
                    // A head or a backbone that was taken away meanwhile, or a folder that never was.
                    Err(error) if error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::NotFound) => {
                        continue;
                    }
                    Err(error) => return Err(BackupError::Read { path: state.join(folder), source: error.into() }),
                };
                let name = entry.path().strip_prefix(state).expect("below it");
                if entry.file_type().is_file() && is_expected(name) && name != Path::new(LIVE) {
                    match builder.append_path_with_name(entry.path(), name) {
                        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                        appended => appended.map_err(write_error)?,
                    }
                }
            }
        }
        if let Some((text, modified)) = live {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            header.set_mtime(modified);
            builder.append_data(&mut header, LIVE, &text[..]).map_err(write_error)?;
        }
        builder.into_inner().and_then(|file| file.sync_all()).map_err(write_error)
    }

    /// Puts what [`back_up`](Self::back_up) wrote to `file` into this device's state folder, which must have nothing in it.
    ///
    /// # Errors
    /// When the file is no backup, is damaged, or the state folder is in use; then the folder stays as it is.
    pub fn restore(&self, file: &Path) -> Result<BackupReport, DeviceError> {
        let state = self.state().path();
        self.state().create()?;
        let write_error = |source| BackupError::Write { path: state.to_owned(), source };
        if !self.is_empty().map_err(write_error)? {
            return Err(BackupError::Occupied { path: state.to_owned() }.into());
        }
        let work = tempfile::Builder::new().prefix(TEMPORARY).tempdir_in(state).map_err(write_error)?;
        let opened = File::open(file).map_err(|source| BackupError::Read { path: file.to_owned(), source })?;
        let bytes = unpack(opened, file, (work.path(), 0))?;
        let restored = Device::new(crate::store::StateDir::new(work.path()), self.settings().clone());
        let report = restored.checked(bytes)?;
        let place = || {
            for (folder, _) in FOLDERS {
                let _ = fs::remove_file(state.join(folder).join(".lock"));
                let from = work.path().join(folder);
                if from.is_dir() {
                    fs::rename(from, state.join(folder))?;
                }
            }
            // Last: without it there is no state.
            fs::rename(work.path().join(STORE), state.join(STORE))?;
            atomic_file::sync_folder(&state.join(STORE))
        };
        place().map_err(write_error)?;
        Ok(report)
    }

    fn is_empty(&self) -> io::Result<bool> {
        let state = self.state();
        let visible = |folder: PathBuf| -> io::Result<bool> {
            let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name()));
            let names: Vec<_> = names.collect::<io::Result<_>>()?;
            Ok(names.iter().any(|name| !name.to_string_lossy().starts_with('.')))
        };
        let folders = FOLDERS.map(|(folder, _)| state.path().join(folder));
        let is_used = |folder: PathBuf| Ok(folder.is_dir() && visible(folder)?);
        let used: io::Result<Vec<bool>> = folders.into_iter().map(is_used).collect();
        Ok(!state.database().exists() && !used?.contains(&true))
    }

    /// Whether the live head and its backbone can be read, where there is one.
    pub(super) fn check_live_head(&self) -> Result<(), DeviceError> {
        let Some(head) = self.heads().live()? else { return Ok(()) };
        let backbone = self.backbones().of(&head.artifact.fingerprint());
        backbone.map(drop).map_err(|source| DeviceError::HeadBackbone { version: head.version, source: source.into() })
    }

    /// What an unpacked backup holds, once all of it was read.
    pub(super) fn checked(&self, bytes: u64) -> Result<BackupReport, DeviceError> {
        let store = self.existing_store()?;
        store.check_integrity()?;
        let samples = samples(&store)?;
        let (heads, backbones) = (self.heads().folder().list()?.len(), self.backbones().list()?.len());
        Ok(BackupReport { samples, heads, backbones, bytes })
    }
}

/// What is in a small file, and when it was written in seconds since 1970; `None` where there is none.
fn read_if_there(path: &Path) -> io::Result<Option<(Vec<u8>, u64)>> {
    match crate::files::read(path, PIECE) {
        Ok(text) => {
            let modified = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
            let since = modified.and_then(|modified| modified.duration_since(SystemTime::UNIX_EPOCH).ok());
            Ok(Some((text, since.map_or(0, |since| since.as_secs()))))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// How many there are; none of them is read.
fn samples(store: &Store) -> Result<usize, StoreError> {
    Ok(store.counts_by_label(&Filter::default())?.values().sum())
}

/// The bytes of the archive that `source` gives, whose entries are in `folder` now; `path` is what it is called. So many bytes of the
/// disk stay free as `reserve` says.
pub(super) fn unpack(source: impl Read, path: &Path, (folder, reserve): (&Path, u64)) -> Result<u64, BackupError> {
    let read_error = |source| BackupError::Read { path: path.to_owned(), source };
    let mut archive = tar::Archive::new(Counted { source, bytes: 0 });
    let (mut end, mut long) = (0, None);
    // What says more of an entry, tar would read into memory, however long it is.
    for entry in archive.entries().map_err(read_error)?.raw(true) {
        let mut entry = entry.map_err(read_error)?;
        let length = entry.size();
        if entry.header().entry_type().is_gnu_longname() && length <= LONGEST_NAME && long.is_none() {
            long = Some(long_name(&mut entry).map_err(read_error)?);
            continue;
        }
        let name = long.take().map_or_else(|| entry.path().map(|name| name.into_owned()), Ok).map_err(read_error)?;
        if !entry.header().entry_type().is_file() || !is_expected(&name) {
            let entry = name.to_string_lossy().into_owned();
            return Err(BackupError::Entry { path: path.to_owned(), entry });
        }
        end = entry.raw_file_position() + length.next_multiple_of(BLOCK);
        if write_entry(entry, &folder.join(name), (path, reserve))? < length {
            return Err(BackupError::CutOff { path: path.to_owned() });
        }
    }
    let mut source = archive.into_inner();
    io::copy(&mut source, &mut io::sink()).map_err(read_error)?;
    match folder.join(STORE).is_file() {
        // Whatever was cut off behind an entry would be missing, and nobody would notice.
        true if source.bytes < end + 2 * BLOCK => Err(BackupError::CutOff { path: path.to_owned() }),
        true => Ok(source.bytes),
        false => Err(BackupError::NoStore { path: path.to_owned() }),
    }
}

/// One that a header has no room for stands before it.
fn long_name(entry: &mut tar::Entry<'_, impl Read>) -> io::Result<PathBuf> {
    let mut name = String::new();
    entry.take(LONGEST_NAME).read_to_string(&mut name)?;
    Ok(name.trim_end_matches('\0').into())
}

/// How many bytes of it there were.
fn write_entry(
    mut entry: tar::Entry<'_, impl Read>,
    file: &Path,
    (archive, reserve): (&Path, u64),
) -> Result<u64, BackupError> {
    let read_error = |source| BackupError::Read { path: archive.to_owned(), source };
    let write_error = |source| BackupError::Write { path: file.to_owned(), source };
    let seconds = entry.header().mtime().map_err(read_error)?;
    let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.min(u32::MAX.into()));
    let folder = file.parent().expect("below the folder");
    fs::create_dir_all(folder).map_err(write_error)?;
    let mut target = File::create_new(file).map_err(write_error)?;
    let (mut piece, mut written) = (Vec::new(), 0);
    loop {
        if written % ROOM == 0 && free_bytes(folder).is_some_and(|free| free < reserve) {
            return Err(write_error(io::ErrorKind::StorageFull.into()));
        }
        piece.clear();
        let length = entry.by_ref().take(PIECE).read_to_end(&mut piece).map_err(read_error)?;
        if length == 0 {
            break;
        }
        target.write_all(&piece).map_err(write_error)?;
        written += length as u64;
    }
    // `heads list` tells from it when a head was made.
    target.set_modified(modified).and_then(|()| target.sync_all()).map_err(write_error)?;
    Ok(written)
}

/// Counts what is read.
struct Counted<R> {
    source: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.source.read(buffer)?;
        self.bytes += length as u64;
        Ok(length)
    }
}

/// Whether a file of this name, relative to the state, belongs in a backup.
fn is_expected(name: &Path) -> bool {
    let parts: Option<Vec<&str>> = name
        .components()
        .map(|component| match component {
            Component::Normal(part) => part.to_str().filter(|part| !part.starts_with('.')),
            _ => None,
        })
        .collect();
    let Some(parts) = parts else { return false };
    parts == [STORE] || FOLDERS.iter().any(|&(folder, depth)| parts.len() == depth && parts[0] == folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A backup of a state with a head that ends in empty blocks.
    fn backup() -> Vec<u8> {
        let place = tempfile::tempdir().unwrap();
        let device = Device::open(place.path().join("state")).unwrap();
        device.store().unwrap();
        fs::write(device.state().heads().join("000001.safetensors"), vec![0; 4 * BLOCK as usize]).unwrap();
        let file = place.path().join("backup");
        device.back_up(&file).unwrap();
        crate::files::read(&file, 1 << 24).unwrap()
    }

    #[test]
    fn a_backup_that_was_cut_off_anywhere_is_refused() {
        let whole = backup();
        let unpacked = |length: usize| {
            let folder = tempfile::tempdir().unwrap();
            unpack(&whole[..length], Path::new("backup"), (folder.path(), 0))
        };
        assert_eq!(unpacked(whole.len()).unwrap(), whole.len() as u64);
        let ends = (1..=12).map(|blocks| whole.len() - blocks * BLOCK as usize).chain([whole.len() - 1, 700, 1]);
        for length in ends {
            assert!(unpacked(length).is_err(), "{length} of {} bytes are taken", whole.len());
        }
        assert!(matches!(unpacked(whole.len() - 3 * BLOCK as usize), Err(BackupError::CutOff { .. })));
    }

    #[test]
    fn the_longest_name_of_a_file_comes_back() {
        let place = tempfile::tempdir().unwrap();
        let device = Device::open(place.path().join("state")).unwrap();
        device.store().unwrap();
        let name = format!("{}.jpg", "n".repeat(251));
        fs::create_dir_all(device.state().path().join("pictures")).unwrap();
        fs::write(device.state().path().join("pictures").join(&name), b"picture").unwrap();
        device.back_up(&place.path().join("backup")).unwrap();
        let other = Device::new(crate::store::StateDir::new(place.path().join("other")), device.settings().clone());
        other.restore(&place.path().join("backup")).unwrap();
        let read = crate::files::read(&other.state().path().join("pictures").join(&name), 99);
        assert_eq!(read.unwrap(), b"picture");
    }

    #[test]
    fn what_says_more_of_an_entry_is_not_read_however_long_it_is() {
        let kinds = [tar::EntryType::GNULongName, tar::EntryType::XHeader, tar::EntryType::GNULongLink];
        for kind in kinds {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(kind);
            header.set_path("x").unwrap();
            header.set_size(1 << 40);
            header.set_cksum();
            let mut read = Counted { source: header.as_bytes().chain(io::repeat(b'x')), bytes: 0 };
            let folder = tempfile::tempdir().unwrap();
            let error = unpack(&mut read, Path::new("backup"), (folder.path(), 0)).unwrap_err();
            assert!(matches!(error, BackupError::Entry { .. }), "{error}");
            assert!(read.bytes < 1 << 20, "{} bytes were read", read.bytes);
        }
    }

    #[test]
    fn a_disk_that_gets_full_is_not_filled() {
        let folder = tempfile::tempdir().unwrap();
        let error = unpack(&backup()[..], Path::new("backup"), (folder.path(), u64::MAX)).unwrap_err();
        let BackupError::Write { source, .. } = error else { panic!("{error}") };
        assert_eq!(source.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn only_what_a_state_holds_belongs_in_a_backup() {
        for name in [
            "samples.db",
            "heads/000001.safetensors",
            "heads/current",
            "backbones/net/manifest.toml",
            "pictures/gate-1.jpg",
        ] {
            assert!(is_expected(Path::new(name)), "{name}");
        }
        for name in [
            "../samples.db",
            "/etc/passwd",
            "heads/.lock",
            "pictures/.lock",
            "pictures/a/b",
            "heads/a/b",
            "backbones/x",
            "other",
            "heads/../samples.db",
        ] {
            assert!(!is_expected(Path::new(name)), "{name}");
        }
    }
}
