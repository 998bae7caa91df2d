//! Heads: what turns a feature vector into class probabilities, and how they are fitted.
//!
//! ```text
//! Dataset --fit--> HeadArtifact --predict--> Scores
//!                    |     ^
//!              to_bytes   from_bytes
//! ```
//!
//! ```
//! use edgetl::dataset::{Dataset, DatasetParts, GroupId, SampleId};
//! use edgetl::digest::{Digest, Fingerprint};
//! use edgetl::head::{FitOptions, fit};
//! use edgetl::labels::{ClassIndex, Label, Labels};
//! use edgetl::tensor::Features;
//!
//! // Two features of ten pictures: cats have much of the first, dogs of the second.
//! let features = ndarray::Array2::from_shape_fn((10, 2), |(picture, channel)| {
//!     let own = (picture % 2 == channel) as u8;
//!     f32::from(own) * 3.0 + (picture as f32).sin() * 0.1
//! });
//! let dataset = Dataset::new(DatasetParts {
//!     fingerprint: Fingerprint(Digest::of(b"the network that gave them")),
//!     features,
//!     targets: (0..10).map(|picture| ClassIndex(picture % 2)).collect(),
//!     groups: (0..10).map(GroupId).collect(),
//!     ids: (0..10).map(SampleId).collect(),
//!     labels: Labels::new(vec![Label::new("cat")?, Label::new("dog")?])?,
//! })?;
//! let head = fit(&dataset, &FitOptions::default())?;
//! let scores = head.predict(&Features(ndarray::array![[2.9, 0.1]]))?;
//! assert_eq!(head.labels().get(scores[0].best()).unwrap().as_str(), "cat");
//! assert_eq!(head.report().cv().accuracy, Some(1.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Each floor sees only those below it; `tests/it/layering.rs` holds that:
//!
//! ```text
//! extra > fit > task > solve > {design, folds, twins} > file > {report, unknown, calibration} > {error, options} > models
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
mod twins;
mod unknown;

pub use calibration::Temperature;
pub use error::{FitError, InvalidHead};
pub use extra::{
    COMPARISON_FITS, CompareError, Compared, Diagnosis, Duplicate, Imbalance, KnownClasses, Outlier, Plane, Recipes,
    Suspect, compare, diagnose, fit_beside, fit_with_guesses, plane,
};
pub use file::{ArtifactError, ArtifactParts, HeadArtifact, HeadError, KeptAnswers, LearnedFrom, Scores, Value};
pub use fit::{
    Answers, Confused, CurvePoint, HeldOutAnswers, Outcome, Reliability, RidgeFit, SoftmaxFit, cross_validate,
    cross_validate_choice, cross_validate_groups, decide, fit, fit_with_answers, leave_one_out, ridge_regression,
    softmax_regression,
};
pub use folds::Folds;
pub use models::{
    Channels, DecisionRule, Head, HeadKind, Linear, LinearKind, Mlp, OperatingPoint, Outputs, ParseHeadError,
    ParseTaskError, Prototype, Task,
};
pub use options::{FitOptions, Goal, HeadChoice, Initialisation, LearningRate, MlpSettings, ParseSettingError};
pub use report::{
    Candidate, Changes, ClassReport, ClassesReport, ComparisonReport, CrossValidation, EarlierMapsReport, Epoch,
    FinderPoint, FitReport, GuessCount, GuessReport, HeldOut, KeptReport, LeftOut, Measure, NamesReport,
    NearTwinsReport, NewClass, NumbersReport, OldAgainstNew, OperatingClass, OperatingReport, RateFinder, Share,
    TaskReport, TrainingReport, UnknownReport, Verdict,
};
pub use twins::{Neighbourhood, near_twin_limit, near_twins_of, piles, with_near_twins_together};
pub use unknown::UnknownRule;
