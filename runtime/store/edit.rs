//! Relabelling and removing samples.

use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, TransactionBehavior, params_from_iter};

use crate::labels::Label;

use super::Store;
use super::checksum;
use super::error::{At as _, StoreError};
use super::forgetting;
use super::history;
use super::open::BUSY_TIMEOUT;
use super::query::Condition;
use super::sample::{Edited, Filter, Removal, Synchronisation};

impl Store {
    /// Gives the samples that `filter` names another label, or none; says how many changed.
    pub fn relabel(&mut self, filter: &Filter, label: Option<&Label>) -> Result<usize, StoreError> {
        Ok(self.relabel_at(None, filter, label)?.changed)
    }

    /// [`Store::relabel`], where a `version` is named only while that is the version of the edits.
    ///
    /// # Errors
    /// [`StoreError::OtherVersion`] when somebody else changed something since; then nothing was done.
    pub fn relabel_at(
        &mut self,
        version: Option<i64>,
        filter: &Filter,
        label: Option<&Label>,
    ) -> Result<Edited, StoreError> {
        let condition = Condition::of(filter);
        let which = condition.sql();
        let label = label.map_or(Value::Null, |label| Value::Text(label.to_string()));
        let parameters: Vec<&Value> = std::iter::once(&label).chain(&condition.parameters).collect();
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).at(&self.path)?;
        let before = history::expect(&transaction, version, &self.path)?;
        let change = history::begin(&transaction).at(&self.path)?;
        if history::note_labels(&transaction, change, &which, &parameters).at(&self.path)? == 0 {
            return Ok(Edited { changed: 0, version: before });
        }
        let sql = format!("UPDATE samples SET {} WHERE label IS NOT ?1 AND {which}", checksum::RELABELLED);
        let changed = transaction.execute(&sql, params_from_iter(parameters)).at(&self.path)?;
        transaction.commit().at(&self.path)?;
        Ok(Edited { changed, version: change })
    }

    /// Renames a class; where `to` exists already, the two become one. Says how many samples changed.
    pub fn rename_label(&mut self, from: &Label, to: &Label) -> Result<usize, StoreError> {
        self.relabel(&Filter::label(from.clone()), Some(to))
    }

    /// Removes the samples that `filter` names with all that belongs to them. They are kept aside for [`Store::undo`], and their
    /// content hashes are remembered: [`Store::insert_unless_removed`] passes over them.
    pub fn remove(&mut self, filter: &Filter) -> Result<Removal, StoreError> {
        self.remove_at(None, filter)
    }

    /// [`Store::remove`], where a `version` is named only while that is the version of the edits.
    ///
    /// # Errors
    /// [`StoreError::OtherVersion`] when somebody else changed something since; then nothing was done.
    pub fn remove_at(&mut self, version: Option<i64>, filter: &Filter) -> Result<Removal, StoreError> {
        self.take_out(version, filter, false)
    }

    /// [`Store::remove`], which nothing takes back: their bytes leave the files, and those of samples removed earlier that `filter`
    /// names. No head may be published after it that was fitted before ([`Store::forgettings`]).
    pub fn forget(&mut self, filter: &Filter) -> Result<Removal, StoreError> {
        self.take_out(None, filter, true)
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

    fn take_out(&mut self, version: Option<i64>, filter: &Filter, forget: bool) -> Result<Removal, StoreError> {
        let condition = Condition::of(filter);
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).at(&self.path)?;
        history::expect(&transaction, version, &self.path)?;
        let change = match forget {
            true => {
                forget_reviews(&transaction, &condition).at(&self.path)?;
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
        let version = history::version(&transaction).at(&self.path)?;
        transaction.commit().at(&self.path)?;
        let log_emptied = if forget { self.erase_log()? } else { self.erase_log_at_once() };
        Ok(Removal { samples, version, log_emptied })
    }

    /// [`erase_log`](Self::erase_log) if nobody reads at the moment: what was removed is kept for undoing anyway.
    fn erase_log_at_once(&mut self) -> bool {
        let emptied = self.set_patience(Duration::ZERO).and_then(|()| self.erase_log());
        emptied.and_then(|emptied| self.set_patience(BUSY_TIMEOUT).map(|()| emptied)).unwrap_or(false)
    }

    /// Moves the write-ahead log into `samples.db` and empties it, unless a reader in another process still needs it;
    /// says whether it is empty.
    pub fn erase_log(&mut self) -> Result<bool, StoreError> {
        let busy: bool =
            self.connection.query_one("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).at(&self.path)?;
        Ok(!busy)
    }
}

/// Erases what waits for review, or was dismissed, of the pictures that `condition` finds; of all where it finds every sample.
fn forget_reviews(connection: &Connection, condition: &Condition) -> rusqlite::Result<()> {
    let which = condition.sql();
    for table in ["review", "dismissed"] {
        if which == Condition::ALL {
            connection.execute(&format!("DELETE FROM {table}"), [])?;
            continue;
        }
        for from in ["samples", "removed_samples AS samples"] {
            let sql =
                format!("DELETE FROM {table} WHERE content_hash IN (SELECT content_hash FROM {from} WHERE {which})");
            connection.execute(&sql, params_from_iter(&condition.parameters))?;
        }
    }
    Ok(())
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
