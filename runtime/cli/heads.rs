//! `heads`: the published versions.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use ndarray::Array1;
use serde::Serialize;

use super::context::Context;
use super::decision::{self, DecisionArgs};
use super::failure::{WrongUsage, failure};
use super::output::{percent, table};
use super::remedy::OrRemedy as _;
use crate::atomic_file;
use crate::backbone::export_classifier;
use crate::backbone::graph::{DECISION, HiddenLayer, IMAGE, SCORES, ScoreDecision, ScoreRule, ScoringHead};
use crate::causes::causes;
use crate::device::{DeviceError, PublishedHead};
use crate::head::{DecisionRule, FitReport, Head, HeadArtifact, Linear, Mlp, OperatingPoint, OperatingReport, Task};
use crate::printable::printable;
use crate::store::{HeadFolderError, HeadVersion};

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// All versions, the live one marked
    List,
    /// What a version was fitted on and how well it did
    Show {
        /// [default: the live one]
        version: Option<HeadVersion>,
    },
    /// Make a version the live one: one that waits for review, or an older one; nothing is removed
    Activate { version: HeadVersion },
    /// Make the version that was live before the live one again; nothing is removed
    Rollback {
        /// [default: the newest below the live one that was live]
        #[arg(long, value_name = "VERSION")]
        to: Option<HeadVersion>,
    },
    /// Give the live head another decision, with the same weights, as a new version
    Decide {
        #[command(flatten)]
        decision: DecisionArgs,
        /// Say the likeliest class again
        #[arg(long, conflicts_with_all = ["goal", "threshold"])]
        likeliest: bool,
    },
    /// Write a head and its backbone as one ONNX file, from pixels to probabilities
    Export {
        /// The file to write
        #[arg(long, value_name = "FILE")]
        onnx: PathBuf,
        /// [default: the live one]
        version: Option<HeadVersion>,
    },
}

#[derive(Serialize)]
struct Row {
    version: u64,
    current: bool,
    /// Whether it waits for somebody to look at it: it was kept, or left for an older one.
    for_review: bool,
    path: String,
    /// When its file was written; `None` where the file system does not say.
    made: Option<String>,
    /// The name of the backbone that it was fitted on, or the first digits of its fingerprint where that is gone.
    backbone: Option<String>,
    /// The first 12 digits of the SHA-256 of its file.
    hash: Option<String>,
    /// What `fit-head --note` said.
    note: Option<String>,
    #[serde(flatten)]
    fit: Fit,
}

/// What a head's file says of it.
#[derive(Serialize)]
#[serde(untagged)]
enum Fit {
    Report(Box<FitReport>),
    Damaged(Damaged),
}

#[derive(Serialize)]
struct Damaged {
    error: String,
}

pub fn run(command: Command, context: &Context) -> anyhow::Result<()> {
    match command {
        Command::List => list(context),
        Command::Show { version } => show(context, version),
        Command::Activate { version } => activate(context, version),
        Command::Rollback { to } => rollback(context, to),
        Command::Decide { decision, likeliest } => decide(context, &decision, likeliest),
        Command::Export { onnx, version } => export(context, &onnx, version),
    }
}

fn list(context: &Context) -> anyhow::Result<()> {
    let rows: Vec<Row> =
        context.device().heads().list().or_remedy()?.into_iter().filter_map(|head| row(context, head)).collect();
    context.output.result(&rows, || {
        if rows.is_empty() {
            return "no head yet: edgetl fit-head".to_owned();
        }
        let lines = rows.iter().map(|row| {
            let mark = match row {
                Row { current: true, .. } => "live",
                Row { for_review: true, .. } => "review",
                _ => "",
            };
            match &row.fit {
                Fit::Report(fit) => [
                    format!("{:06}", row.version),
                    mark.to_owned(),
                    row.made.as_deref().map_or("-", |made| &made[..10]).to_owned(),
                    row.backbone.clone().unwrap_or_else(|| "gone".to_owned()),
                    fit.head.to_string(),
                    fit.samples.to_string(),
                    fit.cv().accuracy.map_or_else(|| "-".to_owned(), percent),
                    row.note.clone().unwrap_or_default(),
                ],
                Fit::Damaged(damaged) => {
                    let version = format!("{:06}", row.version);
                    let [made, backbone, head, samples, held_out] = [const { String::new() }; 5];
                    [version, mark.to_owned(), made, backbone, head, samples, held_out, damaged.error.clone()]
                }
            }
        });
        let header = ["version", "", "made", "backbone", "head", "samples", "held out", "note"];
        table(header, lines)
    })?;
    Ok(())
}

