//! `fit-head --keep-classes`: new classes beside those of the backbone's own classifier.

use crate::head::KeptReport;
use crate::labels::Label;

/// What was kept, in words.
pub fn text(report: &KeptReport) -> String {
    let matched: Vec<&str> = report.matched.iter().map(Label::as_str).collect();
    let known = match matched.is_empty() {
        true => String::new(),
        false => format!("; known already, and taught from their rows on: {}", matched.join(", ")),
    };
    format!("beside {} classes of the backbone's own classifier{known}", report.classes)
}
