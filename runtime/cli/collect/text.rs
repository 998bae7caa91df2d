//! What collecting did, in words.

use crate::cli::output::{count, table};
use crate::device::CollectReport;
use crate::printable::printable;

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
    for failed in &report.failed {
        text.push_str(&format!("\nnot used: `{}`: {}", printable(&failed.path), failed.reason));
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
            "{} known under another label, which stays: `edgetl samples relabel` changes it",
            count(report.conflicts.len(), "picture")
        ));
    }
    remarks
}
