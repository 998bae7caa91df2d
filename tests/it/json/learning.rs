//! Collecting, fitting, asking.

use std::path::Path;

use serde_json::Value;

use super::schemas::Documented;
use crate::common::{Device, backbone};
use crate::serve::service::{Service, eventually};

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::copy(from, to).unwrap();
}

fn is_empty(value: &Value) -> bool {
    value.as_array().unwrap().is_empty()
}

/// Drawings in folders of these names, eight each.
fn drawn(names: [&str; 3]) -> Device {
    let device = Device::new();
    let folder = device.draw("drawn", 8, 0);
    std::fs::create_dir(device.path("photos")).unwrap();
    for (shape, name) in ["circle", "square", "star"].into_iter().zip(names) {
        std::fs::rename(folder.join(shape), device.path("photos").join(name)).unwrap();
    }
    device
}

/// A picture of stripes, unlike any drawing.
fn stripes(device: &Device) -> String {
    let stripes =
        image::RgbImage::from_fn(96, 96, |x, y| image::Rgb([(x * 37) as u8 ^ (y * 91) as u8, (y * 5) as u8, 255]));
    stripes.save(device.path("stripes.png")).unwrap();
    "stripes.png".to_owned()
}

pub fn collecting(documented: &Documented) {
    let device = Device::new();
    let photos = device.draw("photos", 4, 0);
    std::fs::write(photos.join("star/broken.png"), "no picture").unwrap();
    std::fs::write(photos.join("star/phone.heic"), "not taken").unwrap();
    image::imageops::thumbnail(&image::open(photos.join("star/000.png")).unwrap().to_rgb8(), 22, 22)
        .save(photos.join("star/small.png"))
        .unwrap();
    let collect = ["collect", "photos", "--views", "1", "--backbone", backbone()];
    let collected = documented.run_one("collect", &device, &collect);
    for field in ["failed", "remarks", "poor"] {
        assert!(!is_empty(&collected[field]), "{field}: {collected}");
    }
    copy(&photos.join("star/001.png"), &device.path("more/train/ring/again.png"));
    copy(&photos.join("star/002.png"), &device.path("more/test/star/again.png"));
    copy(&device.draw("new", 1, 40).join("star/000.png"), &device.path("more/test/Star/new.png"));
    let lines = documented.run("collect --json-lines", &device, &["collect", "more", "--json-lines"]);
    let report = lines.last().unwrap();
    for field in ["conflicts", "other_splits", "only_held_out", "alike"] {
        assert!(!is_empty(&report[field]), "{field}: {report}");
    }
    following(documented, &device, &photos);
}

fn following(documented: &Documented, device: &Device, photos: &Path) {
    std::fs::rename(photos.join("circle/000.png"), photos.join("ring/moved.png")).unwrap();
    std::fs::rename(photos.join("circle/001.png"), photos.join("circle/renamed.png")).unwrap();
    std::fs::remove_file(photos.join("circle/002.png")).unwrap();
    let plan = documented.run_one("collect --sync", device, &["collect", "photos", "--sync"]);
    for field in ["relabelled", "renamed", "gone"] {
        assert!(!is_empty(&plan[field]), "{field}: {plan}");
    }
    let done = documented.run_one("collect", device, &["collect", "photos", "--sync", "--yes"]);
    assert_eq!(done["sync"], plan);
    device.json(&["samples", "remove", "--id", "1"]);
    let lines = documented.run("collect --json-lines", device, &["collect", "photos", "--json-lines"]);
    assert!(lines.iter().any(|line| line["event"] == "passed-over"), "{lines:?}");
}

pub fn fitting(documented: &Documented) {
    let device = drawn(["disc", "square", "star"]);
    device.json(&["collect", "photos", "--backbone", backbone()]);
    device.draw("more", 2, 70);
    device.json(&["collect", "more", "--unlabelled"]);
    let fit = |flags: &[&str], field: &str| {
        let fitted = documented.run_one("fit-head", &device, &[&["fit-head"][..], flags].concat());
        assert!(!fitted[field].is_null(), "{field}: {fitted}");
    };
    fit(&["--dry-run"], "candidates");
    fit(&["--budget", "0"], "left_out");
    fit(&["--head", "mlp", "--epochs", "3"], "training");
    fit(&["--head", "ridge", "--balance", "--note", "even"], "balance");
    fit(&["--head", "ridge", "--pseudo-labels", "--confidence", "0.3"], "pseudo_labels");
    fit(&["--head", "ridge", "--cost", "star:disc=3"], "operating");
    fit(&["--head", "ridge", "--precision", "star=0.8", "--threshold", "0.4"], "operating");
    versions(documented, &device);
    documented.run_one("advise", &device, &["advise"]);
    let compared = documented.run_one("advise", &device, &["advise", "--baseline"]);
    assert!(compared["baseline"]["points"].is_array(), "{compared}");
    documented.run_one("doctor", &device, &["doctor"]);
}

