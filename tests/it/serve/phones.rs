//! Phones that are let in by a code, and put out again.

use std::io::{Read as _, Write as _};

use serde_json::{Value, json};

use super::service::{Answer, Service, eventually};
use super::tls::connect;
use crate::common::Device;

const TOKEN: &str = "write-token-0123456789";
const BEARER: &str = "Bearer write-token-0123456789";
const BEYOND: [&str; 4] = ["--tls", "self-signed", "--address", "0.0.0.0:0"];

fn bearer(paired: &Value) -> String {
    format!("Bearer {}", paired["token"].as_str().unwrap())
}

/// A service beyond loopback with neither token file nor variable; nothing is announced.
fn beyond(device: &Device) -> Service {
    std::fs::write(device.path("edgetl.toml"), "[serve]\nmdns = false\nhosts = [\"camera.lan\"]\n").unwrap();
    Service::start(device, &BEYOND)
}

fn pair(service: &Service, code: &str, name: &str) -> Answer {
    service.post("/v1/pair", "application/json", json!({"code": code, "name": name}).to_string().as_bytes())
}

/// What `edgetl pair` prints.
fn invited(device: &Device, flags: &[&str]) -> Value {
    device.json(&[&["pair"], flags].concat()).remove(0)
}

fn let_in(device: &Device, service: &Service, name: &str) -> Value {
    let code = invited(device, &[])["code"].as_str().unwrap().to_owned();
    pair(service, &code, name).json()
}

fn status(service: &Service, authorization: &str) -> u16 {
    service.get_as("/v1/heads", authorization).status
}

#[test]
fn beyond_loopback_tls_and_a_code_are_enough_and_without_a_token_nobody_is_let_in() {
    let device = Device::taught();
    let refused = device.edgetl(&["serve", "--address", "0.0.0.0:0"]).output().unwrap();
    let text = String::from_utf8(refused.stderr).unwrap();
    assert!(text.contains("TLS or a token is needed") && text.contains("--tls self-signed"), "{text}");
    let service = beyond(&device);
    // From this machine too: what a proxy passes on seems to come from here.
    assert_eq!(service.get("/v1/heads").status, 401);
    assert_eq!(service.get("/v1/session").json()["access"], "none");
    assert_eq!((service.get("/").status, service.get("/health/live").status), (200, 200));
    let invitation = invited(&device, &[]);
    let url = invitation["url"].as_str().unwrap();
    let code = url.split_once("/#pair=").unwrap().1;
    assert!(url.starts_with(&format!("https://camera.lan:{}/", service.address.port())), "{url}");
    assert_eq!(invitation["code"].as_str().unwrap().replace('-', ""), code);
    assert_eq!(invitation["certificate"], service.started["certificate"]);
    let paired = pair(&service, &code.to_lowercase(), "Pixel").json();
    assert_eq!((&paired["name"], &paired["right"]), (&json!("Pixel"), &json!("write")), "{paired}");
    assert_eq!(status(&service, &bearer(&paired)), 200);
    let session = service.get_as("/v1/session", &bearer(&paired)).json();
    assert_eq!((&session["access"], &session["phone"]), (&json!("write"), &paired["number"]));
    assert_eq!(service.post_as("/v1/fit", &bearer(&paired), &json!({})).status, 202);
    let phones = service.get_as("/v1/phones", &bearer(&paired)).json();
    let listed = &phones["phones"][0];
    assert_eq!((&listed["own"], listed["used"].is_string(), &phones["reachable"]), (&json!(true), true, &json!(true)));
}

#[test]
fn a_phone_that_may_look_does_not_change_anything() {
    let device = Device::taught();
    let service = beyond(&device);
    let code = invited(&device, &["--read-only"])["code"].as_str().unwrap().to_owned();
    let paired = pair(&service, &code, "").json();
    assert_eq!((&paired["name"], &paired["right"]), (&json!("phone"), &json!("read")));
    assert_eq!(status(&service, &bearer(&paired)), 200);
    for path in ["/v1/fit", "/v1/phones/code", "/v1/phones/1/withdraw"] {
        assert_eq!(service.post_as(path, &bearer(&paired), &json!({})).status, 403, "{path}");
    }
}

#[test]
fn of_two_phones_with_one_code_one_is_let_in() {
    let device = Device::taught();
    let service = beyond(&device);
    let code = invited(&device, &[])["code"].as_str().unwrap().to_owned();
    let bring = || pair(&service, &code, "phone").status;
    let mut answers = std::thread::scope(|scope| {
        let both = [scope.spawn(bring), scope.spawn(bring)];
        both.map(|thread| thread.join().unwrap())
    });
    answers.sort_unstable();
    assert_eq!(answers, [200, 403]);
    assert_eq!(device.json(&["pair", "list"])[0].as_array().unwrap().len(), 1);
}

