//! Sums over features, kept as bytes beside the features themselves, and the vectors that go into them.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension as _, Row, TransactionBehavior, params};

use crate::dataset::SampleId;
use crate::digest::Fingerprint;

use super::Store;
use super::error::{At as _, StoreError};

impl Store {
    /// The sums remembered for this backbone. The store does not know what is in them, nor whether they are up to date.
    pub fn statistics(&self, fingerprint: &Fingerprint) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT sums FROM statistics JOIN backbones ON id = backbone_id WHERE fingerprint = ?";
        self.connection.query_one(sql, [fingerprint.to_string()], |row| row.get(0)).optional().at(&self.path)
    }

    /// Remembers sums in place of what was there, or nothing; of the old ones nothing stays in the files.
    ///
    /// A backbone without features has no place for them.
    pub fn set_statistics(&mut self, fingerprint: &Fingerprint, sums: Option<&[u8]>) -> Result<(), StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).at(&self.path)?;
        let place = "backbone_id = (SELECT id FROM backbones WHERE fingerprint = ?)";
        transaction
            .execute(&format!("DELETE FROM statistics WHERE {place}"), [fingerprint.to_string()])
            .at(&self.path)?;
        if let Some(sums) = sums {
            let sql = "INSERT INTO statistics SELECT id, ?2 FROM backbones WHERE fingerprint = ?1";
            transaction.execute(sql, params![fingerprint.to_string(), sums]).at(&self.path)?;
        }
        transaction.commit().at(&self.path)
    }

    /// The vectors of the samples `ids` for this backbone: the picture's own first, then those of its views in order.
    pub fn vectors(
        &self,
        fingerprint: &Fingerprint,
        ids: &[SampleId],
    ) -> Result<BTreeMap<SampleId, Vec<Vec<f32>>>, StoreError> {
        let wanted = serde_json::json!(ids.iter().map(|id| id.0).collect::<Vec<_>>()).to_string();
        let sql = "WITH wanted (id) AS (SELECT value FROM json_each(?2)),
                   backbone (id) AS (SELECT id FROM backbones WHERE fingerprint = ?1)
            SELECT sample_id, 0 AS number, vector FROM features
                WHERE backbone_id IN backbone AND sample_id IN wanted
            UNION ALL SELECT sample_id, number, vector FROM views
                WHERE backbone_id IN backbone AND sample_id IN wanted
            ORDER BY sample_id, number";
        let mut statement = self.connection.prepare(sql).at(&self.path)?;
        let read = |row: &Row| Ok((SampleId(row.get(0)?), floats(row.get_ref(2)?.as_blob()?)));
        let rows = statement.query_map([fingerprint.to_string(), wanted], read).at(&self.path)?;
        let mut vectors = BTreeMap::<SampleId, Vec<Vec<f32>>>::new();
        for row in rows {
            let (id, vector) = row.at(&self.path)?;
            vectors.entry(id).or_default().push(vector);
        }
        Ok(vectors)
    }
}

fn floats(bytes: &[u8]) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect()
}
