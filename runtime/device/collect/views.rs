//! After the pictures themselves, features of augmented views of those that train.

use std::collections::HashSet;

use super::{CollectEvent, Job, Stage, Told};
use crate::causes::causes;
use crate::device::error::DeviceError;
use crate::files;
use crate::predictor::{ViewFeatures, ViewRequest, extract_views};
use crate::preprocess::REVISION;
use crate::store::{FeatureVector, Store, WithoutViews};

/// Pictures whose views are stored in one transaction.
const BATCH: usize = 16;

/// Stores `count` views of each stored training picture of the plan that has fewer.
pub fn collect(
    (job, count): (&Job<'_>, u32),
    store: &mut Store,
    (report, observer): Told<'_, '_>,
) -> Result<(), DeviceError> {
    let fingerprint = job.extractor.loader.manifest().fingerprint();
    let planned: HashSet<String> = job.plan.paths().iter().map(|path| files::name_of(path)).collect();
    let mut lacking = store.without_views(&fingerprint, count)?;
    lacking.retain(|sample| planned.contains(&sample.source));
    let requests: Vec<ViewRequest> =
        lacking.iter().map(|sample| ViewRequest { path: files::path_of(&sample.source), hash: sample.hash }).collect();
    observer.begin(Stage::MakingViews, requests.len());
    let mut waiting = Vec::new();
    extract_views(&job.extractor, (&requests, count), job.stop, &mut |index, features| -> Result<(), DeviceError> {
        observer.advance();
        let vector = |values| FeatureVector { fingerprint, revision: REVISION, values };
        match named(&lacking[index], features) {
            Ok((sample, features)) => {
                report.views(features.len());
                waiting.push((sample.id, features.into_iter().map(vector).collect()));
            }
            Err((path, reason)) => {
                let event = CollectEvent::ViewsFailed { path: &path, reason: &reason };
                observer.tell(&event).map_err(DeviceError::Told)?;
                report.failed(path, reason);
            }
        }
        if waiting.len() >= BATCH { Ok(store.add_views(&std::mem::take(&mut waiting))?) } else { Ok(()) }
    })?;
    Ok(store.add_views(&waiting)?)
}

type Named<'a> = Result<(&'a WithoutViews, Vec<Vec<f32>>), (String, String)>;

fn named(sample: &WithoutViews, features: ViewFeatures) -> Named<'_> {
    match features {
        Ok(features) => Ok((sample, features)),
        Err(error) => Err((sample.source.clone(), format!("no views of it: {}", causes(&error)))),
    }
}
