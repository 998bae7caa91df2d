//! Samples whose label nobody knows yet.

use ndarray::Array2;
use rusqlite::ToSql;

use crate::dataset::{GroupId, SampleId, Unlabelled};
use crate::digest::Fingerprint;

use super::Store;
use super::checksum::{OF_FEATURES, undamaged};
use super::error::{At as _, StoreError};

impl Store {
    /// The training samples without a label that have features of this backbone, in the order of their ids.
    ///
    /// A sample that shares its group key with labelled training samples has the group that these have in a dataset.
    pub fn unlabelled(&self, fingerprint: &Fingerprint) -> Result<Unlabelled, StoreError> {
        self.snapshot(|store| {
            store.check_samples()?;
            store.read_unlabelled(fingerprint)
        })
    }

    /// The newest `most` of [`Store::unlabelled`], each in a group of its own.
    pub fn newest_unlabelled(&self, fingerprint: &Fingerprint, most: usize) -> Result<Unlabelled, StoreError> {
        let sql = format!(
            "SELECT * FROM (
                SELECT samples.id, dim, vector, samples.id, features.checksum IS {OF_FEATURES}
                FROM backbones CROSS JOIN samples
                CROSS JOIN features ON sample_id = samples.id AND backbone_id = backbones.id
                WHERE fingerprint = ?1 AND label IS NULL AND split = 'train' ORDER BY samples.id DESC LIMIT ?2
            ) ORDER BY 1"
        );
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        self.rows_without_label(&sql, &[&fingerprint.to_string(), &most])
    }

    fn read_unlabelled(&self, fingerprint: &Fingerprint) -> Result<Unlabelled, StoreError> {
        let sql = format!(
            "SELECT id, dim, vector, coalesce(
                (SELECT min(other.id) FROM samples other JOIN features shared ON shared.sample_id = other.id
                 WHERE other.group_key = samples.group_key AND other.label IS NOT NULL AND other.split = 'train'
                     AND shared.backbone_id = backbone.backbone_id),
                (SELECT min(other.id) FROM samples other WHERE other.group_key = samples.group_key),
                id), features.checksum IS {OF_FEATURES}
            FROM (SELECT id AS backbone_id, dim, fingerprint FROM backbones WHERE fingerprint = ?1) AS backbone
            JOIN features USING (backbone_id) JOIN samples ON samples.id = sample_id
            WHERE label IS NULL AND split = 'train' ORDER BY id"
        );
        self.rows_without_label(&sql, &[&fingerprint.to_string()])
    }

    /// Rows of a number, a width, a vector, a group, and whether the vector is what was stored.
    fn rows_without_label(&self, sql: &str, parameters: &[&dyn ToSql]) -> Result<Unlabelled, StoreError> {
        let mut statement = self.connection.prepare(sql).at(&self.path)?;
        let mut rows = statement.query(parameters).at(&self.path)?;
        let (mut ids, mut groups, mut values, mut width) = (Vec::new(), Vec::new(), Vec::<f32>::new(), 0);
        let mut damaged = Vec::new();
        while let Some(row) = rows.next().at(&self.path)? {
            let id = SampleId(row.get(0).at(&self.path)?);
            if !row.get::<_, bool>(4).at(&self.path)? {
                damaged.push(id);
                continue;
            }
            width = row.get::<_, u32>(1).at(&self.path)? as usize;
            let vector = row.get_ref(2).at(&self.path)?.as_blob().map_err(rusqlite::Error::from).at(&self.path)?;
            let (expected, got) = (width * size_of::<f32>(), vector.len());
            if expected != got {
                return Err(StoreError::VectorBytes { id, expected, got });
            }
            values.extend(super::load::values(vector));
            ids.push(id);
            groups.push(GroupId(row.get(3).at(&self.path)?));
        }
        undamaged(damaged)?;
        let features = Array2::from_shape_vec((ids.len(), width), values).expect("every row is as wide");
        Ok(Unlabelled { features, ids, groups })
    }
}
