//! A store of many samples, as `collect` with the embedded backbone would fill it in a year, without a picture.
//!
//! Features are like those behind average pooling of a rectified map: channels share fewer causes than there are channels, none
//! is below 0, and classes overlap.

use std::path::PathBuf;

use anyhow::Context as _;
use edgetl::backbone::Package;
use edgetl::device::{Device, Settings};
use edgetl::digest::ContentHash;
use edgetl::labels::Label;
use edgetl::store::{FeatureVector, NewSample, Split, StateDir};
use ndarray::{Array1, Array2};
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
    classes: usize,
    /// Frames of one burst, which share a group
    #[arg(long, default_value_t = 1)]
    burst: usize,
    /// How far the class centres lie from their mean, in standard deviations of a class along one cause
    #[arg(long, default_value_t = 0.45)]
    distance: f32,
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// What the channels of a class vary with.
const CAUSES: usize = 96;
/// Deviation of a channel by itself, beside that by causes.
const OWN: f32 = 0.7;
/// Samples in one transaction.
const BATCH: usize = 2048;

pub fn run(args: &Args) -> anyhow::Result<Value> {
    // What is measured is how a fit grows with the samples: on one map, as in the tables so far.
    let package = Package::embedded().context("built without the embedded backbone")?.without_taps();
    let (fingerprint, dim) = (package.fingerprint(), package.manifest().feature.dim);
    let device = Device::new(StateDir::new(&args.state), Settings::default());
    let mut store = device.store()?;
    let name = device.backbones().keep(&package)?;
    device.backbones().take_into_use(&mut store, &name)?;
    let mut random = Pcg64Mcg::seed_from_u64(args.seed);
    let centres = normal(args.classes, CAUSES, &mut random) * args.distance;
    let mixing = normal(CAUSES, dim, &mut random) / (CAUSES as f32).sqrt();
    let offset = Array1::from_shape_fn(dim, |_| 0.5 + normal_number(&mut random) * 0.5);
    let numbers: Vec<usize> = (0..args.samples).collect();
    for batch in numbers.chunks(BATCH) {
        let mut causes = normal(batch.len(), CAUSES, &mut random);
        for (mut causes, number) in causes.rows_mut().into_iter().zip(batch) {
            causes += &centres.row(number / args.burst % args.classes);
        }
        let features = causes.dot(&mixing) + &offset + normal(batch.len(), dim, &mut random) * OWN;
        let samples: Vec<NewSample> = batch
            .iter()
            .zip(features.rows())
            .map(|(&number, features)| {
                let values = features.iter().map(|value| value.max(0.0)).collect();
                sample(number, args, FeatureVector { fingerprint, revision: edgetl::preprocess::REVISION, values })
            })
            .collect();
        store.insert(&samples)?;
    }
    Ok(json!({ "samples": args.samples, "dim": dim, "classes": args.classes }))
}

fn normal(rows: usize, columns: usize, random: &mut Pcg64Mcg) -> Array2<f32> {
    Array2::from_shape_simple_fn((rows, columns), || normal_number(random))
}

fn normal_number(random: &mut Pcg64Mcg) -> f32 {
    StandardNormal.sample(random)
}

fn sample(number: usize, args: &Args, features: FeatureVector) -> NewSample {
    let (burst, seed) = (number / args.burst, args.seed);
    NewSample {
        hash: ContentHash::of(format!("{seed} {number}").as_bytes()),
        label: Some(Label::new(&format!("class {:05}", burst % args.classes)).expect("a label")),
        split: Split::Train,
        group: (args.burst > 1).then(|| format!("burst {burst}")),
        source: format!("/camera/{burst:08}/{number:08}.jpg"),
        added_at: number as i64,
        width: 640,
        height: 480,
        thumbnail: None,
        features: Some(features),
    }
}
