//! Whether the pictures are enough, measured on parts of them.

use crate::advice::{NextClass, TARGET, learning_curve, next_class, project};
use crate::cli::context::Context;
use crate::cli::remedy::OrRemedy as _;
use crate::device::Fitted;
use crate::head::{FitOptions, HeadKind, Task};
use crate::store::Selection;

/// Samples times channels times classes up to which it is measured unasked: a moment's work. `advise` measures more.
const QUICK: usize = 50_000_000;

/// The class to take more pictures of, by ridge heads on parts of the pictures. `None` where it was not measured, `Some(None)` where
/// no class gains.
pub fn next(fitted: &Fitted, options: &FitOptions, context: &Context) -> anyhow::Result<Option<Option<NextClass>>> {
    let fit = fitted.head.report();
    let work = fit.samples.saturating_mul(fit.dim).saturating_mul(fit.classes().len());
    if fit.task() != Task::Classification || fitted.answers.is_none() || work > QUICK {
        return Ok(None);
    }
    let (device, store) = (context.device(), context.existing_store()?);
    let dataset = device.dataset(&store, &fitted.head.fingerprint(), &Selection::default()).or_remedy()?;
    // Whether earlier maps help was found out with the fit.
    let earlier_maps = Some(fit.earlier_maps.as_ref().is_some_and(|earlier| earlier.used));
    let FitOptions { seed, folds, balance, .. } = *options;
    let options = FitOptions { seed, folds, balance, earlier_maps, ..FitOptions::default() };
    // What cannot be measured was said with the fit.
    let Ok(curve) = learning_curve(&dataset, HeadKind::Ridge, &options) else { return Ok(None) };
    let projection = project(&curve, &dataset.class_counts(), TARGET, options.seed);
    let next = next_class(&dataset, projection.as_ref());
    Ok((projection.is_some() || next.is_some()).then_some(next))
}
