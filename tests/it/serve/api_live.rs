//! What cameras see and what happens, sent as it comes.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::service::{Service, eventually, form, noise};
use super::streams::Ongoing;
use crate::common::Device;
use crate::watching::jpeg;

/// With two cameras that are sent their frames; `side` sees the left half of them.
fn with_cameras(device: &Device) -> Service {
    let side = "[camera.side]\nsource = \"push\"\nfps = 50\nregion = [0.0, 0.0, 0.5, 1.0]\n";
    let text = format!("[camera.door]\nsource = \"push\"\nfps = 50\nthreshold = 0.5\n{side}");
    std::fs::write(device.path("edgetl.toml"), text).unwrap();
    Service::start(device, &[])
}

fn push(service: &Service, camera: &str, picture: &[u8]) {
    assert_eq!(service.put(&format!("/v1/cameras/{camera}/frame"), picture).status, 204);
}

fn picture_of(service: &Service, camera: &str) -> Vec<u8> {
    ureq::get(service.url(&format!("/v1/cameras/{camera}/picture"))).call().unwrap().into_body().read_to_vec().unwrap()
}

#[test]
fn a_camera_shows_its_newest_frame_and_of_it_what_the_network_sees() {
    let device = Device::well_taught();
    let service = with_cameras(&device);
    let none = service.get("/v1/cameras/door/picture");
    assert_eq!(
        (none.status, none.json()["detail"].as_str()),
        (503, Some("camera `door` gives no picture at the moment"))
    );
    assert_eq!(service.get("/v1/cameras/window/picture").status, 404);
    let star = jpeg(&device, "star", 0);
    for camera in ["door", "side"] {
        push(&service, camera, &jpeg(&device, "ring", 0));
        push(&service, camera, &star);
    }
    assert!(picture_of(&service, "door") == star, "as it was sent");
    let size =
        |bytes: &[u8]| image::load_from_memory(bytes).map(|picture| (picture.width(), picture.height())).unwrap();
    let (width, height) = size(&star);
    assert_eq!(size(&picture_of(&service, "side")), (width / 2, height));

    let asked = service.post("/v1/predict?camera=door", "application/octet-stream", b"").json();
    assert_eq!((&asked["label"], &asked["path"]), (&json!("star"), &json!("door")), "{asked}");
    let half = service.post("/v1/predict?camera=side", "application/octet-stream", b"").json();
    assert!(half["score"].is_number() && half["score"] != asked["score"], "it is asked about another picture: {half}");
    assert_eq!(service.post("/v1/predict?camera=window", "application/octet-stream", b"").status, 404);
    assert_eq!(service.post("/v1/predict?camera=door", "image/jpeg", &star).status, 400, "which of them is meant?");
}

#[test]
fn several_pictures_each_get_an_answer_or_an_error_and_a_rule_is_told_when_asked_for() {
    let device = Device::well_taught();
    let service = with_cameras(&device);
    let (star, ring) = (jpeg(&device, "star", 1), jpeg(&device, "ring", 1));
    let (kind, body) = form(&[("star.jpg", &star), ("words", b"no picture"), ("ring.jpg", &ring)]);
    let several = service.post("/v1/predict?top=1", &kind, &body).json();
    let answers = several["answers"].as_array().unwrap();
    assert_eq!(answers.len(), 3, "{several}");
    assert_eq!((&answers[0]["label"], &answers[2]["label"]), (&json!("star"), &json!("ring")));
    assert_eq!((&answers[1]["path"], answers[1]["error"].is_string()), (&json!("words"), true), "{several}");
    let alone = service.post("/v1/predict?top=1&path=star.jpg", "image/jpeg", &star).json();
    assert_eq!(alone, answers[0]);
    let many: Vec<(&str, &[u8])> = vec![("star", &star); 65];
    let (kind, body) = form(&many);
    let refused = service.post("/v1/predict", &kind, &body);
    assert_eq!(refused.status, 400, "{refused:?}");

    std::fs::write(device.path("one.jpg"), &star).unwrap();
    let printed = &device.json(&["predict", "one.jpg", "--why"])[0];
    let asked = service.post("/v1/predict?why=true&path=one.jpg", "image/jpeg", &star).json();
    assert_eq!((&asked, asked["why"]["sentence"].is_string()), (printed, true));
}

