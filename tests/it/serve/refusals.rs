//! What is refused: at start, and of requests.

use std::sync::Barrier;

use predicates::prelude::*;
use predicates::str::contains;

use super::service::{Service, form, large};
use crate::common::{Device, backbone};
use crate::hostile::files::strips;

const TOKEN: &str = "correct-horse-battery-staple";

/// The header of a PNG that claims so many pixels, and nothing behind it.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    bytes.extend(width.to_be_bytes());
    bytes.extend(height.to_be_bytes());
    bytes.extend([8, 2, 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

#[test]
fn every_request_that_cannot_be_answered_is_told_why() {
    let device = Device::taught();
    let service = Service::start(&device, &["--max-body-megabytes", "1"]);
    let picture = std::fs::read(device.path("photos/star/000.png")).unwrap();
    let (kind, two) = form(&[("a.png", &picture), ("b.png", &picture)]);
    let (_, none) = form(&[]);
    let predict = "/v1/predict";
    for (answer, status, word) in [
        (service.predict(&[b'x'; (1 << 20) + 1]), 413, "1048576 bytes"),
        (service.predict(&png_header(90_000, 90_000)), 413, "90000x90000"),
        (service.predict(&strips((10_000, 9_900), 16, 4, false)), 413, "to decode"),
        (service.predict(b"just words"), 415, "got text"),
        (service.predict(b""), 415, "an empty file"),
        (service.predict(&picture[..picture.len() / 2]), 422, "Png"),
        (service.post("/v1/samples", &kind, &two), 400, "more than one part"),
        (service.post(predict, &kind, &none), 400, "got"),
        (service.post(predict, &kind, &picture), 400, "multipart/form-data"),
        (service.post(predict, "multipart/form-data", &two), 400, "boundary"),
        (service.post("/v1/predict?tpo=3", "image/png", &picture), 400, "tpo"),
        (service.post("/v1/predict?top=many", "image/png", &picture), 400, "top"),
        (service.post("/v2/predict", "image/png", &picture), 404, "/v2/predict"),
        (service.get(predict), 405, "GET"),
    ] {
        assert_eq!(answer.status, status, "{answer:?}");
        assert!(answer.json()["error"].as_str().unwrap().contains(word), "`{word}` in {answer:?}");
    }
    assert_eq!(service.predict(&picture).status, 200, "it goes on as before");
}

#[test]
fn a_body_without_a_length_meets_the_same_limit_and_one_with_a_length_is_refused_before_it_is_sent() {
    let device = Device::taught();
    let service = Service::start(&device, &["--max-body-megabytes", "1"]);
    let head = "POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    let mut chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..33 {
        chunked.extend(b"8000\r\n");
        chunked.extend([b'x'; 0x8000]);
        chunked.extend(b"\r\n");
    }
    chunked.extend(b"0\r\n\r\n");
    assert!(service.raw(&chunked).starts_with("HTTP/1.1 413 "));
    let announced = format!("{head}Content-Length: 2000000\r\nExpect: 100-continue\r\n\r\n");
    assert!(service.raw(announced.as_bytes()).starts_with("HTTP/1.1 413 "));
}

#[test]
fn when_the_queue_is_full_the_rest_is_told_to_come_back() {
    let device = Device::taught();
    let service = Service::start(&device, &["--queue", "1"]);
    let (picture, clients) = (large(2000), 8);
    let barrier = Barrier::new(clients);
    let ask = || {
        barrier.wait();
        service.predict(&picture)
    };
    let answers: Vec<_> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..clients).map(|_| scope.spawn(ask)).collect();
        asking.into_iter().map(|client| client.join().unwrap()).collect()
    });
    let answered = answers.iter().filter(|answer| answer.status == 200).count();
    let refused: Vec<_> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(answered >= 1 && !refused.is_empty(), "{answers:?}");
    assert_eq!(answered + refused.len(), clients, "{answers:?}");
    assert!(refused.iter().all(|answer| answer.retry_after.as_deref() == Some("1")));
    assert_eq!(service.metric("edgetl_rejected_total"), refused.len() as f64);
    assert_eq!(service.metric("edgetl_queue_depth"), 0.0);
}

#[test]
fn with_a_token_nothing_but_the_sign_of_life_is_open() {
    let device = Device::taught();
    std::fs::write(device.path("token"), format!("{TOKEN}\n")).unwrap();
    let by_file = Service::start(&device, &["--token-file", "token"]);
    let by_variable = Service::start_with(&device, &[], &[("EDGETL_TOKEN", TOKEN)]);
    for service in [by_file, by_variable] {
        for path in ["/metrics", "/health/ready"] {
            assert_eq!(service.get(path).status, 401, "{path}");
            assert_eq!(service.get_as(path, "Bearer wrong-horse-battery-staple").status, 401, "{path}");
            assert_eq!(service.get_as(path, &format!("Bearer {TOKEN}")).status, 200, "{path}");
        }
        let refused = service.predict(&vec![0; 3 << 20]);
        assert_eq!(refused.status, 401);
        assert!(refused.json()["error"].as_str().unwrap().contains("Authorization: Bearer"));
        assert_eq!(service.get("/health/live").status, 200);
    }
}

#[test]
fn nothing_is_opened_to_other_machines_without_tls_or_a_token() {
    let device = Device::taught();
    let open = ["serve", "--provider", "tract", "--address", "0.0.0.0:0"];
    let hint = contains("--tls self-signed").and(contains("--token-file"));
    device.edgetl(&open).assert().code(1).stderr(contains("`0.0.0.0:0`").and(hint));
    device.edgetl(&open).env("EDGETL_TOKEN", "short").assert().code(1).stderr(contains("at least 16"));
    let missing = ["serve", "--token-file", "nowhere"];
    device.edgetl(&missing).assert().code(1).stderr(contains("`nowhere`"));
    std::fs::write(device.path("edgetl.toml"), "[serve]\naddress = \"[::]:0\"\n").unwrap();
    device.edgetl(&["serve"]).assert().code(1).stderr(contains("`[::]:0`"));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    let taken = service.address.to_string();
    device.edgetl(&["serve", "--address", &taken]).assert().code(1).stderr(contains(&taken).and(contains("hint:")));
}

#[test]
fn a_backbone_that_does_not_give_its_own_features_is_not_served() {
    let device = Device::new();
    device.draw("photos", 8, 0);
    device.json(&["backbone", "import", backbone(), "--use", "--name", "checked"]);
    device.json(&["collect", "photos"]);
    device.json(&["fit-head"]);
    let path = device.state().join("backbones/checked/golden.safetensors");
    let mut golden = edgetl::backbone::Golden::parse(&std::fs::read(&path).unwrap()).unwrap();
    golden.features.mapv_inplace(|value| value * 1.5);
    std::fs::write(&path, golden.to_bytes()).unwrap();
    let serve = ["serve", "--provider", "tract", "--address", "127.0.0.1:0"];
    let error = contains("`checked`").and(contains("`tract`")).and(contains("golden"));
    device.edgetl(&serve).assert().code(1).stderr(error.and(contains("hint: `edgetl doctor`")));
}
