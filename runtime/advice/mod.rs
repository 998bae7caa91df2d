//! What to do next with a set of pictures, and why: pure functions of cached features.
//!
//! ```text
//! Dataset --learning_curve--> LearningCurve --project--> Projection --\
//!    |----------familiarity--------------------------> Familiarity ----> Evidence --decide--> Advice
//!    `----------compare (heads, backbones)-----------> Comparison ----/
//! ```

mod baseline;
mod classes;
mod compare;
mod curve;
mod decision;
mod evidence;
mod familiarity;
mod power_law;
mod projection;
#[cfg(test)]
mod tests;

pub use baseline::{BaselinePoint, BaselineRow, ThreeFeatures, baseline};
pub use classes::{MissedClass, NextClass, TARGET, TOO_FEW, missed, next_class, smallest};
pub use compare::{Comparison, compare, compare_grouped};
pub use curve::{ClassPoint, CurvePoint, LearningCurve, learning_curve};
pub use decision::{Advice, Similarity, Size, Strategy, decide};
pub use evidence::{BackboneEvidence, Evidence};
pub use familiarity::{Familiarity, Recognised, familiarity};
pub use power_law::PowerLaw;
pub use projection::{ClassProjection, Interval, Projection, Step, project};
