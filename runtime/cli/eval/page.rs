//! `eval --report`: the page of a head on pictures that it was not fitted on.

use std::path::Path;

use ndarray::Array2;

use super::measured::Measured;
use super::{Samples, left_out};
use crate::cli::context::Context;
use crate::cli::output::{interval, percent};
use crate::cli::remedy::OrRemedy as _;
use crate::cli::report::{Shown, origin, watched, worst, write};
use crate::dataset::SampleId;
use crate::head::Answers;
use crate::metrics::{Confusion, ece, wilson_interval};
use crate::page::Page;
use crate::store::HeadVersion;

/// Writes what was measured on those of `samples` whose class the head knows.
pub fn write_page(
    measured: &Measured,
    (samples, version): (&Samples, HeadVersion),
    file: &Path,
    context: &Context,
) -> anyhow::Result<()> {
    let answers = answers(measured)?;
    let left_out = left_out(samples.trained_on).map_or_else(String::new, |said| format!(" {said}."));
    let store = context.device().existing_store().ok();
    let shown = |place: SampleId| {
        let place = place.0 as usize;
        let stored = samples.stored[place].zip(store.as_ref());
        let thumbnail = stored.and_then(|(id, store)| store.thumbnail(id).ok().flatten());
        Shown { path: samples.paths[place].clone(), thumbnail }
    };
    let report = measured.head.report();
    let backbone = context.device().backbones().name_of(&measured.head.fingerprint()).or_remedy()?;
    let page = Page {
        title: format!("{} head on {} pictures", report.head, answers.ids.len()),
        subtitle: format!(
            "Pictures that are not among those stored to train with.{left_out} The head was fitted on {} pictures of {} \
             classes.",
            report.samples,
            report.classes().len()
        ),
        figures: figures(&answers),
        answers: &answers,
        candidates: &[],
        curve: None,
        projection: None,
        training: None,
        watched: watched(report, &answers.labels).map(|(class, _)| (class, None)),
        origin: origin(format!("head {version}"), &backbone, context),
        map: None,
        worst: worst(&answers, &shown, context),
    };
    write(&page, file)
}

/// The answers on samples of known classes; the id of each is its place among all.
fn answers(measured: &Measured) -> anyhow::Result<Answers> {
    let labels = measured.head.labels();
    let known = measured.labels.iter().enumerate().filter_map(|(at, label)| Some((at, labels.index_of(label)?)));
    let (places, truth): (Vec<usize>, Vec<_>) = known.unzip();
    let flat: Vec<f32> = places.iter().flat_map(|&at| measured.scores[at].probabilities.iter().copied()).collect();
    let probabilities = Array2::from_shape_vec((places.len(), labels.len()), flat)?;
    let ids = places.into_iter().map(|at| SampleId(at as i64)).collect();
    let groups = (0..truth.len() as u32).collect();
    Ok(Answers { labels: labels.clone(), ids, truth, groups, probabilities })
}

fn figures(answers: &Answers) -> Vec<(&'static str, String)> {
    if answers.truth.is_empty() {
        return Vec::new();
    }
    let confusion = Confusion::new(answers.labels.len(), &answers.truth, &answers.predicted());
    vec![
        ("right", interval(confusion.accuracy(), Some(wilson_interval(confusion.right(), answers.truth.len())))),
        ("mean of classes", percent(confusion.balanced_accuracy())),
        ("macro-F1", percent(confusion.macro_f1())),
        ("calibration error", percent(ece(answers.probabilities.view(), &answers.truth))),
        ("pictures", answers.truth.len().to_string()),
        ("classes", answers.labels.len().to_string()),
    ]
}
