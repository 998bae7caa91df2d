//! A store that nobody else has open.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, ffi};

use super::error::{At, StoreError};
use super::open::is_busy;

/// How long whoever has it open is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// As long as it is there, nobody opens the store; its file is all there is of it.
pub struct Alone(#[expect(dead_code, reason = "held for its drop")] Connection);

/// Holds the store at `path`; `None` where another has it open, or there is none.
///
/// # Errors
/// When it cannot be opened or written.
pub fn hold_alone(path: &Path) -> Result<Option<Alone>, StoreError> {
    if !path.exists() {
        return Ok(None);
    }
    if !is_database(path).map_err(|source| StoreError::Unreachable { path: path.to_owned(), source })? {
        let source = rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_NOTADB), None);
        return Err(StoreError::NotADatabase { path: path.to_owned(), source });
    }
    let connection =
        Connection::open_with_flags(Path::new(".").join(path), OpenFlags::SQLITE_OPEN_READ_WRITE).at(path)?;
    connection.busy_timeout(PATIENCE).at(path)?;
    // The log of a store that is damaged stays as it is.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).at(path)?;
    // Leaving the write-ahead log takes a store that nobody else has open, and moves the log into the file.
    let mode = connection.pragma_update_and_check(None, "journal_mode", "delete", |row| row.get::<_, String>(0));
    match mode.and_then(|_| connection.execute_batch("BEGIN EXCLUSIVE")) {
        Ok(()) => Ok(Some(Alone(connection))),
        Err(error) if is_busy(&error) => Ok(None),
        Err(error) => Err(error).at(path),
    }
}

/// Looked at before SQLite is, which removes the logs of what is none. One that is empty may become a database.
fn is_database(path: &Path) -> io::Result<bool> {
    let (mut head, expected) = (Vec::new(), b"SQLite format 3\0");
    File::open(path)?.take(expected.len() as u64).read_to_end(&mut head)?;
    Ok(head.is_empty() || head == expected)
}
