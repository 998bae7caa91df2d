//! What collecting did.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::plan::Plan;
use crate::backbone::{Loader, Provider};
use crate::causes::causes;
use crate::device::error::DeviceError;
use crate::files;
use crate::labels::{Label, look_alikes};
use crate::preprocess::PoorPicture;
use crate::sources::Remark;
use crate::store::{Filter, Split, Store};

/// What collecting did, and what the store holds now.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct CollectReport {
    pub seen: usize,
    pub stored: usize,
    pub duplicates: usize,
    /// Pictures that were removed and have not been asked for again.
    pub passed_over: usize,
    /// Augmented views stored.
    pub views: usize,
    pub failed: Vec<NotUsed>,
    /// Pictures that were taken though they are of little use.
    pub poor: Vec<Poor>,
    pub conflicts: Vec<Conflict>,
    /// Pictures that came for one split and are stored for another, which stays.
    pub other_splits: Vec<OtherSplit>,
    /// Labels of this run that no sample trains.
    pub only_held_out: Vec<Label>,
    /// Labels in the store that differ in case, white space or a plural alone.
    pub alike: Vec<Vec<Label>>,
    /// What else is to be said of the sources.
    pub remarks: Vec<Remark>,
    /// How many samples the store has of each.
    pub labels: BTreeMap<String, usize>,
    pub backbone: String,
    pub fingerprint: String,
    pub provider: Provider,
    pub seconds: f64,
    pub images_per_second: f64,
    /// Whether it was stopped before its end.
    pub interrupted: bool,
    /// How many of `failed` are folders.
    #[serde(skip)]
    refused: usize,
    /// How many of `failed` were not tried, since an earlier run ended while it decoded them.
    #[serde(skip)]
    pub unfinished: usize,
}

/// A picture or folder that was not used, and why.
#[derive(Clone, Debug, Serialize)]
pub struct NotUsed {
    pub path: String,
    pub reason: String,
}

/// A picture of little use, and why.
#[derive(Clone, Debug, Serialize)]
pub struct Poor {
    pub path: String,
    #[serde(flatten)]
    pub fault: PoorPicture,
}

/// A picture that is stored under another label than the one it came with now.
#[derive(Clone, Debug, Serialize)]
pub struct Conflict {
    pub path: String,
    pub offered: Option<Label>,
    pub kept: Option<Label>,
}

/// A picture that came for another split than the one that it is stored for.
#[derive(Clone, Debug, Serialize)]
pub struct OtherSplit {
    pub path: String,
    pub offered: &'static str,
    pub kept: &'static str,
}

impl CollectReport {
    pub(super) fn new(plan: &Plan, loader: &Loader) -> Self {
        let unlabelled = plan
            .unlabelled()
            .iter()
            .map(|path| NotUsed { path: files::name_of(path), reason: "expected a label, got none".to_owned() });
        let refused = plan
            .refused()
            .iter()
            .map(|refused| NotUsed { path: files::name_of(&refused.path), reason: causes(&refused.error) });
        let manifest = loader.manifest();
        Self {
            seen: plan.len() + plan.unlabelled().len(),
            stored: 0,
            duplicates: 0,
            passed_over: 0,
            views: 0,
            refused: plan.refused().len(),
            unfinished: 0,
            failed: refused.chain(unlabelled).collect(),
            poor: Vec::new(),
            conflicts: Vec::new(),
            other_splits: Vec::new(),
            only_held_out: Vec::new(),
            alike: Vec::new(),
            remarks: plan.remarks().to_vec(),
            labels: BTreeMap::new(),
            backbone: manifest.name.to_string(),
            fingerprint: manifest.fingerprint().to_string(),
            provider: loader.provider(),
            seconds: 0.0,
            images_per_second: 0.0,
            interrupted: false,
        }
    }

    pub(super) fn stored(&mut self) {
        self.stored += 1;
    }

    pub(super) fn views(&mut self, number: usize) {
        self.views += number;
    }

    pub(super) fn duplicate(&mut self) {
        self.duplicates += 1;
    }

    pub(super) fn passed_over(&mut self) {
        self.passed_over += 1;
    }

    pub(super) fn unfinished(&mut self) {
        self.unfinished += 1;
    }

    pub(super) fn failed(&mut self, path: String, reason: String) {
        self.failed.push(NotUsed { path, reason });
    }

    pub(super) fn poor(&mut self, path: &Path, fault: PoorPicture) {
        self.poor.push(Poor { path: files::name_of(path), fault });
    }

    pub(super) fn conflict(&mut self, path: &Path, offered: Option<Label>, kept: Option<Label>) {
        self.conflicts.push(Conflict { path: files::name_of(path), offered, kept });
    }

    pub(super) fn other_split(&mut self, path: &Path, offered: Split, kept: Split) {
        let path = files::name_of(path);
        self.other_splits.push(OtherSplit { path, offered: offered.as_str(), kept: kept.as_str() });
    }

    /// Puts in what the store holds now of the labels of `plan` and of all.
    pub(super) fn look_at(&mut self, plan: &Plan, store: &Store) -> Result<(), DeviceError> {
        let training = Filter { split: Some(Split::Train), ..Filter::default() };
        let trained = store.counts_by_label(&training)?;
        let held_out = plan.only_held_out().into_iter().filter(|label| !trained.contains_key(&Some((*label).clone())));
        // Numbers are learned from others than themselves.
        self.only_held_out = held_out.filter(|label| label.number().is_err()).cloned().collect();
        let counts = store.counts_by_label(&Filter::default())?;
        let alike = look_alikes(counts.keys().flatten());
        self.alike = alike.into_iter().map(|labels| labels.into_iter().cloned().collect()).collect();
        self.labels = counts
            .into_iter()
            .map(|(label, number)| (label.map_or_else(String::new, |label| label.to_string()), number))
            .collect();
        Ok(())
    }

    /// Puts in the speed.
    pub(super) fn finish(&mut self, elapsed: Duration, interrupted: bool) {
        self.interrupted = interrupted;
        self.seconds = elapsed.as_secs_f64();
        self.images_per_second = self.stored as f64 / self.seconds.max(1e-9);
    }

    /// Pictures of this run that are in the store now.
    pub fn kept(&self) -> usize {
        self.stored + self.duplicates
    }

    /// Whether no picture of this run is or was in the store.
    pub fn nothing_usable(&self) -> bool {
        self.kept() + self.passed_over == 0
    }

    /// Whether a folder could not be used, so that nobody knows what it holds.
    pub fn has_refusals(&self) -> bool {
        self.refused > 0
    }
}
