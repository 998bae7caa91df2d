//! From picture files to features, and from features to predictions.

mod extractor;
mod ordered;
mod prediction;

pub use extractor::{Admit, ExtractError, Extracted, Extractor, Outcome};
pub use ordered::InOrder;
pub use prediction::{Prediction, RankedLabel};
