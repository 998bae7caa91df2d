//! The numbers of `eval`.

use ndarray::Array2;
use serde::Serialize;

use super::measured::Measured;
use super::twins::NearTwins;
use crate::causes::causes;
use crate::cli::output::{self, count, percent, table};
use crate::files;
use crate::head::Scores;
use crate::labels::{ClassIndex, Label, Labels};
use crate::metrics::{Confusion, ece, nll, top_k_accuracy, wilson_interval};
use crate::predictor::Prediction;
use crate::printable::printable;
use crate::sources::Refused;

/// `eval --json`. Numbers that need a sample of a known class are `None` without one.
#[derive(Serialize)]
pub struct Report {
    samples: usize,
    /// Pictures that were left out because the head may have been fitted on them.
    trained_on: usize,
    pub accuracy: Option<f64>,
    /// Of 95 %.
    accuracy_interval: Option<(f64, f64)>,
    /// The mean recall of the classes.
    balanced_accuracy: Option<f64>,
    top5: Option<f64>,
    macro_f1: Option<f64>,
    nll: Option<f64>,
    ece: Option<f64>,
    classes: Labels,
    /// Rows are true classes, columns predicted ones.
    confusion: Vec<Vec<usize>>,
    /// The share of samples of known classes that were called unknown.
    unknown_rate: Option<f64>,
    foreign: Foreign,
    failed: Vec<Failed>,
    seconds: f64,
    images_per_second: f64,
    per_class: Vec<ClassRow>,
    /// Those among the pictures that are near-twins of one that is stored to train with; `None` where there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    near_twins: Option<NearTwins>,
    /// One a picture, where they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    rows: Option<Vec<PictureRow>>,
}

/// Samples whose label is none of the head's classes.
#[derive(Serialize)]
struct Foreign {
    samples: usize,
    labels: Labels,
    /// The share that was called unknown, as all of them should be.
    unknown_rate: Option<f64>,
}

#[derive(Serialize)]
pub struct Failed {
    pub path: String,
    pub reason: String,
}

/// So much of a long list is shown.
const SHOWN: usize = 10;

/// What was not used, in a line each; of very much, the first and how much more.
pub fn not_used(failed: &[Failed]) -> Vec<String> {
    let line = |failed: &Failed| format!("not used: `{}`: {}", printable(&failed.path), failed.reason);
    let mut lines: Vec<String> = failed.iter().take(SHOWN).map(line).collect();
    if failed.len() > SHOWN {
        lines.push(format!("not used: and {} more, which --json names", failed.len() - SHOWN));
    }
    lines
}

impl Failed {
    /// A folder that is not used.
    pub fn refused(refused: &Refused) -> Self {
        Self { path: files::name_of(&refused.path), reason: causes(&refused.error) }
    }
}

#[derive(Serialize)]
struct ClassRow {
    label: Label,
    pictures: usize,
    precision: f64,
    recall: f64,
    /// Of 95 %.
    recall_interval: (f64, f64),
    f1: f64,
}

/// What was said of one picture.
#[derive(Serialize)]
struct PictureRow {
    path: String,
    /// What the picture is.
    truth: Label,
    /// As `predict --json` has it.
    #[serde(flatten)]
    said: Prediction,
}

impl Report {
    pub fn new(measured: &Measured<'_>, trained_on: usize, failed: Vec<Failed>, seconds: f64) -> Self {
        let classes = measured.head.labels().clone();
        let pairs = || measured.labels.iter().zip(measured.scores);
        let (targets, known): (Vec<ClassIndex>, Vec<&Scores>) =
            pairs().filter_map(|(label, scores)| Some((classes.index_of(label)?, scores))).unzip();
        let foreign: Vec<(&Label, &Scores)> = pairs().filter(|(label, _)| classes.index_of(label).is_none()).collect();
        let predicted: Vec<ClassIndex> = known.iter().map(|scores| scores.said()).collect();
        let confusion = Confusion::new(classes.len(), &targets, &predicted);
        let probabilities = probabilities(&known, classes.len());
        let measure = |value: f64| (!targets.is_empty()).then_some(value);
        Self {
            samples: targets.len(),
            trained_on,
            accuracy: measure(confusion.accuracy()),
            accuracy_interval: (!targets.is_empty()).then(|| wilson_interval(confusion.right(), targets.len())),
            balanced_accuracy: measure(confusion.balanced_accuracy()),
            top5: measure(top_k_accuracy(probabilities.view(), &targets, 5)),
            macro_f1: measure(confusion.macro_f1()),
            nll: measure(nll(probabilities.view(), &targets)),
            ece: measure(ece(probabilities.view(), &targets)),
            confusion: confusion.counts().outer_iter().map(|row| row.to_vec()).collect(),
            unknown_rate: unknown_rate(known.iter().copied()),
            foreign: Foreign {
                samples: foreign.len(),
                labels: Labels::distinct(foreign.iter().map(|(label, _)| *label)),
                unknown_rate: unknown_rate(foreign.iter().map(|(_, scores)| *scores)),
            },
            failed,
            seconds,
            images_per_second: measured.labels.len() as f64 / seconds.max(1e-9),
            per_class: rows(&confusion, &classes),
            near_twins: None,
            rows: None,
            classes,
        }
    }

