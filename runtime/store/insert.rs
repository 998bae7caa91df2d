//! Putting samples and features in.

use std::path::Path;

use rusqlite::{OptionalExtension as _, Row, Transaction, TransactionBehavior, params};
use std::collections::HashSet;

use crate::dataset::SampleId;
use crate::digest::{ContentHash, Fingerprint};
use crate::labels::Label;

use super::Store;
use super::checksum;
use super::error::{At as _, StoreError};
use super::forgetting;
use super::sample::{FeatureVector, Inserted, Known, NewSample, Outcome, StoredLabel};

impl Store {
    /// What is stored of the image with this hash, for this backbone and this revision of decoding or a newer one.
    pub fn known(&self, hash: &ContentHash, fingerprint: &Fingerprint, revision: u32) -> Result<Known, StoreError> {
        let sql = "SELECT id, label, split, EXISTS (
                SELECT * FROM features JOIN backbones ON backbones.id = backbone_id
                WHERE sample_id = samples.id AND fingerprint = ?2 AND revision >= ?3)
            FROM samples WHERE content_hash = ?1";
        let mut statement = self.connection.prepare_cached(sql).at(&self.path)?;
        let parameters = params![hash.to_string(), fingerprint.to_string(), revision];
        let found = statement.query_one(parameters, |row| Ok((StoredRow::of(row)?, row.get(3)?)));
        match found.optional().at(&self.path)? {
            None => Ok(Known::New),
            Some((stored, true)) => Ok(Known::Complete(stored.read()?)),
            Some((stored, false)) => Ok(Known::WithoutFeatures(stored.read()?)),
        }
    }

    /// The hashes of all images that have features of this backbone, of this revision of decoding or a newer one, and a
    /// thumbnail, labelled or not.
    pub fn complete(&self, fingerprint: &Fingerprint, revision: u32) -> Result<HashSet<ContentHash>, StoreError> {
        let sql = "SELECT sample_id, content_hash FROM features
            JOIN backbones ON backbones.id = backbone_id JOIN samples ON samples.id = sample_id
            WHERE fingerprint = ? AND revision >= ? AND sample_id IN (SELECT sample_id FROM thumbnails)";
        let mut statement = self.connection.prepare(sql).at(&self.path)?;
        let rows = statement
            .query_map(params![fingerprint.to_string(), revision], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
            })
            .at(&self.path)?;
        rows.map(|row| {
            let (id, hash) = row.at(&self.path)?;
            hash.parse().map_err(|source| StoreError::StoredHash { id: SampleId(id), source })
        })
        .collect()
    }

    /// How many images have features of this backbone that an older revision of decoding made.
    pub fn outdated(&self, fingerprint: &Fingerprint, revision: u32) -> Result<usize, StoreError> {
        let sql = "SELECT count(*) FROM features JOIN backbones ON backbones.id = backbone_id
            WHERE fingerprint = ? AND revision < ?";
        let count = self.connection.query_one(sql, params![fingerprint.to_string(), revision], |row| row.get(0));
        count.at(&self.path).map(|count: i64| count as usize)
    }

    /// Stores a batch: all of it or, on an error, nothing. When this returns, the batch survives a power cut.
    ///
    /// An image that is stored already keeps its label, split, group and source. It takes the offered label where it
    /// has none, the offered features where it has none of that backbone or older ones, and the offered thumbnail where it
    /// has none. Results are in the order of `batch`.
    ///
    /// An image that was removed is stored again, and no longer remembered as removed.
    pub fn insert(&mut self, batch: &[NewSample]) -> Result<Vec<Inserted>, StoreError> {
        self.write(batch, |writer, sample| writer.insert(sample))
    }

    /// Like [`Store::insert`], but passes over images that were removed; their places hold `None`.
    pub fn insert_unless_removed(&mut self, batch: &[NewSample]) -> Result<Vec<Option<Inserted>>, StoreError> {
        self.write(batch, |writer, sample| {
            match forgetting::is_removed(writer.transaction, &sample.hash).at(writer.path)? {
                true => Ok(None),
                false => writer.insert(sample).map(Some),
            }
        })
    }

    fn write<T>(
        &mut self,
        batch: &[NewSample],
        write: impl Fn(&Writer, &NewSample) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).at(&self.path)?;
        let writer = Writer { transaction: &transaction, path: &self.path };
        let written = batch.iter().map(|sample| write(&writer, sample)).collect::<Result<_, _>>()?;
        transaction.commit().at(&self.path)?;
        Ok(written)
    }

    /// Adds the features of a stored sample; says whether they were new. When this returns, they survive a power cut.
    pub fn add_features(&mut self, id: SampleId, features: &FeatureVector) -> Result<bool, StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).at(&self.path)?;
        let mut known = transaction.prepare_cached("SELECT * FROM samples WHERE id = ?").at(&self.path)?;
        if !known.exists([id.0]).at(&self.path)? {
            return Err(StoreError::UnknownSample(id));
        }
        drop(known);
        let added = Writer { transaction: &transaction, path: &self.path }.add_features(id, features)?;
        transaction.commit().at(&self.path)?;
        Ok(added)
    }
}

