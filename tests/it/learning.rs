//! Heads that follow the store: exact unlearning, augmented views, pictures without labels.

use crate::common::{Device, backbone};
use edgetl::head::{Head, HeadArtifact};
use predicates::prelude::*;
use predicates::str::contains;

/// A device with features of ten drawings of each of six shapes; ids count from 1.
fn collected() -> Device {
    let device = Device::new();
    device.draw("photos", 10, 0);
    device.json(&["collect", "photos", "--backbone", backbone()]);
    device
}

fn versions(device: &Device) -> Vec<String> {
    let names = std::fs::read_dir(device.state().join("heads")).unwrap();
    let mut names: Vec<String> = names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.ends_with(".safetensors"));
    names.sort();
    names
}

fn live_head(device: &Device) -> HeadArtifact {
    let newest = versions(device).pop().unwrap();
    HeadArtifact::from_bytes(&std::fs::read(device.state().join("heads").join(newest)).unwrap()).unwrap()
}

/// Every weight and bias, or every direction.
fn numbers(head: &HeadArtifact) -> Vec<f32> {
    match head.head() {
        Head::Linear { linear, .. } => linear.weights.iter().chain(&linear.bias).copied().collect(),
        Head::Prototype(prototype) => prototype.directions.iter().copied().collect(),
        Head::Mlp(_) => panic!("not a closed form"),
    }
}

fn assert_same(one: &HeadArtifact, other: &HeadArtifact) {
    assert_eq!(one.labels(), other.labels());
    let (one, other) = (numbers(one), numbers(other));
    let largest = other.iter().fold(1f32, |largest, value| largest.max(value.abs()));
    let worst = one.iter().zip(&other).fold(0f32, |worst, (a, b)| worst.max((a - b).abs()));
    assert!(worst <= 1e-5 * largest, "{worst} of {largest}");
}

#[test]
fn merging_needs_both_classes() {
    let device = collected();
    device
        .edgetl(&["samples", "merge", "star", "nothing"])
        .assert()
        .code(1)
        .stderr(contains("labelled `nothing`").and(contains("rename")));
    device.edgetl(&["samples", "merge", "nothing", "star"]).assert().code(1).stderr(contains("labelled `nothing`"));
    device.edgetl(&["samples", "merge", "star", "star"]).assert().code(2);
}

#[test]
fn asking_for_an_update_says_what_took_its_place() {
    let device = Device::new();
    let gone = contains("`--update` is gone: fit again").and(contains("edgetl fit-head"));
    device.edgetl(&["fit-head", "--update"]).assert().code(2).stderr(gone);
    device.edgetl(&["fit-head", "--update", "--head", "lda"]).assert().code(2).stderr(contains("is gone"));
    device.edgetl(&["fit-head", "--help"]).assert().success().stdout(contains("update").not());
}

#[test]
fn forgetting_leaves_no_head_that_saw_the_samples() {
    for kind in ["lda", "softmax"] {
        let device = collected();
        device.json(&["fit-head", "--head", kind]);
        device.json(&["fit-head", "--head", kind]);
        let removed = device.json(&["samples", "remove", "--id", "1,2,3", "--forget"]).remove(0);
        assert_eq!(removed["forgotten"], serde_json::json!({ "head": 3, "erased_heads": 2 }), "{removed}");
        assert_eq!(versions(&device), ["000003.safetensors"]);
        let head = live_head(&device);
        assert_eq!(head.report().samples, 57);
        device.json(&["fit-head", "--head", kind]);
        assert_same(&head, &live_head(&device));
    }
}

#[test]
fn forgetting_all_but_one_class_leaves_no_head() {
    let device = collected();
    device.json(&["fit-head", "--head", "lda"]);
    for label in ["circle", "cross", "ring", "square", "star", "triangle"].iter().skip(1) {
        device.json(&["samples", "remove", "--label", label]);
    }
    let removed = device.json(&["samples", "remove", "--id", "1", "--forget"]).remove(0);
    assert_eq!(removed["forgotten"]["head"], serde_json::Value::Null, "{removed}");
    assert!(versions(&device).is_empty());
    device.edgetl(&["predict", "photos/star/000.png"]).assert().code(1).stderr(contains("hint: fit one first"));
}

#[test]
fn views_train_and_are_neither_counted_nor_measured_and_go_with_their_picture() {
    let device = collected();
    let fitted = |device: &Device| device.json(&["fit-head", "--head", "lda"]).remove(0);
    let plain = fitted(&device);
    assert!(plain.get("views").is_none());
    let collected = device.json(&["collect", "photos", "--views", "3"]).remove(0);
    assert_eq!((&collected["stored"], &collected["views"]), (&0.into(), &180.into()), "{collected}");
    assert_eq!(device.json(&["samples", "list"]).len(), 60);
    assert_eq!(device.json(&["samples", "list", "--count"])[0]["star"], 10);
    let viewed = fitted(&device);
    assert_eq!((&viewed["samples"], &viewed["views"]), (&60.into(), &180.into()));
    assert_eq!(viewed["cv"]["samples"], 60, "views are never held out");
    assert_ne!(viewed["cv"]["nll"], plain["cv"]["nll"], "they are learned from");
    assert_eq!(device.json(&["collect", "photos", "--views", "3"])[0]["views"], 0, "they are there already");

    device.json(&["samples", "remove", "--id", "1,2"]);
    assert_eq!(fitted(&device)["views"], 174);
}

