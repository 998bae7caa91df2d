//! Heads, fits, tokens and what else is asked of the API without cameras.

use serde_json::{Value, json};

use super::service::{Answer, Service, eventually};
use crate::common::Device;

const WRITE: &str = "write-token-0123456789";
const READ: &str = "read-token-0123456789";

fn ask(service: &Service, path: &str, body: &Value) -> Answer {
    service.post(path, "application/json", body.to_string().as_bytes())
}

/// Waits for the end of a fit that was asked for.
fn fitted(service: &Service) -> Value {
    eventually("the end of a fit", || service.get("/v1/fit").json()["state"] == "idle");
    service.get("/v1/fit").json()["last"].clone()
}

#[test]
fn a_head_that_is_fitted_by_hand_answers_once_somebody_activates_it_and_one_step_goes_back() {
    let device = Device::well_taught();
    let service = Service::start(&device, &[]);
    device.draw("more", 4, 500);
    device.json(&["collect", "more"]);
    let asked = ask(&service, "/v1/fit", &json!({"publish": "by-hand", "note": "with more"}));
    assert_eq!(asked.status, 202, "{asked:?}");
    let last = fitted(&service);
    assert_eq!((&last["outcome"], &last["head"]), (&json!("kept"), &json!(2)), "{last}");
    assert!(last["comparison"]["verdict"].is_string(), "{last}");
    let heads = service.get("/v1/heads").json();
    assert_eq!((&heads["live"], &heads["heads"][0]["state"]), (&json!(1), &json!("waiting")), "{heads}");
    assert_eq!((&heads["heads"][0]["note"], &heads["heads"][1]["state"]), (&json!("with more"), &json!("live")));
    let quality = &heads["heads"][0]["quality"];
    let [low, accuracy, high] = ["low", "accuracy", "high"].map(|key| quality[key].as_f64().unwrap());
    assert!(0.0 <= low && low <= accuracy && accuracy <= high && high <= 1.0, "{quality}");
    assert_eq!(ask(&service, "/v1/heads/2/activate", &json!({})).json(), json!({"live": 2}));
    eventually("the new head", || service.head_version() == 2);
    assert_eq!(ask(&service, "/v1/heads/rollback", &json!({})).json(), json!({"live": 1}));
    eventually("the old head", || service.head_version() == 1);
    let unknown = ask(&service, "/v1/heads/99/activate", &json!({}));
    assert_eq!((unknown.status, unknown.json()["status"].as_u64()), (404, Some(404)), "{unknown:?}");
}

#[test]
fn the_first_head_of_all_answers_at_once() {
    let device = Device::new();
    device.draw("photos", 6, 0);
    device.json(&["collect", "photos"]);
    let service = Service::start(&device, &[]);
    let none = service.get("/v1/heads").json();
    assert_eq!(none, json!({"live": null, "heads": []}));
    let advice = service.get("/v1/advice").json();
    assert_eq!((&advice["enough"], &advice["code"]), (&Value::Null, &json!("untaught")));
    ask(&service, "/v1/fit", &json!({"publish": "by-hand"}));
    assert_eq!(fitted(&service)["outcome"], "published");
    eventually("the head", || service.get("/health/ready").status == 200);
    let advice = service.get("/v1/advice").json();
    assert_eq!(advice["classes"].as_array().unwrap().len(), 6, "{advice}");
    assert!(!advice["sentence"].as_str().unwrap().is_empty());
    let code = advice["code"].as_str().unwrap();
    assert!(["unmeasured", "enough", "more", "first"].contains(&code), "{advice}");
    assert_eq!(advice["next"].is_object(), ["more", "first"].contains(&code), "{advice}");
}

#[test]
fn another_decision_is_another_head_and_a_goal_that_cannot_be_meant_is_refused() {
    let device = Device::well_taught();
    let service = Service::start(&device, &[]);
    let label = service.get("/v1/heads").json()["heads"][0]["classes"][0].clone();
    let decided = ask(&service, "/v1/heads/decide", &json!({"recall": {"label": label, "at_least": 0.9}}));
    assert_eq!(decided.json(), json!({"live": 2}), "{decided:?}");
    for (body, status) in [
        (json!({"recall": {"label": label, "at_least": 1.5}}), 400),
        (json!({"recall": {"label": "nobody", "at_least": 0.9}}), 409),
        (json!({"recal": {}}), 400),
        (json!([]), 400),
    ] {
        let refused = ask(&service, "/v1/heads/decide", &body);
        assert_eq!(refused.status, status, "{body}: {refused:?}");
        assert!(refused.json()["detail"].is_string(), "{refused:?}");
    }
    assert_eq!(service.get("/v1/heads").json()["live"], 2);
}

