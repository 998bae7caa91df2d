//! `predict`: one answer a picture, in the order asked for.

mod frames;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use super::context::Context;
use super::engine::EngineArgs;
use super::failure::{AlreadyReported, OrHint};
use super::output::percent;
use super::remedy::OrRemedy as _;
use crate::causes::causes;
use crate::device::Asked;
use crate::files;
use crate::predictor::{Answer, Prediction, RankedLabel, Statement};
use crate::printable::printable;
use crate::sources::{self, Refused, Remark};
use crate::store::HeadVersion;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Pictures, or folders of pictures; `-` alone: JPEG files on standard input, one after another, as ffmpeg -f mjpeg - writes
    /// them
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<PathBuf>,
    /// How many classes to show
    #[arg(long, default_value_t = 5, value_name = "N")]
    top: usize,
    /// Use this version of the head instead of the live one
    #[arg(long, value_name = "VERSION")]
    head_version: Option<HeadVersion>,
    /// Also say which rule decided: unknown, operating point, threshold
    #[arg(long)]
    why: bool,
    #[command(flatten)]
    engine: EngineArgs,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Line {
    Answer(Box<Answer>),
    Error { path: String, error: String },
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    if args.images == [PathBuf::from("-")] {
        return frames::run(args, context);
    }
    let (paths, refused) = pictures(&args.images)?;
    let device = context.device_on(&args.engine);
    let mut all_well = refused.is_empty();
    for Refused { path, error } in &refused {
        let line = Line::Error { path: files::name_of(path), error: causes(error) };
        line.print(context)?;
    }
    let stop = AtomicBool::new(false);
    let asked = args.asked();
    let answered = device.answer_all(&paths, &asked, &stop, &mut |path, answer| {
        let line = match answer {
            Ok(answer) => Line::Answer(Box::new(answer)),
            Err(error) => Line::Error { path: files::name_of(path), error: causes(&error) },
        };
        all_well &= matches!(line, Line::Answer(_));
        line.print(context)
    });
    answered.or_remedy()?;
    if all_well { Ok(()) } else { Err(AlreadyReported.into()) }
}

impl Args {
    fn asked(&self) -> Asked {
        Asked { version: self.head_version, top: self.top, why: self.why }
    }
}

/// Folders stand for the pictures in them; and what cannot be used of them.
fn pictures(images: &[PathBuf]) -> anyhow::Result<(Vec<PathBuf>, Vec<Refused>)> {
    let (mut paths, mut refused) = (Vec::new(), Vec::new());
    for image in images {
        if image.is_dir() {
            let found = sources::scan(image).or_hint("name pictures, or folders with pictures in them")?;
            paths.extend(found.items.into_iter().map(|item| item.path));
            refused.extend(found.refused);
            let not_taken = found.remarks.iter().filter(|remark| matches!(remark, Remark::NotTaken { .. }));
            not_taken.for_each(|remark| tracing::warn!("{remark}"));
        } else {
            paths.push(image.clone());
        }
    }
    Ok((paths, refused))
}

impl Line {
    /// Answers on stdout; what went wrong on stderr, but for JSON, in which every picture has its line.
    fn print(&self, context: &Context) -> std::io::Result<()> {
        match self {
            Self::Error { .. } if !context.output.is_json() => {
                eprintln!("{}", printable(&self.text()));
                Ok(())
            }
            _ => context.output.result(self, || self.text()),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Error { path, error } => format!("{}: {error}", printable(path)),
            Self::Answer(answer) => answer_text(answer),
        }
    }
}

fn answer_text(answer: &Answer) -> String {
    let path = printable(&answer.path);
    match &answer.statement {
        Statement::Prediction(prediction) => {
            let why = answer.why.as_ref().map(|why| format!("\n  why: {}", printable(&why.sentence)));
            format!("{path}: {}{}", prediction_text(prediction), why.unwrap_or_default())
        }
        Statement::Number { value, unknown } => {
            let unlike = if *unknown { ", from a picture unlike those it was fitted on" } else { "" };
            format!("{path}: {value}{unlike}")
        }
    }
}

/// Classes that are less likely are not named beside the first.
const WORTH_SAYING: f32 = 0.01;

pub fn prediction_text(prediction: &Prediction) -> String {
    let join = |ranked: &[RankedLabel]| {
        let worth = |place: usize, ranked: &RankedLabel| place == 0 || ranked.score >= WORTH_SAYING;
        let ranked =
            ranked.iter().enumerate().filter(|(place, ranked)| worth(*place, ranked)).map(|(_, ranked)| ranked);
        let texts = ranked.map(|ranked| format!("{} {}", ranked.label, percent(f64::from(ranked.score))));
        texts.collect::<Vec<_>>().join(", ")
    };
    match &prediction.labels {
        Some(labels) if labels.is_empty() => format!("none of them; nearest {}", join(&prediction.top)),
        Some(labels) => join(labels),
        None if prediction.unknown => format!("unknown; nearest {}", join(&prediction.top)),
        None if prediction.unsure => format!("unsure; nearest {}", join(&prediction.top)),
        None => said_first(prediction, join),
    }
}

/// Where the decision is not the likeliest class, it comes before the others all the same.
fn said_first(prediction: &Prediction, join: impl Fn(&[RankedLabel]) -> String) -> String {
    let said = RankedLabel { label: prediction.nearest.clone(), score: prediction.score };
    let others = prediction.top.iter().filter(|ranked| ranked.label != said.label).cloned();
    join(&std::iter::once(said.clone()).chain(others).collect::<Vec<_>>())
}
