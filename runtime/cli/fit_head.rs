//! `fit-head`: from cached features to a published head.

mod beside;
mod careful;
mod earlier;
mod guesses;
mod map;
mod mlp;
mod page;
mod twins;
mod uneven;

use std::path::PathBuf;
use std::time::Instant;

use serde::Serialize;

use super::context::Context;
use super::decision::{self, DecisionArgs};
use super::failure::WrongUsage;
use super::next_class;
use super::output::{count, percent, shown, table};
use super::remedy::OrRemedy as _;
use super::shares;
use crate::advice::NextClass;
use crate::device::{FitMode, FitRequest, Fitted, Published};
use crate::head::{
    Candidate, FitOptions, FitReport, HeadChoice, LeftOut, NumbersReport, Task, TaskReport, TrainingReport,
};
use crate::memory;
use crate::metrics::RegressionMetrics;
use crate::store::Selection;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// auto, linear (auto without the mlp), prototype, lda, ridge, softmax, average or mlp
    #[arg(long, default_value = "auto")]
    head: HeadChoice,
    /// What labels are: classification (one class), regression (a number) or multilabel (names with `+` between)
    #[arg(long, default_value = "classification")]
    task: Task,
    /// Give every class the same weight, however many pictures it has
    #[arg(long)]
    balance: bool,
    /// Folds of the cross-validation; fewer where a class has fewer groups
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(2..=100))]
    folds: u32,
    /// Decides which pictures share a fold
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// L2 penalties to choose from, with commas between [default: a path of the head's own]
    #[arg(long, value_delimiter = ',', value_name = "PENALTY")]
    penalty: Vec<f64>,
    /// The share of known pictures that may be called unknown
    #[arg(long, default_value_t = 0.05, value_parser = shares::up_to_half)]
    false_reject: f64,
    /// Seconds of one core that `auto` may spend on trying heads [default: as long as closed forms take, softmax where it
    /// takes 45 at most, and the mlp where it takes half a second]
    #[arg(long, value_name = "SECONDS")]
    budget: Option<f64>,
    /// About how much memory fitting may take, as in 1.5G or 800M; heads that take more are left out [default: half of what
    /// the process may use]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    memory: Option<u64>,
    /// Gone; says so.
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "")]
    select: Option<String>,
    /// A note for `heads list`: why this one was fitted
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// Measure and print, but publish nothing
    #[arg(long)]
    dry_run: bool,
    /// Compare with the live head on held-out pictures; publish the new one unless it is worse by more than chance explains, else
    /// keep it for review. Without other flags it is fitted as the live one was
    #[arg(long, conflicts_with = "report")]
    unless_worse: bool,
    /// Also learn from stored pictures without a label that a first head is sure of; shows what that does to held-out
    /// pictures, and does it only where it does no harm
    #[arg(long)]
    pseudo_labels: bool,
    /// The least probability of a guessed label that is learned from
    #[arg(long, default_value_t = 0.95, value_parser = shares::probability, requires = "pseudo_labels")]
    confidence: f64,
    /// Put the new classes beside those of the backbone's own classifier: all of them, or the ones named
    #[arg(long, value_name = "LABEL,…", num_args = 0.., require_equals = true, value_delimiter = ',')]
    #[arg(conflicts_with_all = ["pseudo_labels", "head", "balance", "penalty", "false_reject"])]
    keep_classes: Option<Vec<String>>,
    /// Also write one HTML file: confusions, calibration, learning curve, the pictures that went worst
    #[arg(long, value_name = "FILE", conflicts_with_all = ["pseudo_labels", "keep_classes"])]
    report: Option<PathBuf>,
    /// Gone; says so.
    #[arg(long, hide = true)]
    update: bool,
    #[command(flatten)]
    decision: DecisionArgs,
    #[command(flatten)]
    mlp: mlp::MlpArgs,
}

/// `fit-head --json`.
#[derive(Serialize)]
struct Report<'a> {
    version: Option<u64>,
    /// What became of it; only with `--unless-worse`.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(flatten)]
    fit: &'a FitReport,
    backbone: &'a str,
    fingerprint: String,
    seconds: f64,
    path: Option<PathBuf>,
    /// What to know before the numbers are believed.
    warnings: Vec<String>,
    /// The class to take more pictures of, where that was measured and one gains by it.
    next_class: Option<Option<NextClass>>,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    args.check()?;
    if args.unless_worse {
        return careful::run(args, context);
    }
    let start = Instant::now();
    let device = context.device();
    let fitted = device.fit(&args.request()).or_remedy()?;
    let published = if args.dry_run { None } else { Some(device.publish(&fitted).or_remedy()?) };
    let next_class = next_class_of(&fitted, &args.options(), context)?;
    let report = Report::new(&fitted, published, (None, next_class), start);
    context.output.result(&report, || report.text())?;
    if let (Some(file), Some(answers)) = (&args.report, &fitted.answers) {
        let store = context.existing_store()?;
        let pictures = device.dataset(&store, &fitted.head.fingerprint(), &Selection::default()).or_remedy()?;
        page::PageInputs { pictures: &pictures, answers, head: &fitted.head, store: &store, args }
            .write(&report, file, context)?;
    }
    Ok(())
}

