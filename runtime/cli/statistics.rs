//! Sums that the store keeps, brought in step with its samples.

use ndarray::Array2;

use super::failure::OrHint;
use crate::dataset::{Dataset, SampleId};
use crate::digest::Fingerprint;
use crate::head::{Changes, RunningStatistics};
use crate::store::Store;

/// Sums of all rows of a dataset.
pub struct CaughtUp {
    pub statistics: RunningStatistics,
    /// `None` where they had to be made from all samples.
    pub changes: Option<Changes>,
}

/// The sums of `dataset`, from those that the store keeps where these can catch up; nothing is written.
pub fn caught_up(store: &Store, dataset: &Dataset) -> anyhow::Result<CaughtUp> {
    let fingerprint = dataset.fingerprint();
    let kept = store.statistics(&fingerprint)?.and_then(|bytes| RunningStatistics::from_bytes(&bytes));
    if let Some(statistics) = kept {
        let left = statistics.missing_from(dataset);
        if let Some(mut statistics) = without(statistics, &left, (store, &fingerprint))?
            && let Some(changes) = statistics.catch_up(dataset)
        {
            return Ok(CaughtUp { statistics: statistics.tidied(), changes: Some(changes) });
        }
    }
    Ok(CaughtUp { statistics: RunningStatistics::of(dataset), changes: None })
}

/// Keeps sums for the next time.
pub fn keep(store: &mut Store, fingerprint: &Fingerprint, statistics: &RunningStatistics) -> anyhow::Result<()> {
    store.set_statistics(fingerprint, Some(&statistics.to_bytes())).or_hint("the head is published all the same")
}

/// Takes samples out of the sums of every backbone, as long as their features are there to be taken out.
pub fn forget(store: &mut Store, ids: &[SampleId]) -> anyhow::Result<()> {
    for fingerprint in store.fingerprints()?.into_iter().map(|count| count.fingerprint) {
        let Some(bytes) = store.statistics(&fingerprint)? else { continue };
        let kept = match RunningStatistics::from_bytes(&bytes) {
            Some(statistics) => without(statistics, ids, (store, &fingerprint))?,
            None => None,
        };
        store.set_statistics(&fingerprint, kept.map(|statistics| statistics.tidied().to_bytes()).as_deref())?;
    }
    Ok(())
}

/// The sums without some samples; `None` where their features are not there to be taken out.
fn without(
    mut statistics: RunningStatistics,
    ids: &[SampleId],
    (store, fingerprint): (&Store, &Fingerprint),
) -> anyhow::Result<Option<RunningStatistics>> {
    let vectors = if ids.is_empty() { Default::default() } else { store.vectors(fingerprint, ids)? };
    let sample = |id: &SampleId| {
        let rows = vectors.get(id).map_or(&[][..], Vec::as_slice);
        let width = rows.first().map_or(0, Vec::len);
        (*id, Array2::from_shape_vec((rows.len(), width), rows.concat()).unwrap_or_default())
    };
    let samples: Vec<_> = ids.iter().map(sample).collect();
    Ok(statistics.forget(&samples).then_some(statistics))
}
