//! What it does to the number that near-twins are held out together.

use super::{Prepared, trial};
use crate::dataset::Dataset;
use crate::head::error::FitError;
use crate::head::models::HeadKind;
use crate::head::report::NearTwinsReport;
use crate::head::task::{Target, Together};

/// Of a head of `kind` on `dataset`, in the groups it came with; `None` where there are no near-twins.
pub fn report(kind: HeadKind, dataset: &Dataset, data: &Prepared) -> Result<Option<NearTwinsReport>, FitError> {
    let labels = if matches!(data.target, Target::Classes(_)) { Some(data.dataset.labels()) } else { None };
    let Some(report) = data.twins.report(labels) else { return Ok(None) };
    if report.pictures == 0 || matches!(data.target, Target::Numbers(_)) {
        return Ok(Some(report));
    }
    let wider = if data.dataset.dim() > dataset.dim() { dataset.with_earlier_maps() } else { None };
    let apart = Prepared::keeping(Together::GroupsAlone, wider.as_ref().unwrap_or(dataset), data.options)?;
    let accuracy_without = apart.rules().measures(&trial(kind, &apart)?.outputs, &apart.split).accuracy;
    Ok(Some(NearTwinsReport { accuracy_without, ..report }))
}
