//! Whether the stored pictures are enough, measured on parts of them.

use super::Device;
use super::error::DeviceError;
use crate::advice::{NextClass, TARGET, learning_curve, next_class, project};
use crate::head::{FitOptions, HeadArtifact, HeadKind, Task};
use crate::store::Selection;

/// Samples times channels times classes up to which it is measured unasked: a moment's work. `advise` measures more.
const QUICK: usize = 50_000_000;

impl Device {
    /// The class to take more pictures of, by ridge heads on parts of the pictures that `head` was fitted on. `None` where it is not
    /// measured, `Some(None)` where no class gains.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn next_class(
        &self,
        head: &HeadArtifact,
        options: &FitOptions,
    ) -> Result<Option<Option<NextClass>>, DeviceError> {
        let fit = head.report();
        let work = fit.samples.saturating_mul(fit.dim).saturating_mul(fit.classes().len());
        if fit.task() != Task::Classification || work > QUICK {
            return Ok(None);
        }
        let dataset = self.dataset(&self.existing_store()?, &head.fingerprint(), &Selection::default())?;
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
}
