//! `fit-head --report`: the page of a fitted head.

use std::collections::HashMap;
use std::path::Path;

use super::map::store_map;
use super::{Args, Report};
use crate::advice::{learning_curve, project};
use crate::cli::context::Context;
use crate::cli::output::{interval, percent};
use crate::cli::report::{Shown, origin, watched, worst, write};
use crate::dataset::{Dataset, SampleId};
use crate::head::{Answers, FitOptions, FitReport, HeadArtifact, HeadKind};
use crate::page::Page;
use crate::store::{Filter, Store};

/// The accuracy that the learning curve is extrapolated to.
const TARGET: f64 = 0.95;

/// What the page is made from, beside the report.
pub struct PageInputs<'a> {
    /// Without augmented views: they are no pictures more.
    pub pictures: &'a Dataset,
    pub answers: &'a Answers,
    pub head: &'a HeadArtifact,
    pub store: &'a Store,
    pub args: &'a Args,
}

impl PageInputs<'_> {
    pub fn write(&self, report: &Report, path: &Path, context: &Context) -> anyhow::Result<()> {
        let fit = report.fit;
        let measured = !self.answers.ids.is_empty();
        // A perceptron is trained too slowly to be trained for every point of a curve.
        let kind = if fit.head.is_linear() { fit.head } else { HeadKind::Ridge };
        let earlier_maps = fit.earlier_maps.as_ref().map(|earlier| earlier.used);
        let options = FitOptions { earlier_maps, ..self.args.options() };
        let curve = if measured { Some(learning_curve(self.pictures, kind, &options)?) } else { None };
        let counts = self.pictures.class_counts();
        let projection = curve.as_ref().and_then(|curve| project(curve, &counts, TARGET, options.seed));
        let rows = self.store.samples(&Filter::default())?;
        let paths: HashMap<SampleId, &str> = rows.iter().map(|row| (row.id, row.source.as_str())).collect();
        let shown = |id| Shown {
            path: paths.get(&id).copied().unwrap_or_default().to_owned(),
            thumbnail: self.store.thumbnail(id).ok().flatten(),
        };
        let version = report.version.map_or_else(|| "Unpublished head".to_owned(), |version| format!("Head {version}"));
        let page = Page {
            title: format!("{version}: {}", names(fit)),
            subtitle: format!(
                "A {} head on {} features of {}. Every picture was judged by heads that had not seen it, in {} folds.",
                fit.head,
                fit.dim,
                report.backbone,
                fit.cv().folds
            ),
            figures: figures(fit),
            answers: self.answers,
            candidates: &fit.candidates,
            curve: curve.as_ref(),
            projection: projection.as_ref(),
            training: fit.training.as_ref(),
            watched: watched(fit, &self.answers.labels),
            origin: origin(version.to_lowercase(), report.backbone, context),
            map: Some(store_map(self.pictures, self.head, &options, &shown)?),
            worst: worst(self.answers, &shown, context),
        };
        write(&page, path)
    }
}

/// The classes, as far as a title holds them.
fn names(fit: &FitReport) -> String {
    let labels: Vec<&str> = fit.classes().iter().take(6).map(|label| label.as_str()).collect();
    let more = fit.classes().len().saturating_sub(labels.len());
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", labels.join(", "))
}

fn figures(fit: &FitReport) -> Vec<(&'static str, String)> {
    let optional = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), percent);
    vec![
        (
            "right, held out",
            fit.cv().accuracy.map_or("–".to_owned(), |right| interval(right, fit.cv().accuracy_interval)),
        ),
        ("mean of classes", optional(fit.cv().balanced_accuracy)),
        ("macro-F1", optional(fit.cv().macro_f1)),
        ("calibration error", optional(fit.cv().ece)),
        ("pictures", fit.samples.to_string()),
        ("classes", fit.classes().len().to_string()),
        ("may be called unknown", optional(fit.unknown.false_reject)),
    ]
}
