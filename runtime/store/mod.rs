//! What a device keeps: `samples.db` (samples and cached features) and `heads/` (fitted heads, as bytes).
//!
//! `samples.db` is a SQLite database in WAL mode, `synchronous=FULL`, 16 KiB pages, UTF-8. Its header has
//! `application_id` 0x6564746c ("edtl") and the schema version as `user_version`; `schema/N.sql` leads from version N-1
//! to N. Version 6:
//!
//! | table | column | content |
//! |---|---|---|
//! | `samples` | `id` | integer, never given again after a removal |
//! | | `content_hash` | SHA-256 of the image file, 64 lower-case hexadecimal digits, unique |
//! | | `label` | text, or NULL: not labelled; indexed; read in NFC, in which newer programs write it |
//! | | `split` | `train`, `validation` or `test` |
//! | | `group_key` | text, or NULL: a group of its own |
//! | | `source` | path or URL; a path that is no UTF-8 as a `file://` URL; `state:pictures/NAME` lies beside the store |
//! | | `added_at` | seconds since 1970-01-01 UTC |
//! | | `width`, `height` | pixels, as displayed |
//! | | `checksum` | of hash, label, split and group |
//! | `thumbnails` | `sample_id` | the sample |
//! | | `image` | an encoded image |
//! | `backbones` | `id` | integer |
//! | | `fingerprint` | 64 lower-case hexadecimal digits, unique |
//! | | `dim` | length C of its feature vectors |
//! | `features` | `sample_id`, `backbone_id` | primary key |
//! | | `vector` | 4 C bytes: C IEEE 754 binary32 values, little endian |
//! | | `checksum` | of the sample's hash, the fingerprint and the vector |
//! | `views` | `sample_id`, `backbone_id`, `number` | primary key; `number` counts from 1 |
//! | | `vector`, `checksum` | as in `features`, of an augmented view; the checksum is of its number too |
//! | `changes` | `id`, `at` | what was relabelled or removed by hand, and when: seconds since 1970-01-01 UTC |
//! | `relabelled` | `change_id`, `sample_id`, `old_label`, `new_label` | of the change, for 30 days |
//! | `removed_…` | | the rows of removed samples as they were, for 30 days |
//! | `removed` | `content_hash`, `at` | of an image that was removed, and when: seconds since 1970-01-01 UTC |
//! | `review` | `id` | integer, never given again |
//! | | `content_hash` | as in `samples`, of the picture, which is no sample yet; unique |
//! | | `at` | when it was taken: milliseconds since 1970-01-01 UTC |
//! | | `camera`, `group_key` | which camera took it, and of what happened before it |
//! | | `answer` | what the head said of it: JSON |
//! | | `why` | `unsure`, `unknown`, `disagreeing` or `far` |
//! | | `usefulness` | real; the least goes first |
//! | | `backbone_id`, `revision`, `vector`, `checksum` | as in `features` |
//! | | `picture` | an encoded image |
//! | `dismissed` | `id`, `content_hash`, `backbone_id`, `vector` | of the latest thousand that nobody wanted to label |
//! | `settings` | `key`, `value` | text |
//!
//! Version 1 had no `views`; version 2 had sums over features in a table `statistics`; version 4 kept nothing of removed samples;
//! version 5 had nothing to review.
//! Forgetting a sample removes its thumbnail, features and views;
//! `secure_delete` overwrites them with zeros.

mod alone;
mod checksum;
mod edit;
mod error;
mod forgetting;
mod heads;
mod history;
mod insert;
mod labelled;
mod listing;
mod load;
mod open;
mod phones;
mod pictures;
mod publish;
mod query;
mod rescue;
mod review;
mod sample;
mod share;
mod state;
#[cfg(test)]
mod tests;
mod unlabelled;
mod views;
mod waiting_heads;

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _};

pub use alone::{Alone, hold_alone};
pub use error::StoreError;
pub use forgetting::Forgettings;
pub use heads::{HeadFile, HeadFolder, HeadFolderError, HeadVersion, ParseHeadVersionError};
pub use history::{Change, KEPT, Undone};
pub use labelled::Labelled;
pub use listing::{Listed, Order, Page, Standing};
pub use load::Selection;
pub use phones::{Code, Moment, Offer, Paired, PairingRight, Phone, PhoneList, Phones, PhonesError};
pub use publish::{PublishError, Replaced, Settling};
pub use rescue::{Rescued, rescue};
pub use review::{Kept, NewReview, ParseWorthError, ReviewBounds, ReviewId, ReviewRow, Worth};
pub use sample::{
    Edited, FeatureCount, FeatureVector, Filter, Inserted, Known, LabelFilter, NewSample, Outcome, ParseSplitError,
    Removal, SampleRow, Split, StoredLabel, Synchronisation,
};
pub use state::{StateDir, StateError};
pub use views::WithoutViews;

