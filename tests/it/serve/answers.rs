//! Pictures that are answered, and what the service says of itself.

use super::service::{Service, form};
use crate::common::Device;

const PICTURES: [&str; 3] = ["photos/star/000.png", "photos/ring/001.png", "photos/circle/002.png"];

/// What `predict --json` prints for each of [`PICTURES`], line by line.
fn predicted(device: &Device) -> Vec<String> {
    let mut arguments = vec!["predict", "--json", "--provider", "tract"];
    arguments.extend(PICTURES);
    let output = device.edgetl(&arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn a_picture_gets_the_answer_that_predict_prints() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    for (path, line) in PICTURES.into_iter().zip(predicted(&device)) {
        let bytes = std::fs::read(device.path(path)).unwrap();
        let raw = service.post(&format!("/v1/predict?path={path}"), "application/x-www-form-urlencoded", &bytes);
        assert_eq!((raw.status, raw.text.as_str()), (200, line.as_str()));
        let (kind, body) = form(&[(path, &bytes)]);
        let form = service.post("/v1/predict", &kind, &body);
        assert_eq!((form.status, form.text.as_str()), (200, line.as_str()));
    }
}

#[test]
fn the_query_says_how_many_classes_and_what_name_there_are_in_the_answer() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    let bytes = std::fs::read(device.path(PICTURES[0])).unwrap();
    let unnamed = service.predict(&bytes).json();
    assert_eq!((&unnamed["path"], unnamed["top"].as_array().unwrap().len()), (&"-".into(), 5));
    let (kind, body) = form(&[("camera.png", &bytes)]);
    let named = service.post("/v1/predict?top=2&path=door%201", &kind, &body).json();
    assert_eq!((&named["path"], named["top"].as_array().unwrap().len()), (&"door 1".into(), 2));
    assert_eq!(named["top"][0], unnamed["top"][0]);
}

#[test]
fn what_runs_is_printed_once_and_asked_for_at_any_time() {
    let device = Device::taught();
    device.json(&["backbone", "import", crate::common::backbone(), "--use", "--name", "checked"]);
    device.json(&["collect", "photos"]);
    device.json(&["fit-head"]);
    let service = Service::start(&device, &[]);
    for (key, value) in [("provider", "tract"), ("backbone", "checked")] {
        assert_eq!(service.started[key], value);
        assert_eq!(service.get("/health/ready").json()[key], value);
    }
    assert_eq!(service.started["head_version"], 2);
    assert_eq!(service.started["golden"]["check"], "passed");
    let ready = service.get("/health/ready");
    assert_eq!((ready.status, &ready.json()["status"], &ready.json()["stale"]), (200, &"ready".into(), &().into()));
    assert_eq!(ready.json()["golden"]["check"], "passed");
    assert_eq!(service.get("/health/live").json()["status"], "live");
}

#[test]
fn the_metrics_count_what_happened() {
    let device = Device::taught();
    let service = Service::start(&device, &["--queue", "7"]);
    let bytes = std::fs::read(device.path(PICTURES[0])).unwrap();
    for _ in 0..3 {
        assert_eq!(service.predict(&bytes).status, 200);
    }
    service.predict(b"no picture");
    service.get("/secret/words");
    for (name, value) in [
        ("edgetl_requests_total{route=\"/v1/predict\",status=\"200\"}", 3.0),
        ("edgetl_requests_total{route=\"/v1/predict\",status=\"415\"}", 1.0),
        ("edgetl_requests_total{route=\"other\",status=\"404\"}", 1.0),
        ("edgetl_predict_duration_seconds_count", 4.0),
        ("edgetl_queue_depth", 0.0),
        ("edgetl_queue_capacity", 7.0),
        ("edgetl_rejected_total", 0.0),
        ("edgetl_head_version", 1.0),
        ("edgetl_head_stale", 0.0),
        ("edgetl_head_reloads_total{result=\"failed\"}", 0.0),
    ] {
        assert_eq!(service.metric(name), value, "{name}");
    }
    let text = service.get("/metrics").text;
    assert!(text.contains(&format!("edgetl_build_info{{version=\"{}\"", env!("CARGO_PKG_VERSION"))), "{text}");
    assert!(text.contains("# TYPE edgetl_predict_duration_seconds histogram"), "{text}");
    assert!(!text.contains("secret"), "a client makes no names: {text}");
}
