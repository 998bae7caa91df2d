//! What collecting did, in words.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::mem::discriminant;

use crate::cli::output::{count, table};
use crate::cli::remedy;
use crate::device::{CollectReport, Conflict, Poor};
use crate::labels::Label;
use crate::printable::{listed, printable};
use crate::sources::Remark;
use crate::store::Split;

/// So much of a long list is shown.
const SHOWN: usize = 10;

pub fn of(report: &CollectReport) -> String {
    let rows = report.labels.iter().map(|(label, number)| [label.clone(), number.to_string()]);
    let mut text = table(["label", "samples"], rows);
    text.push_str(&format!(
        "\n\n{} seen: {} stored, {} known already, {} failed; {:.1} s, {:.0} a second, backbone {} on {}",
        count(report.seen, "picture"),
        report.stored,
        report.duplicates,
        report.failed.len(),
        report.seconds,
        report.images_per_second,
        report.backbone,
        report.provider,
    ));
    for line in remarks(report) {
        text.push_str(&format!("\n{line}"));
    }
    for line in poor(&report.poor) {
        text.push_str(&format!("\n{line}"));
    }
    for failed in report.failed.iter().take(SHOWN) {
        text.push_str(&format!("\nnot used: `{}`: {}", printable(&failed.path), failed.reason));
    }
    if report.failed.len() > SHOWN {
        text.push_str(&format!("\nnot used: and {} more, which --json names", report.failed.len() - SHOWN));
    }
    text
}

fn remarks(report: &CollectReport) -> Vec<String> {
    let mut remarks = Vec::new();
    if report.views > 0 {
        remarks.push(format!("{} of them stored, to train with", count(report.views, "augmented view")));
    }
    if report.passed_over > 0 {
        let pictures = count(report.passed_over, "picture");
        remarks.push(format!("{pictures} passed over, since removed earlier: --again takes them all the same"));
    }
    if report.unfinished > 0 {
        let pictures = count(report.unfinished, "picture");
        remarks.push(format!("{pictures} not tried, since an earlier run ended in them: --again tries them"));
    }
    if !report.conflicts.is_empty() {
        remarks.push(format!(
            "{} known under another label, which stays: {}; `edgetl collect --sync FOLDER` makes the store follow the folder",
            count(report.conflicts.len(), "picture"),
            conflicts(&report.conflicts)
        ));
    }
    remarks.extend(other_splits(report));
    remarks.extend(labels(report));
    remarks.extend(of_sources(report));
    remarks
}

/// What there is to say of the sources; of each kind a few.
fn of_sources(report: &CollectReport) -> Vec<String> {
    let mut kinds: Vec<Vec<&Remark>> = Vec::new();
    for remark in &report.remarks {
        let same = |kind: &&mut Vec<&Remark>| discriminant(kind[0]) == discriminant(remark);
        match kinds.iter_mut().find(same) {
            Some(kind) => kind.push(remark),
            None => kinds.push(vec![remark]),
        }
    }
    let mut said = Vec::new();
    for kind in kinds {
        said.extend(kind.iter().take(SHOWN).map(|remark| match remedy::of_remark(remark) {
            Some(remedy) => format!("{remark}; {remedy}"),
            None => remark.to_string(),
        }));
        if kind.len() > SHOWN {
            said.push(format!("and {} more of this kind, which --json names", kind.len() - SHOWN));
        }
    }
    said
}

/// How many pictures have which fault, and a few of them by name.
fn poor(poor: &[Poor]) -> Vec<String> {
    if poor.is_empty() {
        return Vec::new();
    }
    let mut counts = BTreeMap::new();
    poor.iter().for_each(|poor| *counts.entry(poor.fault.name()).or_insert(0) += 1);
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, number)| Reverse(*number));
    let faults: Vec<String> = counts.iter().map(|(name, number)| format!("{number} {name}")).collect();
    let (pictures, are) = (count(poor.len(), "picture"), if poor.len() == 1 { "is" } else { "are" });
    let mut said = vec![format!(
        "{pictures} {are} poor: {}; stored all the same: `edgetl samples remove --source PATH` takes out what shows too little",
        faults.join(", ")
    )];
    said.extend(poor.iter().take(SHOWN).map(|poor| format!("poor: `{}`: {}", printable(&poor.path), poor.fault)));
    if poor.len() > SHOWN {
        said.push(format!("poor: and {} more, which --json names", poor.len() - SHOWN));
    }
    said
}

fn conflicts(conflicts: &[Conflict]) -> String {
    let mut said: Vec<String> = conflicts.iter().take(SHOWN).map(conflict).collect();
    if conflicts.len() > SHOWN {
        said.push(format!("and {} more, which --json names", conflicts.len() - SHOWN));
    }
    said.join(", ")
}

fn conflict(conflict: &Conflict) -> String {
    let name =
        |label: &Option<Label>| label.as_ref().map_or_else(|| "no label".to_owned(), |label| format!("`{label}`"));
    let path = std::path::Path::new(&conflict.path)
        .file_name()
        .map_or(conflict.path.as_str().into(), |name| name.to_string_lossy());
    format!("`{}` is {}, not {}", printable(&path), name(&conflict.kept), name(&conflict.offered))
}

fn other_splits(report: &CollectReport) -> Vec<String> {
    let (training, held_out): (Vec<_>, Vec<_>) =
        report.other_splits.iter().partition(|other| other.kept == Split::Train.as_str());
    let mut said = Vec::new();
    if !training.is_empty() {
        let pictures = count(training.len(), "picture");
        said.push(format!(
            "{pictures} both for training and held out: they train, and measure nothing; hold other pictures out"
        ));
    }
    if !held_out.is_empty() {
        let pictures = count(held_out.len(), "picture");
        said.push(format!("{pictures} stored for another split than they came for now, which stays"));
    }
    said
}

fn labels(report: &CollectReport) -> Vec<String> {
    let mut said = Vec::new();
    let names = |labels: &[Label]| labels.iter().map(Label::to_string).collect::<Vec<_>>();
    if !report.only_held_out.is_empty() {
        let labels = listed(&names(&report.only_held_out), SHOWN);
        said.push(format!("held out only, so that nothing is learned of it: {labels}"));
    }
    let alike: Vec<String> = report.alike.iter().map(|labels| names(labels).join(" / ")).collect();
    if !alike.is_empty() {
        let alike = listed(&alike, SHOWN);
        said.push(format!("labels that are perhaps one: {alike}; `edgetl samples merge FROM INTO` makes them one"));
    }
    said
}
