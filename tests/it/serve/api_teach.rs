//! Teaching over HTTP.

use serde_json::{Value, json};

use super::service::{Answer, Service, eventually};
use crate::common::Device;
use crate::watching::jpeg;

/// A device with nothing but drawings that nobody has collected, and a camera that is sent its frames.
fn empty() -> (Device, Service) {
    let device = Device::new();
    device.draw("photos", 12, 0);
    std::fs::write(device.path("edgetl.toml"), "[camera.door]\nsource = \"push\"\nfps = 50\n").unwrap();
    let service = Service::start(&device, &[]);
    (device, service)
}

fn push(service: &Service, picture: &[u8]) {
    assert_eq!(service.put("/v1/cameras/door/frame", picture).status, 204);
}

fn teach(service: &Service, query: &str, picture: &[u8]) -> Answer {
    service.post(&format!("/v1/samples?{query}"), "image/jpeg", picture)
}

fn keyed(service: &Service, query: &str, key: &str, picture: &[u8]) -> (u16, Value) {
    let request = ureq::post(service.url(&format!("/v1/samples?{query}"))).header("Idempotency-Key", key);
    let response = request.config().http_status_as_error(false).build().send(picture).unwrap();
    (response.status().as_u16(), serde_json::from_str(&response.into_body().read_to_string().unwrap()).unwrap())
}

fn samples(device: &Device) -> Vec<Value> {
    device.json(&["samples", "list"])
}

#[test]
fn a_device_that_knows_nothing_is_taught_by_its_camera_and_answers_about_it() {
    let (device, service) = empty();
    assert_eq!(service.predict(&jpeg(&device, "star", 0)).status, 503);
    let mut stored = 0;
    for shape in ["star", "ring"] {
        for number in 0..8 {
            push(&service, &jpeg(&device, shape, number));
            let query = format!("camera=door&label={shape}&group={shape}&twins=drop");
            let taught = service.post(&format!("/v1/samples?{query}"), "application/octet-stream", b"");
            assert!([200, 201].contains(&taught.status), "{taught:?}");
            stored += usize::from(taught.json()["outcome"] == "stored");
        }
    }
    assert!(stored >= 8, "only {stored} of 16 drawings are unlike each other");
    let listed = samples(&device);
    assert_eq!(listed.len(), stored);
    assert!(listed.iter().all(|sample| sample["group"] == sample["label"]), "{listed:?}");
    assert_eq!(service.post("/v1/fit", "application/json", b"{}").status, 202);
    eventually("the first head", || service.get("/health/ready").status == 200);
    for shape in ["star", "ring"] {
        push(&service, &jpeg(&device, shape, 10));
        let answer = service.post("/v1/predict?camera=door", "application/octet-stream", b"").json();
        assert_eq!(answer["nearest"], shape, "{answer}");
    }
}

#[test]
fn each_picture_is_stored_once_and_says_what_became_of_it() {
    let (device, service) = empty();
    let star = jpeg(&device, "star", 0);
    let first = teach(&service, "label=star&from=my%20phone", &star);
    assert_eq!((first.status, &first.json()["outcome"]), (201, &json!("stored")), "{first:?}");
    let id = first.json()["id"].clone();
    let known = |answer: Answer| (answer.status, answer.json()["outcome"].clone(), answer.json()["id"].clone());
    assert_eq!(known(teach(&service, "label=star", &star)), (200, json!("known"), id.clone()));
    assert_eq!(known(teach(&service, "", &star)), (200, json!("known"), id.clone()), "it keeps its label");
    let relabelled = teach(&service, "label=sun&twins=drop", &star).json();
    assert_eq!((&relabelled["relabelled"], &relabelled["id"]), (&json!("star"), &id));
    assert!(relabelled["version"].as_i64() > first.json()["version"].as_i64(), "it can be taken back: {relabelled}");
    // Much like it, in another file.
    let like = [&star[..], b" "].concat();
    assert_eq!(teach(&service, "label=star&twins=drop", &like).json()["outcome"], "twin");
    let mut dark = Vec::new();
    image::RgbImage::new(64, 64).write_with_encoder(image::codecs::jpeg::JpegEncoder::new(&mut dark)).unwrap();
    let poor = teach(&service, "label=star&twins=drop", &dark);
    assert_eq!((poor.status, &poor.json()["because"]), (200, &json!("too dark")), "{poor:?}");
    assert_eq!(teach(&service, "twins=keep", &dark).status, 201, "who sends a file wants it");
    let labels: Vec<_> = samples(&device).into_iter().map(|sample| sample["label"].clone()).collect();
    assert_eq!(labels, [json!("sun"), Value::Null]);

    for (query, picture, status) in [
        ("label=", &star[..], 400),
        ("label=star&twins=maybe", &star, 400),
        ("lable=star", &star, 400),
        ("camera=window", b"", 404),
        ("camera=door", b"", 503),
        ("label=star", b"just words", 415),
        ("label=star", &star[..star.len() / 3], 422),
    ] {
        let refused = teach(&service, query, picture);
        assert_eq!(refused.status, status, "{query}: {refused:?}");
    }
    assert_eq!(samples(&device).len(), 2);
}