/// The class to take more pictures of; not measured where the head learned from guesses or beside a classifier.
fn next_class_of(
    fitted: &Fitted,
    options: &FitOptions,
    context: &Context,
) -> anyhow::Result<Option<Option<NextClass>>> {
    match fitted.answers {
        Some(_) => Ok(context.device().next_class(&fitted.head, options).or_remedy()?),
        None => Ok(None),
    }
}

impl Args {
    /// Pages, guesses and kept classes are about classes.
    fn check(&self) -> Result<(), WrongUsage> {
        if self.update {
            let gone = "`--update` is gone: fit again, which takes a fraction of a second: edgetl fit-head";
            return Err(WrongUsage(gone.to_owned()));
        }
        if self.select.is_some() {
            let gone =
                "`--select` is gone: it changed one head in twelve, for the worse; every head looks at all channels";
            return Err(WrongUsage(gone.to_owned()));
        }
        if let Some(gone) = self.mlp.gone() {
            return Err(WrongUsage(gone));
        }
        let flags = [
            ("--report", self.report.is_some()),
            ("--pseudo-labels", self.pseudo_labels),
            ("--keep-classes", self.keep_classes.is_some()),
            ("--recall, --precision, --cost and --threshold", !self.decision.is_empty()),
        ];
        match flags.iter().find(|(_, given)| *given && self.task != Task::Classification) {
            Some((flag, _)) => Err(WrongUsage(format!("expected `{flag}` with classification, got {}", self.task))),
            None => Ok(()),
        }
    }

    fn request(&self) -> FitRequest {
        let mode = match &self.keep_classes {
            Some(names) => FitMode::Beside { names: names.clone() },
            None if self.pseudo_labels => FitMode::Guessing { confidence: self.confidence },
            None => FitMode::Plain,
        };
        FitRequest { options: self.options(), mode }
    }

    fn options(&self) -> FitOptions {
        FitOptions {
            task: self.task,
            head: self.head,
            balance: self.balance,
            folds: self.folds as usize,
            seed: self.seed,
            penalties: (!self.penalty.is_empty()).then(|| self.penalty.clone()),
            false_reject: self.false_reject,
            goal: self.decision.goal(),
            least: self.decision.least(),
            budget: self.budget,
            memory: self.memory,
            mlp: self.mlp.settings(),
            note: self.note.clone(),
            earlier_maps: None,
        }
    }
}

fn size(text: &str) -> Result<u64, String> {
    memory::bytes(text).ok_or_else(|| format!("expected a size as 1.5G or 800M, got `{text}`"))
}

impl<'a> Report<'a> {
    fn new(
        fitted: &'a Fitted,
        written: Option<Published>,
        (outcome, next_class): (Option<&'static str>, Option<Option<NextClass>>),
        start: Instant,
    ) -> Self {
        let fit = fitted.head.report();
        Self {
            version: written.as_ref().map(|written| written.version.0),
            outcome,
            fit,
            backbone: fitted.backbone.name.as_str(),
            fingerprint: fitted.head.fingerprint().to_string(),
            seconds: start.elapsed().as_secs_f64(),
            path: written.and_then(|written| written.path),
            warnings: uneven::warnings(fit),
            next_class,
        }
    }
}

impl Report<'_> {
    fn text(&self) -> String {
        let mut parts = vec![self.headline()];
        if !self.fit.per_class().is_empty() {
            parts.push(self.classes());
        }
        parts.extend(self.fit.comparison.as_deref().map(careful::text));
        parts.extend(self.fit.operating().map(decision::text));
        parts.extend(twins::text(self.fit));
        parts.extend(self.warnings.iter().cloned());
        parts.extend(self.next_class.as_ref().map(|next| next_class::text(next.as_ref())));
        if self.fit.candidates.len() > 1 {
            parts.push(self.candidates());
        }
        parts.extend(earlier::text(self.fit));
        parts.extend(self.fit.left_out.iter().map(left_out));
        parts.extend(self.fit.training.as_ref().map(training));
        if let Some(classes) = self.fit.of_classes() {
            parts.extend(classes.pseudo_labels.as_ref().map(guesses::text));
            parts.extend(classes.kept.as_ref().map(beside::text));
        }
        parts.push(self.outcome());
        parts.join("\n\n")
    }

    fn headline(&self) -> String {
        let fit = self.fit;
        let names = match fit.task() {
            Task::Regression => String::new(),
            Task::Multilabel => format!(" of {}", count(fit.classes().len(), "label")),
            Task::Classification => format!(" of {}", count(fit.classes().len(), "class").replace("classs", "classes")),
        };
        let (head, samples, dim, backbone) = (fit.head, count(fit.samples, "sample"), fit.dim, self.backbone);
        let views = if fit.views > 0 { format!(" and {}", count(fit.views, "view")) } else { String::new() };
        format!("{head} head on {samples}{views}{names}, {dim} features from {backbone}\n{}", self.measured())
    }

