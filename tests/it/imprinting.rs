//! The checks of Coral's imprinting tests, through the binary where it can be; needs `../shared`.

use std::path::{Path, PathBuf};

use crate::common::{Device, backbone, shared};
use edgetl::dataset::Dataset;
use edgetl::head::{Head, HeadArtifact, Prototype};
use edgetl::labels::ClassIndex;
use edgetl::metrics::top_k_accuracy;
use predicates::prelude::*;
use predicates::str::contains;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;

/// Training pictures and one test picture of each class.
const TEACHING: [(&str, &[&str]); 3] = [
    ("cat", &["cat_train_0.bmp"]),
    ("dog", &["dog_train_0.bmp"]),
    ("hotdog", &["hotdog_train_0.bmp", "hotdog_train_1.bmp"]),
];

struct Pictures {
    folder: PathBuf,
    model: String,
}

impl Pictures {
    fn find() -> Self {
        let shared = shared();
        let model = shared.join("models/mobilenet_v2_1.0_224.onnx").to_string_lossy().into_owned();
        Self { folder: shared.join("data/coral_imprinting"), model }
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).to_string_lossy().into_owned()
    }

    /// Collects the training pictures of `classes`.
    fn collect(&self, device: &Device, classes: &[(&str, &[&str])]) {
        for (label, names) in classes {
            let paths: Vec<String> = names.iter().map(|name| self.path(name)).collect();
            let mut arguments = vec!["collect", "--label", *label];
            arguments.extend(paths.iter().map(String::as_str));
            arguments.extend(["--backbone", &self.model, "--preset", "inception", "--size", "224", "--resize", "256"]);
            assert_eq!(device.json(&arguments)[0]["failed"].as_array().unwrap().len(), 0);
        }
    }

    fn check_answers(&self, device: &Device) {
        for (label, _) in TEACHING {
            let answer = &device.json(&["predict", &self.path(&format!("{label}_test_0.bmp"))])[0];
            assert_eq!(answer["top"][0]["label"], label, "{answer}");
        }
    }
}

fn live_head(device: &Device) -> HeadArtifact {
    let heads = device.state().join("heads");
    let version = std::fs::read_to_string(heads.join("current")).unwrap();
    HeadArtifact::from_bytes(&std::fs::read(heads.join(format!("{}.safetensors", version.trim()))).unwrap()).unwrap()
}

fn prototype(device: &Device) -> Prototype {
    match live_head(device).head() {
        Head::Prototype(prototype) => prototype.clone(),
        other => panic!("expected a prototype head, got {}", other.kind()),
    }
}

fn largest_gap(one: &Prototype, other: &Prototype) -> f32 {
    (&one.directions - &other.directions).iter().fold(0.0, |worst, gap| worst.max(gap.abs()))
}

#[test]
#[cfg_attr(not(has_shared), ignore = "needs ../shared, with real backbones and photographs")]
fn one_or_two_pictures_a_class_are_enough_to_name_the_next() {
    let pictures = Pictures::find();
    let device = Device::new();
    pictures.collect(&device, &TEACHING);
    device.json(&["fit-head", "--head", "prototype"]);
    pictures.check_answers(&device);
}

#[test]
#[cfg_attr(not(has_shared), ignore = "needs ../shared, with real backbones and photographs")]
fn by_itself_fit_head_imprints_where_hardly_any_picture_can_be_held_out() {
    let pictures = Pictures::find();
    let device = Device::new();
    pictures.collect(&device, &TEACHING);
    let report = &device.json(&["fit-head"])[0];
    assert_eq!((&report["head"], &report["unknown"]["threshold"]), (&"prototype".into(), &serde_json::Value::Null));
    pictures.check_answers(&device);
}

#[test]
#[cfg_attr(not(has_shared), ignore = "needs ../shared, with real backbones and photographs")]
fn imprinting_a_cat_first_and_then_dog_and_hotdog_is_imprinting_all_at_once() {
    let pictures = Pictures::find();
    let (device, whole) = (Device::new(), Device::new());
    pictures.collect(&device, &TEACHING[..1]);
    let one_class = contains("got only `cat`").and(contains("hint:"));
    device.edgetl(&["fit-head", "--head", "prototype"]).assert().code(1).stderr(one_class);
    pictures.collect(&device, &TEACHING[1..2]);
    device.json(&["fit-head", "--head", "prototype"]);
    pictures.collect(&device, &TEACHING[2..]);
    device.json(&["fit-head", "--head", "prototype"]);
    pictures.check_answers(&device);

    pictures.collect(&whole, &TEACHING);
    whole.json(&["fit-head", "--head", "prototype"]);
    assert!(largest_gap(&prototype(&device), &prototype(&whole)) < 1e-6);
    assert_eq!(live_head(&device).labels(), live_head(&whole).labels());
}

#[test]
fn a_device_that_was_taught_nothing_says_so() {
    let device = Device::new();
    device.draw("photos", 1, 0);
    let untaught = contains("expected a published head").and(contains("hint: fit one first"));
    device.edgetl(&["predict", "photos/star/000.png"]).assert().code(1).stderr(untaught);
}

#[test]
fn a_head_of_another_backbone_is_refused() {
    let device = Device::taught();
    let packages = device.state().join("backbones");
    for entry in std::fs::read_dir(packages).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        std::fs::remove_dir_all(entry.path()).unwrap();
    }
    let refused = contains("that the head was fitted on, got none such").and(contains("hint:"));
    device.edgetl(&["predict", "photos/star/000.png"]).assert().code(1).stderr(refused);
}

