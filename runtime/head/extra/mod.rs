//! What is made of heads beyond fitting one: classes beside a classifier's own, guessed labels, a look for what is wrong.

mod comparison;
mod diagnosis;
mod imprint;
mod plane;
mod pseudo_labels;

pub use comparison::{COMPARISON_FITS, CompareError, Compared, Recipes, compare};
pub use diagnosis::{Diagnosis, Duplicate, Imbalance, Outlier, Suspect, diagnose};
pub use imprint::{KnownClasses, fit_beside};
pub use plane::{Plane, plane};
pub use pseudo_labels::fit_with_guesses;
