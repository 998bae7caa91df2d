//! Taking features and counts out.

use std::collections::{BTreeMap, HashMap};

use ndarray::Array2;
use rusqlite::{OptionalExtension as _, Row, params_from_iter};

use crate::dataset::{Dataset, DatasetParts, GroupId, SampleId};
use crate::digest::Fingerprint;
use crate::labels::{ClassIndex, Label, Labels};

use super::Store;
use super::checksum::{OF_FEATURES, undamaged};
use super::error::{At as _, StoreError};
use super::query::Condition;
use super::sample::{FeatureCount, Filter, LabelFilter, Split};

/// Reading more samples takes seconds, and is said before it begins.
const MANY: u32 = 50_000;

/// Which labelled samples make a dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// `None`: all.
    pub split: Option<Split>,
    /// `None`: all.
    pub labels: Option<Vec<Label>>,
}

impl Default for Selection {
    /// Everything that is there to be trained on.
    fn default() -> Self {
        Self { split: Some(Split::Train), labels: None }
    }
}

impl Selection {
    fn filter(&self) -> Filter {
        let label = self.labels.clone().map_or(LabelFilter::Any, LabelFilter::OneOf);
        Filter { split: self.split, label, ..Filter::default() }
    }
}

struct Backbone {
    id: i64,
    dim: usize,
}

impl Store {
    /// The selected samples that have a label and features of this backbone, in the order of their ids; labels sorted.
    ///
    /// The group of a sample is the lowest id among the selected samples that share its group key.
    ///
    /// # Errors
    /// [`StoreError::OtherBackbones`] when the store has features, but none of this backbone;
    /// [`StoreError::DamagedRows`] when a label, split or group of any sample or a selected vector is not what was stored.
    pub fn dataset(&self, fingerprint: &Fingerprint, selection: &Selection) -> Result<Dataset, StoreError> {
        self.snapshot(|store| {
            store.check_samples()?;
            match store.backbone(fingerprint)? {
                Some(backbone) => store.columns(&backbone, &Condition::of(&selection.filter()))?.dataset(*fingerprint),
                None => Columns::new(0, 0).dataset(*fingerprint),
            }
        })
    }

    /// [`Store::dataset`] of at most `most` of the labelled training samples, up to `newest` where it is named: chosen as if by
    /// chance, always the same ones, and without reading the others.
    ///
    /// # Errors
    /// As [`Store::dataset`].
    pub fn some_of_dataset(
        &self,
        fingerprint: &Fingerprint,
        most: usize,
        newest: Option<SampleId>,
    ) -> Result<Dataset, StoreError> {
        self.some_of_those(fingerprint, most, |id| newest.is_none_or(|newest| id <= newest))
    }

    /// [`Store::some_of_dataset`] among those samples that `counts` says.
    ///
    /// # Errors
    /// As [`Store::dataset`].
    pub fn some_of_those(
        &self,
        fingerprint: &Fingerprint,
        most: usize,
        counts: impl Fn(SampleId) -> bool,
    ) -> Result<Dataset, StoreError> {
        self.snapshot(|store| {
            let Some(backbone) = store.backbone(fingerprint)? else {
                return Columns::new(0, 0).dataset(*fingerprint);
            };
            // Knuth's multiplicative hash.
            let sql = "SELECT samples.id FROM samples JOIN features ON sample_id = samples.id AND backbone_id = ?1
                WHERE label IS NOT NULL AND split = 'train'
                ORDER BY samples.id * 2654435761 % 4294967296, samples.id";
            let mut statement = store.connection.prepare(sql).at(&store.path)?;
            let rows = statement.query_map([backbone.id], |row| row.get(0).map(SampleId)).at(&store.path)?;
            let rows = rows.filter(|id| id.as_ref().map_or(true, |id| counts(*id))).take(most);
            let ids = rows.collect::<Result<Vec<_>, _>>().at(&store.path)?;
            store.columns(&backbone, &Condition::of(&Filter::ids(ids)))?.dataset(*fingerprint)
        })
    }

    /// Features of this backbone of samples behind `after`: of the latest `most`, without damaged ones.
    pub fn features_since(
        &self,
        fingerprint: &Fingerprint,
        after: SampleId,
        most: usize,
    ) -> Result<Vec<Vec<f32>>, StoreError> {
        let sql = "SELECT vector FROM features JOIN backbones ON backbones.id = backbone_id
            WHERE fingerprint = ?1 AND sample_id > ?2 AND length(vector) = 4 * dim ORDER BY sample_id DESC LIMIT ?3";
        let mut statement = self.connection.prepare_cached(sql).at(&self.path)?;
        let parameters = (fingerprint.to_string(), after.0, i64::try_from(most).unwrap_or(i64::MAX));
        let rows = statement.query_map(parameters, |row| row.get::<_, Vec<u8>>(0)).at(&self.path)?;
        rows.map(|vector| vector.map(|vector| values(&vector).collect()).at(&self.path)).collect()
    }

