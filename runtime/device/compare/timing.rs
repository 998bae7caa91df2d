//! How long one picture takes, from the bytes of its file to its feature.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::backbone::Loader;
use crate::device::Device;
use crate::device::error::DeviceError;
use crate::files;
use crate::predictor::SingleExtractor;
use crate::preprocess::read_file;
use crate::store::SampleRow;

/// Pictures that are timed, spread over all that there are.
const TIMED: usize = 25;
/// The first ones warm caches up, and are not counted.
const WARMING_UP: usize = 3;
/// So long and no longer, once this many were timed.
const LONGEST: Duration = Duration::from_secs(3);
const ENOUGH: usize = 5;

impl Device {
    /// The median over some of `pictures` of the seconds that decoding and the backbone take, one picture after another on all
    /// cores of the settings; `None` where none can be read.
    pub(super) fn seconds_a_picture(
        &self,
        loader: &Loader,
        pictures: &[SampleRow],
        stop: &AtomicBool,
    ) -> Result<Option<f64>, DeviceError> {
        let mut extractor = SingleExtractor::new(loader, self.settings().limits, self.settings().engine.threads)?;
        let limits = self.settings().limits;
        let wanted = TIMED + WARMING_UP;
        let step = (pictures.len() / wanted).max(1);
        // Of a handful, each is taken again and again.
        let files = pictures.iter().step_by(step).cycle().take(wanted);
        let (start, mut times) = (Instant::now(), Vec::new());
        for (number, picture) in files.enumerate() {
            if stop.load(Ordering::SeqCst) || (times.len() >= ENOUGH && start.elapsed() > LONGEST) {
                break;
            }
            let Ok(bytes) = read_file(&files::path_of(&picture.source), &limits) else { continue };
            let begun = Instant::now();
            if extractor.feature(&bytes).is_ok() && number >= WARMING_UP {
                times.push(begun.elapsed().as_secs_f64());
            }
        }
        times.sort_by(f64::total_cmp);
        Ok(times.get(times.len() / 2).copied())
    }
}
