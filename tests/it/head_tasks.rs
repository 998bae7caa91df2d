//! Heads for numbers and for several labels a picture, fitted and used as a user does; and heads from before there were
//! tasks.

use crate::common::{Device, backbone};
use edgetl::dataset::{Dataset, DatasetParts};
use edgetl::head::{
    FitError, FitOptions, HeadArtifact, HeadChoice, HeadError, HeadKind, NamesReport, NumbersReport, Outputs, Task,
    TaskReport, fit,
};
use edgetl::labels::{Label, Labels};
use edgetl::tensor::Features;
use ndarray::Array2;
use predicates::prelude::*;
use predicates::str::contains;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

fn options(task: Task, kind: HeadKind) -> FitOptions {
    FitOptions { task, head: HeadChoice::Only(kind), ..FitOptions::default() }
}

/// Random features within ±1, and labels made from each row of them.
fn labelled(samples: usize, channels: usize, label: impl Fn(ndarray::ArrayView1<f32>) -> String) -> Dataset {
    let mut rng = Pcg64::seed_from_u64(21);
    let features = Array2::from_shape_fn((samples, channels), |_| rng.random_range(-1f32..1.0));
    let each: Vec<Label> = features.rows().into_iter().map(|row| Label::new(&label(row)).unwrap()).collect();
    let labels = Labels::distinct(&each);
    let plain = crate::head_data::dataset(features.clone(), &vec![0; samples]);
    Dataset::new(DatasetParts {
        fingerprint: plain.fingerprint(),
        features,
        targets: each.iter().map(|label| labels.index_of(label).unwrap()).collect(),
        groups: plain.groups().to_vec(),
        ids: plain.ids().to_vec(),
        labels,
    })
    .unwrap()
}

/// 20 + 3 times the first channel less twice the second.
fn numbers(samples: usize) -> Dataset {
    labelled(samples, 6, |row| format!("{:.4}", 20.0 + 3.0 * row[0] - 2.0 * row[1]))
}

/// `red` where the first channel is above a half, `big` where the second is, both, or none.
fn tags(samples: usize) -> Dataset {
    labelled(samples, 5, |row| {
        let names: Vec<&str> = [(row[0] > 0.5, "red"), (row[1] > 0.5, "big")]
            .into_iter()
            .filter(|(is, _)| *is)
            .map(|(_, name)| name)
            .collect();
        if names.is_empty() { "none".to_owned() } else { names.join("+") }
    })
}

#[test]
fn numbers_are_learned_by_both_heads_and_measured_out_of_fold() {
    let samples = numbers(300);
    for (kind, rmse) in [(HeadKind::Ridge, 0.2), (HeadKind::Mlp, 0.8)] {
        let mut options = options(Task::Regression, kind);
        options.mlp.dropout = 0.0;
        options.mlp.epochs = 80;
        let head = fit(&samples, &options).unwrap();
        let report = head.report();
        let TaskReport::Numbers(NumbersReport { metrics: Some(measured), .. }) = report.task else { panic!("{kind}") };
        assert!(measured.rmse < rmse && measured.mae < measured.rmse && measured.r2 > 0.85, "{kind}: {measured:?}");
        assert_eq!(
            (report.cv().samples, report.classes().len(), report.candidates[0].rmse),
            (300, 0, Some(measured.rmse))
        );
        let read = HeadArtifact::from_bytes(&head.to_bytes()).unwrap();
        assert_eq!((read.outputs(), read.to_bytes()), (&Outputs::Value, head.to_bytes()));
        let values = read.values(&Features(samples.features().clone())).unwrap();
        let worst =
            values.iter().zip(samples.numbers().unwrap()).map(|(value, truth)| (f64::from(value.value) - truth).abs());
        assert!(worst.fold(0.0, f64::max) < 3.0 * rmse, "{kind}");
        assert!(values.iter().filter(|value| value.unknown).count() <= 30);
        let strange = read.values(&Features(-samples.features() * 0.0 + 9.0)).unwrap();
        assert!(strange[0].unknown_score.is_some());
    }
}

#[test]
fn ridge_regression_on_numbers_is_least_squares_when_hardly_penalised() {
    let samples = numbers(60);
    let options = FitOptions { penalties: Some(vec![1e-6]), ..options(Task::Regression, HeadKind::Ridge) };
    let head = fit(&samples, &options).unwrap();
    let linear = head.head().linear().expect("a ridge head");
    for (channel, expected) in [3.0, -2.0, 0.0, 0.0, 0.0, 0.0].into_iter().enumerate() {
        assert!((linear.weights[[0, channel]] - expected).abs() < 1e-3, "{}", linear.weights);
    }
    assert!((linear.bias[0] - 20.0).abs() < 1e-3);
}

