//! Pictures without a label, grouped by likeness, so that many get one at once.

use std::collections::BTreeMap;

use ndarray::{Array2, s};

use super::Device;
use super::error::DeviceError;
use super::heads::PublishedHead;
use crate::dataset::{SampleId, Unlabelled};
use crate::digest::Fingerprint;
use crate::head::piles;
use crate::labels::Label;
use crate::predictor::Statement;
use crate::store::{Filter, LabelFilter, Split, Store};

/// How many are looked at, the newest.
const MOST: usize = 2000;
/// So many labelled ones tell, beside them, how far apart pictures lie.
const TELLING: usize = 1000;

/// What looks alike.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pile {
    pub ids: Vec<SampleId>,
    /// What the live head calls most of it.
    pub nearest: Option<Label>,
}

/// The largest pile first.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Piles {
    /// Of the edits.
    pub version: i64,
    pub piles: Vec<Pile>,
    /// How many samples for training have no label.
    pub unlabelled: usize,
}

impl Piles {
    /// How many are in no pile: older ones than were looked at, and those without features of the backbone in use.
    pub fn left_out(&self) -> usize {
        self.unlabelled.saturating_sub(self.piles.iter().map(|pile| pile.ids.len()).sum())
    }
}

impl Device {
    /// Groups the newest unlabelled samples for training by how the backbone in use sees them.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn piles(&self) -> Result<Piles, DeviceError> {
        let Some(store) = self.store_if_any()? else { return Ok(Piles::default()) };
        let (version, unlabelled, counted) = store.snapshot(|store| {
            let filter = Filter { label: LabelFilter::Unlabelled, split: Some(Split::Train), ..Filter::default() };
            Ok((store.version()?, store.counts_by_label(&filter)?, store.fingerprints()?))
        })?;
        let unlabelled = unlabelled.values().sum();
        let fingerprint = if unlabelled == 0 { None } else { self.backbones().fingerprint_in_use_of(&store)? };
        let Some(fingerprint) = fingerprint.filter(|own| counted.iter().any(|count| count.fingerprint == *own)) else {
            return Ok(Piles { version, piles: Vec::new(), unlabelled });
        };
        let samples = store.newest_unlabelled(&fingerprint, MOST)?;
        let piles = self.piles_of(&store, &fingerprint, &samples)?;
        Ok(Piles { version, piles, unlabelled })
    }

    fn piles_of(
        &self,
        store: &Store,
        fingerprint: &Fingerprint,
        samples: &Unlabelled,
    ) -> Result<Vec<Pile>, DeviceError> {
        let known = store.some_of_dataset(fingerprint, TELLING, None)?;
        let last = self.backbones().last_dim(fingerprint)?.unwrap_or(usize::MAX).min(samples.features.ncols());
        let first = known.len();
        let mut features = Array2::zeros((first + samples.ids.len(), last));
        features.slice_mut(s![..first, ..]).assign(&known.features().slice(s![.., ..last]));
        features.slice_mut(s![first.., ..]).assign(&samples.features.slice(s![.., ..last]));
        let found = piles(features.view(), first);
        // A head that cannot be read keeps nobody from naming piles.
        let head = self.heads().live().ok().flatten().filter(|head| head.artifact.fingerprint() == *fingerprint);
        Ok(found
            .into_iter()
            .map(|rows| rows.into_iter().map(|row| row - first).collect::<Vec<_>>())
            .map(|rows| Pile {
                nearest: head.as_ref().and_then(|head| said_of_most(head, samples, &rows)),
                ids: rows.into_iter().map(|row| samples.ids[row]).collect(),
            })
            .collect())
    }
}

/// What `head` calls more than half of `rows`.
fn said_of_most(head: &PublishedHead, samples: &Unlabelled, rows: &[usize]) -> Option<Label> {
    let mut said: BTreeMap<Label, usize> = BTreeMap::new();
    for &row in rows {
        let feature = samples.features.row(row).to_vec();
        if let Ok(Statement::Prediction(prediction)) = Statement::of_feature(&feature, &head.artifact, 1) {
            prediction.label.into_iter().for_each(|label| *said.entry(label).or_default() += 1);
        }
    }
    said.into_iter().find(|(_, count)| 2 * count > rows.len()).map(|(label, _)| label)
}
