//! How far a head can be trusted, over HTTP: the same numbers as on the command line, from the answers that its file keeps.

use serde_json::{Value, json};

use super::service::{Answer, Service};
use crate::common::Device;
use crate::fitting_carefully::forget_the_note;

fn ask(service: &Service, path: &str, body: &Value) -> Answer {
    service.post(path, "application/json", body.to_string().as_bytes())
}

fn shown(device: &Device) -> Value {
    device.json(&["heads", "show"]).remove(0)
}

fn array(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("expected a list, got {value}"))
}

/// As a report writes a share.
fn share(part: &Value) -> f64 {
    (part["count"].as_f64().unwrap() / part["of"].as_f64().unwrap() * 1e6).round() / 1e6
}

#[test]
fn what_is_counted_one_by_one_comes_to_the_numbers_that_the_command_line_shows() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    let (report, head) = (service.get("/v1/heads/1/report").json(), shown(&device));
    assert_eq!((&report["cv"], &report["per_class"]), (&head["cv"], &head["per_class"]));
    let outcome = &report["outcome"];
    assert_eq!(share(&outcome["right"]), head["cv"]["accuracy"].as_f64().unwrap(), "{outcome}");
    let [low, high] = [0, 1].map(|end| head["cv"]["accuracy_interval"][end].clone());
    assert_eq!((&outcome["right"]["low"], &outcome["right"]["high"]), (&low, &high));
    assert_eq!((outcome["right"]["of"].clone(), &report["missing"]), (head["cv"]["samples"].clone(), &Value::Null));
    for (class, own) in array(&outcome["classes"]).iter().zip(array(&head["per_class"])) {
        assert_eq!((&class["label"], share(&class["found"])), (&own["label"], own["recall"].as_f64().unwrap()));
        let wrong = array(&outcome["confusion"]).iter().filter(|cell| cell["label"] == class["label"]);
        assert_eq!(wrong.map(|cell| cell["count"].as_u64().unwrap()).sum::<u64>(), class["found"]["of"]);
    }
    let sure = array(&outcome["reliability"]);
    assert_eq!(sure.iter().map(|bin| bin["right"]["of"].as_u64().unwrap()).sum::<u64>(), outcome["right"]["of"]);
    assert_eq!(
        sure.iter().map(|bin| bin["right"]["count"].as_u64().unwrap()).sum::<u64>(),
        outcome["right"]["count"].as_u64().unwrap()
    );
    assert_eq!(service.get("/v1/heads/9/report").status, 404);
}

#[test]
fn behind_each_number_are_its_pictures_and_those_that_are_gone_are_counted() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    let outcome = service.get("/v1/heads/1/report").json()["outcome"].clone();
    let mut all = Vec::new();
    for cell in array(&outcome["confusion"]) {
        let [label, said] = ["label", "said"].map(|key| cell[key].as_str().unwrap());
        let behind = service.get(&format!("/v1/heads/1/pictures?label={label}&said={said}")).json();
        assert_eq!((&behind["total"], &behind["gone"]), (&cell["count"], &json!(0)), "{behind}");
        assert!(array(&behind["pictures"]).is_sorted_by_key(|picture| picture["probability"].as_f64().unwrap()));
        all.extend(array(&behind["pictures"]).iter().map(|picture| picture["id"].as_i64().unwrap()));
    }
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len() as u64, outcome["right"]["of"].as_u64().unwrap());
    let [label, said] = ["label", "said"].map(|key| outcome["confusion"][0][key].as_str().unwrap());
    let of_cell = || service.get(&format!("/v1/heads/1/pictures?label={label}&said={said}")).json();
    let first = of_cell()["pictures"][0]["id"].clone();
    ask(&service, "/v1/samples/relabel", &json!({"ids": [first], "label": "moon"}));
    assert_eq!(of_cell()["pictures"][0]["label"], "moon", "what it was said to be stays, beside what it is now");
    let before = of_cell()["total"].as_u64().unwrap();
    ask(&service, "/v1/samples/remove", &json!({"ids": [first]}));
    let after = of_cell();
    assert_eq!((after["total"].as_u64(), &after["gone"]), (Some(before - 1), &json!(1)));
    assert_eq!(service.get("/v1/heads/1/pictures?label=star").json()["total"], 0, "nothing was said of none");
    assert_eq!(service.get("/v1/heads/1/pictures?label=star&said=nobody").json()["total"], 0);
}

