//! Shares and probabilities as flags take them.

use std::ops::RangeBounds;

/// From 0 to 1.
pub fn share(text: &str) -> Result<f64, String> {
    within(text, 0.0..=1.0, "a share from 0 to 1")
}

/// From 0 to 0.5.
pub fn up_to_half(text: &str) -> Result<f64, String> {
    within(text, 0.0..=0.5, "a share from 0 to 0.5")
}

/// From 0 to 1.
pub fn probability(text: &str) -> Result<f64, String> {
    within(text, 0.0..=1.0, "a probability from 0 to 1")
}

/// From 0 to below 1.
pub fn threshold(text: &str) -> Result<f64, String> {
    within(text, 0.0..1.0, "a probability of at least 0 and below 1")
}

fn within(text: &str, range: impl RangeBounds<f64>, expected: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|number| range.contains(number));
    number.ok_or_else(|| format!("expected {expected}, got `{text}`"))
}
