//! The section `[drift]` of the settings.

use serde::Deserialize;

/// How drift is watched for. A field that is not named has its default.
#[derive(Clone, Copy, PartialEq, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DriftSettings {
    /// The chance that anything is ever told of a camera and a head although nothing changed, at most; 0: it is not watched for.
    pub false_alarms: f64,
    /// The least time between two looks that count, in seconds: of a stretch of frames one counts.
    pub every: f32,
}

impl Default for DriftSettings {
    fn default() -> Self {
        Self { false_alarms: 0.01, every: 60.0 }
    }
}

/// A value that cannot be.
#[derive(Debug, thiserror::Error)]
#[error("expected `{name}` {expected}, got {got}")]
pub struct DriftSettingError {
    name: &'static str,
    expected: &'static str,
    got: f64,
}

impl DriftSettings {
    /// # Errors
    /// When a value is outside its range.
    pub fn check(&self) -> Result<(), DriftSettingError> {
        let (every, false_alarms) = (f64::from(self.every), self.false_alarms);
        if !(0.0..0.5).contains(&false_alarms) {
            return Err(DriftSettingError { name: "false_alarms", expected: "from 0 to below 0.5", got: false_alarms });
        }
        if !(0.0..=86400.0).contains(&every) {
            return Err(DriftSettingError { name: "every", expected: "from 0 to 86400 seconds", got: every });
        }
        Ok(())
    }
}
