//! How often a comparison of old and new publishes what is worse and keeps what is better, over random draws of one store.

use std::collections::HashSet;

use edgetl::dataset::{Dataset, SampleId};
use edgetl::device::{Device, Settings};
use edgetl::head::{FitOptions, Recipes, compare, fit};
use edgetl::labels::ClassIndex;
use edgetl::store::{Selection, Split, StateDir};
use edgetl::tensor::Features;
use rand::seq::SliceRandom as _;
use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;
use serde_json::{Value, json};

#[derive(clap::Args)]
pub struct Args {
    /// A state with samples to draw from (split train) and to ask about (split test)
    state: std::path::PathBuf,
    /// Old and new pictures a class
    #[arg(long, value_delimiter = ',', default_value = "5+5,10+10,20+10,20+20,30+30")]
    sizes: Vec<String>,
    #[arg(long, default_value_t = 10)]
    draws: u64,
}

/// What is wrong with the new pictures.
const SCENES: [&str; 4] = ["good", "two in ten wrong", "four in ten wrong", "one class called another"];

pub fn run(args: &Args) -> anyhow::Result<Value> {
    let device = Device::new(StateDir::new(&args.state), Settings::default());
    let store = device.existing_store()?;
    let fingerprint = store.fingerprints()?[0].fingerprint;
    let of = |split| device.dataset(&store, &fingerprint, &Selection { split: Some(split), labels: None });
    let (known, asked) = (of(Split::Train)?, of(Split::Test)?);
    let mut cells = Vec::new();
    for size in &args.sizes {
        let (old, new) = size.split_once('+').ok_or_else(|| anyhow::anyhow!("expected OLD+NEW, got `{size}`"))?;
        let (old, new) = (old.parse()?, new.parse()?);
        for scene in SCENES {
            for seed in 0..args.draws {
                let drawn = draw(&known, (old, new), scene, seed);
                cells.extend(
                    cell(&drawn, &asked)
                        .map(|cell| json!({ "size": size, "scene": scene, "seed": seed, "cell": cell })),
                );
            }
        }
    }
    Ok(json!({ "cells": cells }))
}

/// Pictures, of which some are new.
struct Drawn {
    all: Dataset,
    fresh: HashSet<SampleId>,
}

fn draw(known: &Dataset, (old, new): (usize, usize), scene: &str, seed: u64) -> Drawn {
    let mut random = Pcg64::seed_from_u64(seed);
    let (mut rows, mut fresh) = (Vec::new(), HashSet::new());
    for class in 0..known.labels().len() {
        let mut own: Vec<usize> = (0..known.len()).filter(|&row| known.targets()[row].0 == class).collect();
        own.shuffle(&mut random);
        own.truncate(old + new);
        fresh.extend(own.iter().skip(old).map(|&row| known.ids()[row]));
        rows.extend(own);
    }
    rows.sort_unstable();
    let all = known.select(&rows);
    let classes = all.labels().len();
    let share = match scene {
        "two in ten wrong" => 0.2,
        "four in ten wrong" => 0.4,
        _ => 0.0,
    };
    let mut label = |(target, id): (&ClassIndex, &SampleId)| match fresh.contains(id) {
        true if random.random::<f64>() < share => ClassIndex((target.0 + random.random_range(1..classes)) % classes),
        true if scene == "one class called another" && target.0 == 0 => ClassIndex(1),
        _ => *target,
    };
    let targets = all.targets().iter().zip(all.ids()).map(&mut label).collect();
    let labels = all.labels().clone();
    Drawn { all: all.with_classes(targets, labels).expect("one a row"), fresh }
}

/// What the comparison says, and how good both heads are on pictures that were never drawn; `None` where one cannot be fitted.
fn cell(Drawn { all, fresh }: &Drawn, asked: &Dataset) -> Option<Value> {
    let options = FitOptions::default();
    let old: Vec<usize> = (0..all.len()).filter(|&row| !fresh.contains(&all.ids()[row])).collect();
    let recipe = |dataset: &Dataset| fit(dataset, &options);
    let compared = compare(all, fresh, Recipes { options: &options, old: &recipe, new: &recipe }, &|| false).ok()?;
    let accuracy = |dataset: &Dataset| {
        let scores = fit(dataset, &options).ok()?.predict(&Features(asked.features().clone())).ok()?;
        let right = scores.iter().zip(asked.targets()).filter(|(scores, target)| scores.best() == **target).count();
        Some(right as f64 / asked.len() as f64)
    };
    Some(json!({
        "old": accuracy(&all.select(&old))?,
        "new": accuracy(all)?,
        "verdict": compared.verdict,
        "all": compared.all,
        "known": compared.known,
    }))
}
