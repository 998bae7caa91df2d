//! `fit-head --update`: the live head follows the store without a fit.

use std::time::Instant;

use super::{Args, Report, publish};
use crate::cli::context::Context;
use crate::cli::engine::current;
use crate::cli::failure::OrHint;
use crate::cli::published::Published;
use crate::cli::statistics::{CaughtUp, caught_up, keep};
use crate::head::{HeadArtifact, check_updatable, update};
use crate::store::{HeadVersion, Store};

const FIT_ANOTHER: &str = "fit one that can be updated: edgetl fit-head --head ridge, lda or prototype";

pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let start = Instant::now();
    let mut store = context.existing_store()?;
    let published = Published::read(context, None)?;
    let (updated, sums) = from_sums(&store, &published)?;
    let (version, path) = match args.dry_run {
        true => (None, None),
        false => publish(&updated, context)?,
    };
    if !args.dry_run {
        keep(&mut store, &updated.fingerprint(), &sums.statistics)?;
    }
    let fingerprint = updated.fingerprint();
    let package = current(context, &store).ok().filter(|package| package.fingerprint() == fingerprint);
    let backbone = package.map_or_else(|| fingerprint.0.short(), |package| package.manifest().name.clone());
    let report = Report {
        version: version.map(|version| version.0),
        fit: updated.report(),
        backbone: &backbone,
        fingerprint: fingerprint.to_string(),
        seconds: start.elapsed().as_secs_f64(),
        path,
    };
    context.output.result(&report, || report.text())?;
    Ok(())
}

/// Publishes the live head, updated; prints nothing.
pub fn publish_updated(store: &mut Store, published: &Published, context: &Context) -> anyhow::Result<HeadVersion> {
    let (updated, sums) = from_sums(store, published)?;
    let version = context.shelf().publish(&updated.to_bytes())?;
    keep(store, &updated.fingerprint(), &sums.statistics)?;
    Ok(version)
}

fn from_sums(store: &Store, published: &Published) -> anyhow::Result<(HeadArtifact, CaughtUp)> {
    check_updatable(published.artifact.report()).or_hint(FIT_ANOTHER)?;
    let dataset = store.training_set(&published.artifact.fingerprint())?;
    let sums = caught_up(store, &dataset)?;
    let updated = update(&published.artifact, &sums.statistics, &dataset, sums.changes).or_hint(FIT_ANOTHER)?;
    Ok((updated, sums))
}
