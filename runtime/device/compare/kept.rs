//! What the last comparison of backbones found, kept in the store.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::report::CompareReport;
use crate::device::Device;
use crate::device::error::DeviceError;
use crate::store::{Store, StoreError};

/// The store's setting that holds it.
const KEY: &str = "comparison";

/// The last comparison.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct KeptComparison {
    /// Seconds since 1970-01-01 UTC.
    pub at: u64,
    /// Pictures that each backbone was asked.
    pub asked: usize,
    pub rows: Vec<KeptRow>,
}

/// One backbone in it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct KeptRow {
    pub fingerprint: String,
    pub accuracy: Option<f64>,
    pub low: Option<f64>,
    pub high: Option<f64>,
    pub seconds_a_picture: Option<f64>,
    pub recommended: bool,
    /// Why there are no numbers.
    pub reason: Option<String>,
}

impl KeptComparison {
    fn of(report: &CompareReport) -> Self {
        let row = |row: &super::ComparedBackbone| KeptRow {
            fingerprint: row.fingerprint.to_string(),
            accuracy: row.accuracy,
            low: row.low,
            high: row.high,
            seconds_a_picture: row.seconds_a_picture,
            recommended: report.recommended.as_ref() == Some(&row.name),
            reason: row.reason.clone(),
        };
        let at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Self { at, asked: report.asked, rows: report.backbones.iter().map(row).collect() }
    }
}

impl Device {
    /// Keeps `report` for whoever lists backbones.
    pub(super) fn keep_comparison(store: &mut Store, report: &CompareReport) -> Result<(), StoreError> {
        store.set_setting(KEY, &serde_json::to_string(&KeptComparison::of(report)).expect("numbers and text"))
    }

    /// What the last comparison found; `None` where there was none, or another program wrote it in another way.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn last_comparison(&self) -> Result<Option<KeptComparison>, DeviceError> {
        match self.existing_store() {
            Ok(store) => Ok(store.setting(KEY)?.and_then(|text| serde_json::from_str(&text).ok())),
            Err(DeviceError::Store(StoreError::Missing { .. })) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
