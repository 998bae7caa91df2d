//! How good each head is on few pictures a class, over random draws of the same store.

use edgetl::dataset::Dataset;
use edgetl::device::{Device, Settings};
use edgetl::head::{FitOptions, HeadChoice, fit};
use edgetl::metrics::{ece, nll};
use edgetl::store::{Selection, Split, StateDir};
use edgetl::tensor::Features;
use ndarray::Array2;
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_pcg::Pcg64;
use serde_json::{Value, json};

#[derive(clap::Args)]
pub struct Args {
    /// A state with samples to draw from (split train) and to ask about (split test)
    state: std::path::PathBuf,
    /// Pictures a class; 0 for all
    #[arg(long, value_delimiter = ',', default_value = "1,2,5,10,20,60,0")]
    sizes: Vec<usize>,
    #[arg(long, default_value_t = 10)]
    draws: u64,
    /// Heads to fit
    #[arg(long, value_delimiter = ',', default_value = "auto,prototype,lda,ridge,softmax,average")]
    heads: Vec<HeadChoice>,
    /// Learn from the last map alone
    #[arg(long)]
    last_map: bool,
}

pub fn run(args: &Args) -> anyhow::Result<Value> {
    let device = Device::new(StateDir::new(&args.state), Settings::default());
    let store = device.existing_store()?;
    let fingerprint = store.fingerprints()?[0].fingerprint;
    let of = |split| device.dataset(&store, &fingerprint, &Selection { split: Some(split), labels: None });
    let (known, asked) = (of(Split::Train)?, of(Split::Test)?);
    let mut cells = Vec::new();
    for &size in &args.sizes {
        // All pictures can be drawn in one way only.
        for seed in 0..if size == 0 { 1 } else { args.draws } {
            let drawn = draw(&known, size, seed);
            let ids: Vec<i64> = drawn.ids().iter().map(|id| id.0).collect();
            let heads: serde_json::Map<String, Value> = args
                .heads
                .iter()
                .filter_map(|&head| Some((head.to_string(), measured((head, args.last_map), &drawn, &asked)?)))
                .collect();
            cells.push(json!({ "size": size, "seed": seed, "ids": ids, "heads": heads }));
        }
    }
    let asked: Vec<i64> = asked.ids().iter().map(|id| id.0).collect();
    Ok(json!({ "asked": asked, "cells": cells }))
}

/// `size` random pictures of each class.
fn draw(known: &Dataset, size: usize, seed: u64) -> Dataset {
    let mut rows = Vec::new();
    for class in 0..known.labels().len() {
        let mut own: Vec<usize> = (0..known.len()).filter(|&row| known.targets()[row].0 == class).collect();
        own.shuffle(&mut Pcg64::seed_from_u64(seed * 1000 + class as u64));
        own.truncate(if size == 0 { own.len() } else { size });
        rows.extend(own);
    }
    rows.sort_unstable();
    known.select(&rows)
}

/// How a head fitted on `drawn` answers for `asked`, on the last map alone or as it is chosen; `None` where it cannot be fitted.
pub fn measured((head, last_map): (HeadChoice, bool), drawn: &Dataset, asked: &Dataset) -> Option<Value> {
    let options = FitOptions { head, earlier_maps: last_map.then_some(false), ..FitOptions::default() };
    let fitted = fit(drawn, &options).ok()?;
    let scores = fitted.predict(&Features(asked.features().clone())).ok()?;
    let flat: Vec<f32> = scores.iter().flat_map(|scores| scores.probabilities.iter().copied()).collect();
    let probabilities = Array2::from_shape_vec((asked.len(), asked.labels().len()), flat).ok()?;
    let right = scores.iter().zip(asked.targets()).filter(|(scores, target)| scores.best() == **target).count();
    Some(json!({
        "accuracy": right as f64 / asked.len() as f64,
        "nll": nll(probabilities.view(), asked.targets()),
        "ece": ece(probabilities.view(), asked.targets()),
        "cv": fitted.report().cv().accuracy,
        "kind": fitted.report().head.as_str(),
        "earlier_maps": fitted.report().earlier_maps.as_ref().is_some_and(|earlier| earlier.used),
    }))
}