#[test]
fn pictures_of_another_backbone_teach_nothing() {
    let device = Device::taught();
    let import = ["backbone", "import", backbone(), "--name", "other", "--size", "20x16", "--use"];
    device.edgetl(&import).env("EDGETL_PROVIDER", "tract").assert().success();
    let refused = contains("got only those of").and(contains("collect the pictures again"));
    device.edgetl(&["fit-head"]).assert().code(1).stderr(refused);
}

#[test]
fn a_class_index_that_is_too_large_is_refused() {
    use edgetl::dataset::{DatasetParts, GroupId, SampleId};
    use edgetl::digest::{Digest, Fingerprint};
    let parts = DatasetParts {
        fingerprint: Fingerprint(Digest::of(b"backbone")),
        features: ndarray::array![[1.0, 2.0]],
        targets: vec![ClassIndex(1)],
        groups: vec![GroupId(0)],
        ids: vec![SampleId(0)],
        labels: edgetl::labels::Labels::distinct(&["cat".parse().unwrap()]),
    };
    assert_eq!(Dataset::new(parts).unwrap_err().to_string(), "expected class indices below 1, got 1");
}

/// Rows for training and for testing, three to one in every class.
fn seeded_split(dataset: &Dataset, seed: u64) -> (Vec<usize>, Vec<usize>) {
    let mut random = Pcg64::seed_from_u64(seed);
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for class in 0..dataset.labels().len() {
        let mut rows: Vec<usize> = (0..dataset.len()).filter(|&row| dataset.targets()[row].0 == class).collect();
        rows.shuffle(&mut random);
        let kept = rows.len() * 3 / 4;
        train.extend(&rows[..kept]);
        test.extend(&rows[kept..]);
    }
    (train, test)
}

fn flowers(shared: &Path) -> Dataset {
    let device = Device::new();
    let path = |name: &str| shared.join(name).to_string_lossy().into_owned();
    let (test, train) = (path("data/flowers12/test"), path("data/flowers12/train"));
    let model = path("models/mobilenet_v2_1.0_224.onnx");
    // In an order of their own: which pictures a seed draws depends on it.
    let preset = ["--preset", "inception", "--size", "224", "--resize", "256"];
    let collect = [&["collect", &test, &train, "--backbone", &model][..], &preset].concat();
    let mut command = device.edgetl(&collect);
    match std::env::var_os("EDGETL_ONNXRUNTIME") {
        Some(library) => command.env("EDGETL_ONNXRUNTIME", library).env("EDGETL_PROVIDER", "cpu"),
        None => command.env("EDGETL_PROVIDER", "tract"),
    };
    command.assert().success();
    device.dataset(None)
}

#[test]
#[cfg_attr(not(has_shared), ignore = "needs ../shared, with real backbones and photographs")]
fn imprinted_flowers_are_among_the_first_answers_as_often_as_corals() {
    let shared = shared();
    let dataset = flowers(&shared);
    for seed in 0..3 {
        let (train, test) = seeded_split(&dataset, seed);
        let (known, asked) = (dataset.select(&train), dataset.select(&test));
        let head = Prototype::imprint(known.learned(), known.targets(), dataset.labels().len());
        let logits = head.logits(asked.learned());
        let accuracies: Vec<f64> = (1..=5).map(|k| top_k_accuracy(logits.view(), asked.targets(), k)).collect();
        println!("imprinted flowers, seed {seed}: top-1..5 {accuracies:.3?} of {}", asked.len());
        for (accuracy, least) in accuracies.iter().zip([0.86, 0.94, 0.96, 0.97, 0.97]) {
            assert!(*accuracy >= least, "seed {seed}: {accuracies:?}");
        }
    }
}

#[test]
#[cfg_attr(not(has_shared), ignore = "needs ../shared, with real backbones and photographs")]
fn new_classes_stand_beside_the_thousand_of_imagenet() {
    let pictures = Pictures::find();
    let device = Device::new();
    let names = pictures.folder.join("../../models/imagenet_labels.txt").to_string_lossy().into_owned();
    let import =
        ["backbone", "import", &pictures.model, "--labels", &names, "--preset", "inception", "--resize", "256"];
    assert_eq!(device.json(&import)[0]["classes"], 1001);
    for (label, names) in TEACHING {
        let paths: Vec<String> = names.iter().map(|name| pictures.path(name)).collect();
        let mut collect = vec!["collect", "--label", label];
        collect.extend(paths.iter().map(String::as_str));
        device.json(&collect);
    }
    let fitted = device.json(&["fit-head", "--keep-classes"]).remove(0);
    // ImageNet's own name is "hotdog, hot dog, red hot".
    assert_eq!(fitted["classes"].as_array().unwrap().len(), 1004, "{}", fitted["kept"]);
    for (label, names) in TEACHING {
        let answer = &device.json(&["predict", &pictures.path(names[0])])[0];
        assert_eq!(answer["label"], label, "{answer}");
    }
    let mut bees: Vec<_> = std::fs::read_dir(pictures.folder.join("../hymenoptera/val/bees"))
        .unwrap()
        .map(|entry| entry.unwrap().path().to_string_lossy().into_owned())
        .collect();
    bees.sort();
    let mut ask = vec!["predict"];
    ask.extend(bees.iter().take(8).map(String::as_str));
    let answers = device.json(&ask);
    let told: Vec<&str> = answers.iter().map(|answer| answer["label"].as_str().unwrap()).collect();
    println!("bees beside cat, dog and hot-dog: {told:?}");
    // Four pictures say little about where three classes end, yet most of what was known stays as it was.
    assert!(told.iter().filter(|label| **label == "bee").count() >= 4, "{told:?}");
    assert!(told.iter().filter(|label| ["cat", "dog", "hotdog"].contains(label)).count() <= 1, "{told:?}");
}
