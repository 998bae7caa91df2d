//! What must not come back: hashes of removed images, and how often samples were forgotten.
//!
//! A fit reads the count with its samples, in one snapshot. Forgetting raises it in the transaction that removes the
//! samples. A head is published only while the count is what its fit read, so that none of a forgotten sample is.

use std::collections::HashSet;

use rusqlite::{Connection, OptionalExtension as _};

use crate::digest::ContentHash;

use super::Store;
use super::error::{At as _, StoreError};

/// Settings: how often samples were forgotten in the store, and how often in the heads as well.
const ASKED: &str = "forgettings";
const FINISHED: &str = "forgettings_finished";

/// How often samples were forgotten, when it was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Forgettings {
    pub(super) asked: u64,
    finished: u64,
}

impl Forgettings {
    /// Whether heads that may have seen forgotten samples were not all erased yet.
    pub fn is_unfinished(self) -> bool {
        self.finished < self.asked
    }
}

/// Counts a forgetting.
pub fn count(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "INSERT INTO settings VALUES (?, '1') ON CONFLICT DO UPDATE SET value = CAST(value AS INTEGER) + 1";
    connection.execute(sql, [ASKED]).map(drop)
}

pub fn is_removed(connection: &Connection, hash: &ContentHash) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT * FROM removed WHERE content_hash = ?")?.exists([hash.to_string()])
}

impl Store {
    /// How often samples were forgotten so far.
    pub fn forgettings(&self) -> Result<Forgettings, StoreError> {
        let sql = "SELECT CAST(value AS INTEGER) FROM settings WHERE key = ?";
        let number = |key: &str| {
            let found = self.connection.query_one(sql, [key], |row| row.get::<_, i64>(0)).optional();
            found.map(|number| number.unwrap_or(0).unsigned_abs()).at(&self.path)
        };
        self.snapshot(|_| Ok(Forgettings { asked: number(ASKED)?, finished: number(FINISHED)? }))
    }

    /// Remembers that no head is left of those that were there at `forgettings`.
    pub(super) fn finish_forgetting(&mut self, forgettings: Forgettings) -> Result<(), StoreError> {
        if forgettings.is_unfinished() { self.set_setting(FINISHED, &forgettings.asked.to_string()) } else { Ok(()) }
    }

    /// The content hashes of images that were removed and have not been stored again.
    pub fn removed(&self) -> Result<HashSet<ContentHash>, StoreError> {
        let mut statement = self.connection.prepare("SELECT content_hash FROM removed").at(&self.path)?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).at(&self.path)?;
        rows.map(|row| row.at(&self.path)?.parse().map_err(|source| StoreError::RemovedHash { source })).collect()
    }

    /// Whether the image of this content hash was removed and has not been stored again.
    pub fn is_removed(&self, hash: &ContentHash) -> Result<bool, StoreError> {
        is_removed(&self.connection, hash).at(&self.path)
    }
}
