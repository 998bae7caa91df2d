//! Backbones, the service, and what needs no pictures.

use super::schemas::Documented;
use crate::common::{Device, backbone};
use crate::reviewing::{put_stripes, with_something_to_review};
use crate::serve::service::Service;
use crate::watching::{Watcher, put};

pub fn importing(documented: &Documented) {
    let device = Device::new();
    let one = |title: &str, flags: &[&str]| {
        let words: Vec<&str> = title.split(' ').take_while(|word| word.starts_with(char::is_lowercase)).collect();
        documented.run_one(title, &device, &[&words[..], flags].concat())
    };
    let known = format!("{}=3", device.draw("known", 1, 0).join("star/000.png").display());
    let imported = one("backbone import", &[backbone(), "--name", "known", "--known", &known]);
    assert!(imported["known"]["usual"].is_array(), "{imported}");
    one("backbone import", &[backbone(), "--name", "other", "--preset", "raw"]);
    assert_eq!(one("backbone list", &[]).as_array().unwrap().len(), 2);
    one("backbone use", &["other"]);
    device.draw("photos", 6, 0);
    device.json(&["collect", "photos"]);
    let compared = one("backbone compare", &["--within", "1s"]);
    assert!(compared["backbones"].as_array().unwrap().iter().any(|row| row["difference"].is_number()), "{compared}");
    let looked = one("backbone visualize", &["known"]);
    assert!(looked["layers"][0]["channels"][0]["pictures"][0]["box"]["width"].is_number(), "{looked}");
    std::fs::remove_dir_all(device.path("photos")).unwrap();
    let looked = one("backbone visualize", &["--layer", "map", "--out", "map.html"]);
    assert!(
        looked["unread"][0]["path"].is_string() && looked["layers"][0]["channels"] == serde_json::json!([]),
        "{looked}"
    );
    one("backbone import", &[backbone(), "--name", "late", "--preset", "inception"]);
    let compared = one("backbone compare", &["late", "other"]);
    assert!(compared["unread"][0]["path"].is_string() && compared["backbones"][1]["reason"].is_string(), "{compared}");
    one("backbone remove", &["late"]);
    one("backbone remove", &["known"]);
    one("backbone inspect", &["other"]);
    let fixtures = std::path::Path::new(backbone()).parent().unwrap();
    for network in ["normalised.onnx", "class_token.onnx", "headless.onnx"] {
        one("backbone inspect", &[fixtures.join(network).to_str().unwrap()]);
    }
    one("doctor", &[]);
    one("demo", &[]);
    one("completions", &["bash"]);
    one("man", &[]);
    one("man FOLDER", &["pages"]);
}

pub fn fetching(documented: &Documented) {
    let (device, hub) = (Device::new(), crate::fetching::hub());
    for typed in [&["hf:tiny/net"][..], &["hf:tiny/net", "--print-url"], &["mobilenet-v2", "--print-url"], &["--list"]]
    {
        documented.check("backbone fetch", &crate::fetching::fetched(&device, &hub, typed));
    }
}

pub fn serving(documented: &Documented) {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    documented.check("serve", &service.started);
    documented.check("GET /health/live", &service.get("/health/live").json());
    documented.check("GET /health/ready", &service.get("/health/ready").json());
    let picture = std::fs::read(device.path("photos/star/000.png")).unwrap();
    let answer = service.predict(&picture);
    assert_eq!(answer.status, 200);
    documented.check("POST /v1/predict", &answer.json());
    documented.check("HTTP refusals", &service.predict(b"no picture").json());
    let elsewhere =
        service.raw("GET /health/ready HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n".as_bytes());
    let body = elsewhere.split_once("\r\n\r\n").unwrap().1;
    let refusal: serde_json::Value = serde_json::from_str(body).unwrap();
    assert!(refusal["hint"].is_string(), "{refusal}");
    documented.check("HTTP refusals", &refusal);
}

pub fn pairing(documented: &Documented) {
    let device = Device::taught();
    std::fs::write(device.path("edgetl.toml"), "[serve]\nmdns = false\ntls = \"self-signed\"\n").unwrap();
    let service = Service::start(&device, &["--address", "0.0.0.0:0"]);
    documented.check("serve", &service.started);
    let invitation = documented.run_one("pair", &device, &["pair"]);
    let body = serde_json::json!({"code": invitation["code"], "name": "phone"}).to_string();
    assert_eq!(service.post("/v1/pair", "application/json", body.as_bytes()).status, 200);
    documented.run_one("pair list", &device, &["pair", "list"]);
    documented.run_one("doctor", &device, &["doctor"]);
    documented.run_one("pair withdraw", &device, &["pair", "withdraw", "1"]);
}

pub fn reviewing(documented: &Documented) {
    let (device, waits) = with_something_to_review();
    let id = waits["id"].to_string();
    documented.run_one("review list", &device, &["review", "list"]);
    documented.run_one("review list", &device, &["review", "list", "--save", "look"]);
    documented.run_one("review label", &device, &["review", "label", &id, "stripes"]);
    documented.run_one("review dismiss", &device, &["review", "dismiss", "--all"]);
    let mut watcher = Watcher::start(&device, &["--collect", "more"]);
    documented.check("watch --collect", &watcher.next_after(|number| put_stripes(&device, 7 + number)));
    watcher.end_with_lines().iter().for_each(|line| documented.check("watch --collect", line));
}

pub fn watching(documented: &Documented) {
    let device = Device::well_taught();
    let mut watcher = Watcher::start(&device, &["folder:in", "--save", "events", "--log", "looks.jsonl"]);
    let mut lines = watcher.until(|line| line["event"] == "camera");
    (0..3).for_each(|number| put(&device, "star", number));
    lines.extend(watcher.until(|line| line["event"] == "started"));
    lines.iter().for_each(|line| documented.check("watch", line));
    watcher.end();
    let again = documented.run("watch", &device, &["watch", "--replay", "looks.jsonl"]);
    assert_eq!(again[0]["label"], "star");

    std::fs::write(device.path("edgetl.toml"), "[camera.door]\nsource = \"push\"\n").unwrap();
    documented.run("doctor", &device, &["doctor"]);
    let service = Service::start(&device, &[]);
    documented.check("GET /v1/cameras", &service.get("/v1/cameras").json());
    let empty = Device::new();
    std::fs::create_dir_all(empty.path(".")).unwrap();
    let service = Service::start(&empty, &[]);
    documented.check("serve", &service.started);
    documented.check("GET /health/ready", &service.get("/health/ready").json());
}