/// `None` for a version that was removed since it was listed.
fn row(context: &Context, head: crate::store::HeadFile) -> Option<Row> {
    let modified = std::fs::metadata(&head.path).and_then(|metadata| metadata.modified()).ok();
    let made = modified.map(|made| humantime::format_rfc3339_seconds(made).to_string());
    let (version, path) = (head.version.0, head.path.display().to_string());
    let (current, for_review) = (head.current, head.for_review);
    let device = context.device();
    Some(match device.heads().read(Some(head.version)) {
        Err(DeviceError::HeadFolder(HeadFolderError::NoSuchVersion { .. })) => return None,
        Ok(PublishedHead { digest, artifact, .. }) => Row {
            version,
            current,
            for_review,
            path,
            made,
            backbone: device.backbones().name_of(&artifact.fingerprint()).ok(),
            hash: Some(digest.short()),
            note: artifact.options().and_then(|options| options.note.clone()),
            fit: Fit::Report(Box::new(artifact.report().clone())),
        },
        Err(error) => {
            let fit = Fit::Damaged(Damaged { error: causes(&error) });
            Row { version, current, for_review, path, made, backbone: None, hash: None, note: None, fit }
        }
    })
}

#[derive(Serialize)]
struct Shown<'a> {
    version: u64,
    fingerprint: String,
    temperature: f32,
    #[serde(flatten)]
    fit: &'a FitReport,
}

fn show(context: &Context, version: Option<HeadVersion>) -> anyhow::Result<()> {
    let published = context.device().heads().read(version).or_remedy()?;
    let artifact = &published.artifact;
    let shown = Shown {
        version: published.version.0,
        fingerprint: artifact.fingerprint().to_string(),
        temperature: artifact.temperature().value(),
        fit: artifact.report(),
    };
    context.output.result(&shown, || {
        let fit = artifact.report();
        let head = format!(
            "head {}: {}, {} samples, {} features of backbone {}, temperature {:.3}",
            published.version,
            fit.head,
            fit.samples,
            fit.dim,
            artifact.fingerprint().0.short(),
            shown.temperature
        );
        let rows = fit.per_class().iter().map(|class| {
            [class.label.to_string(), class.count.to_string(), class.f1.map_or_else(|| "-".to_owned(), percent)]
        });
        let compared = fit.comparison.as_ref().map_or_else(String::new, |comparison| format!("\n{comparison}"));
        let decision = fit.operating().map_or_else(String::new, |operating| format!("\n{}", decision::text(operating)));
        format!("{head}{compared}{decision}\n\n{}", table(["label", "samples", "F1 held out"], rows))
    })?;
    Ok(())
}

fn activate(context: &Context, version: HeadVersion) -> anyhow::Result<()> {
    let version = context.device().heads().activate(version).or_remedy()?;
    context.output.result(&RolledBack { version: version.0 }, || format!("head {version} is live"))?;
    Ok(())
}

#[derive(Serialize)]
struct RolledBack {
    version: u64,
}

fn rollback(context: &Context, to: Option<HeadVersion>) -> anyhow::Result<()> {
    let version = context.device().heads().rollback(to).or_remedy()?;
    context.output.result(&RolledBack { version: version.0 }, || format!("head {version} is live"))?;
    Ok(())
}

#[derive(Serialize)]
struct Decided<'a> {
    version: u64,
    operating: Option<&'a OperatingReport>,
}

