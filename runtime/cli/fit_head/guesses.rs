//! `fit-head --pseudo-labels`: pictures without a label, where a first head is sure of them.

use super::MORE;
use crate::cli::failure::{OrHint, failure};
use crate::cli::output::{count, percent};
use crate::dataset::{Dataset, Unlabelled};
use crate::head::{FitOptions, GuessReport, HeadArtifact, HeldOut, fit_with_guesses};

pub fn fit(
    dataset: &Dataset,
    unlabelled: &Unlabelled,
    options: &FitOptions,
    confidence: f64,
) -> anyhow::Result<HeadArtifact> {
    if unlabelled.ids.is_empty() {
        return Err(failure(
            "expected stored pictures without a label, got none",
            "collect some: edgetl collect --unlabelled FOLDER; or fit without --pseudo-labels",
        ));
    }
    fit_with_guesses(dataset, unlabelled, options, confidence).or_hint(MORE)
}

/// What guessing did, in words.
pub fn text(report: &GuessReport) -> String {
    let taken: usize = report.taken.iter().map(|class| class.count).sum();
    let classes: Vec<String> = report.taken.iter().map(|class| format!("{} {}", class.label, class.count)).collect();
    let shown = |held_out: &HeldOut| held_out.accuracy.map_or_else(|| "-".to_owned(), percent);
    let verdict = if report.used { "learned from" } else { "not learned from: no better" };
    format!(
        "{} of {} without a label are sure enough (at least {}, and their neighbours agree): {}\n\
         held-out accuracy without them {}, with them {}: {verdict}",
        taken,
        count(report.unlabelled, "picture"),
        percent(report.confidence),
        classes.join(", "),
        shown(&report.without),
        shown(&report.with),
    )
}
