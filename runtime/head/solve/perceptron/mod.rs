//! Training BatchNorm, Linear, ReLU, BatchNorm, Dropout, Linear: the deeper head.

#[cfg(test)]
mod checks;
mod finder;
mod layers;
mod loss;
mod network;
mod optimiser;
mod shuffle;
mod train;
mod trainer;

pub use loss::Loss;
pub use train::{Trained, one_hot, train};
pub use trainer::TrainingSet;
