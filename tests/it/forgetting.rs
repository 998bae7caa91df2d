//! `samples remove --forget`: what was forgotten stands in no file, and nothing brings it back.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::common::{Device, backbone};
use edgetl::dataset::SampleId;
use edgetl::head::HeadArtifact;
use edgetl::store::{Filter, HeadFolder, Store};
use predicates::prelude::*;
use predicates::str::contains;
use safetensors::SafeTensors;
use serde_json::{Value, json};

/// A device with features of `each` drawings of the first shapes, named by `labels`; ids count from 1.
fn collected(labels: &[&str], each: usize, flags: &[&str]) -> Device {
    let device = Device::new();
    let drawn = device.draw("drawn", each, 0);
    let mut folders: Vec<_> = std::fs::read_dir(&drawn).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    std::fs::create_dir(device.path("photos")).unwrap();
    for (folder, label) in folders.iter().zip(labels) {
        std::fs::rename(folder, device.path("photos").join(label)).unwrap();
    }
    device.json(&[&["collect", "photos"], flags].concat());
    device
}

const SHAPES: [&str; 6] = ["circle", "cross", "ring", "square", "star", "triangle"];

/// With the small network of the tests.
fn shapes() -> Device {
    collected(&SHAPES, 10, &["--backbone", backbone()])
}

fn heads(device: &Device) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(device.state().join("heads")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "safetensors"));
    paths.sort();
    paths
}

fn store(device: &Device) -> Store {
    Store::open_existing(&device.state().join("samples.db")).unwrap()
}

/// The feature of a sample, and how much of it is of the last map.
fn feature(device: &Device, id: i64) -> (Vec<f32>, usize) {
    let dataset = device.dataset(None);
    let row = dataset.ids().iter().position(|known| *known == SampleId(id)).unwrap();
    (dataset.feature(row).to_vec(), dataset.last_dim())
}

/// Every file below the state directory with its bytes.
fn all_files(device: &Device) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = walkdir::WalkDir::new(device.state()).into_iter().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().is_file());
    files.map(|entry| (entry.path().to_owned(), std::fs::read(entry.path()).unwrap())).collect()
}

/// The files in which any of `patterns` stands.
fn places(device: &Device, patterns: &[Vec<u8>]) -> Vec<PathBuf> {
    let holds = |bytes: &[u8]| {
        patterns.iter().any(|pattern| bytes.windows(pattern.len()).any(|window| window == pattern.as_slice()))
    };
    all_files(device).into_iter().filter(|(_, bytes)| holds(bytes)).map(|(path, _)| path).collect()
}

/// A vector as the store keeps it, as sums in double precision would, and as a head's bank of neighbours does: of the last map.
fn patterns((vector, last): (Vec<f32>, usize)) -> [Vec<u8>; 3] {
    let map = &vector[..last];
    let length = map.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt();
    let direction: Vec<f32> = map.iter().map(|&value| (f64::from(value) * (1.0 / length)) as f32).collect();
    let largest = direction.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    [
        vector.iter().flat_map(|value| value.to_le_bytes()).collect(),
        vector.iter().flat_map(|&value| f64::from(value).to_le_bytes()).collect(),
        direction.iter().map(|value| (value / largest * 127.0).round() as i8 as u8).collect(),
    ]
}

