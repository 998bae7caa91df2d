//! How a perceptron was trained: losses, gradient norms, the learning rate and how it was found.

use maud::{Markup, html};

use super::plot::{Axis, Plot, Series, Stroke};
use super::wide;
use crate::head::{Epoch, TrainingReport};

/// Plots of what was measured at each epoch, and the settings that came of it.
pub fn training(report: &TrainingReport) -> Markup {
    let facts = format!(
        "{} hidden values, {} pictures to learn from, {} held back to stop by; of {} epochs the weights after {} were kept, \
         at a learning rate of {:.1e}.",
        report.width,
        report.samples,
        report.validation_samples,
        report.epochs.len(),
        report.kept_epoch + 1,
        report.learning_rate
    );
    let mut plots = vec![losses(report), gradients(report), rates(report)];
    plots.extend(report.finder.as_ref().map(|finder| {
        let points = finder.points.iter().map(|point| (point.rate, point.loss)).collect();
        let (x, y) = (Axis::logarithmic("learning rate"), Axis::plain("loss"));
        ("Learning-rate finder", x, y, vec![line("loss", 0, points)])
    }));
    wide(
        "How it was trained",
        html! {
            p.quiet { (facts) }
            div.charts {
                @for (title, x, y, series) in plots {
                    div { h3 { (title) } (Plot { description: title.to_owned(), x, y, series }.figure()) }
                }
            }
        },
    )
}

type TitledPlot = (&'static str, Axis, Axis, Vec<Series>);

/// The values of `of` over the epochs, counted from 1; what was not measured is left out.
fn over_epochs(report: &TrainingReport, of: impl Fn(&Epoch) -> Option<f64>) -> Vec<(f64, f64)> {
    let epochs = report.epochs.iter().enumerate();
    epochs.filter_map(|(number, epoch)| Some(((number + 1) as f64, of(epoch)?))).collect()
}

fn line(name: &str, colour: usize, points: Vec<(f64, f64)>) -> Series {
    let stroke = if points.len() > 30 { Stroke::Line } else { Stroke::Marked };
    Series::new(name, stroke, colour, points)
}

fn losses(report: &TrainingReport) -> TitledPlot {
    let mut series = vec![line("training", 0, over_epochs(report, |epoch| Some(epoch.training_loss)))];
    let validation = over_epochs(report, |epoch| epoch.validation_loss);
    if !validation.is_empty() {
        series.push(line("held back", 1, validation));
    }
    ("Loss", Axis::plain("epoch"), Axis::plain("loss"), series)
}

fn gradients(report: &TrainingReport) -> TitledPlot {
    let layers = report.layers.iter().enumerate();
    let series = layers
        .map(|(layer, name)| line(name, layer, over_epochs(report, |epoch| epoch.gradient_norms.get(layer).copied())));
    ("Gradient norms, by layer", Axis::plain("epoch"), Axis::logarithmic("norm"), series.collect())
}

fn rates(report: &TrainingReport) -> TitledPlot {
    let series = vec![line("learning rate", 0, over_epochs(report, |epoch| Some(epoch.rate)))];
    ("Learning rate", Axis::plain("epoch"), Axis::logarithmic("rate"), series)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::head::{FinderPoint, RateFinder};

    fn report(validation_loss: Option<f64>) -> TrainingReport {
        let epoch =
            |loss: f64| Epoch { rate: 0.1, training_loss: loss, validation_loss, gradient_norms: vec![loss, 1.0] };
        TrainingReport {
            width: 16,
            learning_rate: 1e-3,
            samples: 40,
            validation_samples: 0,
            layers: vec!["hidden".into(), "<output>".into()],
            epochs: vec![epoch(2.0), epoch(1.0)],
            kept_epoch: 1,
            finder: None,
        }
    }

    #[test]
    fn every_series_of_a_training_is_drawn_under_its_name() {
        let html = training(&report(Some(3.0))).into_string();
        for part in
            ["Loss", "held back", "Gradient norms", "hidden", "&lt;output&gt;", "Learning rate", "after 2 were kept"]
        {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(!html.contains("finder"));
        assert!(!training(&report(None)).into_string().contains("held back</li>"));
    }

    #[test]
    fn the_curve_that_a_rate_was_read_from_is_drawn() {
        let points = vec![FinderPoint { rate: 1e-4, loss: 2.0 }, FinderPoint { rate: 1e-3, loss: 1.0 }];
        let found = TrainingReport { finder: Some(RateFinder { points, chosen: 1e-4 }), ..report(None) };
        assert!(training(&found).into_string().contains("Learning-rate finder"));
    }
}
