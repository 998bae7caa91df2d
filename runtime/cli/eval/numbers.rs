//! The numbers of `eval` for a head that answers with numbers.

use serde::Serialize;

use super::Answered;
use super::report::{Failed, not_used};
use crate::cli::output::{count, percent};
use crate::metrics::regression;

/// `eval --json` for regression. Numbers that need a sample are `None` without one.
#[derive(Serialize)]
pub struct NumberReport {
    samples: usize,
    /// Pictures that were left out because the head may have been fitted on them.
    trained_on: usize,
    mae: Option<f64>,
    rmse: Option<f64>,
    r2: Option<f64>,
    /// The share of pictures that are unlike those the head was fitted on.
    unknown_rate: Option<f64>,
    failed: Vec<Failed>,
    seconds: f64,
    images_per_second: f64,
}

impl NumberReport {
    /// A label that is no number makes its picture one that failed.
    pub fn new(answered: Answered) -> anyhow::Result<Self> {
        let Answered { start, published, samples, mut failed } = answered;
        let values = published.artifact.values(&samples.features()?)?;
        let (mut predicted, mut truth, mut unknown) = (Vec::new(), Vec::new(), 0);
        for (label, value) in samples.labels.iter().zip(&values) {
            match label.number() {
                Ok(number) => {
                    truth.push(number);
                    predicted.push(f64::from(value.value));
                    unknown += usize::from(value.unknown);
                }
                Err(error) => failed.push(Failed { path: label.to_string(), reason: error.to_string() }),
            }
        }
        let metrics = regression(&predicted, &truth);
        let seconds = start.elapsed().as_secs_f64();
        Ok(Self {
            samples: truth.len(),
            trained_on: samples.trained_on,
            mae: metrics.map(|metrics| metrics.mae),
            rmse: metrics.map(|metrics| metrics.rmse),
            r2: metrics.map(|metrics| metrics.r2),
            unknown_rate: metrics.map(|_| unknown as f64 / truth.len() as f64),
            failed,
            seconds,
            images_per_second: values.len() as f64 / seconds.max(1e-9),
        })
    }

    pub fn has_failures(&self) -> bool {
        !self.failed.is_empty()
    }

    pub fn text(&self) -> String {
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"));
        let mut parts = vec![format!(
            "{}: mean error {}, root mean square {}, R² {}, unlike those it was fitted on {}",
            count(self.samples, "picture"),
            number(self.mae),
            number(self.rmse),
            number(self.r2),
            self.unknown_rate.map_or_else(|| "-".to_owned(), percent),
        )];
        parts.extend(super::left_out(self.trained_on));
        parts.extend(not_used(&self.failed));
        parts.push(format!("{:.1} s, {:.0} pictures a second", self.seconds, self.images_per_second));
        parts.join("\n\n")
    }
}
