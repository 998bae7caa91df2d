//! Heads: what turns a feature vector into class probabilities, and how they are fitted.
//!
//! ```text
//! Dataset --fit--> HeadArtifact --predict--> Scores
//!                    |     ^
//!              to_bytes   from_bytes
//! ```

mod answers;
mod artifact;
mod budget;
mod calibration;
mod candidates;
mod course;
mod design;
mod diagnosis;
mod file;
mod fit;
mod folds;
mod guesses;
mod held_out;
mod keep;
mod lbfgs;
mod linear;
mod logistic;
mod mlp;
mod multilabel;
mod options;
mod out_of_fold;
mod prototype;
mod regression;
mod report;
mod ridge;
mod running;
mod running_file;
mod safetensors_file;
mod softmax;
mod statistics;
mod task;
mod unknown;
mod update;

use ndarray::{Array2, ArrayView2};

pub use answers::Answers;
pub use artifact::{ArtifactParts, HeadArtifact, HeadError, InvalidHead, Scores, Value};
pub use calibration::Temperature;
pub use candidates::{RidgeFit, SoftmaxFit, ridge_regression, softmax_regression};
pub use diagnosis::{Diagnosis, Duplicate, Imbalance, Outlier, Suspect, diagnose};
pub use file::ArtifactError;
pub use fit::{FitError, fit, fit_with_answers};
pub use folds::Folds;
pub use guesses::fit_with_guesses;
pub use held_out::{cross_validate, leave_one_out};
pub use keep::{KnownClasses, fit_beside};
pub use linear::Linear;
pub use mlp::{Initialisation, LearningRate, Mlp, MlpSettings, Optimiser, ParseSettingError, Schedule};
pub use options::{FitOptions, HeadChoice, HeadKind, ParseHeadError, ParseSelectionError, Selection};
pub use prototype::Prototype;
pub use report::{
    Candidate, ClassReport, CrossValidation, Epoch, FinderPoint, FitReport, GuessCount, GuessReport, HeldOut,
    KeptReport, LeftOut, MultilabelReport, RateFinder, SelectionReport, SelectionTrial, TrainingReport, UnknownReport,
    UpdateReport,
};
pub use running::{Changes, RunningStatistics};
pub use statistics::ClassStatistics;
pub use task::{Outputs, ParseTaskError, Task};
pub use unknown::UnknownRule;
pub use update::{UpdateError, check_updatable, update};

/// A fitted map from features to logits.
#[derive(Clone, PartialEq, Debug)]
pub enum Head {
    Softmax(Linear),
    Ridge(Linear),
    Lda(Linear),
    Average(Linear),
    Mlp(Mlp),
    Prototype(Prototype),
}

impl Head {
    pub fn kind(&self) -> HeadKind {
        match self {
            Self::Softmax(_) => HeadKind::Softmax,
            Self::Ridge(_) => HeadKind::Ridge,
            Self::Lda(_) => HeadKind::Lda,
            Self::Average(_) => HeadKind::Average,
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
            Self::Softmax(linear) | Self::Ridge(linear) | Self::Lda(linear) | Self::Average(linear) => {
                linear.logits(features)
            }
            Self::Prototype(prototype) => prototype.logits(features),
            Self::Mlp(mlp) => mlp.logits(features),
        }
    }

    /// K.
    pub fn classes(&self) -> usize {
        match self {
            Self::Softmax(linear) | Self::Ridge(linear) | Self::Lda(linear) | Self::Average(linear) => linear.classes(),
            Self::Prototype(prototype) => prototype.classes(),
            Self::Mlp(mlp) => mlp.output.classes(),
        }
    }

    /// C.
    pub fn dim(&self) -> usize {
        match self {
            Self::Softmax(linear) | Self::Ridge(linear) | Self::Lda(linear) | Self::Average(linear) => linear.dim(),
            Self::Prototype(prototype) => prototype.dim(),
            Self::Mlp(mlp) => mlp.hidden.dim(),
        }
    }
}
