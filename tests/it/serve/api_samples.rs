//! The stored samples over HTTP: looked through, put right, taken back.

use std::collections::BTreeSet;
use std::sync::Barrier;

use serde_json::{Value, json};

use super::service::{Answer, Service};
use crate::common::Device;

/// Names that would do harm where they are taken for something else than names.
const HOSTILE: [&str; 7] = [
    "<script>alert(1)</script>",
    "\"quoted\" and 'single' \\ back",
    "caf\u{e9} \u{1f600}\u{1f469}",
    "\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{645}\u{631}\u{62d}\u{628}\u{627}",
    "x'); DROP TABLE samples; --",
    "../../etc/passwd",
    "-n --label=%s &amp; null",
];

fn post(service: &Service, path: &str, body: Value) -> Answer {
    service.post(path, "application/json", body.to_string().as_bytes())
}

/// As [`post`], where `version` is what the client has seen.
fn post_if(service: &Service, path: &str, version: &str, body: &Value) -> Value {
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nIf-Match: {version}\r\n"
    );
    let body = body.to_string();
    let answer = service.raw(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes());
    let mut parsed: Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    parsed["http"] = answer.split(' ').nth(1).unwrap().parse::<u16>().unwrap().into();
    parsed
}

#[track_caller]
fn good(answer: Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

fn list(service: &Service, query: &str) -> Value {
    good(service.get(&format!("/v1/samples?{query}")))
}

fn ids(list: &Value) -> Vec<i64> {
    list["samples"].as_array().unwrap().iter().map(|sample| sample["id"].as_i64().unwrap()).collect()
}

/// The ids of all samples with this label.
fn of_label(service: &Service, label: &str) -> Vec<i64> {
    ids(&list(service, &format!("label={label}&limit=500")))
}

#[test]
fn where_nothing_is_stored_everything_is_empty_and_looking_makes_nothing() {
    let device = Device::new();
    let service = Service::start(&device, &[]);
    let before = std::fs::read_dir(device.state()).map_or(0, |folder| folder.count());
    assert_eq!(list(&service, "sort=doubt"), json!({ "version": 0, "total": 0, "samples": [] }));
    assert_eq!(good(service.get("/v1/labels")), json!({ "labels": [], "unlabelled": 0, "waiting": 0 }));
    assert_eq!(good(service.get("/v1/changes")), json!({ "version": 0, "changes": [] }));
    assert_eq!(good(service.get("/v1/piles")), json!({ "version": 0, "piles": [], "unlabelled": 0, "left_out": 0 }));
    assert_eq!(service.get("/v1/samples/1/thumbnail").status, 404);
    let relabel = json!({ "ids": [1], "label": "cup" });
    assert_eq!(good(post(&service, "/v1/samples/relabel", relabel)), json!({ "changed": 0, "version": 0 }));
    assert_eq!(post(&service, "/v1/changes/1/undo", json!({})).status, 404);
    assert_eq!(std::fs::read_dir(device.state()).map_or(0, |folder| folder.count()), before);
    assert!(!device.state().join("samples.db").exists());
}

#[test]
fn samples_are_looked_through_page_by_page() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    let all = list(&service, "limit=500");
    let total = all["total"].as_u64().unwrap() as usize;
    assert_eq!((ids(&all).len(), all["version"].as_i64()), (total, Some(0)));
    assert!(ids(&all).is_sorted_by(|a, b| a > b), "the newest first");
    let mut paged = Vec::new();
    for offset in (0..total).step_by(7) {
        paged.extend(ids(&list(&service, &format!("sort=oldest&limit=7&offset={offset}"))));
    }
    paged.reverse();
    assert_eq!(paged, ids(&all));
    let stars = list(&service, "label=star&limit=3");
    assert_eq!((ids(&stars).len(), stars["total"].as_u64()), (3, Some(8)));
    let star = &stars["samples"][0];
    assert_eq!((star["label"].as_str(), star["split"].as_str()), (Some("star"), Some("train")));
    assert!(star["source"].as_str().unwrap().contains("photos/star/"), "{star}");
    assert!(star["added_at"].as_str().unwrap().ends_with('Z') && star["doubt"].is_null(), "{star}");
    assert_eq!(list(&service, "unlabelled=true")["total"], 0);
    let raw = service.raw(b"GET /v1/samples?limit=1 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    assert!(raw.to_lowercase().contains("etag: \"0\"\r\n"), "{raw}");
}

