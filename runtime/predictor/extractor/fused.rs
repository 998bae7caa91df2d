//! CPU: every worker decodes and infers.

use std::path::Path;
use std::sync::mpsc::sync_channel;

use ndarray::Array4;

use super::reader::{Origin, Read, Reader};
use super::{Admit, ExtractError, Extracted, Extractor, Outcome, Queue, session_threads};
use crate::backbone::{Backbone, BackboneError};
use crate::tensor::InputBatch;
use crate::threads::spawn_workers;

/// How many outcomes may wait while the calling thread is busy: what is stored goes to disk in transactions, and the
/// workers need not stand still for the time that the disk takes.
const WAITING: usize = 64;

pub(super) fn run<E: From<BackboneError> + From<ExtractError>>(
    extractor: &Extractor<'_>,
    queue: &Queue<'_>,
    admit: &Admit<'_>,
    visit: &mut dyn FnMut(usize, Outcome) -> Result<(), E>,
) -> Result<(), E> {
    let workers = extractor.workers(queue.paths.len());
    let threads_each = session_threads(extractor.threads, queue.paths.len());
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(WAITING);
        let work = move || {
            let mut worker = match Worker::new(extractor, admit, threads_each) {
                Ok(worker) => worker,
                // A closed channel means that the caller has an error already.
                Err(error) => return drop(sender.send(Err(error))),
            };
            while let Some((index, path)) = queue.take() {
                if sender.send(Ok((index, worker.outcome(index, path)))).is_err() {
                    return;
                }
            }
        };
        spawn_workers(scope, workers, work).map_err(ExtractError::from)?;
        for message in receiver {
            let (index, outcome) = message?;
            visit(index, outcome)?;
        }
        Ok(())
    })
}

struct Worker<'a> {
    reader: Reader<'a>,
    session: Box<dyn Backbone>,
    input: Array4<f32>,
}

impl<'a> Worker<'a> {
    fn new(extractor: &Extractor<'a>, admit: &'a Admit<'a>, threads: usize) -> Result<Self, ExtractError> {
        let reader = Reader::new(extractor, admit)?;
        let session = extractor.loader.session(threads)?;
        Ok(Self { input: reader.input(), reader, session })
    }

    fn outcome(&mut self, index: usize, path: &Path) -> Outcome {
        self.extract(index, path).unwrap_or_else(Outcome::Failed)
    }

    fn extract(&mut self, index: usize, path: &Path) -> Result<Outcome, ExtractError> {
        let origin = match self.reader.read((index, path), &mut self.input)? {
            Read::Ready(origin) => origin,
            Read::Declined(hash) => return Ok(Outcome::Declined(hash)),
        };
        let batch = InputBatch::new(std::mem::take(&mut self.input)).map_err(BackboneError::from)?;
        let activations = self.session.forward(&batch);
        self.input = batch.into_values();
        let feature = activations?.features.0.into_raw_vec_and_offset().0;
        let Origin { hash, dimensions, quality, thumbnail } = origin;
        Ok(Outcome::Extracted(Extracted { hash, dimensions, quality, feature, thumbnail }))
    }
}
