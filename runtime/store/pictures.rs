//! Pictures that lie in the state itself, since they came from a camera and nobody else keeps them: `pictures/`, beside the store.
//!
//! A file is written before the row that names it, so that whoever is killed between the two leaves a file that no row names;
//! the next sweep erases it. Both hold a lock on `pictures/.lock`: shared while a picture is added, alone while it is swept.

use std::collections::HashSet;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;

use super::Store;
use super::error::{At as _, StoreError};
use super::sample::{Inserted, NewSample};
use crate::atomic_file;
use crate::files;

/// Their folder, relative to that of the store.
const FOLDER: &str = "pictures";
/// What a source begins with that lies in the folder of the store, wherever that is.
const IN_STATE: &str = "state:";

/// Gives SQL on this connection the function `located`: a source as a path that leads to it now.
pub fn register(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().map_or_else(PathBuf::new, Path::to_owned);
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("located", 1, flags, move |context| {
        let source = context.get_raw(0).as_str_or_null()?;
        Ok(source.map(|source| match source.strip_prefix(IN_STATE) {
            Some(name) => files::name_of(&folder.join(name)),
            None => source.to_owned(),
        }))
    })
}

/// Held until it is dropped, or the process ends.
pub struct Lock {
    _file: File,
    /// False on a file system that has no locks.
    held: bool,
}

impl Store {
    /// [`Store::insert`] of one sample whose picture is kept in the state, as the file `name`. When this returns, both survive a
    /// power cut.
    pub fn insert_with_picture(
        &mut self,
        sample: NewSample,
        (name, bytes): (&str, &[u8]),
    ) -> Result<Inserted, StoreError> {
        let folder = self.pictures();
        let path = folder.join(name);
        let write_error = |source| StoreError::WritePicture { path: path.clone(), source };
        if !folder.is_dir() {
            let state = self.path.parent().filter(|state| !state.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let made = std::fs::create_dir_all(&folder).and_then(|()| atomic_file::own_as(state, &folder));
            made.and_then(|()| atomic_file::sync_folder(&folder)).map_err(write_error)?;
        }
        let _lock = self.lock_pictures(File::lock_shared)?;
        atomic_file::replace(&path, bytes).map_err(write_error)?;
        let source = format!("{IN_STATE}{FOLDER}/{name}");
        Ok(self.insert(&[NewSample { source, ..sample }])?.remove(0))
    }

    /// Erases the pictures in the state that no sample needs, not even one that was removed and can be brought back; says how many.
    pub fn sweep_pictures(&mut self) -> Result<usize, StoreError> {
        let folder = self.pictures();
        if !folder.is_dir() {
            return Ok(0);
        }
        // Without a lock somebody may be adding them.
        let lock = self.lock_pictures(File::lock)?;
        if !lock.held {
            return Ok(0);
        }
        let needed = self.picture_names()?;
        let write_error = |source| StoreError::WritePicture { path: folder.clone(), source };
        let mut erased = 0;
        for entry in std::fs::read_dir(&folder).map_err(write_error)? {
            let entry = entry.map_err(write_error)?;
            let (name, is_file) = (entry.file_name(), entry.file_type().map_err(write_error)?.is_file());
            if is_file && name.to_str().is_some_and(|name| name != ".lock" && !needed.contains(name)) {
                let path = folder.join(name);
                atomic_file::erase(&path).map_err(|source| StoreError::WritePicture { path, source })?;
                erased += 1;
            }
        }
        Ok(erased)
    }

    /// No picture in the state is erased while this is held; `None` where there are none.
    pub fn hold_pictures(&self) -> Result<Option<Lock>, StoreError> {
        if !self.pictures().is_dir() {
            return Ok(None);
        }
        match self.lock_pictures(File::lock_shared) {
            // Whoever cannot write the state can erase nothing either, but others can.
            Err(StoreError::WritePicture { source, .. }) if source.kind() == io::ErrorKind::ReadOnlyFilesystem => {
                Ok(None)
            }
            held => held.map(Some),
        }
    }

    /// Moves the pictures that no sample needs out of the way, beside their folder, instead of erasing them; says how many.
    pub(super) fn set_pictures_aside(&self) -> Result<usize, StoreError> {
        let (folder, aside) = (self.pictures(), self.path.with_file_name(format!("{FOLDER}.damaged")));
        if !folder.is_dir() {
            return Ok(0);
        }
        let needed = self.picture_names()?;
        let write_error = |source| StoreError::WritePicture { path: aside.clone(), source };
        let mut moved = 0;
        for entry in std::fs::read_dir(&folder).map_err(write_error)? {
            let name = entry.map_err(write_error)?.file_name();
            if name.to_str().is_some_and(|name| name != ".lock" && !needed.contains(name)) {
                std::fs::create_dir_all(&aside).map_err(write_error)?;
                std::fs::rename(folder.join(&name), aside.join(&name)).map_err(write_error)?;
                moved += 1;
            }
        }
        Ok(moved)
    }

    /// The files that samples need, removed ones as well that can be brought back.
    fn picture_names(&self) -> Result<HashSet<String>, StoreError> {
        let start = format!("{IN_STATE}{FOLDER}/");
        let sql = "SELECT source FROM samples WHERE instr(source, ?1) = 1
            UNION ALL SELECT source FROM removed_samples WHERE instr(source, ?1) = 1";
        let mut statement = self.connection.prepare(sql).at(&self.path)?;
        let rows = statement.query_map([&start], |row| row.get::<_, String>(0)).at(&self.path)?;
        rows.map(|source| source.map(|source| source[start.len()..].to_owned()).at(&self.path)).collect()
    }

    fn pictures(&self) -> PathBuf {
        self.path.with_file_name(FOLDER)
    }

    fn lock_pictures(&self, lock: impl FnOnce(&File) -> io::Result<()>) -> Result<Lock, StoreError> {
        let path = self.pictures().join(".lock");
        let write_error = |source| StoreError::WritePicture { path: path.clone(), source };
        let file = atomic_file::open_lock(&path).map_err(write_error)?;
        atomic_file::own_as(&self.pictures(), &path).map_err(write_error)?;
        match lock(&file) {
            Ok(()) => Ok(Lock { _file: file, held: true }),
            Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(Lock { _file: file, held: false }),
            Err(source) => Err(write_error(source)),
        }
    }
}