#[test]
fn a_client_asks_each_time_whether_a_small_picture_is_still_the_same() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    let ask = |id: i64, known: &str| {
        let head = format!("GET /v1/samples/{id}/thumbnail HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
        service.raw(format!("{head}If-None-Match: {known}\r\n\r\n").as_bytes())
    };
    let [first, second, ..] = of_label(&service, "star")[..] else { panic!() };
    let tag = |answer: &str| {
        let head = answer.split_once("\r\n\r\n").unwrap().0.to_lowercase();
        assert!(
            head.contains("cache-control: private, no-cache\r\n") && head.contains("content-type: image/"),
            "{head}"
        );
        head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned()
    };
    let (picture, other) = (ask(first, "\"\""), ask(second, "\"\""));
    assert!(picture.starts_with("HTTP/1.1 200"), "{picture}");
    assert_ne!(tag(&picture), tag(&other));
    let same = ask(first, &tag(&picture));
    assert!(same.starts_with("HTTP/1.1 304") && same.ends_with("\r\n\r\n"), "{same}");
    // As where another store has the number.
    let changed = ask(first, &tag(&other));
    assert!(changed.starts_with("HTTP/1.1 200"), "{changed}");
}

#[test]
fn what_is_put_right_is_taken_back_one_change_after_another() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    let stars = of_label(&service, "star");
    let relabel = json!({ "ids": [stars[0], stars[1], 999_999], "label": " moon " });
    let relabelled = good(post(&service, "/v1/samples/relabel", relabel));
    let first = relabelled["version"].as_i64().unwrap();
    assert_eq!(relabelled["changed"], 2);
    let removed = good(post(&service, "/v1/samples/remove", json!({ "ids": [stars[2]] })));
    let second = removed["version"].as_i64().unwrap();
    assert_eq!(removed["changed"], 1);
    let renamed = good(post(&service, "/v1/labels/rename", json!({ "from": "star", "to": "moon" })));
    let third = renamed["version"].as_i64().unwrap();
    assert_eq!((renamed["changed"].as_u64(), of_label(&service, "moon").len()), (Some(5), 7));
    let changes = good(service.get("/v1/changes"));
    assert_eq!(changes["version"], third);
    let sentences: Vec<&str> =
        changes["changes"].as_array().unwrap().iter().map(|change| change["sentence"].as_str().unwrap()).collect();
    assert_eq!(
        sentences,
        ["5 pictures of star named moon", "1 picture of star removed", "2 pictures of star named moon"]
    );
    assert_eq!(changes["changes"][1]["removed"], json!([{ "label": "star", "count": 1 }]));
    let undo = |change: i64| post(&service, &format!("/v1/changes/{change}/undo"), json!({}));
    assert_eq!(undo(second).status, 409);
    assert_eq!(good(undo(third)), json!({ "relabelled": 5, "restored": 0, "version": second }));
    assert_eq!(good(undo(second)), json!({ "relabelled": 0, "restored": 1, "version": first }));
    assert_eq!(undo(second).status, 404);
    assert_eq!(good(undo(first)), json!({ "relabelled": 2, "restored": 0, "version": 0 }));
    assert_eq!(of_label(&service, "star"), stars);
    let none = good(post(&service, "/v1/samples/relabel", json!({ "ids": [stars[0]], "label": null })));
    assert_eq!((none["changed"].as_u64(), list(&service, "unlabelled=true")["total"].as_u64()), (Some(1), Some(1)));
}

