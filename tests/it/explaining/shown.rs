//! `explain` and `predict --why` as a user runs them.

use std::fs;

use serde_json::Value;

use crate::common::Device;

fn lines(device: &Device, arguments: &[&str]) -> (Value, Value) {
    let mut lines = device.json(&[&["explain"], arguments].concat());
    let summary = lines.pop().unwrap();
    (lines.remove(0), summary)
}

/// With a head of one affine layer as version 2.
fn taught() -> Device {
    let device = Device::taught();
    device.json(&["fit-head", "--head", "ridge"]);
    device
}

#[test]
fn a_picture_has_a_map_of_its_own_size_and_the_pictures_that_it_is_like() {
    let device = taught();
    device.draw("more", 1, 90);
    let (line, summary) = lines(&device, &["more/star/000.png", "--box"]);
    assert!(line["label"].is_string() || line["unknown"] == true, "{line}");
    let map = &line["maps"][0];
    assert_eq!(map["how"], "exact");
    let values = map["values"].as_array().unwrap();
    assert_eq!(values.len() as u64, map["rows"].as_u64().unwrap() * map["columns"].as_u64().unwrap());
    let mean = values.iter().map(|value| value.as_f64().unwrap()).sum::<f64>() / values.len() as f64;
    let logit = map["logit"].as_f64().unwrap();
    assert!((mean + map["beside"].as_f64().unwrap() - logit).abs() < 1e-3 * logit.abs().max(1.0), "{map}");
    let drawn = image::open(map["overlay"].as_str().map(|path| device.path(path)).unwrap()).unwrap();
    let picture = image::open(device.path("more/star/000.png")).unwrap();
    assert_eq!((drawn.width(), drawn.height()), (picture.width(), picture.height()));
    for area in map["boxes"].as_array().unwrap() {
        let edge = |start: &str, length: &str| area[start].as_u64().unwrap() + area[length].as_u64().unwrap();
        assert!(
            edge("left", "width") <= u64::from(picture.width()) && edge("top", "height") <= u64::from(picture.height())
        );
    }
    let nearest = line["resembles"].as_array().unwrap();
    assert!(!nearest.is_empty() && nearest[0]["pictures"].as_array().unwrap().len() == 3, "{nearest:?}");
    let distances: Vec<f64> = nearest[0]["pictures"]
        .as_array()
        .unwrap()
        .iter()
        .map(|picture| picture["distance"].as_f64().unwrap())
        .collect();
    assert!(distances.is_sorted(), "{distances:?}");
    assert!(fs::read_to_string(device.path(summary["sheet"].as_str().unwrap())).unwrap().contains("data:image/jpeg"));
}

#[test]
fn pictures_of_two_folders_with_one_name_have_a_map_each() {
    let device = taught();
    let lines = device.json(&["explain", "photos/star/000.png", "photos/ring/000.png", "--class", "star"]);
    let overlay = |line: &Value| line["maps"][0]["overlay"].as_str().unwrap().to_owned();
    assert_eq!([overlay(&lines[0]), overlay(&lines[1])], ["explained/000.star.png", "explained/000-2.star.png"]);
}

#[test]
fn a_stored_picture_is_not_shown_as_its_own_likeness() {
    let device = Device::taught();
    let (line, _) = lines(&device, &["photos/star/000.png"]);
    for nearest in line["resembles"].as_array().unwrap() {
        let pictures = nearest["pictures"].as_array().unwrap();
        assert!(
            pictures.iter().all(|picture| !picture["path"].as_str().unwrap().ends_with("photos/star/000.png")),
            "{line}"
        );
    }
}

