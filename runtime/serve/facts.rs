//! What answers, as the service tells it.

use serde::Serialize;

use crate::backbone::Provider;
use crate::digest::Fingerprint;

/// What answers at the moment.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Facts {
    pub provider: Provider,
    pub backbone: String,
    #[serde(skip)]
    pub fingerprint: Fingerprint,
    pub head_version: u64,
    pub golden: GoldenCheck,
}

/// Whether the backbone gave the features on this provider that it gave where it was made.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
#[serde(rename_all = "lowercase", tag = "check")]
pub enum GoldenCheck {
    /// Within the tolerance; the largest difference, relative.
    Passed { difference: f32 },
    /// The package has no golden vectors.
    Absent,
}
