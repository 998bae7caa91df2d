//! A command that did not do what was asked says so by its exit code.

use std::process::{Command, Stdio};

use predicates::prelude::PredicateBooleanExt as _;
use predicates::str::contains;

use crate::common::{Device, backbone};

/// Runs a command whose reader has gone before it says anything; gives its exit code and stderr.
fn without_reader(device: &Device, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgetl"));
    command.env_clear().env("EDGETL_STATE", device.state()).env("EDGETL_PROVIDER", "tract").args(arguments);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command.current_dir(device.path("")).stdout(writer).stderr(Stdio::piped());
    let output = command.spawn().unwrap().wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn collect_whose_reader_has_gone_is_no_success_and_what_it_stored_stays() {
    let device = Device::new();
    device.draw("photos", 4, 0);
    let collect = ["collect", "photos", "--json-lines", "--backbone", backbone()];
    let (code, stderr) = without_reader(&device, &collect);
    assert_eq!(code, Some(141), "{stderr}");
    assert!(stderr.contains("nobody reads stdout any more") && stderr.contains("of 24 pictures"), "{stderr}");
    let again = &device.json(&["collect", "photos"])[0];
    assert_eq!(again["stored"].as_u64().unwrap() + again["duplicates"].as_u64().unwrap(), 24);
    assert_eq!(device.json(&["samples", "list"]).len(), 24);
}

#[test]
fn other_commands_whose_reader_has_gone_end_with_the_same_code_and_no_words() {
    let device = Device::taught();
    for arguments in
        [&["predict", "photos"][..], &["samples", "list"], &["heads", "list"], &["samples", "list", "--json"]]
    {
        let (code, stderr) = without_reader(&device, arguments);
        assert_eq!(code, Some(141), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("error"), "{arguments:?}: {stderr}");
    }
}

#[test]
fn numbers_of_samples_that_are_not_there_are_named_and_nothing_is_done() {
    let device = Device::taught();
    let before = device.json(&["samples", "list"]);
    for command in [&["relabel", "x"][..], &["remove"], &["list"], &["list", "--count"]] {
        let arguments = [&["samples"], command, &["--id", "999,1", "--id", "1000"]].concat();
        let refused = device.edgetl(&arguments).assert().code(1);
        refused.stderr(contains("got numbers that none has: 999, 1000").and(contains("hint: ")));
    }
    assert_eq!(device.json(&["samples", "list"]), before);
    device.edgetl(&["samples", "relabel", "x", "--id", "1,2"]).assert().code(0).stdout(contains("2 samples"));
}

#[test]
fn an_edit_that_matches_nothing_is_no_success() {
    let device = Device::taught();
    for arguments in [
        &["samples", "relabel", "x", "--label", "unheard of"][..],
        &["samples", "relabel", "x", "--id", "1", "--split", "test"],
        &["samples", "remove", "--source", "/nowhere"],
        &["samples", "remove", "--unlabelled"],
    ] {
        device.edgetl(arguments).assert().code(1).stderr(contains("0 samples match"));
    }
    device.edgetl(&["samples", "rename", "star", "star"]).assert().code(2);
    assert_eq!(device.json(&["samples", "list"]).len(), 48);
    // Nothing is asked for here, so nothing is a right answer.
    device.edgetl(&["samples", "list", "--split", "test"]).assert().code(0);
}

#[test]
fn forgetting_goes_on_with_the_heads_though_the_samples_are_gone() {
    let device = Device::taught();
    device.json(&["samples", "remove", "--id", "1"]);
    let forgotten = &device.json(&["samples", "remove", "--id", "1", "--forget"])[0];
    assert_eq!((forgotten["removed"].as_u64(), forgotten["forgotten"]["head"].as_u64()), (Some(0), Some(2)));
}
