//! `advise`: what to do next with these pictures, and the evidence for it.

mod baseline;
mod text;

use std::time::Instant;

use serde::Serialize;

use super::context::Context;
use super::engine::EngineArgs;
use super::failure::failure;
use super::remedy::OrRemedy as _;
use super::shell::Shell;
use crate::advice::{
    Advice, BackboneEvidence, Evidence, TARGET, compare, decide, familiarity, learning_curve, missed, next_class,
    project, smallest,
};
use crate::backbone::Package;
use crate::dataset::Dataset;
use crate::device::BaselineReport;
use crate::head::{Answers, FitOptions, HeadKind, cross_validate, leave_one_out};
use crate::metrics::{Confusion, nll};
use crate::store::{Selection, Store};

/// Samples times channels squared up to which a perceptron is tried unasked: about a second of one core.
const QUICK_WORK: usize = 10_000_000;
/// Samples times channels times classes up to which logistic regressions are tried unasked, one for each fold of each part of the
/// learning curve: about a minute of one core.
const QUICK_LOGITS: usize = 500_000_000;

/// On more samples every step takes seconds, and is said before it begins.
const MANY: usize = 50_000;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The accuracy to reach
    #[arg(long, default_value_t = TARGET, value_parser = accuracy)]
    target: f64,
    /// Also try what takes long: a head with a hidden layer on many pictures or channels, logistic regression on very many
    #[arg(long)]
    thorough: bool,
    /// Also read the pictures again and compare with raw pixels and with the same network with random weights
    #[arg(long)]
    baseline: bool,
    /// Decides which pictures share a fold, and random weights
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    engine: EngineArgs,
}

/// `advise --json`.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    advice: Advice,
    backbone_in_use: String,
    fingerprint: String,
    evidence: Evidence,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline: Option<BaselineReport>,
    /// What to type next.
    commands: Vec<String>,
    #[serde(skip)]
    untried: Untried,
    seconds: f64,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let start = Instant::now();
    let store = context.existing_store()?;
    let package = context.device().backbones().in_use_of(&store).or_remedy()?;
    let dataset = context.device().dataset(&store, &package.fingerprint(), &Selection::default()).or_remedy()?;
    if dataset.is_empty() {
        return Err(failure(
            "expected stored samples for training, got none",
            "collect labelled pictures first: edgetl collect FOLDER",
        ));
    }
    let evidence = Measuring { args, dataset: &dataset, options: options(args) }.evidence(&package, &store, context)?;
    let advice = decide(&evidence);
    let untried = Untried::find(&package, &evidence, &store, context)?;
    let baseline = args.baseline.then(|| baseline::measure(args, context)).transpose()?;
    let report = Report {
        baseline,
        commands: text::commands(&advice, &evidence, &untried, &Shell::new(context)),
        untried,
        advice,
        backbone_in_use: package.manifest().name.to_string(),
        fingerprint: package.fingerprint().to_string(),
        evidence,
        seconds: start.elapsed().as_secs_f64(),
    };
    context.output.result(&report, || report.text())?;
    Ok(())
}

/// Backbones that nothing is known about yet.
struct Untried {
    /// Kept ones that have not seen the pictures.
    kept: Vec<String>,
    /// Whether the one in the box is in use and does not suffice.
    built_in_falls_short: bool,
}

impl Untried {
    fn find(package: &Package, evidence: &Evidence, store: &Store, context: &Context) -> anyhow::Result<Self> {
        let seen: Vec<_> = store.fingerprints()?.into_iter().map(|stored| stored.fingerprint).collect();
        let mut kept = context.device().backbones().list().or_remedy()?;
        kept.retain(|kept| !seen.contains(&kept.manifest.fingerprint()));
        let is_built_in = Package::embedded().is_some_and(|built_in| {
            [built_in.fingerprint(), built_in.without_taps().fingerprint()].contains(&package.fingerprint())
        });
        Ok(Self {
            kept: kept.into_iter().map(|kept| kept.name.to_string()).collect(),
            built_in_falls_short: is_built_in && evidence.accuracy.is_some_and(|accuracy| accuracy < evidence.target),
        })
    }
}

fn options(args: &Args) -> FitOptions {
    FitOptions { seed: args.seed, ..FitOptions::default() }
}

struct Measuring<'a> {
    args: &'a Args,
    dataset: &'a Dataset,
    options: FitOptions,
}