    /// The highest number of a sample; 0 where there is none.
    pub fn last_id(&self) -> Result<SampleId, StoreError> {
        let last = self.connection.query_one("SELECT coalesce(max(id), 0) FROM samples", [], |row| row.get(0));
        last.map(SampleId).at(&self.path)
    }

    fn columns(&self, backbone: &Backbone, condition: &Condition) -> Result<Columns, StoreError> {
        let rows = format!(
            "FROM samples CROSS JOIN features ON sample_id = samples.id AND backbone_id = {}
                 CROSS JOIN backbones ON backbones.id = backbone_id
             WHERE label IS NOT NULL AND {}",
            backbone.id,
            condition.sql()
        );
        let count = format!("SELECT count(*) {rows}");
        let parameters = || params_from_iter(&condition.parameters);
        let count: u32 = self.connection.query_one(&count, parameters(), |row| row.get(0)).at(&self.path)?;
        if count > MANY {
            tracing::info!("reading {count} samples");
        }
        let mut columns = Columns::new(count as usize, backbone.dim);
        let sql = format!(
            "SELECT samples.id, features.checksum IS {OF_FEATURES}, label, group_key, vector {rows} ORDER BY samples.id"
        );
        let mut statement = self.connection.prepare(&sql).at(&self.path)?;
        let mut rows = statement.query(parameters()).at(&self.path)?;
        let mut damaged = Vec::new();
        while let Some(row) = rows.next().at(&self.path)? {
            match row.get(1).at(&self.path)? {
                true => columns.push(&CachedRow::of(row).at(&self.path)?)?,
                false => damaged.push(SampleId(row.get(0).at(&self.path)?)),
            }
        }
        undamaged(damaged)?;
        Ok(columns)
    }

    /// The feature vector of a sample, where it has one of this backbone.
    pub fn vector(&self, id: SampleId, fingerprint: &Fingerprint) -> Result<Option<Vec<f32>>, StoreError> {
        let sql = "SELECT vector FROM features JOIN backbones ON backbones.id = backbone_id
            WHERE sample_id = ? AND fingerprint = ?";
        let mut statement = self.connection.prepare_cached(sql).at(&self.path)?;
        let parameters = (id.0, fingerprint.to_string());
        let vector: Option<Vec<u8>> = statement.query_one(parameters, |row| row.get(0)).optional().at(&self.path)?;
        Ok(vector.map(|vector| values(&vector).collect()))
    }

    fn backbone(&self, fingerprint: &Fingerprint) -> Result<Option<Backbone>, StoreError> {
        let sql = "SELECT id, dim FROM backbones WHERE fingerprint = ?";
        let read = |row: &Row| Ok(Backbone { id: row.get(0)?, dim: row.get::<_, u32>(1)? as usize });
        let backbone = self.connection.query_one(sql, [fingerprint.to_string()], read).optional().at(&self.path)?;
        let available: Vec<Fingerprint> = self.fingerprints()?.iter().map(|count| count.fingerprint).collect();
        if !available.is_empty() && !available.contains(fingerprint) {
            return Err(StoreError::OtherBackbones { fingerprint: *fingerprint, available });
        }
        Ok(backbone)
    }

