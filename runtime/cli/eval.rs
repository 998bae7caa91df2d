//! `eval`: how good the head is on labelled pictures.

mod measured;
mod numbers;
mod page;
mod report;
mod tags;
mod twins;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use ndarray::Array2;

use super::context::Context;
use super::engine::EngineArgs;
use super::failure::{AlreadyReported, OrHint, WrongUsage, failure};
use super::output::{count, percent};
use super::progress::Progress;
use super::remedy::OrRemedy as _;
use super::shares;
use crate::causes::causes;
use crate::dataset::{Dataset, SampleId};
use crate::device::PublishedHead;
use crate::digest::ContentHash;
use crate::files;
use crate::head::Outputs;
use crate::labels::{ClassIndex, Label};
use crate::predictor::{Extractor, InOrder, Outcome};
use crate::sources::{self, Item};
use crate::store::{Filter, HeadVersion, SampleRow, Selection, Split, Store, StoreError};
use crate::tensor::Features;
use measured::Measured;
use numbers::NumberReport;
use report::Failed;
pub use report::Report;
use tags::TagReport;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Labelled pictures, as for `collect` [default: the stored samples of split test and validation]
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<PathBuf>,
    /// Use this version of the head instead of the live one
    #[arg(long, value_name = "VERSION")]
    pub head_version: Option<HeadVersion>,
    /// Also write one HTML file: confusions, calibration, the pictures that went worst
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// With --json, also what was said of each picture
    #[arg(long)]
    pub rows: bool,
    /// End with exit code 1 where the accuracy is below this share
    #[arg(long, value_name = "SHARE", value_parser = shares::share)]
    pub fail_under: Option<f64>,
    #[command(flatten)]
    pub engine: EngineArgs,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let answered = answer(args, context)?;
    let output = context.output;
    if (args.report.is_some() || args.rows || args.fail_under.is_some())
        && *answered.published.artifact.outputs() != Outputs::Classes
    {
        return Err(WrongUsage(
            "expected a head that answers with classes for `--report`, `--rows` and `--fail-under`, got another".into(),
        )
        .into());
    }
    let failed = match answered.published.artifact.outputs() {
        Outputs::Classes => {
            if let Some(file) = &args.report {
                answered.write_page(file, context)?;
            }
            let report = answered.report(args.rows)?;
            output.result(&report, || report.text())?;
            let below = args.fail_under.zip(report.accuracy).filter(|(least, accuracy)| accuracy < least);
            if let Some((least, accuracy)) = below {
                return Err(anyhow::anyhow!("the accuracy {} is below {}", percent(accuracy), percent(least)));
            }
            report.has_failures()
        }
        Outputs::Value => {
            let report = NumberReport::new(answered)?;
            output.result(&report, || report.text())?;
            report.has_failures()
        }
        Outputs::Labels { .. } => {
            let report = TagReport::new(answered)?;
            output.result(&report, || report.text())?;
            report.has_failures()
        }
    };
    if failed { Err(AlreadyReported.into()) } else { Ok(()) }
}

/// The numbers of a head for classes, without printing them.
pub fn evaluate(args: &Args, context: &Context) -> anyhow::Result<Report> {
    answer(args, context)?.report(false)
}

/// A head and the features of pictures whose labels are known.
struct Answered {
    start: Instant,
    published: PublishedHead,
    samples: Samples,
    failed: Vec<Failed>,
}

impl Answered {
    fn write_page(&self, file: &Path, context: &Context) -> anyhow::Result<()> {
        let scores = self.published.artifact.predict(&self.samples.features()?)?;
        let measured = Measured { scores: &scores, labels: &self.samples.labels, head: &self.published.artifact };
        page::write_page(&measured, (&self.samples, self.published.version), file, context)
    }

    fn report(self, rows: bool) -> anyhow::Result<Report> {
        let scores = self.published.artifact.predict(&self.samples.features()?)?;
        let measured = Measured { scores: &scores, labels: &self.samples.labels, head: &self.published.artifact };
        let seconds = self.start.elapsed().as_secs_f64();
        let report = Report::new(&measured, self.samples.trained_on, self.failed, seconds);
        let report = report.with_near_twins(&measured, &self.samples.near_twins);
        Ok(if rows { report.with_rows(&measured, &self.samples.paths) } else { report })
    }
}

fn answer(args: &Args, context: &Context) -> anyhow::Result<Answered> {
    let start = Instant::now();
    let published = context.device().heads().read(args.head_version).or_remedy()?;
    let (mut samples, failed) = if args.sources.is_empty() {
        (stored(&published, context)?, Vec::new())
    } else {
        extracted(args, &published, context)?
    };
    if samples.labels.is_empty() {
        for failed in &failed {
            tracing::warn!("`{}`: {}", failed.path, failed.reason);
        }
        return Err(nothing_to_measure(samples.trained_on));
    }
    samples.near_twins = twins::of_training_pictures(&samples.features()?, &published, context)?;
    Ok(Answered { start, published, samples, failed })
}

fn nothing_to_measure(trained_on: usize) -> anyhow::Error {
    match trained_on {
        0 => failure("expected at least one readable labelled picture, got none", "edgetl eval FOLDER"),
        number => failure(
            format!(
                "expected pictures that the head was not fitted on, got {} that may have been",
                count(number, "picture")
            ),
            "keep some aside: edgetl collect FOLDER --split test, then edgetl eval; or read what `fit-head` held out: \
             edgetl heads show",
        ),
    }
}