#[test]
fn all_classes_named_classes_and_another_version_stand_side_by_side() {
    let device = taught();
    device.json(&["fit-head", "--head", "prototype"]);
    let (line, _) = lines(&device, &["photos/star/001.png", "--class", "all", "--versus", "2"]);
    let labels = |maps: &Value| -> Vec<String> {
        maps.as_array().unwrap().iter().map(|map| map["label"].as_str().unwrap().to_owned()).collect()
    };
    let (now, before) = (labels(&line["maps"]), labels(&line["before"]));
    assert!(now.len() > 2 && now == before, "{now:?} {before:?}");
    assert_eq!((&line["maps"][0]["how"], &line["before"][0]["how"]), (&"covered".into(), &"exact".into()));
    let (line, _) = lines(&device, &["photos/star/001.png", "--class", "ring,star"]);
    assert_eq!(labels(&line["maps"]), ["ring", "star"]);
    let output = device.edgetl(&["explain", "photos/star/001.png", "--class", "cube"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.code() == Some(2) && said.contains("got `cube`"), "{said}");
}

#[test]
fn the_rule_that_held_an_answer_back_is_said_in_a_sentence_and_in_numbers() {
    let device = Device::taught();
    device.json(&["heads", "decide", "--threshold", "0.9999999"]);
    let asked = &device.json(&["predict", "photos/star/000.png", "--why"])[0];
    let why = &asked["why"];
    assert!(["unsure", "unknown"].contains(&why["rule"].as_str().unwrap()), "{why}");
    assert!(why["sentence"].as_str().unwrap().len() > 20, "{why}");
    let (line, _) = lines(&device, &["photos/star/000.png"]);
    assert_eq!(line["why"], *why, "one block, whoever asks");
    assert!(device.json(&["predict", "photos/star/000.png"])[0].get("why").is_none());
    let text = device.edgetl(&["predict", "photos/star/000.png", "--why"]).output().unwrap();
    assert!(String::from_utf8(text.stdout).unwrap().contains("\n  why: "));
}

#[test]
fn a_set_becomes_one_page_that_loads_nothing_and_counts_what_it_could_not_read() {
    let device = Device::taught();
    device.draw("set", 2, 200);
    fs::write(device.path("set/star/broken.png"), "no picture").unwrap();
    let output = device.edgetl(&["explain", "set", "--out", "sheet"]).env("EDGETL_PROVIDER", "tract").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("broken.png"));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains(" right (") && said.contains("index.html"), "{said}");
    let page = fs::read_to_string(device.path("sheet/index.html")).unwrap();
    assert!(
        !page.contains("http://")
            && !page.contains("https://")
            && !page.contains("<script")
            && page.contains("default-src 'none'")
    );
    assert!(page.contains("#class-1:checked") && page.contains("of-1"), "classes can be chosen without a script");
    let first_right = page.find("figure class=\"of-").unwrap();
    assert!(page[first_right..].contains("tabindex=\"0\""), "maps can be reached by keys");
}

#[test]
fn hostile_names_do_nothing_on_the_page() {
    let device = Device::new();
    let hostile = "a<script>alert(1)<";
    device.draw("photos", 6, 0);
    fs::rename(device.path("photos/star"), device.path(&format!("photos/{hostile}"))).unwrap();
    device.json(&["collect", "photos", "--backbone", crate::common::backbone()]);
    device.json(&["fit-head"]);
    device.json(&["explain", "photos", "--out", "sheet"]);
    let page = fs::read_to_string(device.path("sheet/index.html")).unwrap();
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script"));
}

#[test]
fn a_head_that_gives_a_number_is_explained_too() {
    let device = Device::new();
    for number in ["1", "2", "3"] {
        device.draw(&format!("drawn{number}"), 6, number.parse().unwrap());
        fs::create_dir_all(device.path("photos")).unwrap();
        fs::rename(device.path(&format!("drawn{number}/star")), device.path(&format!("photos/{number}"))).unwrap();
    }
    device.json(&["collect", "photos", "--backbone", crate::common::backbone()]);
    device.json(&["fit-head", "--task", "regression"]);
    let (line, _) = lines(&device, &["photos/1/000.png"]);
    assert!(line["value"].is_number() && line["maps"][0]["label"].is_null() && line["why"].is_null(), "{line}");
}
