//! Raw pixels and the same network with random weights beside the backbone in use. Nothing of them is kept: network and
//! features are in memory alone.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use ndarray::{Array2, Axis, s};
use serde::Serialize;

use super::Device;
use super::error::DeviceError;
use super::features::with_last_map;
use crate::advice::{BaselinePoint, ThreeFeatures, baseline};
use crate::backbone::{Package, Provider, RandomNetwork, Untrained};
use crate::dataset::{Dataset, DatasetParts, SampleId};
use crate::files;
use crate::head::FitOptions;
use crate::predictor::{Extractor, Outcome};
use crate::store::{Filter, SampleRow, Selection};

/// Pictures whose statistics scale the random layers.
const SETTLING: usize = 16;

/// Whether transfer helped.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct BaselineReport {
    /// What the random weights and the folds were drawn from.
    pub seed: u64,
    /// Pictures that all three features are of.
    pub pictures: usize,
    /// Pictures that could not be read again, and are left out of all three.
    pub unread: usize,
    /// Of the small picture whose pixels are features.
    pub width: usize,
    pub height: usize,
    /// From few pictures to all.
    pub points: Vec<BaselinePoint>,
    pub seconds: f64,
}

impl Device {
    /// Reads the training pictures of the backbone in use again, once, and compares heads on its stored features with heads on
    /// raw pixels and on features of the same network with random weights. Nothing is written.
    ///
    /// # Errors
    /// When the network is quantised or does not run, or too few pictures can be read for two classes.
    pub fn baseline(
        &self,
        options: &FitOptions,
        advance: &mut dyn FnMut(usize),
    ) -> Result<BaselineReport, DeviceError> {
        let start = Instant::now();
        let store = self.existing_store()?;
        let package = self.backbones().in_use_of(&store)?;
        let pretrained = self.dataset(&store, &package.fingerprint(), &Selection::default())?;
        let mut rows: HashMap<SampleId, SampleRow> =
            store.samples(&Filter::default())?.into_iter().map(|row| (row.id, row)).collect();
        let wanted: Vec<SampleRow> = pretrained.ids().iter().filter_map(|id| rows.remove(id)).collect();
        let untrained = self.untrained(&package, options.seed, &wanted)?;
        let (width, height) = (untrained.width, untrained.height);
        let vectors = self.extracted(untrained.package, &wanted, advance)?;
        let three = three(&pretrained, &package, &vectors);
        let (pictures, options) = (three.pretrained.len(), self.within_memory(options));
        let points = baseline(three, &options)?;
        let (seed, unread) = (options.seed, pretrained.len() - pictures);
        let seconds = start.elapsed().as_secs_f64();
        Ok(BaselineReport { seed, pictures, unread, width, height, points, seconds })
    }

    fn untrained(&self, package: &Package, seed: u64, rows: &[SampleRow]) -> Result<Untrained, DeviceError> {
        let random = RandomNetwork::new(package, seed)?;
        let some: Vec<SampleRow> =
            rows.iter().step_by((rows.len() / SETTLING).max(1)).take(SETTLING).cloned().collect();
        let mut statistics = match random.statistics() {
            Some(package) => self.extracted(package, &some, &mut |_| {})?.into_iter().collect::<Vec<_>>(),
            None => Vec::new(),
        };
        // Sums of them do not depend on which thread was first.
        statistics.sort_by_key(|(id, _)| *id);
        let statistics: Vec<Vec<f32>> = statistics.into_iter().map(|(_, row)| row).collect();
        Ok(random.settled(&statistics))
    }

    /// Features of those of `rows` whose files are still there.
    fn extracted(
        &self,
        package: Package,
        rows: &[SampleRow],
        advance: &mut dyn FnMut(usize),
    ) -> Result<HashMap<SampleId, Vec<f32>>, DeviceError> {
        let mut settings = self.settings().clone();
        // Building an engine takes minutes, and would stay.
        settings.engine.avoided.push(Provider::TensorRt);
        settings.engine.tensorrt.engine_cache = None;
        let loader = self.with(settings).load(package, rows.len())?;
        let (limits, threads) = (self.settings().limits, self.settings().engine.threads);
        let extractor = Extractor { loader: &loader, limits, threads, journal: &(), thumbnails: false };
        let paths: Vec<_> = rows.iter().map(|row| files::path_of(&row.source)).collect();
        let mut vectors = HashMap::new();
        let admit = |index: usize, hash| rows[index].hash == hash;
        extractor.run(&paths, &AtomicBool::new(false), &admit, &mut |index, outcome| -> Result<(), DeviceError> {
            advance(rows.len());
            if let Outcome::Extracted(extracted) = outcome {
                vectors.insert(rows[index].id, extracted.feature);
            }
            Ok(())
        })?;
        Ok(vectors)
    }
}

/// The samples that `vectors` has: with the features of `pretrained`, and with both parts of their vectors.
fn three(pretrained: &Dataset, package: &Package, vectors: &HashMap<SampleId, Vec<f32>>) -> ThreeFeatures {
    let ids = pretrained.ids();
    let places: Vec<usize> = (0..ids.len()).filter(|&place| vectors.contains_key(&ids[place])).collect();
    let pretrained = pretrained.select(&places);
    let feature = &package.manifest().feature;
    let width = vectors.values().next().map_or(feature.width(), Vec::len);
    let mut all = Array2::zeros((places.len(), width));
    for (id, mut row) in pretrained.ids().iter().zip(all.axis_iter_mut(Axis(0))) {
        row.assign(&ndarray::aview1(&vectors[id]));
    }
    let with = |features: Array2<f32>| {
        let parts = DatasetParts {
            fingerprint: pretrained.fingerprint(),
            features,
            targets: pretrained.targets().to_vec(),
            groups: pretrained.groups().to_vec(),
            ids: pretrained.ids().to_vec(),
            labels: pretrained.labels().clone(),
        };
        Dataset::new(parts).expect("as many finite features as samples")
    };
    let random = with_last_map(with(all.slice(s![.., ..feature.width()]).to_owned()), Some(feature.dim));
    let pixels = with(all.slice(s![.., feature.width()..]).to_owned());
    ThreeFeatures { pixels, random, pretrained }
}
