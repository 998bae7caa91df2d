//! A fit that is ended half-way leaves the heads as they were.
#![cfg(unix)]

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::Device;

fn heads(device: &Device) -> usize {
    device.json(&["heads", "list"])[0].as_array().unwrap().len()
}

#[test]
fn ctrl_c_ends_a_fit_at_any_moment_and_leaves_whole_heads_alone() {
    let device = Device::taught();
    let mut ended = 0;
    for delay in (0..40).map(|step| Duration::from_millis(10 + 25 * step)) {
        let before = heads(&device);
        let mut child = Command::new(env!("CARGO_BIN_EXE_edgetl"))
            .env_clear()
            .env("EDGETL_STATE", device.state())
            .args(["fit-head", "--head", "mlp"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(delay);
        Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        let finished = child.wait().unwrap().success();
        // Between publishing and saying so the signal comes too late to undo anything.
        assert!((before..=before + 1).contains(&heads(&device)), "ended after {delay:?}");
        device.json(&["predict", "photos/star/000.png"]);
        if finished {
            break;
        }
        ended += 1;
    }
    assert!(ended > 0, "every fit was faster than its signal");
    device.json(&["fit-head"]);
    let names = std::fs::read_dir(device.state().join("heads")).unwrap().map(|entry| entry.unwrap().file_name());
    let leftovers: Vec<_> = names.filter(|name| name.to_string_lossy().contains("tmp")).collect();
    assert!(leftovers.is_empty(), "{leftovers:?}");
}
