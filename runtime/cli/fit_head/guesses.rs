//! `fit-head --pseudo-labels`: pictures without a label, where a first head is sure of them.

use crate::cli::output::{count, percent};
use crate::head::{GuessReport, HeldOut};

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