pub(super) struct Writer<'a> {
    pub transaction: &'a Transaction<'a>,
    pub path: &'a Path,
}

impl Writer<'_> {
    fn insert(&self, sample: &NewSample) -> Result<Inserted, StoreError> {
        let stored = self.stored(&sample.hash)?;
        let (id, kept) = match &stored {
            Some(stored) => {
                if sample.label.is_some() {
                    self.waits_no_longer(&sample.hash)?;
                }
                (stored.id, self.offer_label(stored, sample.label.as_ref())?)
            }
            None => (self.insert_row(sample)?, None),
        };
        sample.thumbnail.as_ref().map_or(Ok(()), |image| self.add_thumbnail(id, image))?;
        let added = sample.features.as_ref().map_or(Ok(false), |features| self.add_features(id, features))?;
        let outcome = match (stored, added) {
            (None, _) => Outcome::Stored,
            (Some(_), true) => Outcome::FeaturesAdded,
            (Some(_), false) => Outcome::Duplicate,
        };
        Ok(Inserted { id, outcome, conflict: kept })
    }

    fn stored(&self, hash: &ContentHash) -> Result<Option<StoredLabel>, StoreError> {
        let sql = "SELECT id, label, split FROM samples WHERE content_hash = ?";
        let mut statement = self.transaction.prepare_cached(sql).at(self.path)?;
        statement
            .query_one([hash.to_string()], StoredRow::of)
            .optional()
            .at(self.path)?
            .map(StoredRow::read)
            .transpose()
    }

    /// Gives back the stored label where it stands against another one.
    fn offer_label(&self, stored: &StoredLabel, offered: Option<&Label>) -> Result<Option<Label>, StoreError> {
        match (&stored.label, offered) {
            (Some(kept), Some(offered)) if kept != offered => Ok(Some(kept.clone())),
            (None, Some(offered)) => {
                let sql = format!("UPDATE samples SET {} WHERE id = ?2", checksum::RELABELLED);
                let mut statement = self.transaction.prepare_cached(&sql).at(self.path)?;
                statement.execute(params![offered.as_str(), stored.id.0]).at(self.path)?;
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn insert_row(&self, sample: &NewSample) -> Result<SampleId, StoreError> {
        let sql =
            "INSERT INTO samples (content_hash, label, split, group_key, source, added_at, width, height, checksum)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, row_checksum(?1, ?2, ?3, ?4))";
        let mut statement = self.transaction.prepare_cached(sql).at(self.path)?;
        let values = params![
            sample.hash.to_string(),
            sample.label.as_ref().map(Label::as_str),
            sample.split.as_str(),
            sample.group,
            sample.source,
            sample.added_at,
            sample.width,
            sample.height,
        ];
        let id = statement.insert(values).at(self.path)?;
        let mut again = self.transaction.prepare_cached("DELETE FROM removed WHERE content_hash = ?").at(self.path)?;
        again.execute([sample.hash.to_string()]).at(self.path)?;
        if sample.label.is_some() {
            self.waits_no_longer(&sample.hash)?;
        }
        Ok(SampleId(id))
    }

    /// A picture that has a label does not wait for one.
    fn waits_no_longer(&self, hash: &ContentHash) -> Result<(), StoreError> {
        let mut waiting = self.transaction.prepare_cached("DELETE FROM review WHERE content_hash = ?").at(self.path)?;
        waiting.execute([hash.to_string()]).map(drop).at(self.path)
    }

    fn add_thumbnail(&self, id: SampleId, image: &[u8]) -> Result<(), StoreError> {
        let sql = "INSERT INTO thumbnails VALUES (?, ?) ON CONFLICT DO NOTHING";
        self.transaction.prepare_cached(sql).at(self.path)?.execute(params![id.0, image]).at(self.path)?;
        Ok(())
    }

    fn add_features(&self, id: SampleId, features: &FeatureVector) -> Result<bool, StoreError> {
        let vector = features.bytes()?;
        let backbone = self.backbone(features)?;
        let sql = format!(
            "INSERT INTO features (sample_id, backbone_id, vector, revision, checksum)
             SELECT sample_id, backbone_id, vector, revision, {} FROM
                 (SELECT ?1 AS sample_id, ?2 AS backbone_id, ?3 AS vector, ?4 AS revision)
                 JOIN samples ON samples.id = sample_id JOIN backbones ON backbones.id = backbone_id
             WHERE TRUE ON CONFLICT DO UPDATE
                 SET vector = excluded.vector, revision = excluded.revision, checksum = excluded.checksum
                 WHERE excluded.revision > features.revision",
            checksum::OF_FEATURES
        );
        let mut statement = self.transaction.prepare_cached(&sql).at(self.path)?;
        Ok(statement.execute(params![id.0, backbone, vector, features.revision]).at(self.path)? > 0)
    }

    /// The row of the backbone, made by its first vector; all others must be as long.
    pub fn backbone(&self, features: &FeatureVector) -> Result<i64, StoreError> {
        let FeatureVector { fingerprint, values, .. } = features;
        if values.is_empty() {
            return Err(StoreError::EmptyVector);
        }
        let mut known =
            self.transaction.prepare_cached("SELECT id, dim FROM backbones WHERE fingerprint = ?").at(self.path)?;
        let found = known.query_one([fingerprint.to_string()], |row| Ok((row.get(0)?, row.get::<_, u32>(1)? as usize)));
        match found.optional().at(self.path)? {
            Some((id, dim)) if dim == values.len() => Ok(id),
            Some((_, expected)) => {
                Err(StoreError::Dimension { fingerprint: *fingerprint, expected, got: values.len() })
            }
            None => {
                let sql = "INSERT INTO backbones (fingerprint, dim) VALUES (?, ?)";
                let mut insert = self.transaction.prepare_cached(sql).at(self.path)?;
                insert.insert(params![fingerprint.to_string(), values.len() as i64]).at(self.path)
            }
        }
    }
}

struct StoredRow {
    id: SampleId,
    label: Option<String>,
    split: String,
}

impl StoredRow {
    fn of(row: &Row) -> rusqlite::Result<Self> {
        Ok(Self { id: SampleId(row.get(0)?), label: row.get(1)?, split: row.get(2)? })
    }

    fn read(self) -> Result<StoredLabel, StoreError> {
        let Self { id, label, split } = self;
        let label = super::load::label(id, label.as_deref())?;
        Ok(StoredLabel { id, label, split: split.parse().map_err(|source| StoreError::StoredSplit { id, source })? })
    }
}
