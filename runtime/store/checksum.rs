//! Checksums of rows: fitting learns from what was stored, or says which samples are damaged.
//!
//! SQL computes them, by the expressions below, wherever it writes a row and wherever it reads one to learn from.

use rusqlite::Connection;
use rusqlite::functions::FunctionFlags;
use rusqlite::types::ValueRef;

use crate::dataset::SampleId;

use super::Store;
use super::error::{At as _, StoreError};

/// Of a row of `samples`.
pub const OF_SAMPLE: &str = "row_checksum(content_hash, label, split, group_key)";
/// Of a row of `features`, joined with its sample and its backbone.
pub const OF_FEATURES: &str = "row_checksum(content_hash, fingerprint, vector)";
/// Of a row of `views`, likewise.
pub const OF_VIEW: &str = "row_checksum(content_hash, fingerprint, number, vector)";

/// Gives a row of `samples` the label `?1`. A row that is damaged stays so.
pub const RELABELLED: &str = "label = ?1, checksum = CASE
    WHEN checksum IS row_checksum(content_hash, label, split, group_key)
    THEN row_checksum(content_hash, ?1, split, group_key) ELSE checksum END";

/// Gives SQL on this connection the function `row_checksum`, of any number of values.
pub fn register(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_INNOCUOUS;
    connection.create_scalar_function("row_checksum", -1, flags, |context| {
        let values = (0..context.len()).map(|index| context.get_raw(index));
        Ok(i64::from(checksum(values)))
    })
}

/// CRC-32 (IEEE 802.3) of values, each with its type and its length before it, so that no byte can move from one to the
/// next: every change of up to 32 neighbouring bits is noticed, any other but for one in four thousand million.
fn checksum<'a>(values: impl Iterator<Item = ValueRef<'a>>) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    let mut add = |kind: u8, bytes: &[u8]| {
        hasher.update(&[kind]);
        hasher.update(&(bytes.len() as u64).to_le_bytes());
        hasher.update(bytes);
    };
    for value in values {
        match value {
            ValueRef::Null => add(0, &[]),
            ValueRef::Integer(number) => add(1, &number.to_le_bytes()),
            ValueRef::Real(number) => add(2, &number.to_le_bytes()),
            ValueRef::Text(text) => add(3, text),
            ValueRef::Blob(bytes) => add(4, bytes),
        }
    }
    hasher.finalize()
}

impl Store {
    /// Compares every row that fitting may read with its checksum.
    ///
    /// # Errors
    /// [`StoreError::DamagedRows`], which names the samples.
    pub fn check_rows(&self) -> Result<(), StoreError> {
        let joined = "JOIN samples ON samples.id = sample_id JOIN backbones ON backbones.id = backbone_id";
        self.check(&format!(
            "SELECT id FROM samples WHERE checksum IS NOT {OF_SAMPLE}
             UNION SELECT sample_id FROM features {joined} WHERE features.checksum IS NOT {OF_FEATURES}
             UNION SELECT sample_id FROM views {joined} WHERE views.checksum IS NOT {OF_VIEW} ORDER BY 1"
        ))
    }

    /// The part of [`Store::check_rows`] that no vector is read for. A damaged split or label would leave its sample out
    /// of a selection, hence all rows.
    pub(super) fn check_samples(&self) -> Result<(), StoreError> {
        self.check(&format!("SELECT id FROM samples WHERE checksum IS NOT {OF_SAMPLE} ORDER BY id"))
    }

    fn check(&self, sql: &str) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare(sql).at(&self.path)?;
        let rows = statement.query_map([], |row| row.get(0).map(SampleId)).at(&self.path)?;
        undamaged(rows.collect::<Result<_, _>>().at(&self.path)?)
    }
}

/// `Ok` when no sample is damaged.
pub fn undamaged(mut ids: Vec<SampleId>) -> Result<(), StoreError> {
    ids.dedup();
    if ids.is_empty() { Ok(()) } else { Err(StoreError::DamagedRows { ids }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checksum_tells_types_and_the_borders_between_values() {
        let of = |values: &[ValueRef]| checksum(values.iter().copied());
        let text = |text: &'static str| ValueRef::Text(text.as_bytes());
        assert_ne!(of(&[text("ab"), text("c")]), of(&[text("a"), text("bc")]));
        assert_ne!(of(&[text("")]), of(&[ValueRef::Null]));
        assert_ne!(of(&[text("a")]), of(&[ValueRef::Blob(b"a")]));
        assert_ne!(of(&[ValueRef::Integer(1)]), of(&[ValueRef::Integer(2)]));
        assert_eq!(of(&[text("a")]), of(&[text("a")]));
    }
}
