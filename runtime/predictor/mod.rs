//! From picture files to features, and from features to predictions.

mod extractor;
mod golden;
mod known_picture;
mod opening;
mod ordered;
mod prediction;
mod single;
mod views;
mod why;

pub use extractor::{Admit, ExtractError, Extracted, Extractor, Journal, Outcome, session_threads};
pub use golden::{GoldenCheckError, TOLERANCE as GOLDEN_TOLERANCE, check_golden, golden_vectors};
pub use known_picture::{KnownPicture, KnownPictureError, Recognition, recognise};
pub use opening::{OpenError, Opened, open};
pub use ordered::InOrder;
pub use prediction::{Answer, Prediction, RankedLabel, Statement};
pub use single::SingleExtractor;
pub use views::{ViewFeatures, ViewRequest, extract_views};
pub use why::{Reason, Why};