    fn measured(&self) -> String {
        let cv = self.fit.cv();
        let held_out = format!("held out in {} folds", cv.folds);
        if let TaskReport::Numbers(NumbersReport { metrics: Some(metrics), .. }) = &self.fit.task {
            let RegressionMetrics { mae, rmse, r2 } = metrics;
            return format!("{held_out}: mean error {mae:.4}, root mean square {rmse:.4}, R² {r2:.3}");
        }
        let nll = optional(cv.nll, |nll| format!("{nll:.3}"));
        let (macro_f1, ece) = (optional(cv.macro_f1, percent), optional(cv.ece, percent));
        match (cv.accuracy.map(percent), self.fit.task()) {
            (None, _) => "not measured: too few pictures to hold any out; collect more of each class".to_owned(),
            (Some(accuracy), Task::Multilabel) => {
                format!("{held_out}: every label right {accuracy}, macro-F1 {macro_f1}, NLL {nll}")
            }
            (Some(accuracy), _) => {
                let accuracy = uneven::accuracy(self.fit).unwrap_or(accuracy);
                format!("{held_out}: {accuracy}, macro-F1 {macro_f1}, NLL {nll}, calibration error {ece}")
            }
        }
    }

    fn classes(&self) -> String {
        let rows = self.fit.per_class().iter().map(|class| {
            let share = |value| optional(value, percent);
            let (precision, recall, f1) = (share(class.precision), share(class.recall), share(class.f1));
            [class.label.to_string(), class.count.to_string(), precision, recall, f1]
        });
        table(["label", "samples", "precision", "recall", "F1"], rows)
    }

    fn candidates(&self) -> String {
        if self.fit.task() == Task::Regression {
            let rows = self.fit.candidates.iter().map(|candidate| {
                let [name, penalty, time] = common_cells(candidate);
                [name, penalty, optional(candidate.rmse, |rmse| format!("{rmse:.4}")), time]
            });
            return table(["candidate", "penalty", "root mean square", "time"], rows);
        }
        let rows = self.fit.candidates.iter().map(|candidate| {
            let [name, penalty, time] = common_cells(candidate);
            let nll = optional(candidate.nll, |nll| format!("{nll:.3}"));
            [name, penalty, optional(candidate.accuracy, percent), nll, time]
        });
        table(["candidate", "penalty", "accuracy", "NLL", "time"], rows)
    }

    fn outcome(&self) -> String {
        let unknown = match (self.fit.unknown.threshold, self.fit.unknown.false_reject) {
            (Some(threshold), Some(rate)) => {
                format!("unknown above {threshold:.3}, set to refuse {} of known pictures", percent(rate))
            }
            _ if self.fit.task() == Task::Multilabel => "a picture below every threshold is none of them".to_owned(),
            _ => "no rule for unknown pictures: too few samples to set one".to_owned(),
        };
        let published = match (self.version, &self.path) {
            (Some(version), Some(path)) if self.outcome == Some(careful::KEPT) => {
                let path = shown(path);
                format!(
                    "kept for review as head {version:06}, `{path}`; to take it all the same: edgetl heads activate {version}"
                )
            }
            (Some(version), Some(path)) => {
                format!("published as head {version:06}, `{}`", shown(path))
            }
            _ => "not published".to_owned(),
        };
        format!("{unknown}\n{published}; {:.2} s", self.seconds)
    }
}

fn common_cells(candidate: &Candidate) -> [String; 3] {
    let name = if candidate.earlier_maps {
        format!("{}, earlier maps too", candidate.head)
    } else {
        candidate.head.to_string()
    };
    [
        name,
        optional(candidate.penalty, |penalty| format!("{penalty:.3e}")),
        optional(candidate.seconds, |seconds| format!("{seconds:.2} s")),
    ]
}

fn left_out(left: &LeftOut) -> String {
    let LeftOut { head, reason, budget, memory } = left;
    match memory {
        Some(memory) => format!("not tried: {head} {reason}; --memory {:.1}G tries it", *memory as f64 / 1e9 + 0.05),
        None => format!("not tried: {head} {reason}; --budget {budget} or --head {head} tries it"),
    }
}

fn training(training: &TrainingReport) -> String {
    let kept = &training.epochs[training.kept_epoch];
    let found = if training.finder.is_some() { ", found" } else { "" };
    let validation = match kept.validation_loss {
        Some(loss) => format!("loss {loss:.3} on {} held back", count(training.validation_samples, "sample")),
        None => "no sample held back".to_owned(),
    };
    format!(
        "trained {} of {} hidden values on {} at learning rate {:.1e}{found}; kept that after {}: training loss {:.3}, {validation}",
        count(training.epochs.len(), "epoch"),
        training.width,
        count(training.samples, "sample"),
        training.learning_rate,
        count(training.kept_epoch + 1, "epoch"),
        kept.training_loss,
    )
}

fn optional(value: Option<f64>, show: impl Fn(f64) -> String) -> String {
    value.map_or_else(|| "-".to_owned(), show)
}
