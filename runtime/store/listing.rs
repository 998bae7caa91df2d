//! Listing samples, all or a page of them.

use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{OptionalExtension as _, Row, params_from_iter};

use crate::dataset::SampleId;
use crate::labels::Label;

use super::Store;
use super::error::{At as _, StoreError};
use super::history;
use super::query::Condition;
use super::sample::{Filter, SampleRow};

/// What [`sample_row`] reads.
const COLUMNS: &str =
    "samples.id, content_hash, label, split, group_key, located(source), added_at, width, height FROM samples";

/// Some of the samples that a filter names.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Page {
    pub filter: Filter,
    pub order: Order,
    /// How many come before it.
    pub offset: usize,
    /// How many it has at most.
    pub limit: usize,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Order {
    #[default]
    Newest,
    Oldest,
    /// These first, in this order, each as long as it has the label named with it; then the newest.
    First(Vec<(SampleId, Label)>),
}

/// A page of samples, as of one moment.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Listed {
    pub samples: Vec<SampleRow>,
    /// How many samples the filter names.
    pub total: usize,
    /// Of the edits.
    pub version: i64,
}

/// What is another once somebody changed which samples there are, what they are labelled, or which features they have.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Standing {
    version: i64,
    last: i64,
    samples: i64,
    features: i64,
}

impl Order {
    /// What is asked before the samples, what is joined with them, and how they are sorted.
    fn sql(&self) -> [&'static str; 3] {
        match self {
            Self::Newest => ["", "", "samples.id DESC"],
            Self::Oldest => ["", "", "samples.id"],
            Self::First(_) => [
                "WITH first AS MATERIALIZED (SELECT key AS place, value ->> 0 AS id, value ->> 1 AS own FROM json_each(?))",
                "LEFT JOIN first ON first.id = samples.id AND first.own = composed(label)",
                "first.place IS NULL, first.place, samples.id DESC",
            ],
        }
    }

    fn parameter(&self) -> Option<Value> {
        let Self::First(samples) = self else { return None };
        let pairs: Vec<(i64, &Label)> = samples.iter().map(|(id, label)| (id.0, label)).collect();
        Some(Value::Text(serde_json::json!(pairs).to_string()))
    }
}

impl Store {
    /// The samples that `filter` names, in the order of their ids.
    pub fn samples(&self, filter: &Filter) -> Result<Vec<SampleRow>, StoreError> {
        let condition = Condition::of(filter);
        let sql = format!("SELECT {COLUMNS} WHERE {} ORDER BY id", condition.sql());
        self.rows_of(&sql, &condition.parameters)
    }

    /// Of many samples only those of the page are read.
    pub fn page(&self, page: &Page) -> Result<Listed, StoreError> {
        let condition = Condition::of(&page.filter);
        let which = condition.sql();
        let [before, joined, order] = page.order.sql();
        let rows = format!("{before} SELECT {COLUMNS} {joined} WHERE {which} ORDER BY {order} LIMIT ? OFFSET ?");
        let count = format!("SELECT count(*) FROM samples WHERE {which}");
        let number = |number: usize| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
        let bounds = [number(page.limit), number(page.offset)];
        let parameters: Vec<Value> =
            page.order.parameter().into_iter().chain(condition.parameters.iter().cloned()).chain(bounds).collect();
        self.snapshot(|store| {
            let parameters_of_count = params_from_iter(&condition.parameters);
            let total: i64 =
                store.connection.query_one(&count, parameters_of_count, |row| row.get(0)).at(&store.path)?;
            let version = history::version(&store.connection).at(&store.path)?;
            Ok(Listed { samples: store.rows_of(&rows, &parameters)?, total: total as usize, version })
        })
    }

    pub fn standing(&self) -> Result<Standing, StoreError> {
        let sql = "SELECT (SELECT coalesce(max(id), 0) FROM changes), (SELECT coalesce(max(id), 0) FROM samples),
            (SELECT count(*) FROM samples), (SELECT coalesce(max(rowid), 0) FROM features)";
        let read = |row: &Row| {
            Ok(Standing { version: row.get(0)?, last: row.get(1)?, samples: row.get(2)?, features: row.get(3)? })
        };
        self.connection.query_one(sql, [], read).at(&self.path)
    }

    /// The encoded thumbnail of a sample that has one.
    pub fn thumbnail(&self, id: SampleId) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT image FROM thumbnails WHERE sample_id = ?";
        self.connection.query_one(sql, [id.0], |row| row.get(0)).optional().at(&self.path)
    }

    fn rows_of(&self, sql: &str, parameters: &[Value]) -> Result<Vec<SampleRow>, StoreError> {
        let mut statement = self.connection.prepare(sql).at(&self.path)?;
        let mut rows = statement.query(params_from_iter(parameters)).at(&self.path)?;
        let mut samples = Vec::new();
        while let Some(row) = rows.next().at(&self.path)? {
            samples.push(sample_row(row, &self.path)?);
        }
        Ok(samples)
    }
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