use error::At as _;

/// A connection to `samples.db`; any number of them, in any number of processes, may be open at once.
#[derive(Debug)]
pub struct Store {
    connection: Connection,
    path: PathBuf,
}

impl Store {
    /// Opens the store at `path`, creates it where there is none, and brings an older one to the current schema.
    ///
    /// # Errors
    /// When the file is not a sample store, is from a newer version, is damaged or cannot be written.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self { connection: open::open(path, open::MIGRATIONS)?, path: path.to_owned() })
    }

    /// Like [`Store::open`], but creates nothing.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when there is no file at `path`; else as [`Store::open`].
    pub fn open_existing(path: &Path) -> Result<Self, StoreError> {
        match path.try_exists() {
            Ok(true) => Self::open(path),
            Ok(false) => Err(StoreError::Missing { path: path.to_owned() }),
            Err(source) => Err(StoreError::Unreachable { path: path.to_owned(), source }),
        }
    }

    /// Waits so long at most for others who write.
    pub fn set_patience(&self, patience: Duration) -> Result<(), StoreError> {
        self.connection.busy_timeout(patience).at(&self.path)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What `read` reads is the store of one moment, whatever others write meanwhile; snapshots may lie in one another.
    pub fn snapshot<T>(&self, read: impl FnOnce(&Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        if !self.connection.is_autocommit() {
            return read(self);
        }
        let transaction = self.connection.unchecked_transaction().at(&self.path)?;
        let result = read(self)?;
        transaction.commit().at(&self.path)?;
        Ok(result)
    }

    /// A number that is another one once somebody else has written to the store.
    pub fn data_version(&self) -> Result<i64, StoreError> {
        self.connection.pragma_query_value(None, "data_version", |row| row.get(0)).at(&self.path)
    }

    /// Writes a copy of the store as of now to `path`, where there must be nothing; others may write meanwhile.
    pub fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        self.connection.execute("VACUUM INTO ?", [path.to_string_lossy()]).map(drop).at(&self.path)
    }

    /// The value remembered under `key`.
    pub fn setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        let sql = "SELECT value FROM settings WHERE key = ?";
        self.connection.query_one(sql, [key], |row| row.get(0)).optional().at(&self.path)
    }

    /// Remembers `value` under `key`, in place of what was there.
    pub fn set_setting(&mut self, key: &str, value: &str) -> Result<(), StoreError> {
        set_setting(&self.connection, key, value).at(&self.path)
    }

    /// Forgets what was under `key`, if anything.
    pub fn drop_setting(&mut self, key: &str) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM settings WHERE key = ?", [key]).map(drop).at(&self.path)
    }

    /// All of them, or none.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn set_settings(&mut self, settings: impl IntoIterator<Item = (String, String)>) -> Result<(), StoreError> {
        let transaction = self.connection.transaction().at(&self.path)?;
        for (key, value) in settings {
            set_setting(&transaction, &key, &value).at(&self.path)?;
        }
        transaction.commit().at(&self.path)
    }

    /// Reads every page and every reference.
    ///
    /// # Errors
    /// When SQLite finds damage.
    pub fn check_integrity(&self) -> Result<(), StoreError> {
        let problem = |first_problem| StoreError::Integrity { path: self.path.clone(), first_problem };
        let report: String =
            self.connection.pragma_query_value(None, "integrity_check", |row| row.get(0)).at(&self.path)?;
        if report != "ok" {
            return Err(problem(report));
        }
        let mut orphans = self.connection.prepare("SELECT \"table\" FROM pragma_foreign_key_check").at(&self.path)?;
        match orphans.query_one([], |row| row.get::<_, String>(0)).optional() {
            Ok(None) => Ok(()),
            Ok(Some(table)) => Err(problem(format!("`{table}` has a row that belongs to nothing"))),
            Err(rusqlite::Error::QueryReturnedMoreThanOneRow) => Err(problem("rows that belong to nothing".to_owned())),
            Err(error) => Err(error).at(&self.path),
        }
    }
}

fn set_setting(connection: &Connection, key: &str, value: &str) -> rusqlite::Result<()> {
    let sql = "INSERT INTO settings VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value";
    connection.execute(sql, [key, value]).map(drop)
}
