//! `collect` killed at any moment loses nothing that it had acknowledged.

use std::collections::BTreeSet;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::{Device, backbone};
use rand::{RngExt, SeedableRng};
use serde_json::Value;

const KILLS: usize = 50;
const PICTURES: usize = 6 * 40;

fn start(device: &Device) -> std::process::Child {
    Command::new(env!("CARGO_BIN_EXE_edgetl"))
        .env_clear()
        .env("EDGETL_STATE", device.state())
        .args(["collect", "--json-lines", "--provider", "tract", "--backbone", backbone()])
        .arg(device.path("photos"))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The numbers of the samples that a run said are stored; a last line may be torn.
fn acknowledged(stdout: &str) -> BTreeSet<i64> {
    let events = stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.filter(|event| event["event"] == "stored").map(|event| event["id"].as_i64().unwrap()).collect()
}

fn stored(device: &Device) -> BTreeSet<i64> {
    if !device.state().join("samples.db").exists() {
        return BTreeSet::new();
    }
    let output = device.edgetl(&["samples", "list", "--json"]).assert().success().get_output().stdout.clone();
    let text = String::from_utf8(output).unwrap();
    text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].as_i64().unwrap()).collect()
}

#[test]
fn fifty_kills_lose_nothing_acknowledged_and_a_rerun_finishes() {
    let mut random = rand_pcg::Pcg32::seed_from_u64(7);
    let device = Device::new();
    device.draw("photos", PICTURES / 6, 0);
    let (mut promised, mut mid_run) = (BTreeSet::new(), 0);
    for _ in 0..KILLS {
        let mut child = start(&device);
        std::thread::sleep(Duration::from_millis(random.random_range(5..700)));
        child.kill().unwrap();
        let mut text = String::new();
        child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        child.wait().unwrap();
        promised.extend(acknowledged(&text));
        let kept = stored(&device);
        assert!(promised.is_subset(&kept), "lost {:?}", promised.difference(&kept));
        mid_run += usize::from(!kept.is_empty() && kept.len() < PICTURES);
        if kept.len() == PICTURES {
            std::fs::remove_dir_all(device.state()).unwrap();
            promised.clear();
        }
    }
    assert!(mid_run > 0, "no kill came in the middle: the delays fit no more");
    let finished = &device.json(&["collect", "photos", "--backbone", backbone()])[0];
    let count = |key: &str| finished[key].as_u64().unwrap() as usize;
    assert_eq!(count("stored") + count("duplicates"), PICTURES);
    assert_eq!(stored(&device).len(), PICTURES);
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_after_the_picture_in_hand_and_the_next_run_goes_on() {
    ends_after_the_picture_in_hand("-INT");
}

#[cfg(unix)]
#[test]
fn a_request_to_terminate_ends_as_ctrl_c_does() {
    ends_after_the_picture_in_hand("-TERM");
}

#[cfg(unix)]
fn ends_after_the_picture_in_hand(signal: &str) {
    let device = Device::new();
    device.draw("photos", PICTURES / 6, 0);
    let mut child = start(&device);
    // The first acknowledgement shows that the run is under way.
    let mut stdout = child.stdout.take().unwrap();
    let mut first = [0; 1];
    stdout.read_exact(&mut first).unwrap();
    Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
    let mut text = String::from_utf8_lossy(&first).into_owned();
    stdout.read_to_string(&mut text).unwrap();
    let status = child.wait().unwrap();
    let summary: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    let code = if summary["interrupted"] == true { 130 } else { 0 };
    assert_eq!(status.code(), Some(code));
    assert_eq!(stored(&device).len() as u64, summary["stored"].as_u64().unwrap());
    let finished = &device.json(&["collect", "photos", "--backbone", backbone()])[0];
    assert_eq!(finished["stored"].as_u64().unwrap() + finished["duplicates"].as_u64().unwrap(), PICTURES as u64);
}