fn decide(context: &Context, decision: &DecisionArgs, likeliest: bool) -> anyhow::Result<()> {
    if decision.is_empty() && !likeliest {
        let got = "expected one of --recall, --precision, --cost, --threshold and --likeliest, got none";
        return Err(WrongUsage(got.to_owned()).into());
    }
    let device = context.device();
    let decided = device.decide((decision.goal(), decision.least()), None).or_remedy()?;
    let version = device.publish_decided(&decided).or_remedy()?.version;
    let operating = decided.fitted.head.report().operating();
    context.output.result(&Decided { version: version.0, operating }, || match operating {
        Some(operating) => {
            format!("head {version} is live, with the weights of the one before\n{}", decision::text(operating))
        }
        None => format!("head {version} is live, with the weights of the one before; it says the likeliest class"),
    })?;
    Ok(())
}

#[derive(Serialize)]
struct Exported<'a> {
    path: String,
    version: u64,
    backbone: &'a str,
    input: &'a str,
    output: &'a str,
    /// The second output: the number of the class that is said, or -1.
    decision: &'a str,
    classes: &'a [String],
}

fn export(context: &Context, path: &Path, version: Option<HeadVersion>) -> anyhow::Result<()> {
    let published = context.device().heads().read(version).or_remedy()?;
    let package = context.device().backbones().of(&published.artifact.fingerprint()).or_remedy()?;
    let backbone = package.manifest().name.to_string();
    let task = published.artifact.outputs().task();
    if task != Task::Classification {
        return Err(failure(
            format!("expected a head for classification to export, got one for {task}"),
            "an exported file ends in a softmax; `edgetl heads list` shows what else is there",
        ));
    }
    let head = scoring_head(&published.artifact);
    let bytes = export_classifier(package, &head)?;
    atomic_file::replace(path, &bytes).with_context(|| format!("cannot write `{}`", path.display()))?;
    let exported = Exported {
        path: path.display().to_string(),
        version: published.version.0,
        backbone: &backbone,
        input: IMAGE,
        output: SCORES,
        decision: DECISION,
        classes: &head.labels,
    };
    context.output.result(&exported, || {
        format!(
            "{}: `{IMAGE}` (RGB, 0 to 255, resized and cropped) to `{SCORES}` of {} classes and `{DECISION}`, the number \
             of the class that is said, or -1; the rule for unknown pictures is not in it",
            printable(&exported.path),
            head.labels.len()
        )
    })?;
    Ok(())
}

fn scoring_head(artifact: &HeadArtifact) -> ScoringHead {
    let plain = |linear: &Linear| (linear.weights.clone(), linear.bias.clone());
    let ((weights, bias), unit_length) = match artifact.head() {
        Head::Linear { linear, .. } => (plain(linear), false),
        Head::Mlp(mlp) => (plain(&mlp.output), false),
        Head::Prototype(prototype) => {
            let weights = &prototype.directions * prototype.scale;
            ((weights, Array1::zeros(prototype.classes())), true)
        }
    };
    let hidden = match artifact.head() {
        Head::Mlp(Mlp { hidden, .. }) => {
            Some(HiddenLayer { weights: hidden.weights.clone(), bias: hidden.bias.clone() })
        }
        _ => None,
    };
    let labels = artifact.labels().iter().map(ToString::to_string).collect();
    let decision = decision_rule(*artifact.operating());
    ScoringHead { hidden, weights, bias, unit_length, temperature: artifact.temperature().value(), labels, decision }
}

fn decision_rule(OperatingPoint { rule, least }: OperatingPoint) -> ScoreDecision {
    let rule = match rule {
        DecisionRule::Likeliest => ScoreRule::Likeliest,
        DecisionRule::Threshold { class, probability } => ScoreRule::Threshold { class: class.0, score: probability },
        DecisionRule::Cost { wrong, taken_for, times } => {
            ScoreRule::Cost { wrong: wrong.0, taken_for: taken_for.0, times }
        }
    };
    ScoreDecision { rule, least }
}