#[test]
fn a_point_of_the_curve_that_is_saved_is_what_the_new_version_comes_to() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    let curve = service.get("/v1/heads/1/curve?label=star").json();
    let points = array(&curve["points"]);
    assert!(points.is_sorted_by(|a, b| a["found"]["count"].as_u64() < b["found"]["count"].as_u64()), "{curve}");
    assert!(points.is_sorted_by(|a, b| a["false_alarms"]["count"].as_u64() <= b["false_alarms"]["count"].as_u64()));
    let last = points.last().unwrap();
    assert_eq!(last["found"]["count"], last["found"]["of"]);
    let mut version = 1;
    for point in points {
        let wanted = point["found"]["count"].as_f64().unwrap() / point["found"]["of"].as_f64().unwrap();
        let body = json!({"recall": {"label": "star", "at_least": wanted}, "version": version});
        assert_eq!(ask(&service, "/v1/heads/decide", &body).json(), json!({"live": version + 1}));
        version += 1;
        let class = shown(&device)["operating"]["class"].clone();
        for key in ["found", "right", "false_alarms"] {
            assert_eq!((&class[key]["count"], &class[key]["of"]), (&point[key]["count"], &point[key]["of"]), "{key}");
        }
        let again = service.get(&format!("/v1/heads/{version}/curve?label=star")).json();
        assert_eq!(again["points"], curve["points"], "the answers stay");
        assert_eq!(again["now"]["found"], point["found"]);
    }
    let late = ask(&service, "/v1/heads/decide", &json!({"version": 1}));
    assert_eq!(late.status, 409, "{late:?}");
    assert!(late.json()["detail"].as_str().unwrap().contains("to be live"), "{late:?}");
    assert_eq!(ask(&service, "/v1/heads/decide", &json!({"version": version})).status, 200);
    assert_eq!(service.get("/v1/heads/1/curve?label=nobody").status, 409);
}

#[test]
fn the_list_says_what_changed_from_one_version_to_the_next() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    ask(&service, "/v1/heads/decide", &json!({"recall": {"label": "star", "at_least": 0.9}}));
    device.draw("more", 3, 900);
    device.json(&["collect", "more/star", "--label", "star"]);
    ask(&service, "/v1/samples/remove", &json!({"ids": [1]}));
    device.json(&["fit-head", "--note", "three more stars"]);
    let heads = service.get("/v1/heads").json()["heads"].clone();
    let [third, second, first] = [0, 1, 2].map(|place| heads[place].clone());
    assert_eq!((&first["changed"], &first["decision"]), (&Value::Null, &Value::Null));
    let none = json!({"added": 0, "relabelled": 0, "renamed": 0, "removed": 0});
    let same = json!({"against": 1, "pictures": none, "classes": [], "only_decision": true});
    assert_eq!((&second["changed"], &second["decision"]["goal"]["recall"]["share"]), (&same, &json!(0.9)));
    let changed = &third["changed"];
    assert_eq!((&changed["against"], &changed["only_decision"]), (&json!(2), &json!(false)), "{changed}");
    assert_eq!((&changed["pictures"]["added"], &changed["pictures"]["removed"]), (&json!(3), &json!(1)), "{changed}");
    assert_eq!(changed["classes"][0], json!({"label": "star", "before": 8, "after": 11}), "{changed}");
    assert_eq!(array(&changed["classes"]).len(), 2, "{changed}");
    device.json(&["samples", "rename", "star", "stars"]);
    device.json(&["fit-head"]);
    let renamed = service.get("/v1/heads").json()["heads"][0].clone();
    assert_eq!(
        (&renamed["changed"]["only_decision"], &renamed["changed"]["pictures"]["renamed"]),
        (&json!(false), &json!(11))
    );
}

