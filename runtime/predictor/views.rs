//! Features of augmented views: every picture is decoded once, and its views go through the backbone as one batch.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;

use ndarray::{Array4, Axis};

use super::extractor::{Begun, ExtractError, Extractor, Journal};
use crate::backbone::{Backbone, BackboneError, Provider};
use crate::digest::ContentHash;
use crate::preprocess::{Dimensions, MemoryHooks, PreprocessError, Preprocessor, View, decode_held, read_file, shrink};
use crate::tensor::InputBatch;
use crate::threads::spawn_workers;

/// Detail beyond this many times the network's input is lost in it anyway.
const DETAIL: u32 = 2;

/// A picture whose views are wanted.
#[derive(Clone, Debug)]
pub struct ViewRequest {
    pub path: PathBuf,
    /// Of the file as it was stored; also what its views are drawn from.
    pub hash: ContentHash,
}

/// The features of one picture's views, in their order, each `[C]`.
pub type ViewFeatures = Result<Vec<Vec<f32>>, ExtractError>;

/// Hands the features of views 1 to `count` of each picture, with its place in the list, to `visit` as they come.
///
/// View n of a picture depends on its bytes and n alone. A raised `stop` lets the pictures in hand finish.
///
/// # Errors
/// When a session cannot be opened or no thread started, or what `visit` gave.
pub fn extract_views<E: From<ExtractError>>(
    extractor: &Extractor<'_>,
    (pictures, count): (&[ViewRequest], u32),
    stop: &AtomicBool,
    visit: &mut dyn FnMut(usize, ViewFeatures) -> Result<(), E>,
) -> Result<(), E> {
    let on_gpu = matches!(extractor.loader.provider(), Provider::Cuda | Provider::TensorRt);
    let workers = if on_gpu { 1 } else { extractor.threads.clamp(1, pictures.len().max(1)) };
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(2 * workers);
        let next = &next;
        let work = move || {
            let mut worker = match Worker::new(extractor, count) {
                Ok(worker) => worker,
                // A closed channel means that the caller has an error already.
                Err(error) => return drop(sender.send(Err(error))),
            };
            while !stop.load(Ordering::Relaxed) {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(picture) = pictures.get(index) else { return };
                if sender.send(Ok((index, worker.features(picture)))).is_err() {
                    return;
                }
            }
        };
        spawn_workers(scope, workers, work).map_err(ExtractError::from)?;
        for message in receiver {
            let (index, features) = message?;
            visit(index, features)?;
        }
        Ok(())
    })
}

struct Worker<'a> {
    preprocessor: Preprocessor,
    session: Box<dyn Backbone>,
    count: u32,
    journal: &'a dyn Journal,
}

impl<'a> Worker<'a> {
    fn new(extractor: &Extractor<'a>, count: u32) -> Result<Self, ExtractError> {
        let settings = extractor.loader.manifest().preprocess.clone();
        let preprocessor = Preprocessor::new(settings, extractor.limits)?;
        Ok(Self { preprocessor, session: extractor.loader.session(1)?, count, journal: extractor.journal })
    }

    fn features(&mut self, picture: &ViewRequest) -> ViewFeatures {
        let bytes = read_file(&picture.path, self.preprocessor.limits())?;
        if ContentHash::of(&bytes) != picture.hash {
            return Err(ExtractError::Changed);
        }
        let settings = self.preprocessor.settings();
        let (width, height, background) = (settings.width, settings.height, settings.background);
        let side = DETAIL * width.max(height);
        let mut begun = Begun::new(self.journal, &picture.path, picture.hash);
        let mut hooks =
            MemoryHooks { after: &|size, _| working_bytes(size, side), before: &mut |bytes| begun.note(bytes) };
        let (decoded, _share) = decode_held((&bytes, background), self.preprocessor.limits(), &mut hooks)
            .map_err(|source| PreprocessError::File { path: picture.path.clone(), source })?;
        let decoded = shrink(decoded, side);
        let mut input = Array4::zeros((self.count as usize, 3, height as usize, width as usize));
        for (number, image) in (1..).zip(input.outer_iter_mut()) {
            let view = View::draw(decoded.dimensions(), seed(&picture.hash, number)).of(&decoded);
            self.preprocessor.run_picture(&view, image)?;
        }
        let batch = InputBatch::new(input).map_err(BackboneError::from)?;
        let features = self.session.forward(&batch)?.features;
        Ok(features.0.axis_iter(Axis(0)).map(|row| row.to_vec()).collect())
    }
}

/// What shrinking a picture of this size to `side` and one view of the outcome take at most.
fn working_bytes(size: Dimensions, side: u32) -> u64 {
    let shorter = u64::from(size.width.min(size.height)).max(1);
    let side = u64::from(side).min(shorter);
    2 * 3 * (size.pixels() * side / shorter * side / shorter)
}

/// Of view `number`, counted from 1, of the picture with this hash.
fn seed(hash: &ContentHash, number: u64) -> u64 {
    let bytes = hash.0.as_bytes();
    let start = u64::from_le_bytes(std::array::from_fn(|index| bytes[index]));
    start.wrapping_add(number)
}
