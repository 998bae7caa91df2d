//! What was relabelled and removed by hand, kept for a while so that it can be taken back.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior, params, params_from_iter};

use super::Store;
use super::checksum;
use super::error::{At as _, StoreError};
use super::query::Condition;
use crate::clock::now;
use crate::dataset::SampleId;
use crate::labels::Label;

/// How long a change can be taken back: 30 days.
pub const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// The columns of a removed row that are those of a stored one, and the tables that hang on it.
const SAMPLE: &str = "id, content_hash, label, split, group_key, source, added_at, width, height, checksum";
const PARTS: [(&str, &str); 3] = [
    ("thumbnails", "sample_id, image"),
    ("features", "sample_id, backbone_id, vector, checksum, revision"),
    ("views", "sample_id, backbone_id, number, vector, checksum"),
];

/// A change that can be taken back.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Change {
    pub id: i64,
    /// Seconds since 1970-01-01 UTC.
    pub at: i64,
    /// How many samples got which label for which; `None`: no label.
    pub relabelled: BTreeMap<(Option<Label>, Option<Label>), usize>,
    /// How many samples of each label were removed.
    pub removed: BTreeMap<Option<Label>, usize>,
}

/// What taking a change back did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Undone {
    pub relabelled: usize,
    pub restored: usize,
    /// Samples whose picture has been stored anew since it was removed.
    pub stored_anew: usize,
    /// Of the edits, behind it.
    pub version: i64,
}

type Row = (i64, i64, Option<Label>, Option<Label>, usize);

/// The version of the edits: the number of the latest change that can be taken back; 0 where there is none.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_one("SELECT coalesce(max(id), 0) FROM changes", [], |row| row.get(0))
}

/// The version of the edits, which must be `expected` where that is named.
pub(super) fn expect(connection: &Connection, expected: Option<i64>, path: &Path) -> Result<i64, StoreError> {
    let got = version(connection).at(path)?;
    match expected.filter(|expected| *expected != got) {
        Some(expected) => Err(StoreError::OtherVersion { expected, got }),
        None => Ok(got),
    }
}

/// Begins a change, and lets go of those that are older than [`KEPT`].
pub(super) fn begin(connection: &Connection) -> rusqlite::Result<i64> {
    purge(connection, now() - KEPT.as_secs() as i64)?;
    connection.execute("INSERT INTO changes (at) VALUES (?)", [now()])?;
    Ok(connection.last_insert_rowid())
}

/// Notes the labels of the samples that `which` finds and that have not the label `?1`.
pub(super) fn note_labels(
    connection: &Connection,
    change: i64,
    which: &str,
    parameters: &[&rusqlite::types::Value],
) -> rusqlite::Result<usize> {
    let sql =
        format!("INSERT INTO relabelled SELECT {change}, id, label, ?1 FROM samples WHERE label IS NOT ?1 AND {which}");
    connection.execute(&sql, params_from_iter(parameters))
}

/// Keeps the rows of the samples that `which` finds, and all that belongs to them.
pub(super) fn keep_rows(
    connection: &Connection,
    change: i64,
    which: &str,
    parameters: &[rusqlite::types::Value],
) -> rusqlite::Result<()> {
    let sql = format!(
        "INSERT INTO removed_samples ({SAMPLE}, change_id) SELECT {SAMPLE}, {change} FROM samples WHERE {which}"
    );
    connection.execute(&sql, params_from_iter(parameters))?;
    for (table, columns) in PARTS {
        let of_change = format!("SELECT id FROM removed_samples WHERE change_id = {change}");
        connection.execute(
            &format!(
                "INSERT INTO removed_{table} ({columns}) SELECT {columns} FROM {table} WHERE sample_id IN ({of_change})"
            ),
            [],
        )?;
    }
    Ok(())
}

/// Erases what is kept of removed samples that `condition` finds, and the notes on labels of those and of stored ones.
pub(super) fn forget(connection: &Connection, condition: &Condition) -> rusqlite::Result<()> {
    let which = condition.sql();
    for table in ["samples", "removed_samples AS samples"] {
        let notes = format!("DELETE FROM relabelled WHERE sample_id IN (SELECT samples.id FROM {table} WHERE {which})");
        connection.execute(&notes, params_from_iter(&condition.parameters))?;
    }
    // Also those of a picture that was stored anew since.
    let anew = format!(
        "DELETE FROM removed_samples WHERE content_hash IN (SELECT content_hash FROM samples WHERE {which})
             AND id NOT IN (SELECT id FROM samples)"
    );
    connection.execute(&anew, params_from_iter(&condition.parameters))?;
    let rows = format!("DELETE FROM removed_samples AS samples WHERE {which}");
    connection.execute(&rows, params_from_iter(&condition.parameters))?;
    drop_empty(connection)
}

/// Lets go of changes of which nothing is left.
pub(super) fn drop_empty(connection: &Connection) -> rusqlite::Result<()> {
    let empty = "DELETE FROM changes WHERE id NOT IN (SELECT change_id FROM relabelled)
        AND id NOT IN (SELECT change_id FROM removed_samples)";
    connection.execute(empty, []).map(drop)
}

/// Lets go of changes up to this second; says how many.
fn purge(connection: &Connection, until: i64) -> rusqlite::Result<usize> {
    connection.execute("DELETE FROM changes WHERE at <= ?", [until])
}

