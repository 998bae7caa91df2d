//! One solver on cached features: no cross-validation, no calibration.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context as _;
use edgetl::head::{ridge_regression, softmax_regression};
use edgetl::store::{Selection, StateDir, Store};
use serde_json::{Value, json};

#[derive(clap::Args)]
pub struct Args {
    #[arg(long)]
    state: PathBuf,
    #[arg(long)]
    head: Solver,
    /// Of softmax: scikit-learn's 1/C
    #[arg(long, default_value_t = 100.0)]
    penalty: f64,
    /// Of ridge: scikit-learn's alphas
    #[arg(long, num_args = 1.., default_values_t = [1e1, 1e2, 1e3, 1e4, 1e5])]
    alphas: Vec<f64>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Solver {
    Softmax,
    Ridge,
}

pub fn run(args: &Args) -> anyhow::Result<Value> {
    let store = Store::open_existing(&StateDir::new(&args.state).database())?;
    let fingerprint = store.fingerprints()?.first().context("the store has no features")?.fingerprint;
    let start = Instant::now();
    let dataset = store.dataset(&fingerprint, &Selection::default())?;
    let load_seconds = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let mut result = match args.head {
        Solver::Softmax => {
            let fit = softmax_regression(&dataset, args.penalty, false)?;
            json!({ "objective": fit.objective, "gradient": fit.gradient, "iterations": fit.iterations })
        }
        Solver::Ridge => {
            let fit = ridge_regression(&dataset, &args.alphas)?;
            json!({ "alpha": fit.penalty, "errors": fit.errors })
        }
    };
    result["seconds"] = start.elapsed().as_secs_f64().into();
    result["load_seconds"] = load_seconds.into();
    Ok(result)
}