#[test]
fn a_request_of_the_same_key_gets_the_same_answer() {
    let (device, service) = empty();
    let (one, other) = (jpeg(&device, "star", 0), jpeg(&device, "star", 1));
    let first = keyed(&service, "label=star", "a-1", &one);
    assert_eq!((first.0, &first.1["outcome"]), (201, &json!("stored")));
    assert_eq!(keyed(&service, "label=star", "a-1", &one), first);
    assert_eq!(keyed(&service, "label=star", "a-2", &one).1["outcome"], "known");
    // All at once: one of them stores it, and the others hear of that.
    let answers = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..6).map(|_| scope.spawn(|| keyed(&service, "label=star", "b", &other))).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(answers.iter().all(|answer| *answer == answers[0] && answer.0 == 201), "{answers:?}");
    assert_eq!(keyed(&service, "label=star", "a-1", &other).0, 409, "the key stands for another picture");
    // What failed is tried again.
    assert_eq!(keyed(&service, "", "c", b"just words").0, 415);
    assert_eq!(keyed(&service, "", "c", &jpeg(&device, "star", 2)).0, 201);
    for key in ["", "with space", &"x".repeat(129)] {
        assert_eq!(keyed(&service, "", key, &one).0, 400, "`{key}`");
    }
    assert_eq!(samples(&device).len(), 3);
}

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let (device, mut service) = empty();
    let pictures: Vec<_> = (0..6).map(|number| jpeg(&device, "cross", number)).collect();
    for picture in &pictures {
        assert_eq!(teach(&service, "label=cross", picture).status, 201);
    }
    service.signal("KILL");
    service.wait();
    let listed = samples(&device);
    assert_eq!(listed.len(), pictures.len());
    for (sample, picture) in listed.iter().zip(&pictures) {
        let source = sample["source"].as_str().unwrap();
        assert!(&std::fs::read(source).unwrap() == picture, "{source}");
    }
}

#[test]
fn whoever_may_only_look_teaches_nothing_and_is_asked_for_the_picture_no_further() {
    let device = Device::new();
    device.draw("photos", 1, 0);
    let (write, read) = ("write-token-0123456789", "read-token-0123456789");
    let service = Service::start_with(&device, &[], &[("EDGETL_TOKEN", write), ("EDGETL_READ_TOKEN", read)]);
    let status = |token: &str| {
        let request =
            ureq::post(service.url("/v1/samples?label=star")).header("Authorization", &format!("Bearer {token}"));
        let star = jpeg(&device, "star", 0);
        request.config().http_status_as_error(false).build().send(&star[..]).unwrap().status().as_u16()
    };
    assert_eq!([status(read), status("another-token-1234567"), status(write)], [403, 401, 201]);
    for path in ["/v1/events", "/v1/cameras/door/stream"] {
        assert_eq!(service.get(path).status, 401, "{path}");
    }
}
