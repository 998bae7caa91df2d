//! How a head was trained, drawn from whatever series of numbers its report has.

use std::collections::BTreeMap;

use maud::{Markup, html};
use serde_json::{Map, Value};

use super::plot::{Axis, Plot, Series, Stroke};
use super::wide;

/// Names under which a list of records keeps what its numbers were measured at.
const STEPS: [&str; 4] = ["epoch", "step", "iteration", "batch"];
const RATES: [&str; 3] = ["learning_rate", "rate", "lr"];
/// As many lines as a plot can carry.
const LINES: usize = 4;

/// What a series is about; each has a plot of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Topic {
    Loss,
    Gradients,
    Rate,
    /// Loss by learning rate.
    Finder,
    Other,
}

struct Found {
    topic: Topic,
    name: String,
    points: Vec<(f64, f64)>,
}

/// One plot for losses, gradient norms, learning rates, the learning-rate finder and the rest; below them what is a
/// single value.
pub fn training(report: &Value) -> Markup {
    let mut found = Vec::new();
    search(report, "", &mut found);
    name_layers(report, &mut found);
    let mut topics = BTreeMap::<Topic, Vec<Found>>::new();
    for series in found.into_iter().filter(|series| series.points.len() > 1) {
        topics.entry(series.topic).or_default().push(series);
    }
    let mut single = Vec::new();
    values(report, "", &mut single);
    if topics.is_empty() && single.is_empty() {
        return html! {};
    }
    wide(
        "How it was trained",
        html! {
            @if !single.is_empty() {
                p.quiet { @for (number, (name, value)) in single.iter().enumerate() { @if number > 0 { ", " } (words(name)) " " (value) } }
            }
            div.charts {
                @for (topic, found) in &topics {
                    @for lines in found.chunks(LINES) { div { h3 { (topic.title()) } (plot(*topic, lines).figure()) } }
                }
            }
        },
    )
}

/// Gradients that are numbered take the names in the report's list of layers.
fn name_layers(report: &Value, found: &mut [Found]) {
    let layers: Vec<&str> = report["layers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    for series in found.iter_mut().filter(|series| series.topic == Topic::Gradients) {
        let number = series.name.rsplit('.').next().and_then(|number| number.parse::<usize>().ok());
        if let Some(layer) = number.and_then(|number| layers.get(number.checked_sub(1)?)) {
            (*layer).clone_into(&mut series.name);
        }
    }
}

/// What is a single value, at any depth of records.
fn values(report: &Value, name: &str, single: &mut Vec<(String, String)>) {
    let text = match report {
        Value::Object(fields) => {
            return fields.iter().for_each(|(field, value)| values(value, &joined(name, field), single));
        }
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Array(_) | Value::Null => return,
    };
    single.push((name.to_owned(), text));
}

fn plot(topic: Topic, lines: &[Found]) -> Plot {
    let series = lines.iter().enumerate().map(|(colour, found)| {
        let stroke = if found.points.len() > 30 { Stroke::Line } else { Stroke::Marked };
        Series::new(words(&found.name), stroke, colour, found.points.clone())
    });
    let (x, y) = match topic {
        Topic::Loss => (Axis::plain("epoch"), Axis::plain("loss")),
        Topic::Gradients => (Axis::plain("epoch"), Axis::logarithmic("norm")),
        Topic::Rate => (Axis::plain("epoch"), Axis::logarithmic("rate")),
        Topic::Finder => (Axis::logarithmic("learning rate"), Axis::plain("loss")),
        Topic::Other => (Axis::plain("epoch"), Axis::plain("value")),
    };
    Plot { description: topic.title().to_owned(), x, y, series: series.collect() }
}

impl Topic {
    fn of(name: &str) -> Self {
        let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
        match () {
            () if has(&["grad"]) => Self::Gradients,
            () if has(&["finder", "find", "curve"]) => Self::Finder,
            () if has(&["loss", "nll"]) => Self::Loss,
            () if RATES.iter().any(|rate| name.ends_with(rate)) => Self::Rate,
            () => Self::Other,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Loss => "Loss",
            Self::Gradients => "Gradient norms, by layer",
            Self::Rate => "Learning rate",
            Self::Finder => "Learning-rate finder",
            Self::Other => "Other",
        }
    }
}

/// `gradient_norms.hidden` as `gradient norms hidden`.
fn words(name: &str) -> String {
    name.replace(['_', '.'], " ")
}

fn search(value: &Value, name: &str, found: &mut Vec<Found>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(field, value)| search(value, &joined(name, field), found)),
        Value::Array(items) if items.iter().all(Value::is_number) => {
            let points = items.iter().enumerate().filter_map(|(at, item)| Some(((at + 1) as f64, item.as_f64()?)));
            add(name, points.collect(), found);
        }
        Value::Array(items) if items.iter().all(is_pair) => {
            let points = items.iter().filter_map(|pair| Some((pair[0].as_f64()?, pair[1].as_f64()?))).collect();
            found.push(Found { topic: Topic::Finder, name: name.to_owned(), points });
        }
        Value::Array(items) => records(items, name, found),
        _ => {}
    }
}

