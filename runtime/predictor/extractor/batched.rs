//! GPU: every worker decodes, the calling thread infers what is ready.

use std::sync::mpsc::{Receiver, sync_channel};

use ndarray::{Array4, Axis, concatenate};

use super::reader::{Origin, Read, Reader};
use super::{Admit, ExtractError, Extracted, Extractor, Outcome, Queue};
use crate::backbone::{Backbone, BackboneError};
use crate::tensor::InputBatch;
use crate::threads::spawn_workers;

/// Enough to fill a small GPU; more adds delay and memory.
const MAX_BATCH: usize = 16;

enum Message {
    Ready(usize, Origin, Array4<f32>),
    Done(usize, Outcome),
    Broken(ExtractError),
}

pub(super) fn run<E: From<BackboneError> + From<ExtractError>>(
    extractor: &Extractor<'_>,
    queue: &Queue<'_>,
    admit: &Admit<'_>,
    visit: &mut dyn FnMut(usize, Outcome) -> Result<(), E>,
) -> Result<(), E> {
    let mut session = extractor.loader.session(extractor.threads)?;
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel(2 * MAX_BATCH);
        // A closed channel means that the caller has an error already.
        let work = move || decode_all(extractor, queue, admit, &|message| sender.send(message).is_ok());
        spawn_workers(scope, extractor.workers(queue.paths.len()), work).map_err(ExtractError::from)?;
        infer_all(session.as_mut(), &receiver, visit)
    })
}

fn decode_all(extractor: &Extractor<'_>, queue: &Queue<'_>, admit: &Admit<'_>, send: &dyn Fn(Message) -> bool) {
    let mut reader = match Reader::new(extractor, admit) {
        Ok(reader) => reader,
        Err(error) => {
            send(Message::Broken(error));
            return;
        }
    };
    while let Some((index, path)) = queue.take() {
        let mut input = reader.input();
        let message = match reader.read((index, path), &mut input) {
            Ok(Read::Ready(origin)) => Message::Ready(index, origin, input),
            Ok(Read::Declined(hash)) => Message::Done(index, Outcome::Declined(hash)),
            Err(error) => Message::Done(index, Outcome::Failed(error)),
        };
        if !send(message) {
            return;
        }
    }
}

fn infer_all<E: From<BackboneError> + From<ExtractError>>(
    session: &mut dyn Backbone,
    receiver: &Receiver<Message>,
    visit: &mut dyn FnMut(usize, Outcome) -> Result<(), E>,
) -> Result<(), E> {
    let (mut origins, mut inputs) = (Vec::new(), Vec::new());
    while let Ok(first) = receiver.recv() {
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Ready(index, origin, input) => {
                    origins.push((index, origin));
                    inputs.push(input);
                }
                Message::Done(index, outcome) => visit(index, outcome)?,
                Message::Broken(error) => return Err(error.into()),
            }
            next = if inputs.len() < MAX_BATCH { receiver.try_recv().ok() } else { None };
        }
        infer(session, &mut origins, &mut inputs, visit)?;
    }
    Ok(())
}

/// Runs what is ready as one batch; should that fail, each picture alone, so that one cannot spoil the others.
fn infer<E>(
    session: &mut dyn Backbone,
    origins: &mut Vec<(usize, Origin)>,
    inputs: &mut Vec<Array4<f32>>,
    visit: &mut dyn FnMut(usize, Outcome) -> Result<(), E>,
) -> Result<(), E> {
    let (origins, inputs) = (std::mem::take(origins), std::mem::take(inputs));
    if inputs.is_empty() {
        return Ok(());
    }
    let rows = match features(session, &inputs) {
        Ok(rows) => rows.into_iter().map(Ok).collect(),
        Err(error) if inputs.len() == 1 => vec![Err(error)],
        Err(_) => inputs.iter().map(|input| one_feature(session, input)).collect::<Vec<_>>(),
    };
    for ((index, Origin { hash, dimensions, quality, thumbnail }), row) in origins.into_iter().zip(rows) {
        let outcome = match row {
            Ok(feature) => Outcome::Extracted(Extracted { hash, dimensions, quality, feature, thumbnail }),
            Err(error) => Outcome::Failed(error),
        };
        visit(index, outcome)?;
    }
    Ok(())
}

fn features(session: &mut dyn Backbone, inputs: &[Array4<f32>]) -> Result<Vec<Vec<f32>>, ExtractError> {
    let views: Vec<_> = inputs.iter().map(|input| input.view()).collect();
    let batch = InputBatch::new(concatenate(Axis(0), &views)?).map_err(BackboneError::from)?;
    let features = session.forward(&batch)?.features;
    Ok(features.0.outer_iter().map(|row| row.to_vec()).collect())
}

fn one_feature(session: &mut dyn Backbone, input: &Array4<f32>) -> Result<Vec<f32>, ExtractError> {
    let batch = InputBatch::new(input.clone()).map_err(BackboneError::from)?;
    Ok(session.forward(&batch)?.features.0.into_raw_vec_and_offset().0)
}
