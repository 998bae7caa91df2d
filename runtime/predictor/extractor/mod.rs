//! Many pictures through decoding and backbone at once, so that no core idles.
//!
//! On the CPU every worker decodes and runs its own single-thread session: bulk work is fastest so. On a GPU all
//! workers decode for one session, which takes what is ready as one batch.

mod batched;
mod fused;
mod reader;
#[cfg(test)]
mod tests;

pub(super) use reader::Begun;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ndarray::ShapeError;

use crate::backbone::{BackboneError, Loader, Provider};
use crate::digest::ContentHash;
use crate::preprocess::{Dimensions, Limits, PreprocessError, Quality};
use crate::threads::NoThread;

/// Says whether a file of this content, at this place in the list, is to be decoded at all; asked from many threads.
pub type Admit<'a> = dyn Fn(usize, ContentHash) -> bool + Sync + 'a;

/// Decoding a picture that takes so many bytes is worth a note.
pub(super) const MUCH_MEMORY: u64 = 100_000_000;

/// Told of every picture that takes much memory, before it is decoded and when that is over: what began and did not end
/// may have ended the process.
pub trait Journal: Sync {
    fn begin(&self, path: &Path, hash: &ContentHash);
    fn end(&self, hash: &ContentHash);
}

/// No journal.
impl Journal for () {
    fn begin(&self, _: &Path, _: &ContentHash) {}
    fn end(&self, _: &ContentHash) {}
}

/// What came of one file.
#[derive(Debug)]
pub enum Outcome {
    Extracted(Extracted),
    /// [`Admit`] said no.
    Declined(ContentHash),
    Failed(ExtractError),
}

/// One file's feature vector.
#[derive(Clone, Debug)]
pub struct Extracted {
    pub hash: ContentHash,
    /// Of the upright original, in pixels.
    pub dimensions: Dimensions,
    /// Of what the network was given.
    pub quality: Quality,
    /// `[C]`
    pub feature: Vec<f32>,
    /// A small JPEG file of the picture; empty where none was asked for.
    pub thumbnail: Vec<u8>,
}

/// One file cannot be used; the others can.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExtractError {
    #[error(transparent)]
    Preprocess(#[from] PreprocessError),
    #[error(transparent)]
    Backbone(#[from] BackboneError),
    #[error("cannot start on the pictures")]
    Thread(#[from] NoThread),
    #[error("cannot lay out a batch")]
    Shape(#[from] ShapeError),
    #[error("the file is not the one that was stored")]
    Changed,
}

/// Features of lists of files on one backbone.
#[derive(Clone, Copy)]
pub struct Extractor<'a> {
    pub loader: &'a Loader,
    pub limits: Limits,
    /// How many cores to keep busy, at least 1.
    pub threads: usize,
    pub journal: &'a dyn Journal,
    /// Whether small pictures are made too.
    pub thumbnails: bool,
}

/// Files yet to be taken, shared by all workers.
struct Queue<'a> {
    paths: &'a [PathBuf],
    next: AtomicUsize,
    stop: &'a AtomicBool,
}

impl<'a> Queue<'a> {
    fn take(&self) -> Option<(usize, &'a PathBuf)> {
        if self.stop.load(Ordering::Relaxed) {
            return None;
        }
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        self.paths.get(index).map(|path| (index, path))
    }
}

fn workers(threads: usize, files: usize) -> usize {
    threads.clamp(1, files.max(1))
}

/// The threads of each session when `threads` cores work on so many files: one, or all for a single file.
pub fn session_threads(threads: usize, files: usize) -> usize {
    (threads / workers(threads, files)).max(1)
}

impl Extractor<'_> {
    /// Extracts every file of `paths` that `admit` lets pass, and hands each outcome with its place in the list to
    /// `visit`, on the calling thread, as it comes: not in order (see [`super::InOrder`]).
    ///
    /// A raised `stop` lets the files in hand finish and begins no other. `visit` ends the work with an error of its own.
    ///
    /// # Errors
    /// When a session cannot be opened or no thread started, or what `visit` gave.
    pub fn run<E: From<BackboneError> + From<ExtractError>>(
        &self,
        paths: &[PathBuf],
        stop: &AtomicBool,
        admit: &Admit<'_>,
        visit: &mut dyn FnMut(usize, Outcome) -> Result<(), E>,
    ) -> Result<(), E> {
        let queue = Queue { paths, next: AtomicUsize::new(0), stop };
        match self.loader.provider() {
            Provider::Cuda | Provider::TensorRt => batched::run(self, &queue, admit, visit),
            Provider::Cpu | Provider::Tract => fused::run(self, &queue, admit, visit),
        }
    }

    fn workers(&self, files: usize) -> usize {
        workers(self.threads, files)
    }
}
