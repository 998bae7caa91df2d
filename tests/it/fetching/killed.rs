//! A fetch that is killed or interrupted, and the next one.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::hub::{Faults, Hub};
use super::{fetched, hub, left, network};
use crate::common::Device;

fn started(device: &Device, hub: &Hub) -> std::process::Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_edgetl"));
    command.env_clear().args(["backbone", "fetch", "hf:tiny/net"]).env("EDGETL_STATE", device.state());
    command.env("HF_ENDPOINT", &hub.address).env("EDGETL_PROVIDER", "tract");
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Bytes in the file that is not whole yet.
fn part(device: &Device) -> u64 {
    let files = walkdir::WalkDir::new(device.state()).into_iter().filter_map(Result::ok);
    let parts = files.filter(|entry| entry.file_name().to_string_lossy().ends_with(".part"));
    parts.filter_map(|entry| entry.metadata().ok()).map(|file| file.len()).sum()
}

fn wait_for(device: &Device, bytes: u64) {
    for _ in 0..2000 {
        if part(device) >= bytes {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("{bytes} bytes never came");
}

#[test]
fn killed_at_ten_points_it_goes_on_where_it_was_and_ends_with_the_right_network() {
    let (device, hub) = (Device::new(), hub());
    let whole = network().len() as u64;
    hub.set(Faults { slow: Some(20_000), ..Faults::default() });
    for point in 1..=10 {
        let mut child = started(&device, &hub);
        wait_for(&device, whole * point / 12);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(device.json(&["backbone", "list"])[0].as_array().unwrap().is_empty(), "half a network is none");
    }
    let had = part(&device);
    assert!(had >= whole * 10 / 12);
    hub.set(Faults::default());
    let value = fetched(&device, &hub, &["hf:tiny/net"]);
    assert!(value["fetched_bytes"].as_u64().unwrap() < whole - had + 10_000, "{value}");
    assert_eq!(value["fingerprint"], fetched(&Device::new(), &super::hub(), &["hf:tiny/net"])["fingerprint"]);
    assert_eq!(left(&device), [""; 0]);
}

#[test]
fn ctrl_c_ends_it_at_once_with_130_and_keeps_what_has_come() {
    let (device, hub) = (Device::new(), hub().faulty(Faults { slow: Some(20_000), ..Faults::default() }));
    let child = started(&device, &hub);
    wait_for(&device, 200_000);
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(130), "{said}");
    assert!(said.contains("the same command goes on where it was"), "{said}");
    assert!(part(&device) >= 200_000);
}

#[test]
fn two_at_once_do_not_spoil_each_other() {
    let (device, hub) = (Device::new(), hub().faulty(Faults { slow: Some(100_000), ..Faults::default() }));
    let mut first = started(&device, &hub);
    wait_for(&device, 100_000);
    let second = started(&device, &hub).wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&second.stderr);
    assert!(said.contains("another edgetl is fetching into"), "{said}");
    assert!(first.wait().unwrap().success());
}
