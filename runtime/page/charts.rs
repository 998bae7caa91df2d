//! Calibration, precision by recall, and learning curve.

use maud::{Markup, html};

use super::plot::{Axis, Plot, Series, Stroke};
use super::section;
use crate::advice::{LearningCurve, Projection};
use crate::head::Answers;
use crate::labels::ClassIndex;
use crate::metrics::{calibration_bins, ece};

/// Fewer than for the error itself, so that each has pictures enough to be seen.
const BINS: usize = 10;

/// How often it is right when it is so sure.
pub fn calibration(answers: &Answers) -> Markup {
    let bins = calibration_bins(answers.probabilities.view(), &answers.truth, BINS);
    let filled = || bins.iter().filter(|bin| bin.count > 0);
    let points = filled().map(|bin| (bin.confidence, bin.accuracy)).collect();
    let honest = Series::new("honest", Stroke::Dashed, 1, vec![(0.0, 0.0), (1.0, 1.0)]);
    let measured = Series {
        weights: filled().map(|bin| bin.count as f64).collect(),
        ..Series::new("measured; larger points stand for more pictures", Stroke::Marked, 0, points)
    };
    let error = ece(answers.probabilities.view(), &answers.truth);
    let plot = Plot {
        description: format!("Accuracy by confidence; the calibration error is {error:.3}"),
        x: Axis::percent("how sure it is", 0.0..1.0),
        y: Axis::percent("how often it is right", 0.0..1.0),
        series: vec![honest, measured],
    };
    let caption = format!(
        "Calibration error {:.1} %: by so much do certainty and accuracy differ on average. Points above the dashed line \
         are pictures of which it is too modest, points below of which it is too sure.",
        error * 100.0
    );
    section("How far its certainty can be trusted", html! { (plot.figure()) p.quiet { (caption) } })
}

/// What finding more pictures of one class costs in false alarms; the point in use is `chosen`, of recall and precision.
pub fn precision_recall(answers: &Answers, class: ClassIndex, chosen: Option<(f64, f64)>) -> Markup {
    let curve = answers.precision_recall(class);
    if curve.is_empty() {
        return html! {};
    }
    let label = answers.labels.get(class).expect("one label a class");
    let points = curve.iter().map(|point| (point.recall, point.precision)).collect();
    let mut series = vec![Series::new(format!("thresholds on the probability of {label}"), Stroke::Line, 0, points)];
    series.extend(chosen.map(|point| Series::new("as this head decides", Stroke::Marked, 1, vec![point])));
    let plot = Plot {
        description: format!("Precision by recall of {label}"),
        x: Axis::percent("of its pictures are found", 0.0..1.0),
        y: Axis::percent("right when it is said", 0.0..1.0),
        series,
    };
    let caption =
        "Finding more takes more false alarms: `edgetl heads decide --recall` and `--precision` choose the point.";
    section(&format!("How much of {label} is found"), html! { (plot.figure()) p.quiet { (caption) } })
}

/// Accuracy by the number of pictures, measured and extrapolated.
pub fn learning_curve(curve: &LearningCurve, projection: Option<&Projection>) -> Markup {
    if curve.points.len() < 2 {
        return html! {};
    }
    let points: Vec<(f64, f64)> = curve.points.iter().map(|point| (point.pictures, point.accuracy)).collect();
    let mut series = Vec::new();
    if let Some(projection) = projection {
        series.extend(extrapolated(points[points.len() - 1], projection));
    }
    series.push(Series::new("measured", Stroke::Marked, 0, points));
    let lowest = series.iter().flat_map(|series| &series.points).map(|point| point.1).fold(1.0, f64::min);
    let plot = Plot {
        description: "Accuracy by the number of pictures of a class".into(),
        x: Axis::plain("pictures of a class learned from"),
        y: Axis::percent("right", (lowest * 10.0 - 0.2).floor().max(0.0) / 10.0..1.0),
        series,
    };
    let caption =
        format!("Measured with {} heads on a quarter, half, three quarters and all of the pictures.", curve.head);
    section("What more pictures bring", html! { (plot.figure()) p.quiet { (caption) } })
}

fn extrapolated(last: (f64, f64), projection: &Projection) -> [Series; 2] {
    let (pictures, now) = last;
    let ahead = [(2.0 * pictures, projection.doubled), (4.0 * pictures, projection.quadrupled)];
    let mut line = vec![(pictures, now)];
    line.extend(ahead.map(|(pictures, interval)| (pictures, interval.middle)));
    let mut band = vec![(pictures, now)];
    band.extend(ahead.map(|(pictures, interval)| (pictures, interval.low)));
    band.extend(ahead.iter().rev().map(|(pictures, interval)| (*pictures, interval.high)));
    [
        Series::new("likely, four times in five", Stroke::Band, 1, band),
        Series::new("extrapolated", Stroke::Dashed, 1, line),
    ]
}
