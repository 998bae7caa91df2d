//! Opening `samples.db`: whose file it is, which schema it has, how it is written.

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::checksum;
use super::error::{At, StoreError};
use super::share::network_file_system;

/// The scripts that lead from one schema version to the next; `user_version` counts those that have run.
pub(super) const MIGRATIONS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
];

/// SQLite's `application_id` of a sample store: "edtl".
const APPLICATION_ID: i32 = i32::from_be_bytes(*b"edtl");

/// How long a statement waits for another process.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(30);
/// The same on a network share.
const SHARE_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn open(path: &Path, migrations: &[&str]) -> Result<Connection, StoreError> {
    match open_to_write(path, migrations) {
        Err(error @ (StoreError::ReadOnly { .. } | StoreError::CannotOpen { .. })) => {
            open_to_read(path, migrations).map_err(|_| error)
        }
        opened => opened,
    }
}

/// A store that nobody can write, as on a read-only file system: every table can be read.
///
/// # Errors
/// When it has an older schema or a log that was not moved into it, which would have to be written.
fn open_to_read(path: &Path, migrations: &[&str]) -> Result<Connection, StoreError> {
    let log = path.with_extension("db-wal");
    let path_text = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(format!("file:{path_text}?immutable=1"), flags).at(path)?;
    check_identity(&connection, path, migrations.len() as u32)?;
    let is_current = user_version(&connection).at(path)? as usize == migrations.len();
    if !is_current || log.metadata().is_ok_and(|log| log.len() > 0) {
        return Err(StoreError::ReadOnly { path: path.to_owned(), source: rusqlite::Error::InvalidQuery });
    }
    register(&connection, path).at(path)?;
    Ok(connection)
}

fn register(connection: &Connection, path: &Path) -> rusqlite::Result<()> {
    super::query::register(connection)?;
    super::pictures::register(connection, path)?;
    checksum::register(connection)
}

/// As often a store may be exchanged while it is opened.
const EXCHANGES: usize = 3;

fn open_to_write(path: &Path, migrations: &[&str]) -> Result<Connection, StoreError> {
    for _ in 0..EXCHANGES {
        if let Some(connection) = open_as_it_is(path, migrations)? {
            return Ok(connection);
        }
    }
    open_as_it_is(path, migrations)?.ok_or_else(|| StoreError::Missing { path: path.to_owned() })
}

/// `None` where another file came to `path` while the lock of the one before was waited for: whatever was written would go to that.
fn open_as_it_is(path: &Path, migrations: &[&str]) -> Result<Option<Connection>, StoreError> {
    let before = identity(path);
    // SQLite takes a path that begins with `file:` for a URI.
    let mut connection = Connection::open(Path::new(".").join(path)).at(path)?;
    let before = before.or_else(|| identity(path));
    // Locks of a share that do not work will not begin to.
    let patience = if network_file_system(path).is_some() { SHARE_TIMEOUT } else { BUSY_TIMEOUT };
    connection.busy_timeout(patience).at(path)?;
    // One snapshot: another process may be creating the store right now.
    let snapshot = connection.unchecked_transaction().at(path)?;
    let checked = check_identity(&snapshot, path, migrations.len() as u32);
    if identity(path) != before {
        return Ok(None);
    }
    checked?;
    snapshot.commit().at(path)?;
    configure(&connection, path, patience).at(path)?;
    migrate(&mut connection, path, migrations)?;
    Ok(Some(connection))
}

/// Which file is at `path`.
#[cfg(unix)]
fn identity(path: &Path) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    path.metadata().ok().map(|file| (file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Path) -> Option<(u64, u64)> {
    None
}

/// Refuses other programs' databases and newer schemas before anything is written to them.
fn check_identity(connection: &Connection, path: &Path, supported: u32) -> Result<(), StoreError> {
    let application: i32 = connection.pragma_query_value(None, "application_id", |row| row.get(0)).at(path)?;
    let tables: i64 = connection.query_one("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).at(path)?;
    if application != APPLICATION_ID && (application != 0 || tables > 0) {
        return Err(StoreError::Foreign { path: path.to_owned() });
    }
    let found = user_version(connection).at(path)?;
    if found > supported {
        return Err(StoreError::Newer { path: path.to_owned(), supported, found });
    }
    Ok(())
}

fn configure(connection: &Connection, path: &Path, patience: Duration) -> rusqlite::Result<()> {
    connection.pragma_update(None, "page_size", 16384)?;
    use_write_ahead_log(connection, patience)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // In pages: 4 MiB.
    connection.pragma_update(None, "wal_autocheckpoint", 256)?;
    connection.pragma_update(None, "journal_size_limit", 16 << 20)?;
    register(connection, path)
}

/// SQLite does not wait when two processes switch a new file at once, hence the loop. A file system without shared
/// memory keeps the rollback journal: as durable, but readers and writers take turns.
fn use_write_ahead_log(connection: &Connection, patience: Duration) -> rusqlite::Result<()> {
    let deadline = Instant::now() + patience;
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get::<_, String>(0)) {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                tracing::warn!(journal_mode = mode, "the sample store's file system has no write-ahead log");
                return Ok(());
            }
            Err(error) if is_busy(&error) && Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(error) => return Err(error),
        }
    }
}

pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Runs what is missing of `migrations`, all in one transaction.
fn migrate(connection: &mut Connection, path: &Path, migrations: &[&str]) -> Result<(), StoreError> {
    if user_version(connection).at(path)? as usize == migrations.len() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).at(path)?;
    // Another process may have been first.
    check_identity(&transaction, path, migrations.len() as u32)?;
    let done = user_version(&transaction).at(path)? as usize;
    for script in &migrations[done..] {
        transaction.execute_batch(script).at(path)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION_ID).at(path)?;
    transaction.pragma_update(None, "user_version", migrations.len() as u32).at(path)?;
    transaction.commit().at(path)?;
    if done > 0 {
        let now = migrations.len();
        tracing::info!(
            "`{}` was brought from schema version {done} to {now}; an older edgetl refuses it from now on",
            path.display()
        );
    }
    // What a migration dropped is in the file until the log is moved into it; where a reader is in the way, it goes with
    // the next time that the log is.
    connection.query_one("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).at(path)
}

fn user_version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}
