use serde::{Deserialize, Serialize};

/// Whether the channels of earlier maps are learned from, of a backbone that gives some.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EarlierMapsReport {
    /// Channels of the last map, and of earlier ones behind them.
    pub last: usize,
    pub earlier: usize,
    pub used: bool,
    /// By how much less the mean loss out of fold is with them than without, for the head that was chosen without; `None`
    /// where that was not compared.
    pub gain: Option<f64>,
    /// The standard error of `gain`.
    pub error: Option<f64>,
    /// Why it was not compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}