#[test]
fn a_picture_has_the_same_views_on_every_device_and_however_many_threads_there_are() {
    let bytes = |threads: &str| {
        let device = Device::new();
        device.draw("photos", 3, 0);
        let collect = ["collect", "photos", "--backbone", backbone(), "--views", "2", "--threads", threads];
        device.json(&collect);
        device.json(&["fit-head", "--head", "lda"]);
        std::fs::read(device.state().join("heads/000001.safetensors")).unwrap()
    };
    assert_eq!(bytes("1"), bytes("3"));
}

#[test]
fn a_picture_that_changed_since_it_was_stored_gets_no_views() {
    let device = collected();
    std::fs::write(device.path("photos/star/000.png"), std::fs::read(device.path("photos/star/001.png")).unwrap())
        .unwrap();
    let collected = device.json(&["collect", "photos", "--views", "1"]).remove(0);
    assert_eq!(collected["views"], 59, "{collected}");
    let reason = collected["failed"][0]["reason"].as_str().unwrap();
    assert_eq!(reason, "no views of it: the file is not the one that was stored");
}

#[test]
fn pictures_without_a_label_are_kept_without_one_when_that_is_asked_for() {
    let device = collected();
    let flat = device.path("flat");
    std::fs::create_dir(&flat).unwrap();
    for (number, picture) in std::fs::read_dir(device.draw("more", 2, 50).join("star")).unwrap().enumerate() {
        std::fs::copy(picture.unwrap().path(), flat.join(format!("{number}.png"))).unwrap();
    }
    device.edgetl(&["collect", "flat"]).assert().code(1).stderr(contains("--unlabelled keeps them without one"));
    let collected = device.json(&["collect", "flat", "photos", "--unlabelled"]).remove(0);
    assert_eq!((&collected["stored"], &collected["duplicates"]), (&2.into(), &60.into()), "{collected}");
    assert_eq!(collected["conflicts"], serde_json::json!([]), "a label that is known stays");
    assert_eq!(device.json(&["samples", "list", "--unlabelled"]).len(), 2);
    assert_eq!(device.json(&["fit-head", "--head", "lda"])[0]["samples"], 60);
}

#[test]
fn guessed_labels_are_shown_before_they_are_used() {
    let device = collected();
    let ask = ["fit-head", "--head", "ridge", "--pseudo-labels", "--confidence", "0.3"];
    device.edgetl(&ask).assert().code(1).stderr(contains("hint: collect some: edgetl collect --unlabelled"));
    device.draw("more", 4, 50);
    device.json(&["collect", "more", "--unlabelled"]);
    let fitted = device.json(&ask).remove(0);
    let guesses = &fitted["pseudo_labels"];
    assert_eq!((&guesses["unlabelled"], &fitted["cv"]["samples"]), (&24.into(), &60.into()), "{fitted}");
    assert_eq!(guesses["taken"].as_array().unwrap().len(), 6);
    assert!(guesses["with"]["accuracy"].is_number() && guesses["without"]["accuracy"].is_number());
    let told = contains("pictures without a label are sure enough").and(contains("held-out accuracy without them"));
    device.edgetl(&ask).assert().success().stdout(told);
    assert_eq!(device.json(&["samples", "list", "--unlabelled"]).len(), 24, "a guess is no label");
    device.edgetl(&["fit-head", "--confidence", "0.9"]).assert().code(2);
    let other_task = device.edgetl(&["fit-head", "--task", "multilabel", "--pseudo-labels"]).assert();
    other_task.code(2).stderr(contains("expected `--pseudo-labels` with classification"));
}

#[test]
fn new_classes_stand_beside_those_of_a_small_classifier() {
    let device = Device::new();
    device.draw("photos", 4, 0);
    device.json(&["backbone", "import", backbone(), "--name", "unnamed"]);
    device.json(&["collect", "photos", "--backbone", "unnamed"]);
    let unnamed = contains("expected names of the classes of `unnamed`").and(contains("--labels FILE"));
    device.edgetl(&["fit-head", "--keep-classes"]).assert().code(1).stderr(unnamed);

    let classes = device.json(&["backbone", "import", backbone(), "--name", "other"])[0]["classes"].as_u64().unwrap();
    let names: Vec<String> =
        (0..classes).map(|class| if class == 1 { "Star".into() } else { "known".into() }).collect();
    std::fs::write(device.path("names.txt"), names.join("\n")).unwrap();
    device.json(&["backbone", "import", backbone(), "--name", "named", "--labels", "names.txt", "--use"]);
    device.json(&["collect", "photos"]);
    let fitted = device.json(&["fit-head", "--keep-classes"]).remove(0);
    assert_eq!(fitted["classes"].as_array().unwrap().len() as u64, classes + 5, "{fitted}");
    assert_eq!(fitted["kept"], serde_json::json!({ "classes": classes, "matched": ["Star"] }));
    assert_eq!(fitted["classes"][2], "known (2)", "a name that comes twice");
    let some = device.json(&["fit-head", "--keep-classes=star,known (2)"]).remove(0);
    assert_eq!(some["classes"].as_array().unwrap().len(), 7, "{some}");
    device.edgetl(&["fit-head", "--keep-classes=nobody"]).assert().code(1).stderr(contains("got `nobody`"));
}