/// Gives a sample a long thumbnail, and takes the features of its views.
fn with_thumbnail(device: &Device, id: i64, image: &[u8]) -> Vec<Vec<u8>> {
    let sql = rusqlite::Connection::open(device.state().join("samples.db")).unwrap();
    sql.execute("UPDATE thumbnails SET image = ?2 WHERE sample_id = ?1", rusqlite::params![id, image]).unwrap();
    let mut views = sql.prepare("SELECT vector FROM views WHERE sample_id = ?").unwrap();
    views.query_map([id], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

#[test]
fn a_forgotten_picture_stands_in_no_file_of_the_state() {
    let device = collected(&["1", "2", "4"], 8, &["--views", "2"]);
    let thumbnail: Vec<u8> = (0..3000u32).flat_map(|value| (value ^ 0x5eed).to_le_bytes()).collect();
    let views = with_thumbnail(&device, 7, &thumbnail);
    assert_eq!(views.len(), 2);
    let [single, double, direction] = patterns(feature(&device, 7));
    let searched = [
        &[single.clone(), double.clone(), direction, thumbnail[8..72].to_vec(), thumbnail[11_900..].to_vec()],
        &views[..],
    ]
    .concat();
    device.json(&["fit-head", "--head", "lda"]);
    device.json(&["fit-head", "--task", "regression", "--head", "ridge"]);
    // What a killed fit left: a whole head with the vector in it, and sums.
    std::fs::write(device.state().join("heads/.tmp-killed"), [b"head".to_vec(), single, double].concat()).unwrap();
    for (number, pattern) in searched.iter().enumerate() {
        assert!(
            !places(&device, std::slice::from_ref(pattern)).is_empty(),
            "pattern {number} is nowhere to begin with"
        );
    }
    let before: Vec<Vec<u8>> = heads(&device).iter().map(|path| std::fs::read(path).unwrap()).collect();
    let removed = device.json(&["samples", "remove", "--id", "7", "--forget"]).remove(0);
    assert_eq!(removed["forgotten"], json!({ "head": 3, "erased_heads": 2 }), "{removed}");
    assert_eq!(removed["erased"], true);
    assert_eq!(places(&device, &searched), [] as [PathBuf; 0]);
    assert_eq!(heads(&device).len(), 1);
    assert!(!before.contains(&std::fs::read(&heads(&device)[0]).unwrap()));
    assert_eq!(device.json(&["samples", "list"]).len(), 23);
}

#[test]
fn removed_pictures_are_passed_over_until_they_are_asked_for_again() {
    let device = shapes();
    device.json(&["samples", "remove", "--id", "1"]);
    device.json(&["samples", "remove", "--id", "2,3", "--forget"]);
    let again = device.json(&["collect", "photos"]).remove(0);
    let counts =
        |summary: &Value| [&summary["stored"], &summary["duplicates"], &summary["passed_over"]].map(Value::to_string);
    assert_eq!(counts(&again), ["0", "57", "3"], "{again}");
    let picture = "photos/circle/000.png";
    let named = device.edgetl(&["collect", picture, "--label", "circle"]).assert().success();
    named.stdout(contains("1 picture passed over, since removed earlier: --again takes them all the same"));
    device.edgetl(&["collect", picture, "--unlabelled"]).assert().success();
    let lines = device.json(&["collect", "photos/circle", "--label", "circle", "--json-lines"]);
    assert_eq!(lines.iter().filter(|line| line["event"] == "passed-over").count(), 3);
    assert_eq!(device.json(&["samples", "list"]).len(), 57);

    let taken = device.json(&["collect", picture, "--label", "circle", "--again"]).remove(0);
    assert_eq!(counts(&taken), ["1", "0", "0"], "{taken}");
    assert_eq!(counts(&device.json(&["collect", "photos"])[0]), ["0", "58", "2"]);
    assert_eq!(counts(&device.json(&["collect", "photos", "--again"])[0]), ["2", "58", "0"]);
    assert_eq!(counts(&device.json(&["collect", "photos"])[0]), ["0", "60", "0"]);
}

#[test]
fn what_samples_doctor_removes_stays_removed() {
    let device = shapes();
    std::fs::remove_file(device.path("photos/star/003.png")).unwrap();
    std::fs::copy(device.path("photos/star/004.png"), device.path("copy.png")).unwrap();
    std::fs::remove_file(device.path("photos/star/004.png")).unwrap();
    device.json(&["samples", "doctor", "--fix", "remove", "--of", "sources", "--yes"]);
    assert_eq!(device.json(&["samples", "list"]).len(), 58);
    let summary = device.json(&["collect", "copy.png", "--label", "star"]).remove(0);
    assert_eq!(summary["passed_over"], 1, "the same picture by another name: {summary}");
}

/// Ways to fit a head, on labels that are a class, a number and names at once.
const WAYS: [&[&str]; 8] = [
    &["--head", "lda", "--balance", "--seed", "5", "--folds", "3"],
    &["--head", "ridge", "--penalty", "3,30", "--false-reject", "0.2"],
    &["--budget", "0.01"],
    &["--head", "softmax", "--penalty", "7", "--balance"],
    &["--task", "regression", "--penalty", "0.5", "--false-reject", "0.3"],
    &["--task", "multilabel", "--folds", "4", "--seed", "2"],
    &["--head", "mlp", "--width", "6", "--epochs", "5", "--lr", "0.01", "--patience", "0", "--dropout", "0.1"],
    &["--head", "ridge", "--pseudo-labels", "--confidence", "0.2"],
];

#[test]
fn the_head_fitted_after_forgetting_has_every_option_of_the_one_before() {
    let device = collected(&["1", "2", "3.5"], 9, &["--backbone", backbone()]);
    device.json(&["collect", "drawn", "--unlabelled"]);
    for way in WAYS {
        device.json(&[&["fit-head"][..], way].concat());
        let id = device.json(&["samples", "list"])[0]["id"].to_string();
        let removed = device.json(&["samples", "remove", "--id", &id, "--forget"]).remove(0);
        assert!(removed["forgotten"]["head"].is_u64(), "{way:?}: {removed}");
        let refitted = std::fs::read(heads(&device).pop().unwrap()).unwrap();
        device.json(&[&["fit-head"][..], way].concat());
        let fitted = std::fs::read(heads(&device).pop().unwrap()).unwrap();
        assert!(fitted == refitted, "{way:?}");
    }
}

#[test]
fn a_head_beside_the_backbones_own_classes_stays_one_or_nothing_is_removed() {
    let device = Device::new();
    device.draw("photos", 4, 0);
    let classes = device.json(&["backbone", "import", backbone(), "--name", "other"])[0]["classes"].as_u64().unwrap();
    let names: Vec<String> = (0..classes).map(|class| format!("known {class}")).collect();
    std::fs::write(device.path("names.txt"), names.join("\n")).unwrap();
    device.json(&["backbone", "import", backbone(), "--name", "named", "--labels", "names.txt", "--use"]);
    device.json(&["collect", "photos"]);
    device.json(&["fit-head", "--keep-classes=known 1,known 2"]);
    device.json(&["samples", "remove", "--id", "3", "--forget"]);
    let refitted = std::fs::read(heads(&device).pop().unwrap()).unwrap();
    device.json(&["fit-head", "--keep-classes=known 1,known 2"]);
    assert!(std::fs::read(heads(&device).pop().unwrap()).unwrap() == refitted);
    for name in ["named", "other"] {
        std::fs::remove_dir_all(device.state().join("backbones").join(name)).unwrap();
    }
    let refused = contains("got none such").and(contains("fit another head first"));
    device.edgetl(&["samples", "remove", "--id", "4", "--forget"]).assert().code(1).stderr(refused);
    assert_eq!((device.json(&["samples", "list"]).len(), heads(&device).len()), (23, 2));
}

/// `path` as version 1 of the head's file: without checksum and options.
fn make_older(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let mut metadata = SafeTensors::read_metadata(&bytes).unwrap().1.metadata().clone().unwrap();
    metadata.remove("checksum").and(metadata.remove("options")).unwrap();
    metadata.insert("version".into(), "1".into());
    std::fs::write(path, safetensors::serialize(file.tensors(), Some(metadata)).unwrap()).unwrap();
}

#[test]
fn a_head_of_an_older_program_is_fitted_again_as_far_as_it_tells_and_that_is_said() {
    let device = shapes();
    device.json(&["fit-head", "--head", "ridge", "--balance", "--penalty", "3"]);
    make_older(&heads(&device)[0]);
    let said = contains("without a checksum, since an older edgetl wrote them: heads 000001");
    device.edgetl(&["doctor", "--provider", "tract"]).assert().success().stdout(said);
    let command = ["samples", "remove", "--id", "1", "--forget", "--json"];
    let said = contains("head 000001 was written by an older edgetl").and(contains("classification by ridge"));
    let output = device.edgetl(&command).assert().success().stderr(said).get_output().stdout.clone();
    let removed: Value = serde_json::from_slice(&output).unwrap();
    assert_eq!(removed["forgotten"], json!({ "head": 2, "erased_heads": 1, "assumed_options": true }));
    let head = HeadArtifact::from_bytes(&std::fs::read(heads(&device).pop().unwrap()).unwrap()).unwrap();
    assert_eq!((head.head().kind().as_str(), head.report().balance), ("ridge", true));
}

#[test]
fn where_no_head_can_be_made_of_what_is_left_that_is_said_for_every_task() {
    for (task, reason) in [
        ("classification", "expected samples of at least two classes, got only `1`"),
        ("regression", "expected labels of at least two different numbers, got only 1"),
    ] {
        let device = collected(&["1", "2"], 6, &["--backbone", backbone()]);
        device.json(&["fit-head", "--task", task]);
        let removed = device.json(&["samples", "remove", "--label", "2", "--forget"]).remove(0);
        assert_eq!(removed["forgotten"], json!({ "head": null, "erased_heads": 1, "reason": reason }));
        assert!(heads(&device).is_empty());
    }
    let device = collected(&["1", "2"], 6, &["--backbone", backbone()]);
    device.json(&["fit-head", "--task", "multilabel"]);
    let removed = device.json(&["samples", "remove", "--all", "--forget"]).remove(0);
    assert_eq!(removed["forgotten"]["head"], Value::Null, "{removed}");
    let folder = HeadFolder::new(device.state().join("heads"), 5);
    assert!(folder.list().unwrap().is_empty() && folder.live().unwrap().is_none());
    assert!(store(&device).samples(&Filter::default()).unwrap().is_empty());
}

/// Starts the program without waiting for it.
fn start(device: &Device, arguments: &[&str]) -> std::process::Child {
    std::process::Command::new(env!("CARGO_BIN_EXE_edgetl"))
        .env_clear()
        .current_dir(device.path(""))
        .env("EDGETL_STATE", device.state())
        .args(arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until `happened`, half a minute at most.
fn wait_for(happened: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !happened() && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_fit_beside_forgetting_does_not_publish_what_it_learned_from_the_picture() {
    let device = shapes();
    device.json(&["fit-head", "--head", "ridge"]);
    // While the test holds the lock, both commands come as far as they can.
    let lock = std::fs::File::options().write(true).open(device.state().join("heads/.lock")).unwrap();
    lock.lock().unwrap();
    let fit = start(&device, &["fit-head", "--head", "lda"]);
    let waits = |process: u32| {
        std::fs::read_to_string("/proc/locks").is_ok_and(|locks| {
            locks
                .lines()
                .any(|line| line.contains("->") && line.split_whitespace().any(|word| word == process.to_string()))
        })
    };
    // Where that cannot be seen, a fit of 60 samples has had time enough.
    let start_of_fit = Instant::now();
    wait_for(|| waits(fit.id()) || start_of_fit.elapsed() > Duration::from_secs(10));
    let forget = start(&device, &["samples", "remove", "--id", "7", "--forget"]);
    wait_for(|| store(&device).samples(&Filter::default()).unwrap().len() == 59);
    lock.unlock().unwrap();
    let (fit, forget) = (fit.wait_with_output().unwrap(), forget.wait_with_output().unwrap());
    assert!(forget.status.success(), "{}", String::from_utf8_lossy(&forget.stderr));
    let told = String::from_utf8_lossy(&fit.stderr).into_owned();
    assert_eq!(fit.status.code(), Some(1), "{told}");
    assert!(told.contains("samples were forgotten while the head was fitted, so it was not published"), "{told}");
    assert!(told.contains("hint: fit again, without them: edgetl fit-head"), "{told}");
    for path in heads(&device) {
        let head = HeadArtifact::from_bytes(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(head.report().samples, 59);
    }
}

#[test]
fn doctor_clears_what_a_killed_fit_left_and_names_a_forgetting_that_was_cut_short() {
    let device = shapes();
    device.json(&["fit-head", "--head", "lda"]);
    std::fs::write(device.state().join("heads/.tmp-killed"), b"a whole head").unwrap();
    let report = device.json(&["doctor"]).remove(0);
    assert_eq!((&report["state"]["leftovers_removed"], &report["problems"]), (&1.into(), &json!([])), "{report}");
    assert!(!device.state().join("heads/.tmp-killed").exists());
    store(&device).forget(&Filter::ids(vec![SampleId(1)])).unwrap();
    let unfinished = contains("heads that may have learned from them are still there");
    device.edgetl(&["doctor", "--provider", "tract"]).assert().code(1).stdout(unfinished);
    device.json(&["samples", "remove", "--id", "1", "--forget"]);
    device.edgetl(&["doctor", "--provider", "tract"]).assert().success();
    assert_eq!(heads(&device).len(), 1);
}