#[test]
fn a_code_is_over_after_ten_minutes() {
    let device = Device::taught();
    let service = beyond(&device);
    let code = invited(&device, &[])["code"].as_str().unwrap().to_owned();
    let file = device.state().join("access/phones.json");
    let mut kept: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    // By the clock alone it would hold: what counts is how long the machine has run.
    let seconds = kept["codes"][0]["made"]["running"]["seconds"].as_i64().unwrap();
    kept["codes"][0]["made"]["running"]["seconds"] = json!(seconds - 600);
    std::fs::write(&file, kept.to_string()).unwrap();
    let late = pair(&service, &code, "late");
    assert_eq!(late.status, 403, "{late:?}");
    assert!(late.json()["hint"].as_str().unwrap().contains("edgetl pair"));
}

#[test]
fn a_hundred_guesses_come_to_nothing_and_the_code_still_holds() {
    let device = Device::taught();
    let service = beyond(&device);
    let code = invited(&device, &[])["code"].as_str().unwrap().to_owned();
    let guess = |number: u32| pair(&service, &format!("AAAA-AAAA-{number:04}"), "guess");
    let answers: Vec<Answer> = (0..100).map(guess).collect();
    assert!(answers[..10].iter().all(|answer| answer.status == 403), "{answers:?}");
    assert!(answers[10..].iter().all(|answer| answer.status == 429 && answer.retry_after.is_some()), "{answers:?}");
    assert_eq!(pair(&service, &code, "phone").status, 429, "not from this address for a while");
    drop(service);
    let service = beyond(&device);
    assert_eq!(pair(&service, &code, "phone").status, 200);
}

