//! What heads are: maps from features to logits, and what their outputs mean.

mod channels;
mod kind;
mod linear;
mod operating_point;
mod perceptron;
mod prototype;
mod task;

use ndarray::{Array2, ArrayView2};

pub use channels::Channels;
pub use kind::{HeadKind, LinearKind, ParseHeadError};
pub use linear::Linear;
pub use operating_point::{DecisionRule, OperatingPoint};
pub use perceptron::Mlp;
pub use prototype::{Prototype, normalize_rows, unit};
pub use task::{Outputs, ParseTaskError, Task};

/// A fitted map from features to logits.
#[derive(Clone, PartialEq, Debug)]
pub enum Head {
    /// One affine layer, whatever fitted it.
    Linear {
        fitted_by: LinearKind,
        linear: Linear,
    },
    Mlp(Mlp),
    Prototype(Prototype),
}

impl Head {
    pub fn kind(&self) -> HeadKind {
        match self {
            Self::Linear { fitted_by, .. } => (*fitted_by).into(),
            Self::Mlp(_) => HeadKind::Mlp,
            Self::Prototype(_) => HeadKind::Prototype,
        }
    }

    /// # Shapes
    /// `features` `[N,C]`; the result `[N,K]`.
    ///
    /// # Panics
    /// When the features are not [`Head::dim`] wide.
    pub fn logits(&self, features: ArrayView2<f32>) -> Array2<f32> {
        match self {
            Self::Linear { linear, .. } => linear.logits(features),
            Self::Prototype(prototype) => prototype.logits(features),
            Self::Mlp(mlp) => mlp.logits(features),
        }
    }

    /// K.
    pub fn classes(&self) -> usize {
        match self {
            Self::Linear { linear, .. } => linear.classes(),
            Self::Prototype(prototype) => prototype.classes(),
            Self::Mlp(mlp) => mlp.output.classes(),
        }
    }

    /// C.
    pub fn dim(&self) -> usize {
        match self {
            Self::Linear { linear, .. } => linear.dim(),
            Self::Prototype(prototype) => prototype.dim(),
            Self::Mlp(mlp) => mlp.hidden.dim(),
        }
    }

    /// The one affine layer that the head is; `None` for any other head.
    pub fn linear(&self) -> Option<&Linear> {
        match self {
            Self::Linear { linear, .. } => Some(linear),
            Self::Mlp(_) | Self::Prototype(_) => None,
        }
    }
}
