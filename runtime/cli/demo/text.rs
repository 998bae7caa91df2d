//! What the demo says: what happened, how good it is, and what to do next.

use std::path::Path;

use super::Report;
use crate::cli::output::{count, percent};
use crate::demo::Shape;
use crate::printable::printable;

/// `kept`: where pictures and state are, if they stay.
pub fn of(report: &Report, kept: Option<&Path>) -> String {
    let right = report.accuracy.map_or_else(|| "-".to_owned(), percent);
    format!(
        "edgetl learned {} shapes ({})\n\
         from {} that it drew, and names {right} of {} others right.\n\n\
         {}\n\n\
         {} gave the features, on {}; it stays as it is.\n\
         A head of the same kind on bare pixels names {} right; guessing, {}.\n\n\
         Next:\n{}",
        report.classes,
        Shape::ALL.map(Shape::name).join(", "),
        count(report.training, "picture"),
        report.test,
        steps(report),
        report.backbone,
        match report.provider.as_str() {
            "tract" => "tract",
            "cpu" => "ONNX Runtime",
            gpu => gpu,
        },
        percent(report.pixel_accuracy),
        percent(1.0 / report.classes as f64),
        next(report, kept).join("\n")
    )
}

fn steps(report: &Report) -> String {
    let done = |step: &str| match step {
        "draw" => format!("{} drawn", count(report.training + report.test, "picture")),
        "collect" => format!("{} through the backbone, once", report.training),
        "fit" => "a head chosen, fitted and measured".to_owned(),
        _ => format!("{} other pictures named", report.test),
    };
    let line = |what: String, seconds: f64, command: &str| {
        format!("  {what:<36}{seconds:>6.2} s   {command}").trim_end().to_owned()
    };
    let steps = report.steps.iter().map(|step| line(done(step.step), step.seconds, &step.command));
    let comparing = report.seconds - report.steps.iter().map(|step| step.seconds).sum::<f64>();
    let rest = [
        line("a head on bare pixels, to compare".to_owned(), comparing, ""),
        line("in all".to_owned(), report.seconds, ""),
    ];
    steps.chain(rest).collect::<Vec<_>>().join("\n")
}

/// Three things to do, with their commands.
fn next(report: &Report, kept: Option<&Path>) -> Vec<String> {
    let predict = kept.map(|folder| {
        let folder = folder.to_string_lossy();
        let folder = printable(&folder);
        ("ask about one of the drawings", format!("edgetl --state {folder}/state predict {folder}/test/star/000.png"))
    });
    let faster = (report.provider == "tract")
        .then(|| ("two to four times as fast, with ONNX Runtime", "edgetl doctor --install-onnxruntime".to_owned()));
    let all = [
        predict,
        Some(("your own pictures, in a folder for each class", "edgetl collect FOLDER && edgetl fit-head".to_owned())),
        Some(("a larger backbone, which sees more", "edgetl backbone fetch --list".to_owned())),
        faster,
        Some(("answer over HTTP", "edgetl serve".to_owned())),
    ];
    let lines = all.into_iter().flatten().take(3);
    lines.map(|(what, command)| format!("  {what}:\n    {command}")).collect()
}