#[test]
fn auto_prefers_ridge_where_the_perceptron_is_no_better() {
    let head = fit(&numbers(100), &FitOptions { task: Task::Regression, ..FitOptions::default() }).unwrap();
    assert_eq!((head.report().head, head.report().candidates.len()), (HeadKind::Ridge, 2));
}

#[test]
fn labels_that_are_no_numbers_and_heads_for_other_tasks_are_refused() {
    let refused = |samples: &Dataset, kind| fit(samples, &options(Task::Regression, kind)).unwrap_err();
    let error = refused(&labelled(4, 2, |row| if row[0] > 0.0 { "7".into() } else { "cat".into() }), HeadKind::Ridge);
    assert_eq!(error.to_string(), "expected labels that are numbers, got `cat`");
    let error = refused(&numbers(20), HeadKind::Lda);
    assert_eq!(error.to_string(), "expected ridge or mlp for regression, got lda");
    let error = refused(&labelled(4, 2, |_| "7".into()), HeadKind::Ridge);
    assert!(matches!(error, FitError::OneNumber(seven) if seven == 7.0));
    let head = fit(&numbers(20), &options(Task::Regression, HeadKind::Ridge)).unwrap();
    let error = head.predict(&Features(Array2::zeros((1, 6)))).unwrap_err();
    assert!(matches!(error, HeadError::Task { got: Task::Regression, .. }));
}

#[test]
fn several_labels_are_learned_each_with_its_threshold() {
    let samples = tags(400);
    for kind in [HeadKind::Softmax, HeadKind::Mlp] {
        let mut options = options(Task::Multilabel, kind);
        options.mlp.dropout = 0.1;
        options.mlp.epochs = 60;
        let head = fit(&samples, &options).unwrap();
        let report = head.report();
        assert_eq!(report.classes().iter().map(Label::as_str).collect::<Vec<_>>(), ["big", "red"]);
        assert!(
            report.cv().macro_f1.unwrap() > 0.85 && report.cv().accuracy.unwrap() > 0.8,
            "{kind}: {:?}",
            report.cv()
        );
        assert!(report.per_class().iter().all(|class| (60..160).contains(&class.count) && class.f1.unwrap() > 0.8));
        let TaskReport::Names(NamesReport { thresholds, .. }) = &report.task else { panic!("{kind}") };
        assert!(thresholds.len() == 2 && thresholds.iter().all(|threshold| (0.05..0.95).contains(threshold)));
        let read = HeadArtifact::from_bytes(&head.to_bytes()).unwrap();
        assert_eq!(read.to_bytes(), head.to_bytes());
        let features =
            Features(ndarray::array![[0.95, 0.95, 0., 0., 0.], [0.95, -0.9, 0., 0., 0.], [-0.9, -0.9, 0., 0., 0.]]);
        let scores = read.predict(&features).unwrap();
        let chosen = |row: usize| {
            let mut names: Vec<&str> =
                scores[row].chosen.iter().map(|class| read.labels().get(*class).unwrap().as_str()).collect();
            names.sort_unstable();
            names
        };
        assert_eq!((chosen(0), chosen(1), chosen(2)), (vec!["big", "red"], vec!["red"], vec![]), "{kind}");
        assert!(scores[2].unknown && !scores[0].unknown);
    }
}

