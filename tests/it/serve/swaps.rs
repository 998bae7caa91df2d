//! A head that is published while the service runs.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use super::service::{Service, eventually};
use crate::common::{Device, backbone};

/// Asks without pause from four clients while `change` runs; every request must be answered. Gives the versions seen.
fn under_load(service: &Service, picture: &[u8], change: impl FnOnce()) -> BTreeSet<u64> {
    let stop = AtomicBool::new(false);
    let ask = || {
        let mut seen = BTreeSet::new();
        while !stop.load(Ordering::Relaxed) {
            let answer = service.predict(picture);
            assert_eq!(answer.status, 200, "{answer:?}");
            seen.insert(answer.json()["head_version"].as_u64().unwrap());
        }
        seen
    };
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
        // The clients must end also where the change fails.
        let changed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(change));
        stop.store(true, Ordering::Relaxed);
        let seen = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
        changed.unwrap();
        seen
    })
}

#[test]
fn a_new_head_and_an_older_one_come_into_force_without_losing_a_request() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    let picture = std::fs::read(device.path("photos/star/000.png")).unwrap();
    let seen = under_load(&service, &picture, || {
        eventually("head 1", || service.metric("edgetl_predict_duration_seconds_count") > 0.0);
        device.json(&["samples", "remove", "--label", "ring"]);
        device.json(&["fit-head"]);
        eventually("head 2", || service.head_version() == 2);
        device.json(&["heads", "rollback"]);
        eventually("head 1 again", || service.head_version() == 1);
    });
    assert_eq!(seen, BTreeSet::from([1, 2]));
    assert_eq!(service.metric("edgetl_head_reloads_total{result=\"ok\"}"), 2.0);
    assert_eq!(service.metric("edgetl_rejected_total"), 0.0);
}

#[test]
fn a_head_on_another_backbone_brings_it_along() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    let picture = std::fs::read(device.path("photos/star/000.png")).unwrap();
    let before = service.get("/health/ready").json();
    let seen = under_load(&service, &picture, || {
        device.json(&["collect", "photos", "--backbone", backbone(), "--size", "48"]);
        device.json(&["fit-head"]);
        eventually("head 2", || service.head_version() == 2);
        eventually("an answer by head 2", || service.predict(&picture).json()["head_version"] == 2);
    });
    assert!(seen.contains(&2));
    assert_ne!(service.get("/health/ready").json()["fingerprint"], before["fingerprint"]);
    let answer = service.post("/v1/predict?path=photos/star/000.png", "image/png", &picture).json();
    assert_eq!(answer, device.json(&["predict", "photos/star/000.png"])[0]);
}

#[test]
fn a_head_that_cannot_be_read_leaves_the_one_before_it_and_is_shown() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    let picture = std::fs::read(device.path("photos/star/000.png")).unwrap();
    let (pointer, broken) = (device.state().join("heads/current"), device.state().join("heads/000002.safetensors"));
    std::fs::write(&broken, b"half a head").unwrap();
    for content in ["000002\n", "rubbish", "000009\n"] {
        std::fs::write(&pointer, content).unwrap();
        eventually("the report of it", || service.metric("edgetl_head_stale") == 1.0);
        assert!(service.get("/health/ready").json()["stale"].is_string());
        assert_eq!(service.predict(&picture).json()["head_version"], 1);
        std::fs::write(&pointer, "000001\n").unwrap();
        eventually("recovery", || service.metric("edgetl_head_stale") == 0.0);
    }
    assert!(service.metric("edgetl_head_reloads_total{result=\"failed\"}") >= 3.0);
    std::fs::remove_file(&broken).unwrap();
    device.json(&["fit-head"]);
    eventually("the head after it", || service.head_version() == 2);
}
