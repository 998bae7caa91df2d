//! `predict`: one answer a picture, in the order asked for.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use super::context::Context;
use super::engine::{EngineArgs, limits, with_fingerprint};
use super::failure::{AlreadyReported, OrHint};
use super::output::percent;
use super::published::Published;
use crate::causes::causes;
use crate::predictor::{Answer, Extractor, InOrder, Outcome, Prediction, RankedLabel, Statement};
use crate::printable::printable;
use crate::sources::{self, Refused};
use crate::store::HeadVersion;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Pictures, or folders of pictures
    #[arg(value_name = "IMAGE", required = true)]
    images: Vec<PathBuf>,
    /// How many classes to show
    #[arg(long, default_value_t = 5, value_name = "N")]
    top: usize,
    /// Use this version of the head instead of the live one
    #[arg(long, value_name = "VERSION")]
    head_version: Option<HeadVersion>,
    #[command(flatten)]
    engine: EngineArgs,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Line {
    Answer(Answer),
    Error { path: String, error: String },
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let (paths, refused) = pictures(&args.images)?;
    let published = Published::read(context, args.head_version)?;
    let package = with_fingerprint(context, published.artifact.fingerprint())?;
    let loader = args.engine.load(package, context, paths.len())?;
    let (limits, threads) = (limits(context), args.engine.threads(context));
    let extractor = Extractor { loader: &loader, limits, threads, journal: &() };
    let provider = loader.provider();
    for refused in &refused {
        let (path, error) = (refused.path.display().to_string(), causes(&refused.error));
        let line = Line::Error { path, error };
        context.output.result(&line, || line.text())?;
    }
    let (mut order, mut all_well) = (InOrder::default(), refused.is_empty());
    let admit_all = |_, _| true;
    extractor.run(&paths, &AtomicBool::new(false), &admit_all, &mut |index, outcome| -> anyhow::Result<()> {
        for (index, outcome) in order.push(index, (index, outcome)) {
            let path = paths[index].to_string_lossy().into_owned();
            let head_version = published.version.0;
            let line = match statement(outcome, &published, args.top) {
                Ok(statement) => Line::Answer(Answer { path, statement, head_version, provider }),
                Err(error) => Line::Error { path, error },
            };
            all_well &= matches!(line, Line::Answer(_));
            context.output.result(&line, || line.text())?;
        }
        Ok(())
    })?;
    if all_well { Ok(()) } else { Err(AlreadyReported.into()) }
}

/// Folders stand for the pictures in them; and what cannot be used of them.
fn pictures(images: &[PathBuf]) -> anyhow::Result<(Vec<PathBuf>, Vec<Refused>)> {
    let (mut paths, mut refused) = (Vec::new(), Vec::new());
    for image in images {
        if image.is_dir() {
            let found = sources::scan(image).or_hint("name pictures, or folders with pictures in them")?;
            paths.extend(found.items.into_iter().map(|item| item.path));
            refused.extend(found.refused);
        } else {
            paths.push(image.clone());
        }
    }
    Ok((paths, refused))
}

fn statement(outcome: Outcome, published: &Published, top: usize) -> Result<Statement, String> {
    match outcome {
        Outcome::Extracted(extracted) => {
            Statement::of_feature(&extracted.feature, &published.artifact, top).map_err(|error| causes(&error))
        }
        Outcome::Failed(error) => Err(causes(&error)),
        Outcome::Declined(_) => unreachable!("every picture is admitted"),
    }
}

impl Line {
    fn text(&self) -> String {
        let (Self::Answer(Answer { path, .. }) | Self::Error { path, .. }) = self;
        let path = printable(path);
        match self {
            Self::Error { error, .. } => format!("{path}: {error}"),
            Self::Answer(Answer { statement: Statement::Prediction(prediction), .. }) => {
                format!("{path}: {}", prediction_text(prediction))
            }
            Self::Answer(Answer { statement: Statement::Number { value, unknown }, .. }) => {
                let unlike = if *unknown { ", from a picture unlike those it was fitted on" } else { "" };
                format!("{path}: {value}{unlike}")
            }
        }
    }
}

fn prediction_text(prediction: &Prediction) -> String {
    let join = |ranked: &[RankedLabel]| {
        let texts = ranked.iter().map(|ranked| format!("{} {}", ranked.label, percent(f64::from(ranked.score))));
        texts.collect::<Vec<_>>().join(", ")
    };
    match &prediction.labels {
        Some(labels) if labels.is_empty() => format!("none of them; nearest {}", join(&prediction.top)),
        Some(labels) => join(labels),
        None if prediction.unknown => format!("unknown; nearest {}", join(&prediction.top)),
        None => join(&prediction.top),
    }
}
