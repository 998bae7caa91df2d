//! Closed-form heads from sums that the store keeps, against making the sums anew.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use edgetl::dataset::SampleId;
use edgetl::head::{Linear, RunningStatistics};
use edgetl::store::{StateDir, Store};
use ndarray::Array2;
use serde_json::{Value, json};

/// Ridge's penalty.
const PENALTY: f64 = 100.0;

#[derive(clap::Args)]
pub struct Args {
    #[arg(long)]
    state: PathBuf,
    /// How many samples to take out, spread over all
    #[arg(long, default_value_t = 20)]
    remove: usize,
}

pub fn run(args: &Args) -> anyhow::Result<Value> {
    let store = Store::open_existing(&StateDir::new(&args.state).database())?;
    let fingerprint = store.fingerprints()?.first().context("the store has no features")?.fingerprint;
    let dataset = store.training_set(&fingerprint)?;
    let step = (dataset.len() / args.remove.max(1)).max(1);
    let gone: Vec<usize> = (0..dataset.len()).step_by(step).take(args.remove).collect();
    let kept: Vec<usize> = (0..dataset.len()).filter(|row| !gone.contains(row)).collect();
    let left = dataset.select(&kept);
    let samples: Vec<(SampleId, Array2<f32>)> = gone
        .iter()
        .map(|&row| (dataset.ids()[row], dataset.feature(row).to_owned().insert_axis(ndarray::Axis(0))))
        .collect();

    let mut running = RunningStatistics::of(&dataset);
    let (_, forget) = timed(|| assert!(running.forget(&samples)));
    let (_, catch_up) = timed(|| running.catch_up(&left).map(drop));
    let (lda, lda_seconds) = timed(|| running.classes().1.lda(false));
    let (ridge, ridge_seconds) = timed(|| running.classes().1.ridge(PENALTY));
    let (_, prototype_seconds) = timed(|| running.classes().1.prototype(1.0));
    let (anew, anew_seconds) = timed(|| RunningStatistics::of(&left));
    let (bytes, write_seconds) = timed(|| running.to_bytes());
    let (_, read_seconds) = timed(|| RunningStatistics::from_bytes(&bytes));
    Ok(json!({
        "samples": dataset.len(), "dim": dataset.dim(), "removed": gone.len(), "bytes": bytes.len(),
        "forget_seconds": forget, "catch_up_seconds": catch_up,
        "lda_seconds": lda_seconds, "ridge_seconds": ridge_seconds, "prototype_seconds": prototype_seconds,
        "anew_seconds": anew_seconds, "write_seconds": write_seconds, "read_seconds": read_seconds,
        "lda_gap": gap(&lda?, &anew.classes().1.lda(false)?),
        "ridge_gap": gap(&ridge?, &anew.classes().1.ridge(PENALTY)?),
    }))
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed().as_secs_f64())
}

/// The largest difference of a weight, in largest weights.
fn gap(one: &Linear, other: &Linear) -> f32 {
    let largest = other.weights.fold(0f32, |largest, weight| largest.max(weight.abs()));
    (&one.weights - &other.weights).fold(0f32, |worst, gap| worst.max(gap.abs())) / largest
}