    pub fn has_failures(&self) -> bool {
        !self.failed.is_empty()
    }

    pub fn text(&self) -> String {
        let mut parts = Vec::new();
        if let Some(accuracy) = self.accuracy {
            parts.push(self.class_table());
            parts.push(format!(
                "{}: {}, top 5 {}, macro-F1 {}, NLL {:.3}, calibration error {}, called unknown {}",
                count(self.samples, "picture"),
                self.shown_accuracy(accuracy),
                shown(self.top5),
                shown(self.macro_f1),
                self.nll.unwrap_or(f64::NAN),
                shown(self.ece),
                shown(self.unknown_rate),
            ));
        }
        parts.extend(self.near_twins.as_ref().map(NearTwins::text));
        parts.extend(super::left_out(self.trained_on));
        if self.foreign.samples > 0 {
            parts.push(format!(
                "{} of classes the head does not know: called unknown {}",
                count(self.foreign.samples, "picture"),
                shown(self.foreign.unknown_rate)
            ));
        }
        parts.extend(not_used(&self.failed));
        parts.push(format!("{:.1} s, {:.0} pictures a second", self.seconds, self.images_per_second));
        parts.join("\n\n")
    }

    fn shown_accuracy(&self, accuracy: f64) -> String {
        let counts = self.per_class.iter().map(|class| class.pictures).filter(|count| *count > 0);
        output::accuracy(accuracy, self.accuracy_interval, self.balanced_accuracy, &counts.collect::<Vec<_>>())
    }

    /// Says of how many pictures the head knew near-twins, one of `near_twins` a picture, and what it is worth without these.
    pub fn with_near_twins(self, measured: &Measured<'_>, near_twins: &[bool]) -> Self {
        Self { near_twins: NearTwins::new(measured, near_twins), ..self }
    }

    /// Adds what was said of each picture; `paths` are those of the pictures measured, in step.
    pub fn with_rows(mut self, measured: &Measured<'_>, paths: &[String]) -> Self {
        let pictures = paths.iter().zip(measured.labels).zip(measured.scores);
        let row = |((path, label), scores): ((&String, &Label), &Scores)| PictureRow {
            path: path.clone(),
            truth: label.clone(),
            said: Prediction::new(scores, measured.head, 5),
        };
        self.rows = Some(pictures.map(row).collect());
        self
    }

    fn class_table(&self) -> String {
        let rows = self.per_class.iter().enumerate().map(|(class, row)| {
            let (precision, recall, f1) = (percent(row.precision), percent(row.recall), percent(row.f1));
            [row.label.to_string(), row.pictures.to_string(), precision, recall, f1, self.mistaken_for(class)]
        });
        table(["label", "pictures", "precision", "recall", "F1", "most often taken for"], rows)
    }

    fn mistaken_for(&self, class: usize) -> String {
        let others = self.confusion[class].iter().enumerate().filter(|(other, _)| *other != class);
        match others.max_by_key(|(other, number)| (**number, std::cmp::Reverse(*other))) {
            Some((other, number)) if *number > 0 => format!("{} ({number})", self.classes.as_slice()[other]),
            _ => String::new(),
        }
    }
}

fn rows(confusion: &Confusion, classes: &Labels) -> Vec<ClassRow> {
    let rows = classes.iter().zip(confusion.per_class()).map(|(label, class)| ClassRow {
        label: label.clone(),
        pictures: class.count,
        precision: class.precision,
        recall: class.recall,
        recall_interval: wilson_interval((class.recall * class.count as f64).round() as usize, class.count),
        f1: class.f1,
    });
    rows.collect()
}

/// `[N,K]`
fn probabilities(scores: &[&Scores], classes: usize) -> Array2<f32> {
    let flat = scores.iter().flat_map(|scores| scores.probabilities.iter().copied()).collect();
    Array2::from_shape_vec((scores.len(), classes), flat).expect("one probability a class")
}

fn unknown_rate<'a>(scores: impl ExactSizeIterator<Item = &'a Scores>) -> Option<f64> {
    let number = scores.len();
    let unknown = scores.filter(|scores| scores.unknown).count();
    (number > 0).then(|| unknown as f64 / number as f64)
}

fn shown(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), percent)
}