fn is_pair(value: &Value) -> bool {
    value.as_array().is_some_and(|pair| pair.len() == 2 && pair.iter().all(Value::is_number))
}

fn add(name: &str, points: Vec<(f64, f64)>, found: &mut Vec<Found>) {
    found.push(Found { topic: Topic::of(name), name: name.to_owned(), points });
}

fn joined(name: &str, field: &str) -> String {
    if name.is_empty() { field.to_owned() } else { format!("{name}.{field}") }
}

/// A list of objects: one series for each number that they hold, at any depth.
fn records(items: &[Value], name: &str, found: &mut Vec<Found>) {
    let records: Vec<&Map<String, Value>> = items.iter().filter_map(Value::as_object).collect();
    let Some(first) = records.first() else { return };
    let key = |names: &[&'static str]| names.iter().copied().find(|name| first.contains_key(*name));
    // In a learning-rate finder the rate is what the rest was measured at; elsewhere it is one more series.
    let finder = Topic::of(name) == Topic::Finder;
    let at = if finder { key(&RATES).or(key(&STEPS)) } else { key(&STEPS) };
    let mut series = BTreeMap::<String, Vec<(f64, f64)>>::new();
    for (number, record) in records.iter().enumerate() {
        let x = at.and_then(|at| record.get(at)?.as_f64()).unwrap_or((number + 1) as f64);
        let fields = record.iter().filter(|(field, _)| Some(field.as_str()) != at);
        fields.for_each(|(field, value)| {
            numbers(value, field.clone(), &mut |name, y| {
                series.entry(name).or_default().push((x, y));
            })
        });
    }
    for (field, points) in series {
        let topic = if finder { Topic::Finder } else { Topic::of(&field) };
        found.push(Found { topic, name: field, points });
    }
}

/// Every number in `value` with its name.
fn numbers(value: &Value, name: String, give: &mut impl FnMut(String, f64)) {
    match value {
        Value::Number(number) => number.as_f64().into_iter().for_each(|number| give(name.clone(), number)),
        Value::Array(items) => {
            for (number, item) in items.iter().enumerate() {
                numbers(item, joined(&name, &(number + 1).to_string()), give);
            }
        }
        // A layer's record names it.
        Value::Object(fields) => {
            for (field, value) in fields {
                numbers(value, joined(&name, field), give);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn found(report: &Value) -> Vec<(String, Vec<(f64, f64)>)> {
        let mut found = Vec::new();
        search(report, "", &mut found);
        found.into_iter().map(|found| (found.name, found.points)).collect()
    }

    #[test]
    fn lists_of_numbers_and_of_records_become_series() {
        let report = json!({
            "epochs": [
                {"epoch": 1, "train_loss": 2.0, "gradient_norms": {"hidden": 0.5, "output": 0.25}},
                {"epoch": 2, "train_loss": 1.0, "gradient_norms": {"hidden": 0.4, "output": 0.2}},
            ],
            "validation_loss": [3.0, 2.5],
            "best_epoch": 2,
        });
        let found = found(&report);
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["gradient_norms.hidden", "gradient_norms.output", "train_loss", "validation_loss"]);
        assert_eq!(found[2].1, [(1.0, 2.0), (2.0, 1.0)]);
        assert_eq!(found[3].1, [(1.0, 3.0), (2.0, 2.5)]);
    }

    #[test]
    fn numbered_gradients_take_the_names_of_the_layers() {
        let epoch = |loss: f64| json!({"rate": 0.1, "training_loss": loss, "validation_loss": null, "gradient_norms": [loss, 1.0]});
        let html =
            training(&json!({"layers": ["hidden", "<output>"], "epochs": [epoch(2.0), epoch(1.0)]})).into_string();
        for part in ["Loss", "training loss", "Gradient norms", "hidden", "&lt;output&gt;", "Learning rate"] {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(!html.contains("finder"));
    }

    #[test]
    fn a_finder_has_its_losses_over_the_rates() {
        let found = found(&json!({"finder": [{"rate": 1e-4, "loss": 2.0}, {"rate": 1e-3, "loss": 1.0}]}));
        assert_eq!(found, [("loss".to_owned(), vec![(1e-4, 2.0), (1e-3, 1.0)])]);
        let html = training(&json!({"finder": [[1e-4, 2.0], [1e-3, 1.0]], "reason": "<early>"})).into_string();
        assert!(html.contains("Learning-rate finder") && html.contains("&lt;early&gt;"), "{html}");
    }
}