#[test]
fn a_head_from_before_there_were_tasks_names_classes() {
    let bytes = include_bytes!("../fixtures/head/version_1.safetensors");
    let head = HeadArtifact::from_bytes(bytes).unwrap();
    assert_eq!((head.outputs(), head.report().task()), (&Outputs::Classes, Task::Classification));
    assert_eq!(head.labels().len(), 6);
    let scores = head.predict(&Features(Array2::ones((1, head.head().dim())))).unwrap();
    assert!((scores[0].probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    assert_eq!(scores[0].chosen, [scores[0].best()]);
}

/// A device whose pictures have the given labels in place of circle, cross, ring, square, star and triangle, with two more of
/// each in `others`.
fn relabelled(labels: [&str; 6]) -> Device {
    let device = Device::new();
    for (name, per_class, seed) in [("photos", 8, 0), ("others", 2, 900)] {
        rename_classes(&device.draw(name, per_class, seed), labels);
    }
    device.json(&["collect", "photos", "--backbone", backbone()]);
    device
}

fn rename_classes(photos: &std::path::Path, labels: [&str; 6]) {
    let mut folders: Vec<_> = std::fs::read_dir(photos).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    for (folder, label) in folders.iter().zip(labels) {
        std::fs::rename(folder, photos.join(format!("new {label}"))).unwrap();
    }
    for label in labels {
        std::fs::rename(photos.join(format!("new {label}")), photos.join(label)).unwrap();
    }
}

#[test]
fn a_device_learns_numbers_and_answers_with_them() {
    let device = relabelled(["0.5", "1", "2", "3", "4", "-1e1"]);
    let fitted = &device.json(&["fit-head", "--task", "regression"])[0];
    assert_eq!((fitted["task"].as_str(), fitted["classes"].as_array().unwrap().len()), (Some("regression"), 0));
    assert!(fitted["regression"]["rmse"].is_number() && fitted["regression"]["r2"].is_number());
    let predicted = &device.json(&["predict", "photos/4"])[0];
    assert!(predicted["value"].is_number() && predicted["unknown"].is_boolean() && predicted.get("label").is_none());
    let evaluated = &device.json(&["eval", "others"])[0];
    assert_eq!(evaluated["samples"], 12);
    for key in ["mae", "rmse", "r2"] {
        assert!(evaluated[key].is_number(), "{key} of {evaluated}");
    }
    device.edgetl(&["fit-head", "--task", "regression"]).assert().code(0).stdout(contains("root mean square"));
    device.edgetl(&["heads", "export", "--onnx", "x.onnx"]).assert().code(1).stderr(contains("got one for regression"));
    assert_eq!(device.json(&["heads", "show"])[0]["task"], "regression");
}

#[test]
fn a_label_that_is_no_number_is_named() {
    let device = Device::taught();
    let refused = device.edgetl(&["fit-head", "--task", "regression"]).assert().code(1);
    refused.stderr(contains("expected labels that are numbers, got `circle`").and(contains("hint:")));
}

#[test]
fn a_device_learns_several_labels_a_picture() {
    let device = relabelled(["round", "lines", "round+hollow", "corners", "corners+lines", "none"]);
    let fitted = &device.json(&["fit-head", "--task", "multilabel"])[0];
    assert_eq!(fitted["classes"], serde_json::json!(["corners", "hollow", "lines", "round"]));
    assert_eq!(fitted["multilabel"]["thresholds"].as_array().unwrap().len(), 4);
    let predicted = &device.json(&["predict", "photos/round+hollow"])[0];
    assert!(predicted["labels"].is_array() && predicted["top"].as_array().unwrap().len() == 4);
    let evaluated = &device.json(&["eval", "others"])[0];
    assert_eq!((evaluated["samples"].as_u64(), evaluated["per_class"].as_array().unwrap().len()), (Some(12), 4));
    assert!(evaluated["macro_f1"].as_f64().unwrap() > 0.2, "{evaluated}");
    device.edgetl(&["eval", "others", "--provider", "tract"]).assert().code(0).stdout(contains("every label right"));
}

#[test]
fn the_perceptrons_training_is_chosen_by_flags_and_reported() {
    let device = Device::taught();
    let flags = ["fit-head", "--head", "mlp", "--width", "12", "--lr", "find", "--epochs", "5"];
    let fitted = &device.json(&[&flags[..], &["--initialisation", "scaled"]].concat())[0];
    let training = &fitted["training"];
    assert_eq!((training["width"].as_u64(), training["epochs"].as_array().unwrap().len()), (Some(12), 5));
    assert_eq!(
        training["layers"].as_array().unwrap().len(),
        training["epochs"][0]["gradient_norms"].as_array().unwrap().len()
    );
    assert!(training["finder"]["points"].as_array().unwrap().len() > 10 && training["finder"]["chosen"].is_number());
    device.edgetl(&flags).assert().code(0).stdout(contains("learning rate"));
    device.edgetl(&["fit-head", "--lr", "fast"]).assert().code(2);
    device.edgetl(&["fit-head", "--head", "mlp", "--dropout", "1"]).assert().code(1).stderr(contains("a dropout"));
}

#[test]
fn a_flag_that_is_gone_says_what_replaced_it() {
    let device = Device::new();
    for (flags, instead) in [
        (&["--update"][..], "fit again"),
        (&["--select", "auto"], "every head looks at all channels"),
        (&["--optimizer", "sgd"], "Adam"),
        (&["--schedule", "constant"], "cosine"),
        (&["--mixup", "0.2"], "collect --views"),
        (&["--label-smoothing", "0"], "0.1 always"),
    ] {
        let refused = device.edgetl(&[&["fit-head"], flags].concat()).assert().code(2);
        refused.stderr(contains("is gone").and(contains(instead)));
    }
    device.edgetl(&["fit-head", "--help"]).assert().code(0).stdout(contains("--mixup").not());
}

#[test]
fn what_the_budget_left_out_is_named() {
    let device = Device::taught();
    let fitted = &device.json(&["fit-head", "--budget", "0"])[0];
    assert_eq!((fitted["head"].as_str(), fitted["left_out"].as_array().unwrap().len()), (Some("prototype"), 4));
    assert!(fitted["left_out"][3]["reason"].as_str().unwrap().contains("takes about"));
    assert!(fitted["left_out"][3]["budget"].as_f64().unwrap() >= 1.0);
    let said = device.edgetl(&["fit-head", "--budget", "0"]).assert().code(0);
    said.stdout(contains("not tried: mlp").and(contains("--head mlp tries it")));
}
