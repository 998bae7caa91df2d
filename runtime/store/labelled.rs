//! Which pictures a head would learn from, without their features.

use rusqlite::Row;

use crate::dataset::SampleId;
use crate::digest::{ContentHash, Fingerprint};
use crate::labels::Label;

use super::Store;
use super::error::{At as _, StoreError};

/// A sample of a training set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Labelled {
    pub id: SampleId,
    pub hash: ContentHash,
    pub label: Label,
}

impl Store {
    /// The labelled training samples with features of this backbone, in the order of their ids.
    pub fn labelled(&self, fingerprint: &Fingerprint) -> Result<Vec<Labelled>, StoreError> {
        let sql = "SELECT samples.id, content_hash, label
            FROM samples JOIN features ON sample_id = samples.id JOIN backbones ON backbones.id = backbone_id
            WHERE fingerprint = ? AND label IS NOT NULL AND split = 'train' ORDER BY samples.id";
        let mut statement = self.connection.prepare_cached(sql).at(&self.path)?;
        let read = |row: &Row| Ok((SampleId(row.get(0)?), row.get::<_, String>(1)?, row.get::<_, String>(2)?));
        let rows = statement.query_map([fingerprint.to_string()], read).at(&self.path)?;
        rows.map(|row| {
            let (id, hash, label) = row.at(&self.path)?;
            let hash = hash.parse().map_err(|source| StoreError::StoredHash { id, source })?;
            let label = Label::known(&label).map_err(|source| StoreError::StoredLabel { id, source })?;
            Ok(Labelled { id, hash, label })
        })
        .collect()
    }
}
