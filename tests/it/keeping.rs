//! Samples are not lost by a wrong command, a broken disk or a new machine: undo, backup, export, rescue.

use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;

use predicates::prelude::PredicateBooleanExt as _;
use predicates::str::contains;
use serde_json::{Value, json};

use crate::common::{Device, backbone};

fn samples(device: &Device) -> Vec<Value> {
    device.json(&["samples", "list"])
}

#[test]
fn relabelling_renaming_merging_and_removing_are_taken_back_in_turn() {
    let device = Device::taught();
    let mut states = vec![samples(&device)];
    let steps: [&[&str]; 4] = [
        &["samples", "relabel", "ring", "--id", "1,2"],
        &["samples", "rename", "ring", "torus"],
        &["samples", "merge", "torus", "star"],
        &["samples", "remove", "--label", "star"],
    ];
    for step in steps {
        device.json(step);
        states.push(samples(&device));
    }
    let history = device.json(&["samples", "history"]);
    assert_eq!(history.len(), 4);
    assert!(history[0]["removed"]["star"].as_u64().unwrap() > 8, "{history:?}");
    let today = &humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string()[..10];
    assert!(history[0]["at"].as_str().unwrap().starts_with(&today[..7]), "{history:?}");
    states.pop();
    for before in states.iter().rev() {
        device.json(&["samples", "undo"]);
        assert_eq!(&samples(&device), before);
    }
    device.edgetl(&["samples", "undo"]).assert().code(1).stderr(contains("expected a change to take back, got none"));
    device.json(&["fit-head"]);
    device.edgetl(&["doctor", "--provider", "tract"]).assert().success();
}

#[test]
fn purge_and_forget_leave_nothing_to_take_back() {
    let device = Device::taught();
    device.json(&["samples", "remove", "--id", "1"]);
    assert_eq!(device.json(&["samples", "purge"])[0], json!({ "purged": 1 }));
    device.json(&["samples", "remove", "--id", "2"]);
    device.json(&["samples", "remove", "--id", "2,3", "--forget"]);
    assert_eq!(device.edgetl(&["samples", "history", "--json"]).output().unwrap().stdout, b"");
}

#[test]
fn a_label_that_did_not_exist_is_named_with_the_one_it_may_have_been_meant_for() {
    let device = Device::taught();
    let new = contains("`starr` is a new class; did you mean `star`?");
    device.edgetl(&["samples", "relabel", "starr", "--id", "1"]).assert().success().stdout(new);
    let report = &device.json(&["samples", "relabel", "something else", "--id", "1"])[0];
    assert_eq!(report["new_class"], json!({ "label": "something else", "like": null }));
    assert_eq!(device.json(&["samples", "relabel", "ring", "--id", "1"])[0]["new_class"], Value::Null);
}

#[test]
fn a_backup_made_while_pictures_are_collected_makes_the_same_device_elsewhere() {
    let device = Device::taught();
    device.draw("more", 12, 100);
    let mut collecting = std::process::Command::new(env!("CARGO_BIN_EXE_edgetl"))
        .env_clear()
        .env("EDGETL_STATE", device.state())
        .args(["collect", "--provider", "tract", "-qq", "more"])
        .current_dir(device.path(""))
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let report = device.json(&["backup", "device.tar"]).remove(0);
    assert!(collecting.wait().unwrap().success());
    let answers = device.json(&["predict", "photos/star/000.png"]);
    let other = Device::new();
    let archive = device.path("device.tar");
    let made = |device: &Device| device.json(&["heads", "list"])[0][0]["made"].clone();
    let old = std::time::SystemTime::now() - std::time::Duration::from_secs(86_400);
    let head = device.state().join("heads/000001.safetensors");
    std::fs::File::options().write(true).open(&head).unwrap().set_modified(old).unwrap();
    assert!(report["samples"].as_u64().unwrap() >= 48, "{report}");
    let report = device.json(&["backup", "device.tar"]).remove(0);
    let restored = other.json(&["restore", archive.to_str().unwrap()]).remove(0);
    assert_eq!((&restored, made(&other)), (&report, made(&device)));
    assert!(restored["samples"].as_u64().unwrap() >= 48 && restored["heads"] == 1, "{restored}");
    std::fs::create_dir_all(other.path("photos/star")).unwrap();
    std::fs::copy(device.path("photos/star/000.png"), other.path("photos/star/000.png")).unwrap();
    assert_eq!(other.json(&["predict", "photos/star/000.png"]), answers);
    other.json(&["fit-head"]);
    other.edgetl(&["doctor", "--provider", "tract"]).assert().success();
    let occupied =
        contains("expected a state folder without samples, heads and backbones").and(contains("--state DIR"));
    other.edgetl(&["restore", archive.to_str().unwrap()]).assert().code(1).stderr(occupied);
}

