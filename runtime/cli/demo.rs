//! `demo`: the whole loop, with nothing but this program.

mod text;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Context as _;
use ndarray::Array2;
use serde::Serialize;

use super::context::Context;
use super::engine::EngineArgs;
use super::progress::Progress;
use super::{collect, eval, fit_head};
use crate::dataset::{Dataset, DatasetParts, GroupId, SampleId};
use crate::demo::{Shape, draw, draw_folder};
use crate::digest::{Digest, Fingerprint};
use crate::head::{FitOptions, HeadChoice, HeadKind, fit};
use crate::labels::{ClassIndex, Label, Labels};
use crate::tensor::Features;

const TRAINING_PER_CLASS: usize = 60;
const TEST_PER_CLASS: usize = 20;
/// Drawing, collecting, fitting, measuring.
const STEPS: usize = 4;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Keep pictures and state in this folder, to look at and go on with [default: a temporary one]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    #[command(flatten)]
    engine: EngineArgs,
}

#[derive(Serialize)]
struct Report {
    classes: usize,
    training: usize,
    test: usize,
    backbone: String,
    provider: String,
    accuracy: Option<f64>,
    /// Of the same kind of head on the pixels themselves.
    pixel_accuracy: f64,
    steps: Vec<Step>,
    seconds: f64,
}

#[derive(Serialize)]
struct Step {
    step: &'static str,
    command: String,
    seconds: f64,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let temporary = tempfile::tempdir().context("cannot make a temporary folder")?;
    let folder = match &args.keep {
        Some(folder) => std::path::absolute(folder)?,
        None => temporary.path().to_owned(),
    };
    let report = demonstrate(&folder, args, Progress::new("learning shapes", STEPS, context.quiet))?;
    context.output.result(&report, || text::of(&report, args.keep.as_ref().map(|_| folder.as_path())))?;
    Ok(())
}

fn demonstrate(folder: &Path, args: &Args, mut progress: Progress) -> anyhow::Result<Report> {
    let start = Instant::now();
    let (training, test) = (folder.join("photos"), folder.join("test"));
    let step = Context::step(folder.join("state"));
    let mut steps = Vec::new();
    let mut timed = |step, command: &str, work: &mut dyn FnMut() -> anyhow::Result<()>| {
        let start = Instant::now();
        work()?;
        steps.push(Step { step, command: command.to_owned(), seconds: start.elapsed().as_secs_f64() });
        progress.advance();
        anyhow::Ok(())
    };
    timed("draw", "", &mut || {
        draw_folder(&training, TRAINING_PER_CLASS, 0)?;
        Ok(draw_folder(&test, TEST_PER_CLASS, TRAINING_PER_CLASS as u64)?)
    })?;
    let mut collected = None;
    timed("collect", "edgetl collect photos", &mut || {
        let mut collect = collect::Args::of(vec![training.clone()]);
        collect.engine = args.engine.clone();
        collected = Some(collect::collect_all(&collect, &step)?);
        Ok(())
    })?;
    timed("fit", "edgetl fit-head", &mut || fit_head::run(&defaults()?, &step))?;
    let mut evaluated = None;
    timed("measure", "edgetl eval test", &mut || {
        let eval = eval::Args {
            sources: vec![test.clone()],
            head_version: None,
            report: None,
            rows: false,
            fail_under: None,
            engine: args.engine.clone(),
        };
        evaluated = Some(eval::evaluate(&eval, &step)?);
        Ok(())
    })?;
    let (collected, evaluated) = (collected.expect("collected above"), evaluated.expect("measured above"));
    Ok(Report {
        classes: Shape::ALL.len(),
        training: Shape::ALL.len() * TRAINING_PER_CLASS,
        test: Shape::ALL.len() * TEST_PER_CLASS,
        backbone: collected.backbone,
        provider: collected.provider.to_string(),
        accuracy: evaluated.accuracy,
        pixel_accuracy: pixel_accuracy()?,
        steps,
        seconds: start.elapsed().as_secs_f64(),
    })
}

/// The arguments of a command that was given none.
fn defaults<A: clap::Args>() -> anyhow::Result<A> {
    let command = A::augment_args(clap::Command::new("step").no_binary_name(true));
    Ok(A::from_arg_matches(&command.try_get_matches_from(std::iter::empty::<&str>())?)?)
}

/// What a linear head makes of the pixels alone: why there is a backbone.
fn pixel_accuracy() -> anyhow::Result<f64> {
    let training = pixels(TRAINING_PER_CLASS, 0)?;
    let test = pixels(TEST_PER_CLASS, TRAINING_PER_CLASS as u64)?;
    let options = FitOptions { head: HeadChoice::Only(HeadKind::Ridge), ..FitOptions::default() };
    let scores = fit(&training, &options)?.predict(&Features(test.features().clone()))?;
    let right = scores.iter().zip(test.targets()).filter(|(scores, target)| scores.best() == **target).count();
    Ok(right as f64 / test.len() as f64)
}

/// The drawings, 5 x 5 pixels averaged to one, as a dataset.
fn pixels(per_class: usize, first_seed: u64) -> anyhow::Result<Dataset> {
    const BLOCK: usize = 5;
    let (mut rows, mut targets) = (Vec::new(), Vec::new());
    for (class, shape) in Shape::ALL.into_iter().enumerate() {
        for seed in first_seed..first_seed + per_class as u64 {
            let picture = draw(shape, seed);
            let (width, height) = (picture.width() as usize / BLOCK, picture.height() as usize / BLOCK);
            let mut blocks = vec![0.0; width * height * 3];
            for (at, value) in picture.pixels().iter().enumerate() {
                let (x, y) = (at / 3 % picture.width() as usize, at / 3 / picture.width() as usize);
                blocks[(y / BLOCK * width + x / BLOCK) * 3 + at % 3] += f32::from(*value);
            }
            rows.extend(blocks);
            targets.push(ClassIndex(class));
        }
    }
    let samples = targets.len();
    Ok(Dataset::new(DatasetParts {
        fingerprint: Fingerprint(Digest::of(b"pixels")),
        features: Array2::from_shape_vec((samples, rows.len() / samples), rows)?,
        targets,
        groups: (0..samples as i64).map(GroupId).collect(),
        ids: (0..samples as i64).map(SampleId).collect(),
        labels: Labels::new(Shape::ALL.iter().map(|shape| Label::new(shape.name())).collect::<Result<_, _>>()?)?,
    })?)
}