/// What is published and what is kept where old is compared with new.
pub fn fitting_carefully(documented: &Documented) {
    let device = Device::new();
    device.draw("photos", 10, 0);
    device.json(&["collect", "photos"]);
    device.json(&["fit-head", "--head", "ridge"]);
    let careful = |flags: &[&str]| {
        let title = "fit-head --unless-worse";
        documented.run_one(title, &device, &[&["fit-head", "--unless-worse"][..], flags].concat())
    };
    assert_eq!(careful(&[])["outcome"], "nothing-new");
    let more = device.draw("more", 10, 50);
    std::fs::rename(more.join("star"), more.join("asterisk")).unwrap();
    std::fs::rename(more.join("ring"), more.join("star")).unwrap();
    std::fs::rename(more.join("circle"), more.join("ring")).unwrap();
    device.json(&["collect", "more"]);
    let dry = careful(&["--dry-run"]);
    assert_eq!(
        (&dry["outcome"], &dry["comparison"]["new_classes"][0]["label"]),
        (&"dry-run".into(), &"asterisk".into())
    );
    assert_eq!(careful(&[])["outcome"], "kept");
    documented.run_one("heads show", &device, &["heads", "show", "2"]);
    let list = documented.run_one("heads list", &device, &["heads", "list"]);
    assert_eq!(list[1]["for_review"], true);
    assert_eq!(documented.run_one("heads activate", &device, &["heads", "activate", "2"])["version"], 2);
    device.json(&["samples", "rename", "asterisk", "aster"]);
    assert!(careful(&[])["comparison"]["reason"].is_string());

    let service = Service::start(&device, &[]);
    let asked = service.post("/v1/fit", "text/plain", b"");
    documented.check("GET /v1/fit", &asked.json());
    eventually("the end of a fit", || service.get("/v1/fit").json()["last"].is_object());
    let last = |service: &Service| service.get("/v1/fit").json();
    documented.check("GET /v1/fit", &last(&service));
    device.draw("others", 2, 90);
    device.json(&["collect", "others"]);
    service.post("/v1/fit", "text/plain", b"");
    eventually("the end of another", || last(&service)["last"]["event"] == "fitted");
    documented.check("GET /v1/fit", &last(&service));
}

fn versions(documented: &Documented, device: &Device) {
    let one = |title: &str, flags: &[&str]| {
        let words: Vec<&str> = title.split(' ').collect();
        documented.run_one(title, device, &[&words[..], flags].concat())
    };
    let decided = one("heads decide", &["--recall", "star=0.9"]);
    assert_eq!(one("heads show", &[])["operating"], decided["operating"]);
    assert!(one("heads decide", &["--likeliest"])["operating"].is_null());
    assert_eq!(one("heads rollback", &["--to", "2"])["version"], 2);
    one("heads export", &["--onnx", "whole.onnx"]);
    std::fs::write(device.state().join("heads/000001.safetensors"), "no head").unwrap();
    let list = one("heads list", &[]);
    assert!(list[0]["error"].is_string() && list[1]["candidates"].is_array(), "{list}");
    assert_eq!(list[2]["note"], "even");
}

pub fn asking(documented: &Documented) {
    let device = Device::taught();
    let strange = stripes(&device);
    let predict = ["predict", "photos/star/000.png", &strange, "missing.png"];
    let answers = documented.run("predict", &device, &predict);
    assert!(answers[0]["label"].is_string() && answers[2]["error"].is_string(), "{answers:?}");
    assert_eq!((answers[1]["unknown"].as_bool(), &answers[1]["label"]), (Some(true), &Value::Null), "{answers:?}");
    documented.run("predict", &device, &["predict", "photos/star/000.png", &strange, "--why"]);
    let explain = ["explain", "photos/star/000.png", &strange, "missing.png", "--box", "--class", "all"];
    let explained = documented.run("explain", &device, &explain);
    assert!(explained[0]["maps"][0]["overlay"].is_string() && explained[2]["error"].is_string(), "{explained:?}");
    device.draw("fresh", 3, 90);
    std::fs::rename(device.path("fresh/ring"), device.path("fresh/moon")).unwrap();
    std::fs::write(device.path("fresh/star/broken.png"), "no picture").unwrap();
    copy(&device.path("photos/star/000.png"), &device.path("fresh/star/known.png"));
    let report = documented.run_one("eval", &device, &["eval", "fresh", "--rows"]);
    assert!(!is_empty(&report["failed"]) && !is_empty(&report["foreign"]["labels"]), "{report}");
    device.json(&["heads", "decide", "--threshold", "0.999"]);
    let unsure = documented.run("predict", &device, &["predict", "fresh"]);
    assert!(unsure.iter().any(|answer| answer["unsure"] == true), "{unsure:?}");
}

pub fn other_tasks(documented: &Documented) {
    let tasks = [
        (["1", "2", "3.5"], "regression", "ridge", "eval of a head for numbers", "value"),
        (["red", "big", "red+big"], "multilabel", "softmax", "eval of a head for several labels", "labels"),
    ];
    for (names, task, head, eval, answer) in tasks {
        let device = drawn(names);
        device.json(&["collect", "photos", "--backbone", backbone()]);
        documented.run_one("fit-head", &device, &["fit-head", "--task", task, "--head", head]);
        documented.run_one("heads list", &device, &["heads", "list"]);
        let picture = device.draw("fresh", 1, 60).join("star/000.png");
        documented.run("explain", &device, &["explain", picture.to_str().unwrap()]);
        copy(&picture, &device.path("held out").join(names[2]).join("star.png"));
        let answered = documented.run_one("predict", &device, &["predict", picture.to_str().unwrap()]);
        assert!(!answered[answer].is_null(), "{answered}");
        assert_eq!(documented.run_one(eval, &device, &["eval", "held out"])["samples"], 1);
    }
}