#[test]
fn an_edit_of_what_somebody_else_changed_meanwhile_does_nothing() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    let stars = of_label(&service, "star");
    let edit = |label: &str| json!({ "ids": [stars[0]], "label": label });
    let relabel = "/v1/samples/relabel";
    let mine = post_if(&service, relabel, "\"0\"", &edit("moon"));
    assert_eq!((mine["http"].as_u64(), mine["changed"].as_u64()), (Some(200), Some(1)));
    let version = mine["version"].as_i64().unwrap();
    let removal = json!({ "ids": stars });
    let rename = json!({ "from": "moon", "to": "sun" });
    for (path, body) in [(relabel, &edit("sun")), ("/v1/samples/remove", &removal), ("/v1/labels/rename", &rename)] {
        let stale = post_if(&service, path, "\"0\"", body);
        assert_eq!((stale["http"].as_u64(), stale["status"].as_u64()), (Some(412), Some(412)), "{stale}");
        assert!(stale["detail"].as_str().unwrap().contains("expected version 0"), "{stale}");
    }
    assert_eq!((list(&service, "")["version"].as_i64(), of_label(&service, "moon").len()), (Some(version), 1));
    assert_eq!(post_if(&service, relabel, "17", &edit("sun"))["http"], 400);
    assert_eq!(post_if(&service, relabel, "*", &edit("sun"))["http"], 200);
    // By another program.
    device.json(&["samples", "rename", "sun", "moon"]);
    assert_eq!(post_if(&service, relabel, &format!("\"{}\"", version + 1), &edit("sun"))["http"], 412);
}

#[test]
fn of_many_who_take_the_same_change_back_or_edit_the_same_version_one_does() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    let stars = of_label(&service, "star");
    let first = good(post(&service, "/v1/samples/relabel", json!({ "ids": [stars[0]], "label": "moon" })));
    let second = good(post(&service, "/v1/samples/remove", json!({ "ids": [stars[1]] })));
    let path = format!("/v1/changes/{}/undo", second["version"]);
    let clients = 6;
    let at_once = |ask: &(dyn Fn() -> u64 + Sync)| -> Vec<u64> {
        let barrier = Barrier::new(clients);
        let asking = || {
            barrier.wait();
            ask()
        };
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..clients).map(|_| scope.spawn(asking)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        })
    };
    let undone = at_once(&|| u64::from(post(&service, &path, json!({})).status));
    assert_eq!(undone.iter().filter(|status| **status == 200).count(), 1, "{undone:?}");
    assert!(undone.iter().all(|status| [200, 404].contains(status)), "{undone:?}");
    assert_eq!(good(service.get("/v1/changes"))["version"], first["version"], "the one before stays");
    let seen = format!("\"{}\"", first["version"]);
    let body = json!({ "ids": [stars[2]] });
    let removed = at_once(&|| post_if(&service, "/v1/samples/remove", &seen, &body)["http"].as_u64().unwrap());
    assert_eq!(removed.iter().filter(|status| **status == 200).count(), 1, "{removed:?}");
    assert!(removed.iter().all(|status| [200, 412].contains(status)), "{removed:?}");
}

#[test]
fn names_come_back_as_they_were_given_whatever_they_look_like() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    let all = ids(&list(&service, "limit=500"));
    for (id, name) in all.iter().zip(HOSTILE) {
        good(post(&service, "/v1/samples/relabel", json!({ "ids": [id], "label": name })));
        let changes = good(service.get("/v1/changes"));
        assert_eq!(changes["changes"][0]["relabelled"][0]["to"], name);
    }
    let labels = good(service.get("/v1/labels"));
    let labels: BTreeSet<&str> =
        labels["labels"].as_array().unwrap().iter().map(|label| label["label"].as_str().unwrap()).collect();
    assert!(HOSTILE.iter().all(|name| labels.contains(name)), "{labels:?}");
    let listed = list(&service, "limit=500");
    for (sample, name) in listed["samples"].as_array().unwrap().iter().zip(HOSTILE) {
        assert_eq!(sample["label"], name);
        let renamed = good(post(&service, "/v1/labels/rename", json!({ "from": name, "to": "harmless" })));
        assert_eq!(renamed["changed"], 1, "{name}");
    }
    assert_eq!(of_label(&service, "harmless").len(), HOSTILE.len());
}

