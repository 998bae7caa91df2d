//! The numbers of `eval` for a head that names several labels.

use ndarray::Array2;
use serde::Serialize;

use super::Answered;
use super::report::{Failed, not_used};
use crate::cli::output::{count, percent, table};
use crate::labels::{Label, Labels};
use crate::metrics::{ClassMetrics, exact_match, per_label};

/// `eval --json` for several labels a picture. Numbers that need a sample are `None` without one.
#[derive(Serialize)]
pub struct TagReport {
    samples: usize,
    /// Pictures that were left out because the head may have been fitted on them.
    trained_on: usize,
    /// The share of pictures of which every label is right.
    accuracy: Option<f64>,
    /// Over the labels that a picture has.
    macro_f1: Option<f64>,
    classes: Labels,
    per_class: Vec<TagRow>,
    /// Labels that the head does not know; they count for nothing.
    foreign: Labels,
    failed: Vec<Failed>,
    seconds: f64,
    images_per_second: f64,
}

#[derive(Serialize)]
struct TagRow {
    label: Label,
    #[serde(flatten)]
    metrics: ClassMetrics,
}

impl TagReport {
    /// A label with an empty name in it makes its picture one that failed.
    pub fn new(answered: Answered) -> anyhow::Result<Self> {
        let Answered { start, published, samples, mut failed } = answered;
        let head = &published.artifact;
        let classes = head.labels().clone();
        let scores = head.predict(&samples.features()?)?;
        let (mut present, mut said, mut foreign) = (Vec::new(), Vec::new(), Vec::new());
        for (label, scores) in samples.labels.iter().zip(&scores) {
            match label.names() {
                Ok(names) => {
                    present.extend(classes.iter().map(|class| names.contains(class)));
                    said.extend((0..classes.len()).map(|class| scores.chosen.iter().any(|chosen| chosen.0 == class)));
                    foreign.extend(names.into_iter().filter(|name| classes.index_of(name).is_none()));
                }
                Err(error) => failed.push(Failed { path: label.to_string(), reason: error.to_string() }),
            }
        }
        let shape = (present.len() / classes.len(), classes.len());
        let (present, said) = (Array2::from_shape_vec(shape, present)?, Array2::from_shape_vec(shape, said)?);
        let metrics = per_label(present.view(), said.view());
        let measured = |value: f64| (shape.0 > 0).then_some(value);
        let f1: Vec<f64> = metrics.iter().filter(|metrics| metrics.count > 0).map(|metrics| metrics.f1).collect();
        let seconds = start.elapsed().as_secs_f64();
        let rows = classes.iter().cloned().zip(metrics);
        Ok(Self {
            samples: shape.0,
            trained_on: samples.trained_on,
            accuracy: measured(exact_match(present.view(), said.view())),
            macro_f1: measured(f1.iter().sum::<f64>() / f1.len().max(1) as f64),
            per_class: rows.map(|(label, metrics)| TagRow { label, metrics }).collect(),
            classes,
            foreign: Labels::distinct(&foreign),
            failed,
            seconds,
            images_per_second: scores.len() as f64 / seconds.max(1e-9),
        })
    }

    pub fn has_failures(&self) -> bool {
        !self.failed.is_empty()
    }

    pub fn text(&self) -> String {
        let rows = self.per_class.iter().map(|TagRow { label, metrics }| {
            let (precision, recall, f1) = (percent(metrics.precision), percent(metrics.recall), percent(metrics.f1));
            [label.to_string(), metrics.count.to_string(), precision, recall, f1]
        });
        let share = |share: Option<f64>| share.map_or_else(|| "-".to_owned(), percent);
        let mut parts = vec![
            table(["label", "pictures", "precision", "recall", "F1"], rows),
            format!(
                "{}: every label right {}, macro-F1 {}",
                count(self.samples, "picture"),
                share(self.accuracy),
                share(self.macro_f1)
            ),
        ];
        parts.extend(super::left_out(self.trained_on));
        let foreign: Vec<&str> = self.foreign.iter().map(Label::as_str).collect();
        if !foreign.is_empty() {
            parts.push(format!("labels the head does not know: {}", foreign.join(", ")));
        }
        parts.extend(not_used(&self.failed));
        parts.push(format!("{:.1} s, {:.0} pictures a second", self.seconds, self.images_per_second));
        parts.join("\n\n")
    }
}