#[test]
fn a_stranger_gets_no_memory_for_a_long_body() {
    let device = Device::taught();
    let service = beyond(&device);
    let long = service.post("/v1/pair", "application/json", &vec![b' '; 5000]);
    assert_eq!(long.status, 413, "{long:?}");
    let mut stream = connect(service.address, "localhost", None).unwrap();
    let head = "Host: localhost\r\nTransfer-Encoding: chunked\r\nConnection: close";
    let long = " ".repeat(4097);
    write!(stream, "POST /v1/pair HTTP/1.1\r\n{head}\r\n\r\n1001\r\n{long}\r\n0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[test]
fn what_a_killed_service_has_answered_still_holds() {
    let device = Device::taught();
    let mut service = beyond(&device);
    let paired = let_in(&device, &service, "phone");
    service.signal("KILL");
    service.wait();
    let none = device.edgetl(&["pair"]).output().unwrap();
    let text = String::from_utf8(none.stderr).unwrap();
    assert!(text.contains("nothing answers at") && text.contains("edgetl serve"), "{text}");
    let service = beyond(&device);
    assert_eq!(status(&service, &bearer(&paired)), 200);
    assert_eq!(service.post_as("/v1/phones/1/withdraw", &bearer(&paired), &json!({})).status, 200);
    drop(service);
    let service = beyond(&device);
    assert_eq!(status(&service, &bearer(&paired)), 401);
}

/// Listens to events as `authorization` until the service ends the stream, which it does after `act`.
fn ends_after(service: &Service, authorization: &str, act: impl FnOnce()) {
    let mut events = connect(service.address, "localhost", None).unwrap();
    write!(events, "GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: {authorization}\r\n\r\n").unwrap();
    let (mut heard, mut some) = (Vec::new(), [0; 1024]);
    while !String::from_utf8_lossy(&heard).contains(": alive") {
        let length = events.read(&mut some).unwrap();
        assert!(length > 0, "{}", String::from_utf8_lossy(&heard));
        heard.extend(&some[..length]);
    }
    act();
    while !heard.ends_with(b"\r\n0\r\n\r\n") {
        let length = events.read(&mut some).unwrap();
        assert!(length > 0, "cut off: {}", String::from_utf8_lossy(&heard));
        heard.extend(&some[..length]);
    }
}

#[test]
fn a_withdrawn_phone_is_out_at_once_with_its_streams_by_whichever_door() {
    let device = Device::taught();
    let service = beyond(&device);
    let [stays, by_page, by_command] = ["stays", "tablet", "old phone"].map(|name| let_in(&device, &service, name));
    ends_after(&service, &bearer(&by_page), || {
        let path = format!("/v1/phones/{}/withdraw", by_page["number"]);
        let withdrawn = service.post_as(&path, &bearer(&stays), &json!({}));
        assert_eq!(withdrawn.json()["name"], "tablet", "{withdrawn:?}");
    });
    ends_after(&service, &bearer(&by_command), || {
        assert_eq!(device.json(&["pair", "withdraw", "old phone"])[0]["number"], by_command["number"]);
        assert_eq!(status(&service, &bearer(&by_command)), 401, "in the same moment");
    });
    let tokens = [&stays, &by_page, &by_command].map(|paired| status(&service, &bearer(paired)));
    assert_eq!(tokens, [200, 401, 401]);
    let gone = device.edgetl(&["pair", "withdraw", "tablet"]).output().unwrap();
    assert!(String::from_utf8(gone.stderr).unwrap().contains("got `tablet`"));
    assert_eq!(service.post_as("/v1/phones/99/withdraw", &bearer(&stays), &json!({})).status, 404);
    let table = String::from_utf8(device.edgetl(&["pair", "list"]).output().unwrap().stdout).unwrap();
    assert!(table.contains("stays") && !table.contains("tablet"), "{table}");
}

#[test]
fn a_token_of_the_settings_makes_codes_too_and_the_page_that_asks_is_in_them() {
    let device = Device::taught();
    let service = Service::start_with(&device, &[], &[("EDGETL_TOKEN", TOKEN)]);
    let ask = |wish: Value| service.post_as("/v1/phones/code", BEARER, &wish);
    let behind_proxy = ask(json!({"page": "https://home.example/edgetl/"})).json();
    let url = behind_proxy["url"].as_str().unwrap();
    assert!(url.starts_with("https://home.example/edgetl/#pair="), "{behind_proxy}");
    let rows = behind_proxy["qr"].as_array().unwrap();
    assert!(rows.iter().all(|row| row.as_str().unwrap().len() == rows.len()) && rows.len() > 20);
    assert!((500..=600).contains(&behind_proxy["seconds"].as_i64().unwrap()));
    assert_eq!(ask(json!({"page": "javascript:alert(1)"})).status, 400);
    assert_eq!(ask(json!({"page": "http://localhost:1/", "right": "read"})).status, 200);
    assert_eq!(ask(json!({"right": "all"})).status, 400);
    assert_eq!(service.post("/v1/phones/code", "application/json", b"{}").status, 401);
    let paired = pair(&service, behind_proxy["code"].as_str().unwrap(), "x").json();
    assert_eq!((status(&service, &bearer(&paired)), status(&service, BEARER)), (200, 200));
    eventually("an end", || device.json(&["pair", "withdraw", "1"])[0]["number"] == 1);
    assert_eq!((status(&service, &bearer(&paired)), status(&service, BEARER)), (401, 200));
}

#[test]
fn where_nobody_needs_a_token_there_is_nothing_to_pair() {
    let device = Device::taught();
    let _service = Service::start(&device, &[]);
    let text = String::from_utf8(device.edgetl(&["pair"]).output().unwrap().stderr).unwrap();
    assert!(text.contains("no service that needs a token runs on") && text.contains("hint:"), "{text}");
}

#[test]
fn a_backup_carries_neither_keys_nor_tokens_away() {
    let device = Device::taught();
    let service = beyond(&device);
    let paired = let_in(&device, &service, "a phone of mine");
    device.json(&["backup", "state.tar"]);
    let over_http = {
        let mut stream = connect(service.address, "localhost", None).unwrap();
        let head = format!("Host: localhost\r\nAuthorization: {}\r\nConnection: close", bearer(&paired));
        write!(stream, "GET /v1/backup HTTP/1.1\r\n{head}\r\n\r\n").unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        bytes
    };
    for bytes in [std::fs::read(device.path("state.tar")).unwrap(), over_http] {
        assert!(bytes.len() > 10_000);
        let text = String::from_utf8_lossy(&bytes);
        for secret in ["access/", "PRIVATE KEY", "a phone of mine"] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
    let other = Device::new();
    std::fs::create_dir_all(other.path(".")).unwrap();
    let service = beyond(&other);
    let restored = other.json(&["restore", device.path("state.tar").to_str().unwrap()]);
    assert!(restored[0]["samples"].as_u64().unwrap() > 0, "beside a service that runs already: {restored:?}");
    assert_eq!(status(&service, &bearer(&paired)), 401);
}