#[test]
fn a_stream_shows_the_newest_frames_and_one_who_does_not_read_holds_nobody_up() {
    let device = Device::new();
    let service = with_cameras(&device);
    let path = "/v1/cameras/door/stream?fps=30";
    assert_eq!(service.get("/v1/cameras/window/stream").status, 404);
    assert_eq!(service.get("/v1/cameras/door/stream?fps=31").status, 400);
    // Large enough that what nobody reads fills every buffer on the way.
    let large = noise(700);
    let _stalled: Vec<_> = (0..4).map(|_| Ongoing::stalled(&service, path)).collect();
    let mut reading = Ongoing::get(&service, path);
    for number in 0..20_u8 {
        // What follows a picture's end marker is not looked at.
        let frame = [&jpeg_of(&large)[..], &[number]].concat();
        push(&service, "door", &frame);
        // What was on its way may come first.
        assert!((0..5).any(|_| reading.picture().unwrap() == frame), "frame {number} does not come");
    }
}

/// The pixels of a PNG file as a large JPEG file.
fn jpeg_of(png: &[u8]) -> Vec<u8> {
    let mut file = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 100);
    image::load_from_memory(png).unwrap().to_rgb8().write_with_encoder(encoder).unwrap();
    file
}

#[test]
fn eight_may_look_and_whoever_goes_makes_room() {
    let device = Device::new();
    let service = with_cameras(&device);
    let path = "/v1/cameras/door/stream";
    let mut viewers: Vec<_> = (0..8).map(|_| Ongoing::get(&service, path)).collect();
    assert!(viewers.iter().all(|viewer| viewer.status == 200));
    let ninth = service.get(path);
    assert_eq!((ninth.status, ninth.retry_after.as_deref()), (503, Some("1")), "{ninth:?}");
    viewers.pop();
    eventually("room for another", || Ongoing::get(&service, path).status == 200);
    // A question about the head of an answer is none who looks.
    let head = service.raw(format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes());
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

#[test]
fn a_viewer_stays_longer_than_an_idle_client_may() {
    let device = Device::new();
    std::fs::write(device.path("edgetl.toml"), "[camera.door]\nsource = \"push\"\n").unwrap();
    let service = Service::start(&device, &["--client-timeout", "1"]);
    device.draw("photos", 1, 0);
    let (mut viewer, mut listener) =
        (Ongoing::get(&service, "/v1/cameras/door/stream"), Ongoing::get(&service, "/v1/events"));
    std::thread::sleep(Duration::from_millis(2500));
    let star = jpeg(&device, "star", 0);
    push(&service, "door", &star);
    assert!(viewer.picture().unwrap() == star);
    assert_eq!(listener.event().unwrap()["event"], "camera");
}

#[test]
fn events_tell_of_samples_of_fits_and_of_another_head() {
    let device = Device::new();
    device.draw("photos", 4, 0);
    let service = with_cameras(&device);
    let mut listener = Ongoing::get(&service, "/v1/events");
    assert_eq!(listener.status, 200);
    for (shape, number) in ["star", "ring"].into_iter().flat_map(|shape| (0..4).map(move |number| (shape, number))) {
        let taught = service.post(&format!("/v1/samples?label={shape}"), "image/jpeg", &jpeg(&device, shape, number));
        assert_eq!(taught.status, 201, "{taught:?}");
        assert_eq!(listener.event().unwrap(), json!({"event": "samples", "version": 0}));
    }
    let names = json!({"from": "star", "to": "sun"}).to_string();
    let renamed = service.post("/v1/labels/rename", "application/json", names.as_bytes()).json();
    assert_eq!(renamed["changed"], 4, "{renamed}");
    assert_eq!(listener.event().unwrap(), json!({"event": "samples", "version": renamed["version"]}));
    assert_eq!(service.post("/v1/fit", "application/json", b"{}").status, 202);
    let mut told: Vec<Value> = (0..2).map(|_| listener.event().unwrap()).collect();
    told.sort_by_key(|event| event["event"].to_string());
    assert_eq!((&told[0]["event"], &told[0]["outcome"]), (&json!("fitted"), &json!("published")), "{told:?}");
    assert_eq!(told[1], json!({"event": "head", "head_version": 1}));
}

#[test]
fn a_service_with_streams_open_stops_at_once() {
    let device = Device::new();
    device.draw("photos", 1, 0);
    let mut service = with_cameras(&device);
    let (viewer, listener) = (Ongoing::get(&service, "/v1/cameras/door/stream"), Ongoing::get(&service, "/v1/events"));
    let _stalled = Ongoing::stalled(&service, "/v1/cameras/door/stream?fps=30");
    let large = jpeg_of(&noise(700));
    for number in 0..10 {
        push(&service, "door", &[&large[..], &[number]].concat());
        std::thread::sleep(Duration::from_millis(40));
    }
    let end = Instant::now();
    service.signal("TERM");
    viewer.end();
    listener.end();
    assert_eq!(service.wait().code(), Some(0));
    assert!(end.elapsed() < Duration::from_secs(5), "{:?}", end.elapsed());
}