impl Store {
    /// The changes that can be taken back, the latest first.
    pub fn changes(&self) -> Result<Vec<Change>, StoreError> {
        self.snapshot(|store| {
            let mut changes: BTreeMap<i64, Change> = BTreeMap::new();
            let rows = store.rows("SELECT id, at, NULL, NULL, 0 FROM changes")?;
            changes
                .extend(rows.into_iter().map(|(id, at, ..)| {
                    (id, Change { id, at, relabelled: BTreeMap::new(), removed: BTreeMap::new() })
                }));
            let relabelled = "SELECT change_id, 0, old_label, new_label, count(*) FROM relabelled GROUP BY 1, 3, 4";
            for (id, _, old, new, count) in store.rows(relabelled)? {
                changes.entry(id).and_modify(|change| *change.relabelled.entry((old, new)).or_default() += count);
            }
            let removed = "SELECT change_id, 0, label, NULL, count(*) FROM removed_samples GROUP BY 1, 3";
            for (id, _, label, _, count) in store.rows(removed)? {
                changes.entry(id).and_modify(|change| *change.removed.entry(label).or_default() += count);
            }
            Ok(changes.into_values().rev().collect())
        })
    }

    /// Rows of a change's number, a time, two labels and a count.
    fn rows(&self, sql: &str) -> Result<Vec<Row>, StoreError> {
        let mut statement = self.connection.prepare(sql).at(&self.path)?;
        let mut rows = statement.query([]).at(&self.path)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().at(&self.path)? {
            let text = |column| row.get::<_, Option<String>>(column).at(&self.path);
            let label = |text: Option<String>| super::load::label(SampleId(0), text.as_deref());
            let count: i64 = row.get(4).at(&self.path)?;
            found.push((
                row.get(0).at(&self.path)?,
                row.get(1).at(&self.path)?,
                label(text(2)?)?,
                label(text(3)?)?,
                count as usize,
            ));
        }
        Ok(found)
    }

    /// The number of the latest change that can be taken back; 0 where there is none.
    pub fn version(&self) -> Result<i64, StoreError> {
        version(&self.connection).at(&self.path)
    }

    /// Takes the latest change back; `None` where there is none.
    pub fn undo(&mut self) -> Result<Option<Undone>, StoreError> {
        self.take_back(None)
    }

    /// Takes `change` back.
    ///
    /// # Errors
    /// [`StoreError::NotLatest`] when another came after it, [`StoreError::NoSuchChange`] when it is not there: it was taken back, or
    /// let go of. Then nothing was done.
    pub fn undo_change(&mut self, change: i64) -> Result<Undone, StoreError> {
        self.take_back(Some(change))?.ok_or(StoreError::NoSuchChange(change))
    }

    /// Takes the latest change back, which must be `change` where that is named.
    fn take_back(&mut self, change: Option<i64>) -> Result<Option<Undone>, StoreError> {
        let path = self.path.clone();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).at(&path)?;
        let latest = version(&transaction).at(&path)?;
        if let Some(change) = change.filter(|change| *change != latest) {
            let sql = "SELECT EXISTS (SELECT * FROM changes WHERE id = ?)";
            let is_there = transaction.query_one(sql, [change], |row| row.get(0)).at(&path)?;
            return Err(if is_there {
                StoreError::NotLatest { change, latest }
            } else {
                StoreError::NoSuchChange(change)
            });
        }
        if latest == 0 {
            return Ok(None);
        }
        let undone = undo(&transaction, latest).at(&path)?;
        transaction.commit().at(&path)?;
        Ok(Some(undone))
    }

    /// Erases what is kept to take changes back; says how many of them.
    pub fn purge(&mut self) -> Result<usize, StoreError> {
        let purged = purge(&self.connection, i64::MAX).at(&self.path)?;
        self.erase_log()?;
        Ok(purged)
    }

    /// Lets go of changes that are older than [`KEPT`].
    pub fn purge_old(&mut self) -> Result<usize, StoreError> {
        let until = now() - KEPT.as_secs() as i64;
        let mut old = self.connection.prepare_cached("SELECT * FROM changes WHERE at <= ?").at(&self.path)?;
        // Nothing is written where there is nothing to let go of.
        if old.exists([until]).at(&self.path)? { purge(&self.connection, until).at(&self.path) } else { Ok(0) }
    }
}

fn undo(connection: &Connection, change: i64) -> rusqlite::Result<Undone> {
    let anew = "removed_samples.change_id = ? AND content_hash IN (SELECT content_hash FROM samples)";
    let stored_anew = connection.execute(&format!("DELETE FROM removed_samples WHERE {anew}"), [change])?;
    let rows = format!("INSERT INTO samples ({SAMPLE}) SELECT {SAMPLE} FROM removed_samples WHERE change_id = ?");
    let restored = connection.execute(&rows, [change])?;
    for (table, columns) in PARTS {
        connection.execute(
            &format!(
                "INSERT INTO {table} ({columns}) SELECT {columns} FROM removed_{table}
                 WHERE sample_id IN (SELECT id FROM removed_samples WHERE change_id = ?)"
            ),
            [change],
        )?;
    }
    let known =
        "DELETE FROM removed WHERE content_hash IN (SELECT content_hash FROM removed_samples WHERE change_id = ?)";
    connection.execute(known, [change])?;
    let mut notes = connection.prepare("SELECT sample_id, old_label FROM relabelled WHERE change_id = ?")?;
    let notes: Vec<(i64, Option<String>)> =
        notes.query_map([change], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut relabelled = 0;
    for (sample, label) in notes {
        let sql = format!("UPDATE samples SET {} WHERE id = ?2", checksum::RELABELLED);
        relabelled += connection.execute(&sql, params![label, sample])?;
    }
    connection.execute("DELETE FROM changes WHERE id = ?", [change])?;
    Ok(Undone { relabelled, restored, stored_anew, version: version(connection)? })
}
