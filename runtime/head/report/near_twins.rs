use serde::{Deserialize, Serialize};

use crate::labels::Label;

/// Pictures so alike that they were held out together, as frames of one burst and copies of one picture.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NearTwinsReport {
    /// How many stood together with others beyond the groups they came with.
    pub pictures: usize,
    /// In how many groups.
    pub groups: usize,
    /// What the cross-validated accuracy of a head of the same kind would have been had they not stood together; `None` where it
    /// was not measured.
    pub accuracy_without: Option<f64>,
    /// Classes whose pictures are all near-twins of one another: they were held out all the same, beside their like.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alike: Vec<Label>,
}
