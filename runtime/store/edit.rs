//! Listing, relabelling and removing samples.

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, params_from_iter};

use crate::dataset::SampleId;
use crate::labels::Label;

use super::Store;
use super::checksum;
use super::error::{At as _, StoreError};
use super::forgetting;
use super::history;
use super::query::Condition;
use super::sample::{Filter, Removal, SampleRow, Synchronisation};

impl Store {
    /// The samples that `filter` names, in the order of their ids.
    pub fn samples(&self, filter: &Filter) -> Result<Vec<SampleRow>, StoreError> {
        let condition = Condition::of(filter);
        let sql = format!(
            "SELECT id, content_hash, label, split, group_key, source, added_at, width, height
             FROM samples WHERE {} ORDER BY id",
            condition.sql()
        );
        let mut statement = self.connection.prepare(&sql).at(&self.path)?;
        let mut rows = statement.query(params_from_iter(&condition.parameters)).at(&self.path)?;
        let mut samples = Vec::new();
        while let Some(row) = rows.next().at(&self.path)? {
            samples.push(sample_row(row, &self.path)?);
        }
        Ok(samples)
    }

    /// The encoded thumbnail of a sample that has one.
    pub fn thumbnail(&self, id: SampleId) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT image FROM thumbnails WHERE sample_id = ?";
        self.connection.query_one(sql, [id.0], |row| row.get(0)).optional().at(&self.path)
    }

    /// Gives the samples that `filter` names another label, or none; says how many changed.
    pub fn relabel(&mut self, filter: &Filter, label: Option<&Label>) -> Result<usize, StoreError> {
        let condition = Condition::of(filter);
        let which = condition.sql();
        let label = label.map_or(Value::Null, |label| Value::Text(label.to_string()));
        let parameters: Vec<&Value> = std::iter::once(&label).chain(&condition.parameters).collect();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).at(&self.path)?;
        let change = history::begin(&transaction).at(&self.path)?;
        if history::note_labels(&transaction, change, &which, &parameters).at(&self.path)? == 0 {
            return Ok(0);
        }
        let sql = format!("UPDATE samples SET {} WHERE label IS NOT ?1 AND {which}", checksum::RELABELLED);
        let changed = transaction.execute(&sql, params_from_iter(parameters)).at(&self.path)?;
        transaction.commit().at(&self.path)?;
        Ok(changed)
    }

    /// Renames a class; where `to` exists already, the two become one. Says how many samples changed.
    pub fn rename_label(&mut self, from: &Label, to: &Label) -> Result<usize, StoreError> {
        self.relabel(&Filter::label(from.clone()), Some(to))
    }

    /// Removes the samples that `filter` names with all that belongs to them. They are kept aside for [`Store::undo`], and their
    /// content hashes are remembered: [`Store::insert_unless_removed`] passes over them.
    pub fn remove(&mut self, filter: &Filter) -> Result<Removal, StoreError> {
        self.take_out(filter, false)
    }

    /// [`Store::remove`], which nothing takes back: their bytes leave the files, and those of samples removed earlier that `filter`
    /// names. No head may be published after it that was fitted before ([`Store::forgettings`]).
    pub fn forget(&mut self, filter: &Filter) -> Result<Removal, StoreError> {
        self.take_out(filter, true)
    }

    /// Relabels, moves and removes samples as one change, which can be taken back: all of it or, on an error, nothing.
    pub fn synchronise(&mut self, wanted: &Synchronisation) -> Result<(), StoreError> {
        let path = self.path.clone();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).at(&path)?;
        let change = history::begin(&transaction).at(&path)?;
        for (id, label) in &wanted.labels {
            let (label, id) = (Value::Text(label.to_string()), Value::Integer(id.0));
            history::note_labels(&transaction, change, "id = ?2", &[&label, &id]).at(&path)?;
            let sql = format!("UPDATE samples SET {} WHERE id = ?2", checksum::RELABELLED);
            transaction.execute(&sql, [&label, &id]).at(&path)?;
        }
        for (id, source) in &wanted.sources {
            let sql = "UPDATE samples SET source = ? WHERE id = ?";
            transaction.execute(sql, (source, id.0)).at(&path)?;
        }
        if !wanted.removed.is_empty() {
            remove_rows(&transaction, Some(change), &Condition::of(&Filter::ids(wanted.removed.clone()))).at(&path)?;
        }
        history::drop_empty(&transaction).at(&path)?;
        transaction.commit().at(&path)
    }

    fn take_out(&mut self, filter: &Filter, forget: bool) -> Result<Removal, StoreError> {
        let condition = Condition::of(filter);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).at(&self.path)?;
        let change = match forget {
            true => {
                history::forget(&transaction, &condition).at(&self.path)?;
                None
            }
            false => Some(history::begin(&transaction).at(&self.path)?),
        };
        let samples = remove_rows(&transaction, change, &condition).at(&self.path)?;
        history::drop_empty(&transaction).at(&self.path)?;
        if forget {
            forgetting::count(&transaction).at(&self.path)?;
        }
        transaction.commit().at(&self.path)?;
        Ok(Removal { samples, log_emptied: self.erase_log()? })
    }

    /// Moves the write-ahead log into `samples.db` and empties it, unless a reader in another process still needs it;
    /// says whether it is empty.
    pub fn erase_log(&mut self) -> Result<bool, StoreError> {
        let busy: bool =
            self.connection.query_one("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).at(&self.path)?;
        Ok(!busy)
    }
}

/// Removes samples and remembers their hashes; keeps their rows as part of a change, where there is one.
fn remove_rows(connection: &Connection, change: Option<i64>, condition: &Condition) -> rusqlite::Result<usize> {
    let (which, parameters) = (condition.sql(), &condition.parameters);
    let remember = format!("INSERT OR IGNORE INTO removed SELECT content_hash, unixepoch() FROM samples WHERE {which}");
    connection.execute(&remember, params_from_iter(parameters))?;
    if let Some(change) = change {
        history::keep_rows(connection, change, &which, parameters)?;
    }
    connection.execute(&format!("DELETE FROM samples WHERE {which}"), params_from_iter(parameters))
}

fn sample_row(row: &Row, path: &Path) -> Result<SampleRow, StoreError> {
    let id = SampleId(row.get(0).at(path)?);
    let hash: String = row.get(1).at(path)?;
    let label: Option<String> = row.get(2).at(path)?;
    let split: String = row.get(3).at(path)?;
    Ok(SampleRow {
        id,
        hash: hash.parse().map_err(|source| StoreError::StoredHash { id, source })?,
        label: super::load::label(id, label.as_deref())?,
        split: split.parse().map_err(|source| StoreError::StoredSplit { id, source })?,
        group: row.get(4).at(path)?,
        source: row.get(5).at(path)?,
        added_at: row.get(6).at(path)?,
        width: row.get(7).at(path)?,
        height: row.get(8).at(path)?,
    })
}