#[test]
fn a_backup_over_http_can_be_restored_and_leaves_nothing_behind() {
    let device = Device::well_taught();
    let service = Service::start(&device, &[]);
    let mut body = ureq::get(service.url("/v1/backup")).call().unwrap().into_body();
    std::fs::write(device.path("backup.tar"), body.read_to_vec().unwrap()).unwrap();
    let other = Device::new();
    let restored = other.json(&["restore", device.path("backup.tar").to_str().unwrap()]);
    assert_eq!(restored[0]["samples"], 48, "{restored:?}");
    assert_eq!(other.json(&["heads", "list"])[0][0]["version"], 1);
    let names = std::fs::read_dir(device.state()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().starts_with(".edgetl-")).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_read_token_looks_and_changes_nothing() {
    let device = Device::well_taught();
    let tokens = [("EDGETL_TOKEN", WRITE), ("EDGETL_READ_TOKEN", READ)];
    let service = Service::start_with(&device, &[], &tokens);
    let bearer = |token: &str| format!("Bearer {token}");
    let access = |token: &str| service.get_as("/v1/session", &bearer(token)).json()["access"].clone();
    assert_eq!([access(WRITE), access(READ), access("another-token-1234567")], ["write", "read", "none"]);
    let post = |path: &str, token: &str| {
        let request = ureq::post(service.url(path)).config().http_status_as_error(false).build();
        request.header("Authorization", &bearer(token)).send("{}").unwrap().status().as_u16()
    };
    for path in ["/v1/heads", "/v1/fit", "/v1/advice", "/v1/review", "/v1/backbones", "/v1/openapi.json", "/metrics"] {
        let statuses = [READ, WRITE, "wrong"].map(|token| service.get_as(path, &bearer(token)).status);
        assert_eq!(statuses, [200, 200, 401], "{path}");
    }
    for path in ["/v1/fit", "/v1/heads/1/activate", "/v1/review/dismiss"] {
        assert_eq!([post(path, READ), post(path, "wrong")], [403, 401], "{path}");
    }
    assert_eq!(post("/v1/fit", WRITE), 202);
    let looked = ureq::post(service.url("/v1/predict")).header("Authorization", &bearer(READ));
    assert_eq!(looked.send(&super::service::large(64)[..]).unwrap().status(), 200);
}

#[test]
fn monitors_need_no_token_where_the_settings_say_so() {
    let device = Device::well_taught();
    std::fs::write(device.path("edgetl.toml"), "[serve]\nopen = [\"ready\", \"metrics\"]\n").unwrap();
    let service = Service::start_with(&device, &[], &[("EDGETL_TOKEN", WRITE)]);
    let status = ["/health/ready", "/metrics", "/v1/cameras"].map(|path| service.get(path).status);
    assert_eq!(status, [200, 200, 401]);
}

#[test]
fn a_token_for_reading_alone_is_wrong_usage_of_the_service() {
    let device = Device::new();
    let refused =
        device.edgetl(&["serve", "--address", "127.0.0.1:0"]).env("EDGETL_READ_TOKEN", READ).assert().failure();
    let words = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(words.contains("expected a token for writing"), "{words}");
}

#[test]
fn the_description_of_the_api_names_every_path_and_refusals_have_one_form() {
    let device = Device::well_taught();
    let service = Service::start(&device, &[]);
    let described = service.get("/v1/openapi.json").json();
    assert!(described["openapi"].as_str().unwrap().starts_with("3.1"), "{}", described["openapi"]);
    for path in ["/v1/heads", "/v1/fit", "/v1/backup", "/v1/review/{id}/picture"] {
        assert!(described["paths"][path].is_object(), "{path}");
    }
    for (path, status) in
        [("/v1/nothing", 404), ("/v1/heads/x/file", 400), ("/v1/review?limit=x", 400), ("/v1/review?x=1", 400)]
    {
        let refused = ureq::get(service.url(path)).config().http_status_as_error(false).build().call().unwrap();
        assert_eq!(refused.status(), status, "{path}");
        assert_eq!(refused.headers()["Content-Type"], "application/problem+json", "{path}");
        let problem: Value = serde_json::from_str(&refused.into_body().read_to_string().unwrap()).unwrap();
        assert_eq!(
            (problem["status"].as_u64(), &problem["detail"]),
            (Some(status.into()), &problem["error"]),
            "{path}"
        );
    }
}

#[test]
fn why_a_picture_is_called_so_is_a_layer_to_lay_over_it_and_stored_pictures_like_it() {
    let device = Device::well_taught();
    let service = Service::start(&device, &[]);
    let star = std::fs::read(device.draw("new", 1, 900).join("star/000.png")).unwrap();
    let why = service.post("/v1/explain", "image/png", &star).json();
    assert_eq!((&why["head_version"], why["statement"]["top"].is_array()), (&json!(1), true), "{why}");
    assert!(why["why"].is_string() && why["label"].is_string(), "{why}");
    use base64::Engine as _;
    let layer = base64::engine::general_purpose::STANDARD.decode(why["overlay"].as_str().unwrap()).unwrap();
    let (layer, picture) = (image::load_from_memory(&layer).unwrap(), image::load_from_memory(&star).unwrap());
    assert!(layer.color().has_alpha());
    assert_eq!(layer.width() * picture.height(), layer.height() * picture.width());
    let nearest = why["nearest"].as_array().unwrap();
    assert!(nearest.is_sorted_by_key(|near| near["distance"].as_f64().unwrap()) && !nearest.is_empty(), "{why}");
    let other = service.post("/v1/explain?label=ring", "image/png", &star).json();
    assert_eq!(other["label"], "ring");
    let unknown = service.post("/v1/explain?label=nobody", "image/png", &star).json();
    assert_eq!((&unknown["label"], &unknown["overlay"]), (&Value::Null, &Value::Null), "{unknown}");
    assert_eq!(service.post("/v1/explain", "image/png", b"no picture").status, 415);
    let untaught = Device::new();
    let untaught = Service::start(&untaught, &[]);
    assert_eq!(untaught.post("/v1/explain", "image/png", &star).status, 503);
}