#[test]
fn a_head_without_answers_says_why_there_is_nothing_to_count() {
    let device = Device::taught();
    forget_the_note(&device);
    let service = Service::start(&device, &[]);
    let report = |version: u64| service.get(&format!("/v1/heads/{version}/report")).json();
    assert_eq!((&report(2)["outcome"], &report(2)["missing"]), (&Value::Null, &json!("not-kept")));
    assert!(report(2)["quality"]["accuracy"].is_number(), "what its report says is there all the same");
    assert_eq!(service.get("/v1/heads/2/curve?label=star").json(), json!({"now": null, "points": []}));
    assert_eq!(service.get("/v1/heads/2/pictures?label=star&said=star").json()["total"], 0);

    device.json(&["fit-head", "--task", "multilabel"]);
    assert_eq!((&report(3)["task"], &report(3)["missing"]), (&json!("multilabel"), &json!("other-task")));

    let numbers = Device::new();
    let drawn = numbers.draw("drawn", 6, 0);
    for (number, shape) in [("1", "star"), ("2.5", "ring"), ("4", "circle")] {
        std::fs::create_dir_all(numbers.path("photos")).unwrap();
        std::fs::rename(drawn.join(shape), numbers.path("photos").join(number)).unwrap();
    }
    numbers.json(&["collect", "photos", "--backbone", crate::common::backbone()]);
    numbers.json(&["fit-head", "--task", "regression"]);
    let service = Service::start(&numbers, &[]);
    let report = service.get("/v1/heads/1/report").json();
    assert_eq!((&report["task"], &report["missing"]), (&json!("regression"), &json!("other-task")));
    assert_eq!(report["numbers"], shown(&numbers)["regression"]);

    let bursts = Device::new();
    bursts.draw("drawn", 4, 0);
    for shape in ["star", "ring"] {
        bursts.json(&["collect", &format!("drawn/{shape}"), "--label", shape, "--group", shape]);
    }
    bursts.json(&["fit-head"]);
    let service = Service::start(&bursts, &[]);
    let report = service.get("/v1/heads/1/report").json();
    assert_eq!((&report["quality"], &report["missing"]), (&Value::Null, &json!("nothing-held-out")));
}

#[test]
fn drift_is_told_of_each_camera_or_that_none_is_watched() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    assert_eq!(service.get("/v1/drift").json(), json!({"watched": false, "cameras": []}));
    drop(service);
    std::fs::write(device.path("edgetl.toml"), "[camera.bench]\nsource = \"push\"\n").unwrap();
    let service = Service::start(&device, &[]);
    let drift = service.get("/v1/drift").json();
    let camera = &drift["cameras"][0];
    assert_eq!((&drift["watched"], &camera["camera"], &camera["looks"]), (&json!(true), &json!("bench"), &json!(0)));
}

/// Two classes of two bursts each, and one of a single burst, which cannot be held out.
#[test]
fn frames_of_a_few_bursts_say_little_and_a_class_of_one_burst_says_nothing() {
    let device = Device::new();
    device.draw("drawn", 20, 0);
    let move_to = |burst: &str, shape: &str, from: usize| {
        std::fs::create_dir_all(device.path(burst)).unwrap();
        let mut frames: Vec<_> = std::fs::read_dir(device.path("drawn").join(shape)).unwrap().flatten().collect();
        frames.sort_by_key(std::fs::DirEntry::path);
        for frame in frames.into_iter().take(from) {
            std::fs::rename(frame.path(), device.path(burst).join(frame.file_name())).unwrap();
        }
        device.json(&["collect", burst, "--label", shape, "--group", burst]);
    };
    for (burst, shape, frames) in [("a", "star", 10), ("b", "star", 10), ("c", "ring", 10), ("d", "ring", 10)] {
        move_to(burst, shape, frames);
    }
    move_to("e", "circle", 10);
    device.json(&["fit-head"]);
    let service = Service::start(&device, &[]);
    let report = service.get("/v1/heads/1/report").json();
    let right = &report["outcome"]["right"];
    assert_eq!((&right["of"], &right["groups"]), (&json!(40), &json!(4)), "{right}");
    let [low, high] = ["low", "high"].map(|end| right[end].as_f64().unwrap());
    assert!(high - low > 0.45, "as wide as of four pictures: {right}");
    assert_eq!((&report["quality"]["low"], &report["quality"]["high"]), (&right["low"], &right["high"]));
    let circle = array(&report["outcome"]["classes"]).iter().find(|class| class["label"] == "circle").unwrap();
    assert_eq!(circle["found"], json!({"count": 0, "of": 0, "low": 0.0, "high": 1.0, "groups": 0}));
    assert_eq!(report["unknown"]["false_reject"], shown(&device)["unknown"]["false_reject"]);
}
