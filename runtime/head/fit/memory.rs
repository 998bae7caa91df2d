//! How much memory a fit may take, and about how much each head takes: what does not fit is not tried, and what fits once
//! only is not done twice at the same time.
//!
//! Nothing else depends on it: how many folds are fitted at once changes no number.

use rayon::prelude::*;

use super::Prepared;
use super::candidates::average;
use crate::dataset::Dataset;
use crate::head::design::Coordinates as _;
use crate::head::error::FitError;
use crate::head::models::HeadKind;
use crate::head::options::FitOptions;
use crate::memory::usable;

/// In bytes, all of them estimates.
#[derive(Clone, Copy)]
pub struct Memory {
    limit: u64,
    /// What is there all the time.
    held: u64,
}

/// Of a sample besides its features and outputs: id, group, class, weights, its place in folds and in a group of its own.
const SAMPLE: u64 = 250;
/// Copies of the answers of one head while it is measured.
const COPIES: u64 = 4;
/// Steps that a search remembers, and what else it holds in the shape of the parameters.
const SEARCH: u64 = 24;
const SINGLE: u64 = size_of::<f32>() as u64;
const DOUBLE: u64 = size_of::<f64>() as u64;

impl Memory {
    /// # Errors
    /// When not even the features fit.
    pub fn new(dataset: &Dataset, options: &FitOptions) -> Result<Self, FitError> {
        let memory = Self { limit: limit(options), held: FitOptions::least_memory(dataset.len(), dataset.width()) };
        if memory.held > memory.limit { Err(memory.too_little(memory.held, dataset.len())) } else { Ok(memory) }
    }

    pub fn limit(&self) -> u64 {
        self.limit
    }

    pub fn too_little(&self, needed: u64, samples: usize) -> FitError {
        FitError::Memory { samples, needed, limit: self.limit }
    }

    /// `work` on all `parts`, as many at once as there is memory for, each of which takes `each` bytes. In the order of the parts.
    pub fn side_by_side<T: Sync, R: Send>(&self, parts: &[T], each: u64, work: impl Fn(&T) -> R + Sync) -> Vec<R> {
        let at_once = (self.limit.saturating_sub(self.held) / each.max(1)).clamp(1, parts.len().max(1) as u64);
        let rounds = parts.chunks(at_once as usize);
        rounds.flat_map(|parts| parts.par_iter().map(&work).collect::<Vec<_>>()).collect()
    }
}

fn limit(options: &FitOptions) -> u64 {
    options.memory.or_else(|| usable().map(|bytes| bytes / 2)).unwrap_or(u64::MAX)
}

impl FitOptions {
    /// What a fit on so many samples takes at least, in bytes.
    fn least_memory(samples: usize, channels: usize) -> u64 {
        (samples as u64).saturating_mul(channels as u64 * SINGLE + SAMPLE)
    }

    /// Whether so many samples of so many channels can be fitted at all: to ask before they are read.
    ///
    /// # Errors
    /// When not even their features fit into the memory that a fit may take.
    pub fn check_memory(&self, samples: usize, channels: usize) -> Result<(), FitError> {
        let (needed, limit) = (Self::least_memory(samples, channels), limit(self));
        if needed > limit { Err(FitError::Memory { samples, needed, limit }) } else { Ok(()) }
    }
}

/// What a fit takes that tries this head, while it keeps the answers of so many others.
pub fn of(kind: HeadKind, others: usize, data: &Prepared) -> u64 {
    data.memory.held + (others as u64 + 1 + COPIES) * one_output(data) + while_tried(kind, data)
}

/// `[N,K]`
fn one_output(data: &Prepared) -> u64 {
    (data.dataset.len() * data.rules().width()) as u64 * SINGLE
}

fn while_tried(kind: HeadKind, data: &Prepared) -> u64 {
    let (rank, outputs) = (data.design.dim().1 as u64, data.rules().width() as u64);
    let sums = 8 * rank * (rank + outputs) * DOUBLE;
    match kind {
        HeadKind::Prototype => 3 * rank * outputs * DOUBLE,
        HeadKind::Lda => sums + 2 * one_output(data),
        HeadKind::Ridge => sums + 3 * one_output(data),
        HeadKind::Softmax => {
            let penalties = data.options.penalties.as_ref().map_or(4, Vec::len) as u64;
            2 * penalties * one_output(data) + of_softmax_fold(data)
        }
        HeadKind::Average => average::MEMBERS.map(|kind| while_tried(kind, data)).into_iter().max().unwrap_or(0),
        HeadKind::Mlp => 2 * one_output(data) + of_perceptron_fold(data),
    }
}

/// Coordinates of the rows that train, and what the search keeps of each.
pub fn of_softmax_fold(data: &Prepared) -> u64 {
    let (samples, rank) = data.design.dim();
    let (samples, rank, outputs) = (samples as u64, rank as u64, data.rules().width() as u64);
    (samples * (rank + 5 * outputs) + SEARCH * rank * outputs) * SINGLE
}

/// Features and targets of the rows that train.
pub fn of_perceptron_fold(data: &Prepared) -> u64 {
    let (samples, dim) = (data.dataset.len() as u64, data.dataset.dim() as u64);
    (samples * (dim + 2 * data.rules().width() as u64) + 8 * dim * dim) * SINGLE
}
