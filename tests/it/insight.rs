//! What the binary finds out about stored samples: `samples doctor`, `advise` and the page of `fit-head --report`.

use std::path::Path;

use crate::common::{Device, onnxruntime, shared};
use crate::head_data::{clusters, dataset};
use edgetl::backbone::Package;
use edgetl::dataset::Dataset;
use edgetl::digest::ContentHash;
use edgetl::store::{FeatureVector, NewSample, StateDir, Store};
use predicates::prelude::*;
use predicates::str::contains;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use serde_json::Value;

/// A device that stores `samples` as if the backbone in the box had made them, from files that are not there.
fn device_with(samples: &Dataset) -> Device {
    device_with_heights(samples, |row| if row == 5 { 20 } else { 480 })
}

/// The same, with pictures of these heights.
fn device_with_heights(samples: &Dataset, height: impl Fn(usize) -> u32) -> Device {
    let device = Device::new();
    StateDir::new(device.state()).create().unwrap();
    let mut store = Store::open(&device.state().join("samples.db")).unwrap();
    let fingerprint = Package::embedded().expect("tests have the backbone in the box").fingerprint();
    let sample = |row: usize| NewSample {
        hash: ContentHash::of(&row.to_le_bytes()),
        label: samples.labels().get(samples.targets()[row]).cloned(),
        split: Default::default(),
        group: None,
        source: format!("/nowhere/{row:03}.jpg"),
        added_at: 1_700_000_000,
        width: 640,
        height: height(row),
        thumbnail: None,
        features: Some(FeatureVector { fingerprint, revision: 1, values: samples.feature(row).to_vec() }),
    };
    store.insert(&(0..samples.len()).map(sample).collect::<Vec<_>>()).unwrap();
    device
}

fn rows(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("expected a list, got {value}"))
}

