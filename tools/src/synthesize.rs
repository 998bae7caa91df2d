//! Features as a backbone gives them, without a backbone: one Gaussian cluster a class.

use std::path::PathBuf;

use edgetl::digest::{ContentHash, Digest, Fingerprint};
use edgetl::labels::Label;
use edgetl::store::{FeatureVector, NewSample, Split, StateDir, Store};
use rand::SeedableRng as _;
use rand_distr::{Distribution as _, StandardNormal};
use rand_pcg::Pcg64Mcg;
use serde_json::{Value, json};

#[derive(clap::Args)]
pub struct Args {
    #[arg(long)]
    state: PathBuf,
    #[arg(long)]
    samples: usize,
    #[arg(long)]
    dim: usize,
    #[arg(long)]
    classes: usize,
    /// Distance of the class centres from their mean, in standard deviations of a class along one channel
    #[arg(long, default_value_t = 5.0)]
    distance: f32,
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Samples in one transaction.
const BATCH: usize = 256;

pub fn run(args: &Args) -> anyhow::Result<Value> {
    let state = StateDir::new(&args.state);
    state.create()?;
    let mut store = Store::open(&state.database())?;
    let mut random = Pcg64Mcg::seed_from_u64(args.seed);
    let scale = args.distance / (args.dim as f32).sqrt();
    let centres: Vec<Vec<f32>> = (0..args.classes).map(|_| normal(args.dim, &mut random)).collect();
    let numbers: Vec<usize> = (0..args.samples).collect();
    for batch in numbers.chunks(BATCH) {
        let samples: Vec<NewSample> = batch
            .iter()
            .map(|&number| {
                let class = number % args.classes;
                let noise = normal(args.dim, &mut random);
                let values = noise.iter().zip(&centres[class]).map(|(noise, centre)| noise + scale * centre).collect();
                sample(number, class, values)
            })
            .collect();
        store.insert(&samples)?;
    }
    Ok(json!({ "samples": args.samples, "dim": args.dim, "classes": args.classes }))
}

fn normal(length: usize, random: &mut Pcg64Mcg) -> Vec<f32> {
    (0..length).map(|_| StandardNormal.sample(random)).collect()
}

fn sample(number: usize, class: usize, values: Vec<f32>) -> NewSample {
    NewSample {
        hash: ContentHash::of(&number.to_le_bytes()),
        label: Some(Label::new(&format!("class {class:03}")).expect("a label")),
        split: Split::Train,
        group: None,
        source: format!("synthetic/{number}"),
        added_at: 0,
        width: 1,
        height: 1,
        thumbnail: None,
        features: Some(FeatureVector {
            fingerprint: Fingerprint(Digest::of(b"synthetic")),
            revision: edgetl::preprocess::REVISION,
            values,
        }),
    }
}