/// Features, true labels and where the pictures are, in step.
#[derive(Default)]
struct Samples {
    /// How many pictures were left out because they are stored to train with.
    trained_on: usize,
    rows: Vec<f32>,
    labels: Vec<Label>,
    /// Path or URL.
    paths: Vec<String>,
    /// Of those that are stored.
    stored: Vec<Option<SampleId>>,
    /// Whether each is a near-twin of a picture that is stored to train with.
    near_twins: Vec<bool>,
}

impl Samples {
    /// `[N,C]`
    fn features(&self) -> anyhow::Result<Features> {
        let dim = self.rows.len() / self.labels.len();
        Ok(Features(Array2::from_shape_vec((self.labels.len(), dim), self.rows.clone())?))
    }

    fn extend(&mut self, dataset: &Dataset, rows: &[SampleRow]) {
        let label = |&class: &ClassIndex| dataset.labels().get(class).expect("one label a class").clone();
        let source = |id: &SampleId| rows.binary_search_by_key(id, |row| row.id).map(|at| rows[at].source.clone());
        self.paths.extend(dataset.ids().iter().map(|id| source(id).unwrap_or_default()));
        self.stored.extend(dataset.ids().iter().copied().map(Some));
        self.rows.extend(dataset.features().iter());
        self.labels.extend(dataset.targets().iter().map(label));
    }
}

fn stored(published: &PublishedHead, context: &Context) -> anyhow::Result<Samples> {
    let store = context.existing_store()?;
    let fingerprint = published.artifact.fingerprint();
    let mut samples = Samples::default();
    for split in [Split::Validation, Split::Test] {
        let selection = Selection { split: Some(split), labels: None };
        let rows = store.samples(&Filter { split: Some(split), ..Filter::default() })?;
        samples.extend(&store.dataset(&fingerprint, &selection)?, &rows);
    }
    if samples.labels.is_empty() {
        return Err(failure(
            "expected stored samples of split test or validation, got none",
            "name pictures: edgetl eval FOLDER; or keep some: edgetl collect FOLDER --split test",
        ));
    }
    Ok(samples)
}

fn extracted(args: &Args, published: &PublishedHead, context: &Context) -> anyhow::Result<(Samples, Vec<Failed>)> {
    let (mut items, mut failed): (Vec<Item>, Vec<Failed>) = (Vec::new(), Vec::new());
    for source in &args.sources {
        let found = sources::scan(source).or_hint("SOURCE is a folder of folders named after labels, or a list")?;
        items.extend(found.items);
        failed.extend(found.refused.iter().map(Failed::refused));
        found.remarks.iter().for_each(|remark| tracing::warn!("{remark}"));
    }
    let paths: Vec<PathBuf> = items.iter().map(|item| item.path.clone()).collect();
    let device = context.device_on(&args.engine);
    let package = device.backbones().of(&published.artifact.fingerprint()).or_remedy()?;
    let loader = device.load(package, paths.len()).or_remedy()?;
    let (limits, threads) = (device.settings().limits, device.settings().engine.threads);
    let extractor = Extractor { loader: &loader, limits, threads, journal: &(), thumbnails: false };
    let mut progress = Progress::new("evaluating", paths.len(), context.quiet);
    let (mut order, mut samples) = (InOrder::default(), Samples::default());
    let trained = trained_on(context)?;
    let unseen = |_, hash| !trained.contains(&hash);
    extractor.run(&paths, &AtomicBool::new(false), &unseen, &mut |index, outcome| -> anyhow::Result<()> {
        for (index, outcome) in order.push(index, (index, outcome)) {
            progress.advance();
            let reason = match (outcome, &items[index].label) {
                (Outcome::Extracted(extracted), Some(label)) => {
                    samples.rows.extend(extracted.feature);
                    samples.labels.push(label.clone());
                    samples.stored.push(None);
                    samples.paths.push(files::name_of(&paths[index]));
                    continue;
                }
                (Outcome::Declined(_), _) => {
                    samples.trained_on += 1;
                    continue;
                }
                (Outcome::Failed(error), _) => causes(&error),
                (_, None) => "expected a label, got none".to_owned(),
            };
            failed.push(Failed { path: files::name_of(&paths[index]), reason });
        }
        Ok(())
    })?;
    Ok((samples, failed))
}

/// The contents of all samples that are there to train with; those without a label too, as `fit-head` may guess it.
///
/// A sample that was removed since the head was fitted is not among them.
fn trained_on(context: &Context) -> anyhow::Result<HashSet<ContentHash>> {
    let store = match Store::open_existing(&context.state.database()) {
        Err(StoreError::Missing { .. }) => return Ok(HashSet::new()),
        other => other?,
    };
    let training = Filter { split: Some(Split::Train), ..Filter::default() };
    Ok(store.samples(&training)?.into_iter().map(|row| row.hash).collect())
}

/// What is said where pictures were left out.
fn left_out(trained_on: usize) -> Option<String> {
    (trained_on > 0).then(|| {
        format!(
            "{} left out: stored to train with, so the head may have been fitted on them",
            count(trained_on, "picture")
        )
    })
}
