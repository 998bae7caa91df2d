//! Heads: what turns a feature vector into class probabilities, and how they are fitted.
//!
//! ```text
//! Dataset --fit--> HeadArtifact --predict--> Scores
//!                    |     ^
//!              to_bytes   from_bytes
//! ```
//!
//! Each floor sees only those below it; `tests/it/layering.rs` holds that:
//!
//! ```text
//! extra > fit > task > solve > {design, folds} > file > {report, unknown, calibration} > {error, options} > models
//! ```

mod calibration;
mod design;
mod error;
mod extra;
mod file;
mod fit;
mod folds;
mod models;
mod options;
mod report;
mod solve;
mod task;
mod unknown;

pub use calibration::Temperature;
pub use error::{FitError, InvalidHead};
pub use extra::{
    Diagnosis, Duplicate, Imbalance, KnownClasses, Outlier, Suspect, diagnose, fit_beside, fit_with_guesses,
};
pub use file::{ArtifactError, ArtifactParts, HeadArtifact, HeadError, Scores, Value};
pub use fit::{
    Answers, RidgeFit, SoftmaxFit, cross_validate, fit, fit_with_answers, leave_one_out, ridge_regression,
    softmax_regression,
};
pub use folds::Folds;
pub use models::{Head, HeadKind, Linear, LinearKind, Mlp, Outputs, ParseHeadError, ParseTaskError, Prototype, Task};
pub use options::{FitOptions, HeadChoice, Initialisation, LearningRate, MlpSettings, ParseSettingError};
pub use report::{
    Candidate, ClassReport, ClassesReport, CrossValidation, Epoch, FinderPoint, FitReport, GuessCount, GuessReport,
    HeldOut, KeptReport, LeftOut, NamesReport, NumbersReport, RateFinder, TaskReport, TrainingReport, UnknownReport,
};
pub use unknown::UnknownRule;