impl Measuring<'_> {
    fn evidence(&self, package: &Package, store: &Store, context: &Context) -> anyhow::Result<Evidence> {
        let dataset = self.dataset;
        let (head, answers) = self.best_of_one_layer()?;
        let measured = !answers.ids.is_empty();
        let accuracy = measured.then(|| answers.accuracy());
        let error = |accuracy: f64| (accuracy * (1.0 - accuracy) / answers.ids.len() as f64).sqrt();
        if dataset.len() > MANY {
            tracing::info!("measuring {head} on parts of {} samples", dataset.len());
        }
        let curve = if measured { Some(learning_curve(dataset, head, &self.options)?) } else { None };
        let mut counts: Vec<usize> = dataset.class_counts();
        let (smallest, smallest_class) = smallest(dataset).expect("a dataset that is not empty");
        let targets = (&answers.truth, &answers.predicted());
        let balanced = || Confusion::new(counts.len(), targets.0, targets.1).balanced_accuracy();
        let balanced_accuracy = measured.then(balanced);
        let projection = curve.as_ref().and_then(|curve| project(curve, &counts, self.args.target, self.args.seed));
        counts.sort_unstable();
        Ok(Evidence {
            samples: dataset.len(),
            classes: dataset.labels().len(),
            dim: dataset.dim(),
            smallest_class,
            smallest_label: dataset.labels().get(smallest).expect("a class of it").clone(),
            median_class: counts[counts.len() / 2],
            target: self.args.target,
            head,
            accuracy,
            error: accuracy.map(error),
            balanced_accuracy,
            missed: missed(dataset, &answers, self.args.target),
            leave_one_out: Some(leave_one_out(dataset, &self.options)?.accuracy()).filter(|share| share.is_finite()),
            familiarity: familiarity(dataset, package.classifier()),
            deeper: self.deeper()?.and_then(|deeper| compare(&deeper, &answers)),
            backbones: self.backbones(head, &answers, store, context)?,
            next_class: next_class(dataset, projection.as_ref()),
            curve,
            projection,
        })
    }

    /// The kind of least loss, the first of equals. Without the average, which is made of these.
    fn best_of_one_layer(&self) -> anyhow::Result<(HeadKind, Answers)> {
        let loss = |answers: &Answers| nll(answers.probabilities.view(), &answers.truth);
        let mut best: Option<(HeadKind, Answers)> = None;
        let (samples, dim, classes) = (self.dataset.len(), self.dataset.dim(), self.dataset.labels().len());
        let quick = self.args.thorough || samples.saturating_mul(dim * classes) <= QUICK_LOGITS;
        let tried = |kind: &HeadKind| kind.is_linear() && *kind != HeadKind::Average;
        for kind in HeadKind::ALL.into_iter().filter(tried).filter(|kind| quick || *kind != HeadKind::Softmax) {
            if samples > MANY {
                tracing::info!("trying {kind} on {samples} samples");
            }
            let answers = cross_validate(self.dataset, kind, &self.options).or_remedy()?;
            if best.as_ref().is_none_or(|(_, best)| loss(&answers) < loss(best)) {
                best = Some((kind, answers));
            }
        }
        Ok(best.expect("there are heads of one layer"))
    }

    /// `None` where training one for every fold takes longer than a moment.
    fn deeper(&self) -> anyhow::Result<Option<Answers>> {
        let work = self.dataset.len().saturating_mul(self.dataset.dim().pow(2));
        let wanted = self.args.thorough || work <= QUICK_WORK;
        Ok(wanted.then(|| cross_validate(self.dataset, HeadKind::Mlp, &self.options)).transpose()?)
    }

    fn backbones(
        &self,
        head: HeadKind,
        answers: &Answers,
        store: &Store,
        context: &Context,
    ) -> anyhow::Result<Vec<BackboneEvidence>> {
        let mut found = Vec::new();
        for other in store.fingerprints()? {
            if other.fingerprint == self.dataset.fingerprint() {
                continue;
            }
            let dataset = context.device().dataset(store, &other.fingerprint, &Selection::default())?;
            // Features of a few pictures only, or of one class, cannot be compared.
            let Ok(others) = cross_validate(&dataset, head, &self.options) else { continue };
            let name = context.device().backbones().name_of(&other.fingerprint).or_remedy()?;
            found.extend(compare(&others, answers).map(|comparison| BackboneEvidence {
                name,
                dim: other.dim,
                comparison,
            }));
        }
        Ok(found)
    }
}

fn accuracy(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if 0.0 < share && share < 1.0 => Ok(share),
        _ => Err(format!("expected a share above 0 and below 1, got `{text}`")),
    }
}