    /// The backbones that have features in the store, the one with most samples first.
    pub fn fingerprints(&self) -> Result<Vec<FeatureCount>, StoreError> {
        let sql = "SELECT fingerprint, dim, count(*) AS samples FROM features JOIN backbones ON id = backbone_id
            GROUP BY id ORDER BY samples DESC, id";
        let mut statement = self.connection.prepare_cached(sql).at(&self.path)?;
        let rows =
            statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, u32>(1)?, row.get::<_, u32>(2)?)));
        rows.at(&self.path)?
            .map(|row| {
                let (fingerprint, dim, samples) = row.at(&self.path)?;
                let fingerprint = fingerprint.parse().map_err(|source| StoreError::StoredFingerprint { source })?;
                Ok(FeatureCount { fingerprint, dim: dim as usize, samples: samples as usize })
            })
            .collect()
    }

    /// The number of samples of each label; `None` counts those without one.
    pub fn counts_by_label(&self, filter: &Filter) -> Result<BTreeMap<Option<Label>, usize>, StoreError> {
        let condition = Condition::of(filter);
        let sql = format!("SELECT min(id), label, count(*) FROM samples WHERE {} GROUP BY label", condition.sql());
        let mut statement = self.connection.prepare(&sql).at(&self.path)?;
        let mut rows = statement.query(params_from_iter(&condition.parameters)).at(&self.path)?;
        let mut counts = BTreeMap::new();
        while let Some(row) = rows.next().at(&self.path)? {
            let read = |row: &Row| Ok((SampleId(row.get(0)?), row.get::<_, Option<String>>(1)?, row.get::<_, u32>(2)?));
            let (id, text, count) = read(row).at(&self.path)?;
            *counts.entry(label(id, text.as_deref())?).or_default() += count as usize;
        }
        Ok(counts)
    }
}

/// The numbers that a stored vector holds.
pub(super) fn values(vector: &[u8]) -> impl Iterator<Item = f32> + '_ {
    vector.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes))
}

/// The label that a row holds.
pub(super) fn label(id: SampleId, text: Option<&str>) -> Result<Option<Label>, StoreError> {
    text.map(Label::known).transpose().map_err(|source| StoreError::StoredLabel { id, source })
}

struct CachedRow<'a> {
    id: SampleId,
    label: &'a str,
    group: Option<&'a str>,
    vector: &'a [u8],
}

impl<'a> CachedRow<'a> {
    fn of(row: &'a Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: SampleId(row.get(0)?),
            label: row.get_ref(2)?.as_str()?,
            group: row.get_ref(3)?.as_str_or_null()?,
            vector: row.get_ref(4)?.as_blob()?,
        })
    }
}

/// A dataset while it is read: parallel arrays.
struct Columns {
    dim: usize,
    features: Vec<f32>,
    ids: Vec<SampleId>,
    groups: Vec<GroupId>,
    labels: Vec<Label>,
    /// Into `labels`, which are in the order of their first occurrence.
    targets: Vec<usize>,
    label_positions: HashMap<String, usize>,
    named_groups: HashMap<String, GroupId>,
}

impl Columns {
    fn new(samples: usize, dim: usize) -> Self {
        Self {
            dim,
            features: Vec::with_capacity(samples * dim),
            ids: Vec::with_capacity(samples),
            groups: Vec::with_capacity(samples),
            labels: Vec::new(),
            targets: Vec::with_capacity(samples),
            label_positions: HashMap::new(),
            named_groups: HashMap::new(),
        }
    }

    fn push(&mut self, row: &CachedRow) -> Result<(), StoreError> {
        let expected = self.dim * size_of::<f32>();
        if row.vector.len() != expected {
            return Err(StoreError::VectorBytes { id: row.id, expected, got: row.vector.len() });
        }
        self.features.extend(values(row.vector));
        self.ids.push(row.id);
        let target = self.label_position(row)?;
        self.targets.push(target);
        let group = row.group.map_or(GroupId(row.id.0), |key| self.named_group(key, row.id));
        self.groups.push(group);
        Ok(())
    }

    fn label_position(&mut self, row: &CachedRow) -> Result<usize, StoreError> {
        if let Some(&position) = self.label_positions.get(row.label) {
            return Ok(position);
        }
        let label = Label::known(row.label).map_err(|source| StoreError::StoredLabel { id: row.id, source })?;
        self.labels.push(label);
        self.label_positions.insert(row.label.to_owned(), self.labels.len() - 1);
        Ok(self.labels.len() - 1)
    }

    fn named_group(&mut self, key: &str, first: SampleId) -> GroupId {
        if let Some(&group) = self.named_groups.get(key) {
            return group;
        }
        self.named_groups.insert(key.to_owned(), GroupId(first.0));
        GroupId(first.0)
    }

    fn dataset(self, fingerprint: Fingerprint) -> Result<Dataset, StoreError> {
        let labels = Labels::distinct(&self.labels);
        let order: Vec<ClassIndex> =
            self.labels.iter().map(|label| labels.index_of(label).expect("made from these labels")).collect();
        let shape = (self.ids.len(), self.dim);
        Ok(Dataset::new(DatasetParts {
            fingerprint,
            features: Array2::from_shape_vec(shape, self.features).expect("every row has `dim` values"),
            targets: self.targets.iter().map(|&position| order[position]).collect(),
            groups: self.groups,
            ids: self.ids,
            labels,
        })?)
    }
}