#[test]
fn what_makes_no_sense_is_refused_and_told_why() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    let (relabel, remove) = ("/v1/samples/relabel", "/v1/samples/remove");
    let many: Vec<i64> = (0..10_001).collect();
    for (answer, status, word) in [
        (post(&service, relabel, json!({ "ids": [1], "label": " " })), 400, "at least one character"),
        (post(&service, relabel, json!({ "ids": [1], "label": "a\u{202e}b" })), 400, "cannot be seen"),
        (post(&service, relabel, json!({ "ids": [1] })), 400, "label"),
        (post(&service, relabel, json!({ "ids": "1", "label": "a" })), 400, "a sequence"),
        (post(&service, relabel, json!({ "ids": [1], "label": "a", "path": "b" })), 400, "path"),
        (post(&service, remove, json!({ "ids": many })), 400, "10001"),
        (post(&service, remove, json!({})), 400, "ids"),
        (service.post(remove, "application/json", b"{\"ids\": [1"), 400, "JSON"),
        (post(&service, "/v1/labels/rename", json!({ "from": "star", "to": "\n" })), 400, "at least one character"),
        (service.get("/v1/samples?limit=501"), 400, "501"),
        (service.get("/v1/samples?limit=-1"), 400, "limit"),
        (service.get("/v1/samples?sort=best"), 400, "sort"),
        (service.get("/v1/samples?lable=star"), 400, "lable"),
        (service.get("/v1/samples?label=star&unlabelled=true"), 400, "both"),
        (service.get("/v1/samples/none/thumbnail"), 400, "none"),
        (service.get("/v1/samples/999999/thumbnail"), 404, "999999"),
        (post(&service, "/v1/changes/7/undo", json!({})), 404, "7"),
    ] {
        assert_eq!(answer.status, status, "{answer:?}");
        let problem = answer.json();
        assert!(problem["detail"].as_str().unwrap().contains(word), "`{word}` in {answer:?}");
        assert_eq!(problem["detail"], problem["error"]);
    }
    assert_eq!(good(service.get("/v1/changes"))["changes"], json!([]), "nothing was done");
}

#[test]
fn what_was_acknowledged_is_there_after_the_service_was_killed() {
    let device = Device::taught();
    let stars: Vec<i64> = {
        let mut service = Service::start(&device, &[]);
        let stars = of_label(&service, "star");
        for id in &stars[1..] {
            good(post(&service, "/v1/samples/relabel", json!({ "ids": [id], "label": format!("moon {id}") })));
        }
        good(post(&service, "/v1/samples/remove", json!({ "ids": [stars[0]] })));
        service.signal("KILL");
        service.wait();
        stars
    };
    let service = Service::start(&device, &[]);
    let all = list(&service, "limit=500");
    assert!(!ids(&all).contains(&stars[0]));
    for sample in
        all["samples"].as_array().unwrap().iter().filter(|sample| stars.contains(&sample["id"].as_i64().unwrap()))
    {
        assert_eq!(sample["label"], format!("moon {}", sample["id"]));
    }
    let changes = good(service.get("/v1/changes"));
    assert_eq!(changes["changes"].as_array().unwrap().len(), stars.len());
    let undone = good(post(&service, &format!("/v1/changes/{}/undo", changes["version"]), json!({})));
    assert_eq!(undone["restored"], 1);
}

#[test]
fn a_wrong_label_is_doubted_until_it_is_put_right() {
    let device = Device::well_taught();
    let service = Service::start(&device, &[]);
    let star = of_label(&service, "star")[3];
    good(post(&service, "/v1/samples/relabel", json!({ "ids": [star], "label": "circle" })));
    let doubted = || {
        let page = list(&service, "sort=doubt&limit=500");
        let samples = page["samples"].as_array().unwrap().clone();
        let place = samples.iter().position(|sample| sample["id"] == star).unwrap();
        let first = samples.iter().take_while(|sample| !sample["doubt"].is_null()).count();
        assert!(samples[first..].iter().all(|sample| sample["doubt"].is_null()), "suspects come first");
        (place < first).then(|| samples[place]["doubt"].clone())
    };
    let doubt = doubted().unwrap();
    assert_eq!(doubt["suggested"], "star", "{doubt}");
    assert!(
        doubt["score"].as_f64().unwrap() > 0.0 && doubt["because"].as_str().unwrap().contains("it looks like star")
    );
    let shares = ["probability", "agreement"].map(|key| doubt[key].as_f64().unwrap());
    assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)), "{doubt}");
    good(post(&service, "/v1/samples/relabel", json!({ "ids": [star], "label": "star" })));
    assert!(doubted().is_none_or(|doubt| doubt["suggested"] != "star"), "what was said of the wrong label is gone");
}

