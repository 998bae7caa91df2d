//! Features of augmented views: they belong to their sample, go with it and only train.

use ndarray::Array2;
use rusqlite::{Row, TransactionBehavior, params};

use crate::dataset::{Dataset, SampleId, TrainingRows};
use crate::digest::{ContentHash, Fingerprint};

use super::Store;
use super::checksum::{OF_VIEW, undamaged};
use super::error::{At as _, StoreError};
use super::load::Selection;
use super::sample::FeatureVector;

/// A sample that has fewer views than were asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WithoutViews {
    pub id: SampleId,
    pub hash: ContentHash,
    /// Path or URL.
    pub source: String,
}

impl Store {
    /// Labelled training samples with features of this backbone and fewer than `count` views, in the order of their ids.
    pub fn without_views(&self, fingerprint: &Fingerprint, count: u32) -> Result<Vec<WithoutViews>, StoreError> {
        let sql = "SELECT samples.id, content_hash, located(source)
            FROM samples JOIN features ON sample_id = samples.id JOIN backbones ON backbones.id = backbone_id
            WHERE fingerprint = ?1 AND label IS NOT NULL AND split = 'train' AND ?2 > (
                SELECT count(*) FROM views
                WHERE views.sample_id = samples.id AND views.backbone_id = features.backbone_id)
            ORDER BY samples.id";
        let mut statement = self.connection.prepare(sql).at(&self.path)?;
        let read = |row: &Row| Ok((SampleId(row.get(0)?), row.get::<_, String>(1)?, row.get(2)?));
        let rows = statement.query_map(params![fingerprint.to_string(), count], read).at(&self.path)?;
        rows.map(|row| {
            let (id, hash, source) = row.at(&self.path)?;
            let hash = hash.parse().map_err(|source| StoreError::StoredHash { id, source })?;
            Ok(WithoutViews { id, hash, source })
        })
        .collect()
    }

    /// Stores views 1, 2, … of samples: all or, on an error, nothing. When this returns, they survive a power cut. A
    /// view that is there stays; views of a sample that is there no longer are passed over.
    pub fn add_views(&mut self, batch: &[(SampleId, Vec<FeatureVector>)]) -> Result<(), StoreError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate).at(&self.path)?;
        for (id, views) in batch {
            let sql = format!(
                "INSERT INTO views (sample_id, backbone_id, number, vector, checksum) SELECT samples.id, backbones.id, number, vector, {OF_VIEW}
                 FROM (SELECT ?3 AS number, ?4 AS vector), samples, backbones
                 WHERE samples.id = ?1 AND fingerprint = ?2
                     AND EXISTS (SELECT * FROM features WHERE sample_id = samples.id AND backbone_id = backbones.id)
                 ON CONFLICT DO NOTHING"
            );
            let mut statement = transaction.prepare_cached(&sql).at(&self.path)?;
            for (number, view) in (1i64..).zip(views) {
                let vector = view.bytes()?;
                statement.execute(params![id.0, view.fingerprint.to_string(), number, vector]).at(&self.path)?;
            }
        }
        transaction.commit().at(&self.path)
    }

    /// How many views of training samples this backbone has.
    pub fn view_count(&self, fingerprint: &Fingerprint) -> Result<usize, StoreError> {
        let sql = "SELECT count(*) FROM views JOIN backbones ON backbones.id = backbone_id WHERE fingerprint = ?";
        let count: i64 = self.connection.query_one(sql, [fingerprint.to_string()], |row| row.get(0)).at(&self.path)?;
        Ok(count as usize)
    }

    /// Everything there is to learn from: [`Store::dataset`] of the training samples, then the views of them.
    ///
    /// # Errors
    /// As [`Store::dataset`].
    pub fn training_set(&self, fingerprint: &Fingerprint) -> Result<Dataset, StoreError> {
        self.snapshot(|store| {
            let pictures = store.dataset(fingerprint, &Selection::default())?;
            let views = store.views_of(&pictures)?;
            Ok(if views.ids.is_empty() { pictures } else { pictures.with_training_rows(views)? })
        })
    }

    fn views_of(&self, pictures: &Dataset) -> Result<TrainingRows, StoreError> {
        let mut rows = ViewRows { pictures, features: Vec::new(), places: Vec::new() };
        let sql = format!(
            "SELECT sample_id, vector, views.checksum IS {OF_VIEW} FROM views
                 JOIN samples ON samples.id = sample_id JOIN backbones ON backbones.id = backbone_id
             WHERE fingerprint = ? ORDER BY sample_id, number"
        );
        let mut statement = self.connection.prepare(&sql).at(&self.path)?;
        let mut found = statement.query([pictures.fingerprint().to_string()]).at(&self.path)?;
        let mut damaged = Vec::new();
        while let Some(row) = found.next().at(&self.path)? {
            let id = SampleId(row.get(0).at(&self.path)?);
            if !row.get::<_, bool>(2).at(&self.path)? {
                damaged.push(id);
                continue;
            }
            let vector = row.get_ref(1).at(&self.path)?;
            rows.push(id, vector.as_blob().map_err(rusqlite::Error::from).at(&self.path)?)?;
        }
        undamaged(damaged)?;
        Ok(rows.finish())
    }
}

struct ViewRows<'a> {
    pictures: &'a Dataset,
    features: Vec<f32>,
    /// Rows of the pictures.
    places: Vec<usize>,
}

impl ViewRows<'_> {
    fn push(&mut self, id: SampleId, vector: &[u8]) -> Result<(), StoreError> {
        let Ok(place) = self.pictures.ids().binary_search(&id) else { return Ok(()) };
        let expected = self.pictures.dim() * size_of::<f32>();
        if vector.len() != expected {
            return Err(StoreError::VectorBytes { id, expected, got: vector.len() });
        }
        self.features.extend(super::load::values(vector));
        self.places.push(place);
        Ok(())
    }

    fn finish(self) -> TrainingRows {
        let shape = (self.places.len(), self.pictures.dim());
        TrainingRows {
            features: Array2::from_shape_vec(shape, self.features).expect("every row is as wide"),
            targets: self.places.iter().map(|&place| self.pictures.targets()[place]).collect(),
            groups: self.places.iter().map(|&place| self.pictures.groups()[place]).collect(),
            ids: self.places.iter().map(|&place| self.pictures.ids()[place]).collect(),
        }
    }
}
