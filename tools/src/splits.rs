//! How good each head is over random splits of all samples of a store; near-twins stay on one side.

use std::collections::BTreeMap;

use edgetl::dataset::{Dataset, GroupId};
use edgetl::device::{Device, Settings};
use edgetl::head::{HeadChoice, with_near_twins_together};
use edgetl::store::{Selection, StateDir};
use rand::SeedableRng as _;
use rand::seq::SliceRandom as _;
use rand_pcg::Pcg64;
use serde_json::{Value, json};

use crate::few::measured;

#[derive(clap::Args)]
pub struct Args {
    /// A state with samples to split anew
    state: std::path::PathBuf,
    #[arg(long, default_value_t = 10)]
    splits: u64,
    /// The share of each class that is held out
    #[arg(long, default_value_t = 0.25)]
    share: f64,
    /// Heads to fit
    #[arg(long, value_delimiter = ',', default_value = "auto,prototype,lda,ridge,softmax,average")]
    heads: Vec<HeadChoice>,
}

pub fn run(args: &Args) -> anyhow::Result<Value> {
    let device = Device::new(StateDir::new(&args.state), Settings::default());
    let store = device.existing_store()?;
    let fingerprint = store.fingerprints()?[0].fingerprint;
    let all = device.dataset(&store, &fingerprint, &Selection { split: None, labels: None })?;
    let all = with_near_twins_together(&all);
    let runs: Vec<Value> = (0..args.splits)
        .map(|seed| {
            let (kept, held_out) = split(&all, args.share, seed);
            let heads: serde_json::Map<String, Value> = args
                .heads
                .iter()
                .filter_map(|&head| Some((head.to_string(), measured((head, false), &kept, &held_out)?)))
                .collect();
            json!({ "seed": seed, "heads": heads })
        })
        .collect();
    Ok(json!({ "samples": all.len(), "splits": runs }))
}

/// Random groups until a `share` of each class is held out, and the rest.
fn split(all: &Dataset, share: f64, seed: u64) -> (Dataset, Dataset) {
    let mut groups: BTreeMap<GroupId, Vec<usize>> = BTreeMap::new();
    all.groups().iter().enumerate().for_each(|(row, &group)| groups.entry(group).or_default().push(row));
    let mut groups: Vec<Vec<usize>> = groups.into_values().collect();
    groups.shuffle(&mut Pcg64::seed_from_u64(seed));
    let class = |row: usize| all.targets()[row].0;
    let mut wanted = vec![0.0; all.labels().len()];
    all.targets().iter().for_each(|target| wanted[target.0] += share);
    let (mut kept, mut held_out) = (Vec::new(), Vec::new());
    for group in groups {
        let own = class(group[0]);
        match wanted[own] > 0.0 {
            true => held_out.extend_from_slice(&group),
            false => kept.extend_from_slice(&group),
        }
        wanted[own] -= if wanted[own] > 0.0 { group.len() as f64 } else { 0.0 };
    }
    kept.sort_unstable();
    held_out.sort_unstable();
    (all.select(&kept), all.select(&held_out))
}