fn ids(value: &Value) -> Vec<i64> {
    rows(value).iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

/// Gives 5 % of the stored samples another label through the binary, drawn by `seed`, and says which.
fn flip(device: &Device, seed: u64) -> Vec<i64> {
    let mut samples: Vec<(i64, String)> = device
        .json(&["samples", "list"])
        .iter()
        .map(|row| (row["id"].as_i64().unwrap(), row["label"].as_str().unwrap().to_owned()))
        .collect();
    let mut labels: Vec<String> = samples.iter().map(|sample| sample.1.clone()).collect();
    labels.sort();
    labels.dedup();
    let mut rng = Pcg64::seed_from_u64(seed);
    samples.shuffle(&mut rng);
    samples.truncate((samples.len() as f64 * 0.05).round() as usize);
    for (id, own) in &samples {
        let others: Vec<&String> = labels.iter().filter(|label| *label != own).collect();
        let to = others[rng.random_range(0..others.len())];
        device.json(&["samples", "relabel", to, "--id", &id.to_string()]);
    }
    samples.into_iter().map(|sample| sample.0).collect()
}

/// How many of `flipped` are among the first twice as many suspects.
fn found(device: &Device, flipped: &[i64]) -> usize {
    let suspects = ids(&device.json(&["samples", "doctor"])[0]["suspects"]);
    suspects.iter().take(2 * flipped.len()).filter(|id| flipped.contains(id)).count()
}

#[test]
fn labels_flipped_at_random_come_first_and_one_command_mends_them() {
    let device = device_with(&clusters(5, 40, 24));
    let before = device.json(&["samples", "list"]);
    let flipped = flip(&device, 3);
    assert_eq!((flipped.len(), found(&device, &flipped)), (10, 10));
    let suspects = &device.json(&["samples", "doctor"])[0]["suspects"];
    let first = &suspects[0];
    let (id, to) = (first["id"].as_i64().unwrap(), first["suggestion"].as_str().unwrap());
    assert_eq!(first["command"], format!("edgetl samples relabel '{to}' --id {id}"));

    let shown = &device.json(&["samples", "doctor", "--fix", "relabel", "--top", "10"])[0];
    assert_eq!((shown["applied"].as_bool(), rows(&shown["changes"]).len()), (Some(false), 10));
    assert_eq!(found(&device, &flipped), 10, "nothing has changed yet");
    let done = &device.json(&["samples", "doctor", "--fix", "relabel", "--top", "10", "--yes"])[0];
    assert_eq!(done["applied"].as_bool(), Some(true));
    assert_eq!(device.json(&["samples", "list"]), before);
}

#[test]
fn the_doctor_names_duplicates_tiny_pictures_and_files_that_are_gone() {
    let samples = clusters(2, 20, 8);
    let mut features = samples.features().clone();
    let copy = features.row(4).to_owned();
    features.row_mut(8).assign(&copy);
    let targets: Vec<usize> = samples.targets().iter().map(|target| target.0).collect();
    let device = device_with(&dataset(features, &targets));
    let findings = &device.json(&["samples", "doctor"])[0];
    let twins = &rows(&findings["duplicates"])[0];
    assert_eq!((&twins["ids"], &twins["same_label"]), (&serde_json::json!([5, 9]), &Value::Bool(true)));
    assert_eq!(twins["command"], "edgetl samples remove --id 9");
    assert_eq!(ids(&findings["tiny"]), [6]);
    assert_eq!(findings["tiny"][0]["expected"], 128);
    assert_eq!((rows(&findings["sources"]).len(), &findings["sources"][0]["state"]), (40, &Value::from("gone")));
    let removed = &device.json(&["samples", "doctor", "--fix", "remove", "--of", "tiny", "--yes"])[0];
    assert_eq!(ids(&removed["changes"]), [6]);
    assert_eq!(device.json(&["samples", "list"]).len(), 39);
}

#[test]
fn the_doctor_speaks_of_uneven_and_small_classes_in_words() {
    let samples = clusters(2, 40, 8);
    let few: Vec<usize> = (0..80).filter(|row| row % 2 == 0 || *row < 12).collect();
    let device = device_with(&samples.select(&few));
    let said = device.edgetl(&["samples", "doctor"]).assert().success();
    said.stdout(
        contains("uneven classes: 40 of `class 0`, 6 of `class 1`")
            .and(contains("only 6 pictures of `class 1`: edgetl collect FOLDER '--label=class 1'")),
    );
    let wrong = device.edgetl(&["samples", "doctor", "--fix", "relabel", "--of", "tiny"]).assert();
    wrong.code(2).stderr(contains("expected `--fix remove`"));
}

/// Two classes of 40 and one of two right pictures, half-way between the others, the first two tiny.
fn with_a_class_of_two() -> Device {
    let samples = clusters(2, 40, 8);
    let mut features = samples.features().clone();
    let mut targets: Vec<usize> = samples.targets().iter().map(|target| target.0).collect();
    for (row, other) in [(80, 4), (81, 9)] {
        let mut between = features.row(other).to_owned();
        between[7] += 0.4 * (row - 79) as f32;
        features.push_row(between.view()).unwrap();
        targets.push(2);
    }
    device_with_heights(&dataset(features, &targets), |row| if row >= 80 || row == 0 { 20 } else { 480 })
}

#[test]
fn a_class_of_two_pictures_is_never_emptied() {
    let device = with_a_class_of_two();
    let count = || device.json(&["samples", "list", "--count"])[0]["class 2"].as_u64();
    let findings = device.json(&["samples", "doctor"]).remove(0);
    for kind in ["suspects", "duplicates", "outliers", "tiny", "sources"] {
        for row in rows(&findings[kind]) {
            let of_two = [81, 82].iter().any(|id| row["id"] == *id || row["remove"] == *id);
            let changes = ["relabel", "remove"].iter().any(|word| row["command"].as_str().unwrap().contains(word));
            assert_ne!(row["held_back"], changes, "{kind}: {row}");
            assert!(!(of_two && changes), "{kind}: {row}");
        }
    }
    device.edgetl(&["samples", "doctor"]).assert().success().stdout(contains("with no change proposed"));
    for kind in ["suspects", "duplicates", "outliers", "tiny"] {
        device.json(&["samples", "doctor", "--fix", "remove", "--of", kind, "--top", "4", "--yes"]);
        assert_eq!(count(), Some(2), "{kind}");
    }
    device.json(&["samples", "doctor", "--fix", "relabel", "--above", "0", "--yes"]);
    assert_eq!(count(), Some(2));
    let held = &device.json(&["samples", "doctor", "--fix", "remove", "--of", "tiny"])[0]["held_back"];
    assert_eq!(ids(held), [81, 82]);
    let said = device.edgetl(&["samples", "doctor", "--fix", "remove", "--of", "tiny"]).assert().success();
    said.stdout(contains("nothing to do").and(contains("2 samples held back")));
}

#[test]
fn no_bulk_change_is_printed_where_no_label_is_doubted_enough() {
    let said = device_with(&clusters(3, 20, 8)).edgetl(&["samples", "doctor"]).output().unwrap();
    assert!(!String::from_utf8_lossy(&said.stdout).contains("--fix"));
}

#[test]
fn a_picture_that_changed_after_it_was_collected_is_noticed() {
    let device = Device::new();
    let photos = device.draw("photos", 3, 0);
    device.json(&["collect", "photos", "--backbone", crate::common::backbone()]);
    assert!(rows(&device.json(&["samples", "doctor"])[0]["sources"]).is_empty());
    std::fs::copy(photos.join("star/000.png"), photos.join("ring/000.png")).unwrap();
    let sources = device.json(&["samples", "doctor"])[0]["sources"].clone();
    assert_eq!((rows(&sources).len(), &sources[0]["state"]), (1, &Value::from("changed")));
    assert!(sources[0]["path"].as_str().unwrap().ends_with("ring/000.png"));
}

/// Clusters of which the last class lies half inside the one before it.
fn hard_to_tell() -> Dataset {
    let samples = clusters(4, 60, 16);
    let mut rng = Pcg64::seed_from_u64(2);
    let mut features = samples.features().clone();
    for (row, target) in samples.targets().iter().enumerate().filter(|(_, target)| target.0 >= 2) {
        for channel in 0..16 {
            let centre = if channel % 4 >= 2 { 2.0 + 0.12 * target.0 as f32 } else { 1.0 };
            features[[row, channel]] = centre + rng.random_range(-1.0f32..1.0);
        }
    }
    dataset(features, &samples.targets().iter().map(|target| target.0).collect::<Vec<_>>())
}

#[test]
fn advise_says_what_to_do_and_which_class_lacks_pictures() {
    let device = device_with(&hard_to_tell());
    let advice = &device.json(&["advise"])[0];
    let evidence = &advice["evidence"];
    let accuracy = evidence["accuracy"].as_f64().unwrap();
    assert!((0.5..0.95).contains(&accuracy), "{accuracy}");
    assert_ne!(advice["strategy"], "train-head", "{}", advice["reasons"]);
    let points = rows(&evidence["curve"]["points"]);
    let pictures: Vec<f64> = points.iter().map(|point| point["pictures"].as_f64().unwrap()).collect();
    assert_eq!(pictures, [12.0, 24.0, 36.0, 48.0], "four fifths of a quarter, half, three quarters, all");
    let last = points[3]["accuracy"].as_f64().unwrap();
    assert!((last - accuracy).abs() < 1e-6, "the curve ends at the cross-validated accuracy");
    let classes = rows(&evidence["projection"]["classes"]);
    let of_errors =
        |name: &str| classes.iter().find(|class| class["label"] == name).unwrap()["share_of_errors"].as_f64().unwrap();
    assert!(of_errors("class 2") + of_errors("class 3") > 0.9, "{classes:?}");
    assert!(["class 2", "class 3"].contains(&classes[0]["label"].as_str().unwrap()));
    assert!(evidence["leave_one_out"].as_f64().unwrap() > 0.5);
    let said = device.edgetl(&["advise"]).assert().success();
    said.stdout(
        contains("How many more images would help, and of which class?").and(contains("edgetl samples doctor")),
    );
}

#[test]
fn advise_keeps_a_head_that_reaches_the_target_and_asks_for_more_of_a_handful() {
    let device = device_with(&clusters(3, 40, 16));
    let advice = &device.json(&["advise"])[0];
    assert_eq!((&advice["strategy"], &advice["commands"][0]), (&"train-head".into(), &"edgetl fit-head".into()));
    let few = device_with(&clusters(3, 4, 16));
    assert_eq!(few.json(&["advise"])[0]["strategy"], "collect-more");
    let single = device_with(&clusters(3, 1, 16));
    let advice = &single.json(&["advise"])[0];
    assert_eq!((&advice["strategy"], &advice["evidence"]["accuracy"]), (&"collect-more".into(), &Value::Null));
    single.edgetl(&["advise"]).assert().success().stdout(contains("How good: not known"));
}

#[test]
fn advise_compares_two_backbones_on_the_same_pictures() {
    let device = Device::new();
    device.draw("photos", 12, 0);
    device.json(&["collect", "photos"]);
    device.json(&["collect", "photos", "--backbone", crate::common::backbone()]);
    let advice = &device.json(&["advise"])[0];
    assert_eq!(advice["backbone_in_use"], "gap");
    let other = &advice["evidence"]["backbones"][0];
    assert_eq!((&other["name"], &other["samples"]), (&"edgetl-tiny".into(), &72.into()));
    assert!(other["gain"].as_f64().unwrap() > 0.1, "a few random filters are no match: {other}");
    assert_eq!((&advice["strategy"], &advice["backbone"]), (&"other-backbone".into(), &"edgetl-tiny".into()));
    assert_eq!(advice["commands"][0], "edgetl backbone use edgetl-tiny");
}

/// The text of a page, which must load nothing and run nothing.
fn page(path: &Path) -> String {
    let html = std::fs::read_to_string(path).unwrap();
    for forbidden in ["<script", "http://", "https://", "url(", "<link", "@import"] {
        let found = html.replace("http://www.w3.org/2000/svg", "");
        assert!(!found.contains(forbidden), "{forbidden}");
    }
    html
}

#[test]
fn the_page_of_a_head_is_one_file_with_plots_and_pictures() {
    let device = Device::new();
    let photos = device.draw("photos", 8, 0);
    let strange = photos.with_file_name("a<b>&c");
    std::fs::create_dir_all(&strange).unwrap();
    for number in 0..6 {
        std::fs::rename(photos.join(format!("star/{number:03}.png")), strange.join(format!("{number}.png"))).unwrap();
    }
    device.json(&["collect", "photos", "--backbone", crate::common::backbone()]);
    device.json(&["collect", "a<b>&c", "--label", "a<b>&c", "--backbone", crate::common::backbone()]);
    device.json(&["fit-head", "--report", "head.html"]);
    let html = page(&device.path("head.html"));
    for part in
        ["What was taken for what", "Class by class", "What more pictures bring", "its certainty can be trusted"]
    {
        assert!(html.contains(part), "{part}");
    }
    assert!(html.matches("<svg").count() >= 2);
    let on_map = html.matches("class=\"point\"").count();
    assert!(html.contains("The pictures as the network sees them") && on_map > 20, "{on_map}");
    assert_eq!(html.matches("data:image/jpeg;base64,").count(), 12 + on_map);
    assert!(html.contains("a&lt;b&gt;&amp;c") && !html.contains("a<b>"));
    device.draw("others", 3, 800);
    device.json(&["eval", "others", "--report", "eval.html"]);
    let html = page(&device.path("eval.html"));
    assert!(html.contains("What was taken for what") && !html.contains("What more pictures bring"));
    assert_eq!(html.matches("data:image/jpeg;base64,").count(), 12);
    std::fs::remove_dir_all(&photos).unwrap();
    std::fs::remove_dir_all(&strange).unwrap();
    // As a store of an older program has it.
    let sql = rusqlite::Connection::open(device.state().join("samples.db")).unwrap();
    sql.execute("DELETE FROM thumbnails", []).unwrap();
    device.json(&["fit-head", "--report", "head.html"]);
    let html = page(&device.path("head.html"));
    assert!(html.contains("the file is no longer there") && !html.contains("data:image"));
    let failed = device.edgetl(&["fit-head", "--report", "nowhere/head.html"]).assert().failure();
    failed.stderr(contains("cannot write the report `nowhere/head.html`").and(contains("hint:")));
    let other = device.edgetl(&["fit-head", "--task", "multilabel", "--report", "head.html"]).assert();
    other.code(2).stderr(contains("expected `--report` with classification"));
}

#[test]
#[cfg_attr(not(has_shared), ignore = "needs ../shared, with real backbones and photographs")]
#[cfg_attr(not(has_onnxruntime), ignore = "needs EDGETL_ONNXRUNTIME")]
fn of_5_percent_of_flower_labels_flipped_at_random_95_percent_are_found_among_twice_as_many_suspects() {
    let (shared, library) = (shared(), onnxruntime());
    let device = Device::new();
    let path = |name: &str| shared.join(name).to_string_lossy().into_owned();
    let (photos, model) = (path("data/flowers12/train"), path("models/mobilenet_v2_1.0_224.onnx"));
    let library = library.to_string_lossy().into_owned();
    let backbone = ["--backbone", &model, "--preset", "inception", "--size", "224", "--resize", "256"];
    let engine = ["--provider", "cpu", "--onnxruntime", &library];
    device.edgetl(&[&["collect", &photos][..], &backbone, &engine].concat()).assert().success();
    let flipped = flip(&device, 1);
    let found = found(&device, &flipped);
    println!("{found} of {} flipped labels among the first {} suspects", flipped.len(), 2 * flipped.len());
    assert_eq!(flipped.len(), 36);
    assert!(found as f64 >= 0.95 * 36.0, "{found}");
}