/// Puts five pictures that look alike into the folder `loose`.
fn draw_alike(device: &Device, name: &str, pixels: impl Fn(u32, u32) -> [u8; 3]) {
    std::fs::create_dir_all(device.path("loose")).unwrap();
    for light in 1..=5_u8 {
        let picture = image::RgbImage::from_fn(160, 120, |x, y| {
            image::Rgb(pixels(x, y).map(|value| value.saturating_add(light * 3)))
        });
        picture.save(device.path(&format!("loose/{name}{light}.png"))).unwrap();
    }
}

#[test]
fn unlabelled_pictures_come_in_piles_that_the_head_has_a_name_for() {
    let device = Device::well_taught();
    let star = image::open(device.path("photos/star/000.png")).unwrap().to_rgb8();
    draw_alike(&device, "star", |x, y| star.get_pixel(x, y).0);
    draw_alike(&device, "stripes", |x, y| if (x * 2 + y * 3) / 16 % 2 == 0 { [240, 230, 40] } else { [20, 30, 60] });
    device.json(&["collect", "loose", "--unlabelled"]);
    let service = Service::start(&device, &[]);
    let piles = good(service.get("/v1/piles"));
    assert_eq!((piles["unlabelled"].as_u64(), piles["left_out"].as_u64()), (Some(10), Some(0)), "{piles}");
    let piles = piles["piles"].as_array().unwrap();
    let of_stars = |pile: &Value| {
        let names: Vec<String> = pile["ids"].as_array().unwrap().iter().map(|id| source(&service, id)).collect();
        let stars = names.iter().filter(|name| name.contains("/star")).count();
        assert!(stars == 0 || stars == names.len(), "a pile of two kinds: {names:?}");
        stars
    };
    assert_eq!(piles.iter().map(of_stars).collect::<BTreeSet<_>>(), BTreeSet::from([0, 5]), "{piles:?}");
    let stars = piles.iter().find(|pile| of_stars(pile) == 5).unwrap();
    assert_eq!(stars["nearest"], "star", "{stars}");
    good(post(&service, "/v1/samples/relabel", json!({ "ids": stars["ids"], "label": "star" })));
    assert_eq!(good(service.get("/v1/piles"))["unlabelled"], 5);
}

/// Where a sample came from.
fn source(service: &Service, id: &Value) -> String {
    let all = list(service, "limit=500");
    let sample = all["samples"].as_array().unwrap().iter().find(|sample| sample["id"] == *id).unwrap();
    sample["source"].as_str().unwrap().to_owned()
}

#[test]
fn labels_are_told_with_what_the_head_knows_and_what_they_need() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    let stars = of_label(&service, "star");
    good(post(&service, "/v1/samples/relabel", json!({ "ids": [stars[0]], "label": "moon" })));
    good(post(&service, "/v1/samples/relabel", json!({ "ids": [stars[1]], "label": null })));
    let labels = good(service.get("/v1/labels"));
    assert_eq!(labels["unlabelled"], 1);
    let told = |name: &str| labels["labels"].as_array().unwrap().iter().find(|label| label["label"] == name).unwrap();
    assert_eq!((told("star")["pictures"].as_u64(), told("star")["in_head"].as_bool()), (Some(6), Some(true)));
    assert_eq!((told("moon")["pictures"].as_u64(), told("moon")["in_head"].as_bool()), (Some(1), Some(false)));
    assert_eq!(told("moon")["needs"]["more"], 19);
    assert!(told("moon")["needs"]["because"].as_str().unwrap().contains("rule of thumb"));
}