#[test]
fn what_is_no_backup_restores_nothing() {
    let device = Device::taught();
    device.json(&["backup", "whole.tar"]);
    let whole = std::fs::read(device.path("whole.tar")).unwrap();
    let mut evil = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(4);
    header.set_mode(0o644);
    header.as_gnu_mut().unwrap().name[..11].copy_from_slice(b"../evil.txt");
    header.set_cksum();
    evil.append(&header, &b"evil"[..]).unwrap();
    for (name, bytes) in [
        ("text", b"no archive".to_vec()),
        ("cut short", whole[..whole.len() / 2].to_vec()),
        ("empty", Vec::new()),
        ("leads out", evil.into_inner().unwrap()),
    ] {
        let other = Device::new();
        std::fs::write(other.path("backup.tar"), bytes).unwrap();
        other.edgetl(&["restore", "backup.tar"]).assert().code(1).stderr(contains("backup.tar"));
        let left =
            walkdir::WalkDir::new(other.path("")).into_iter().filter(|entry| entry.as_ref().unwrap().path().is_file());
        assert_eq!(left.count(), 1, "{name}: the archive alone is there");
    }
}

#[test]
fn exported_samples_are_collected_again_as_they_were() {
    let device = Device::taught();
    device.json(&["samples", "relabel", "a/b", "--id", "1"]);
    device.json(&["samples", "relabel", "..", "--id", "2"]);
    std::fs::remove_file(device.path("photos/star/000.png")).unwrap();
    let report = device.json(&["samples", "export", "out"]).remove(0);
    assert_eq!(report, json!({ "samples": 48, "pictures": 47, "without_picture": 1, "features": [48, 6] }));
    let other = Device::new();
    let folder = device.path("out");
    let collected = other.json(&["collect", folder.to_str().unwrap(), "--backbone", backbone()]).remove(0);
    assert_eq!((collected["stored"].as_u64(), collected["labels"]["a_b"].as_u64()), (Some(47), Some(1)), "{collected}");
    assert_eq!(collected["labels"]["_.."], 1, "{collected}");
    let mut table = csv::Reader::from_path(device.path("out/samples.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = table.records().map(Result::unwrap).collect();
    assert_eq!((rows.len(), &rows[0][1]), (48, "a/b"));
    let bytes = std::fs::read(device.path("out/features.npy")).unwrap();
    assert_eq!(bytes.len(), 128 + 48 * 6 * 4);
    device.edgetl(&["samples", "export", "out"]).assert().code(1).stderr(contains("cannot write `out`"));
}

#[test]
fn the_store_follows_a_folder_when_asked_and_shows_first_what_it_would_do() {
    let device = Device::taught();
    let before = samples(&device);
    let photo = |name: &str| device.path(&format!("photos/{name}"));
    std::fs::rename(photo("star/000.png"), photo("ring/moved.png")).unwrap();
    std::fs::rename(photo("star/001.png"), photo("star/renamed.png")).unwrap();
    std::fs::remove_file(photo("star/002.png")).unwrap();
    std::fs::copy(photo("star/003.png"), photo("star/copy.png")).unwrap();
    let plain = contains("1 picture known under another label, which stays: `moved.png` is `star`, not `ring`");
    device.edgetl(&["collect", "photos", "--provider", "tract"]).assert().success().stdout(plain);
    let shown = contains("1 picture from `star` to `ring`: `")
        .and(contains("1 picture gone: `"))
        .and(contains("--yes does it"));
    device.edgetl(&["collect", "--sync", "photos"]).assert().success().stdout(shown);
    assert_eq!(samples(&device), before);
    let plan = &device.json(&["collect", "--sync", "photos"])[0];
    let counts = ["relabelled", "renamed", "gone"].map(|key| plan[key].as_array().unwrap().len());
    assert_eq!((counts, plan["new"].as_u64()), ([1, 1, 1], Some(0)), "{plan}");
    let done = &device.json(&["collect", "--sync", "--yes", "photos"])[0];
    assert_eq!((&done["sync"], done["conflicts"].as_array().unwrap().len()), (plan, 0));
    assert_eq!(samples(&device).len(), 47);
    assert!(samples(&device).iter().all(|sample| Path::new(sample["source"].as_str().unwrap()).exists()));
    device
        .edgetl(&["collect", "--sync", "photos"])
        .assert()
        .success()
        .stdout(contains("the store agrees with the folder"));
    device.json(&["samples", "undo"]);
    let labels = |samples: &[Value]| samples.iter().map(|sample| sample["label"].clone()).collect::<Vec<_>>();
    assert_eq!(labels(&samples(&device)), labels(&before));
}

#[test]
fn a_folder_that_moved_as_a_whole_is_followed_and_one_that_cannot_be_read_removes_nothing() {
    let device = Device::taught();
    std::fs::rename(device.path("photos"), device.path("pictures")).unwrap();
    device.json(&["collect", "--sync", "--yes", "pictures"]);
    assert!(samples(&device).iter().all(|sample| sample["source"].as_str().unwrap().contains("/pictures/")));
    std::fs::create_dir(device.path("empty")).unwrap();
    for source in ["empty", "photos", "pictures/star/000.png"] {
        device.edgetl(&["collect", "--sync", "--yes", source]).assert().code(1);
    }
    assert_eq!(samples(&device).len(), 48);
}

/// Overwrites the middle of the file, a page here and there.
fn damage(path: &Path, pages: &[u64]) {
    let mut file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    for page in pages {
        file.seek(SeekFrom::Start(page * 16384)).unwrap();
        file.write_all(&[0xa5; 16384]).unwrap();
    }
}

/// A device with a damaged copy of the store of `device`.
fn damaged_copy(device: &Device, page: u64) -> Device {
    let copy = Device::new();
    for folder in ["heads", "backbones/gap"] {
        std::fs::create_dir_all(copy.state().join(folder)).unwrap();
    }
    for file in ["samples.db", "backbones/gap/backbone.onnx", "backbones/gap/manifest.toml"] {
        std::fs::copy(device.state().join(file), copy.state().join(file)).unwrap();
    }
    damage(&copy.state().join("samples.db"), &[page]);
    copy
}

#[test]
fn of_a_damaged_store_all_that_can_be_read_is_kept() {
    let device = Device::new();
    device.draw("photos", 12, 0);
    device.json(&["collect", "photos", "--backbone", backbone()]);
    let pages = std::fs::metadata(device.state().join("samples.db")).unwrap().len() / 16384;
    let mut kept = Vec::new();
    for page in (2..pages).step_by(3) {
        let copy = damaged_copy(&device, page);
        let report = copy.json(&["samples", "rescue"]).remove(0);
        kept.push(report["samples"].as_u64().unwrap());
        assert_eq!(samples(&copy).len() as u64, *kept.last().unwrap(), "page {page}");
        assert!(copy.state().join("samples.db.damaged").exists());
    }
    kept.sort_unstable();
    assert!(kept.len() > 4 && kept[kept.len() / 2] == 72, "{kept:?} of 72 samples kept");
}

#[test]
fn the_way_out_of_a_damaged_store_is_named_and_collecting_completes_it() {
    let device = Device::new();
    device.draw("photos", 12, 0);
    device.json(&["collect", "photos", "--backbone", backbone()]);
    let pages = std::fs::metadata(device.state().join("samples.db")).unwrap().len() / 16384;
    damage(&device.state().join("samples.db"), &(2..pages).collect::<Vec<_>>());
    let hint = contains("`edgetl samples rescue` keeps what can be read");
    device.edgetl(&["fit-head"]).assert().code(1).stderr(hint);
    device.json(&["samples", "rescue"]);
    device.json(&["collect", "photos", "--backbone", backbone()]);
    assert_eq!(samples(&device).len(), 72);
    device.json(&["fit-head"]);
    device.edgetl(&["doctor", "--provider", "tract"]).assert().success();
}

/// Runs `program` as somebody who may read the device's folder and not write it; `None` where it cannot be started so.
#[cfg(unix)]
fn as_reader(device: &Device, program: &str, arguments: &[&str]) -> Option<std::process::Output> {
    use std::os::unix::process::CommandExt as _;
    let mut command = std::process::Command::new(program);
    command.env_clear().env("EDGETL_STATE", device.state()).env("EDGETL_PROVIDER", "tract");
    command.current_dir(device.path("")).args(arguments);
    if cfg!(is_root) {
        command.uid(65534).gid(65534);
    }
    command.output().ok()
}

#[test]
#[cfg(unix)]
fn a_state_that_cannot_be_written_serves_every_command_that_reads() {
    use std::os::unix::fs::PermissionsExt as _;
    let device = Device::taught();
    let permit = |folders: u32, files: u32| {
        for entry in walkdir::WalkDir::new(device.path("")).contents_first(true) {
            let entry = entry.unwrap();
            let mode = if entry.file_type().is_dir() { folders } else { files };
            std::fs::set_permissions(entry.path(), std::fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    permit(0o555, 0o444);
    let edgetl = env!("CARGO_BIN_EXE_edgetl");
    let reads = |program: &str, arguments: &[&str]| {
        as_reader(&device, program, arguments).is_some_and(|output| output.status.success())
    };
    // Folders above the program or the state may be closed to others.
    if !reads(edgetl, &["--version"]) || !reads("/bin/cat", &["state/heads/current"]) {
        eprintln!("skipped: nobody else can start the program here");
        return permit(0o755, 0o644);
    }
    let commands: [&[&str]; 11] = [
        &["predict", "photos/star/000.png"],
        &["eval", "photos", "--fail-under", "0"],
        &["samples", "list"],
        &["samples", "history"],
        &["samples", "doctor"],
        &["heads", "list"],
        &["heads", "show"],
        &["backbone", "list"],
        &["advise"],
        &["fit-head", "--dry-run"],
        &["doctor"],
    ];
    let run = |arguments: &[&str]| as_reader(&device, edgetl, arguments).unwrap();
    let outputs: Vec<_> = commands.iter().map(|arguments| (arguments, run(arguments))).collect();
    let refused = run(&["samples", "relabel", "ring", "--id", "1"]);
    permit(0o755, 0o644);
    for (arguments, output) in outputs {
        let stderr = String::from_utf8_lossy(&output.stderr);
        // What `eval` is asked about is known to the head, which is said and no success.
        let expected = if arguments[0] == "eval" { Some(1) } else { Some(0) };
        assert_eq!(output.status.code(), expected, "{arguments:?}: {stderr}");
        assert!(!stderr.contains("read-only"), "{arguments:?}: {stderr}");
    }
    let stderr = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(1) && stderr.contains("read-only"), "{stderr}");
}
