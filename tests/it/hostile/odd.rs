//! Odd folders and what is no file: each costs itself and is said, nothing is waited for.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::common::{Device, backbone};

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn paths(failed: &Value) -> Vec<String> {
    failed.as_array().unwrap().iter().map(|failed| failed["path"].as_str().unwrap().to_owned()).collect()
}

/// Three classes with 2 pictures each, an odd folder of every kind, and a link in a circle.
fn odd_folders(device: &Device, name: &str, first_seed: u64) -> usize {
    let photos = device.draw(name, 2, first_seed);
    let star = photos.join("star");
    for name in [" ", "ev\u{1b}]0;il"] {
        std::fs::create_dir(photos.join(name)).unwrap();
        std::fs::copy(star.join("000.png"), photos.join(name).join("0.png")).unwrap();
    }
    std::os::unix::fs::symlink(&photos, star.join("up")).unwrap();
    std::fs::read_dir(&photos).unwrap().count() - 2
}

#[test]
fn odd_folders_cost_themselves_and_are_failures() {
    let device = Device::taught();
    let classes = odd_folders(&device, "photos", 0);
    // Pictures that the head was not fitted on.
    odd_folders(&device, "others", 50);
    for (arguments, pictures) in
        [(&["collect", "photos", "--json"][..], "stored"), (&["eval", "others", "--json"], "samples")]
    {
        let run = device.edgetl(arguments).env("EDGETL_PROVIDER", "tract").assert().code(1);
        let report: Value = serde_json::from_slice(&run.get_output().stdout).unwrap();
        let failed = paths(&report["failed"]);
        assert_eq!(failed.len(), 3, "{failed:?}");
        for odd in ["/ ", "/ev\u{1b}]0;il", "/star/up"] {
            assert!(
                failed.iter().any(|path| path.ends_with(&format!("{}{odd}", arguments[1]))),
                "{odd:?} in {failed:?}"
            );
        }
        let used = report[pictures].as_u64().unwrap() + report["duplicates"].as_u64().unwrap_or(0);
        assert!(used >= 2 * classes as u64, "{report}");
    }
    let run = device.edgetl(&["predict", "photos"]).env("EDGETL_PROVIDER", "tract").assert().code(1);
    let lines = String::from_utf8_lossy(&run.get_output().stdout).lines().count();
    assert!(lines > 2 * classes + 3, "{lines}");
}

#[test]
fn a_source_of_odd_folders_alone_fails_and_says_why() {
    let device = Device::new();
    std::fs::create_dir_all(device.path("photos/ ")).unwrap();
    std::fs::write(device.path("photos/ /1.jpg"), b"").unwrap();
    let run = device.edgetl(&["collect", "photos", "--backbone", backbone()]).assert().code(1);
    let said = String::from_utf8_lossy(&run.get_output().stderr).into_owned();
    assert!(said.contains("photos/ `") && said.contains("label"), "{said}");
}

#[test]
fn a_pipe_is_refused_wherever_a_file_is_named() {
    let device = Device::taught();
    for name in ["pipe.jpg", "pipe.csv", "pipe.jsonl", "pipe.onnx", "pipe.toml", "pipe", "photos/star/pipe.png"] {
        pipe(&device.path(name));
    }
    for arguments in [
        &["predict", "pipe.jpg"][..],
        &["predict", "pipe"],
        &["eval", "pipe.csv"],
        &["collect", "pipe.csv"],
        &["collect", "pipe.jsonl"],
        &["collect", "pipe.jpg", "--label", "x"],
        &["collect", "pipe"],
        &["heads", "list", "--config", "pipe.toml"],
        &["backbone", "import", "pipe.onnx"],
        &["backbone", "import", backbone(), "--labels", "pipe"],
        &["serve", "--token-file", "pipe", "--address", "127.0.0.1:0"],
    ] {
        let run = device.edgetl(arguments).env("EDGETL_PROVIDER", "tract").timeout(Duration::from_secs(60)).assert();
        let output = run.get_output();
        let said = [&output.stdout[..], &output.stderr].concat();
        assert!(matches!(output.status.code(), Some(1 | 2)), "{arguments:?}: {}", String::from_utf8_lossy(&said));
    }
    let collected = &device.json(&["collect", "photos"])[0];
    assert!(paths(&collected["failed"])[0].ends_with("star/pipe.png"));
    assert!(collected["failed"][0]["reason"].as_str().unwrap().contains("got a named pipe"), "{collected}");
    for device_file in ["/dev/zero", "/dev/tty"] {
        device.edgetl(&["predict", device_file]).timeout(Duration::from_secs(60)).assert().code(1);
    }
}
