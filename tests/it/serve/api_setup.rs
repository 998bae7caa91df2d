//! Cameras on and off, regions, who is told, backbones, a backup that is brought back, and the settings that are shown.

use std::net::TcpListener;
use std::path::Path;

use serde_json::{Value, json};

use super::service::{Answer, Service, eventually};
use super::streams::Ongoing;
use crate::common::{Device, backbone};
use crate::fetching;
use crate::watching::jpeg;

fn settings(device: &Device, text: &str) {
    std::fs::write(device.path("edgetl.toml"), text).unwrap();
}

fn camera(service: &Service, name: &str) -> Value {
    let cameras = service.get("/v1/cameras").json();
    cameras.as_array().unwrap().iter().find(|camera| camera["camera"] == name).unwrap().clone()
}

fn set(service: &Service, name: &str, change: &Value) -> Answer {
    service.patch(&format!("/v1/cameras/{name}"), &change.to_string())
}

fn width(service: &Service, path: &str) -> u32 {
    let bytes = ureq::get(service.url(path)).call().unwrap().into_body().read_to_vec().unwrap();
    image::load_from_memory(&bytes).unwrap().width()
}

#[test]
fn a_camera_that_is_switched_off_closes_its_program_and_stays_off_over_a_kill() {
    let device = Device::well_taught();
    std::fs::write(device.path("0.jpg"), jpeg(&device, "star", 0)).unwrap();
    std::fs::write(device.path("camera.sh"), "echo $$ > pid; while cat 0.jpg; do sleep 0.1; done").unwrap();
    settings(&device, "[camera.door]\nsource = \"command:sh camera.sh\"\n");
    let path = [("PATH", "/usr/bin:/bin")];
    let mut service = Service::start_with(&device, &[], &path);
    eventually("a frame", || camera(&service, "door")["state"] == "live");
    let mut listener = Ongoing::get(&service, "/v1/events");
    let off = set(&service, "door", &json!({"on": false}));
    assert_eq!((off.status, &off.json()["on"], &off.json()["state"]), (200, &json!(false), &json!("off")));
    eventually("the end of the program", || is_over(&device.path("pid")));
    assert_eq!(service.get("/v1/cameras/door/picture").status, 503);
    let told = (0..5).map(|_| listener.event().unwrap()).find(|event| event["event"] == "camera-set").unwrap();
    assert_eq!((&told["camera"], &told["on"], &told["region"]), (&json!("door"), &json!(false), &Value::Null));

    service.signal("KILL");
    service.wait();
    std::fs::remove_file(device.path("pid")).unwrap();
    let service = Service::start_with(&device, &[], &path);
    assert_eq!((&camera(&service, "door")["state"], &camera(&service, "door")["on"]), (&json!("off"), &json!(false)));
    assert!(!device.path("pid").exists(), "it was not even opened");
    assert_eq!(set(&service, "door", &json!({"on": true})).json()["on"], true);
    eventually("a frame again", || camera(&service, "door")["state"] == "live");
    assert_eq!(service.metric("edgetl_camera_state{camera=\"door\",state=\"off\"}"), 0.0);
}

/// Whether the process that wrote its number there has ended.
fn is_over(pid: &Path) -> bool {
    let pid = std::fs::read_to_string(pid).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.is_empty() || stat.contains(") Z")
}

#[test]
fn a_region_is_seen_at_once_wins_over_the_settings_and_null_goes_back_to_them() {
    let device = Device::well_taught();
    settings(&device, "[camera.door]\nsource = \"push\"\nregion = [0, 0, 0.5, 1]\n[camera.hall]\nsource = \"push\"\n");
    let mut service = Service::start(&device, &[]);
    let star = jpeg(&device, "star", 0);
    let whole = image::load_from_memory(&star).unwrap().width();
    let push = |service: &Service| {
        for name in ["door", "hall"] {
            assert_eq!(service.put(&format!("/v1/cameras/{name}/frame"), &star).status, 204);
        }
    };
    push(&service);
    let picture = "/v1/cameras/door/picture";
    assert_eq!((width(&service, picture), width(&service, "/v1/cameras/door/picture?whole=true")), (whole / 2, whole));
    let quarter = set(&service, "door", &json!({"region": [0.25, 0.0, 0.5, 1.0]})).json();
    assert_eq!((&quarter["region"], &quarter["region_from"]), (&json!([0.25, 0.0, 0.5, 1.0]), &json!("store")));
    assert_eq!(width(&service, picture), whole / 4, "of the frame that was there");
    for wrong in [json!({"region": [0.5, 0, 0.5, 1]}), json!({"source": "command:x"}), json!({"on": 1}), json!([])] {
        assert_eq!(set(&service, "door", &wrong).status, 400, "{wrong}");
    }
    assert_eq!(set(&service, "window", &json!({"on": true})).status, 404);

    service.signal("KILL");
    service.wait();
    let service = Service::start(&device, &[]);
    push(&service);
    assert_eq!((width(&service, picture), width(&service, "/v1/cameras/hall/picture")), (whole / 4, whole));
    let all = set(&service, "door", &json!({"region": [0, 0, 1, 1]})).json();
    assert_eq!(
        (&all["region"], &all["region_from"]),
        (&Value::Null, &json!("store")),
        "all of it, whatever the file says"
    );
    assert_eq!(width(&service, picture), whole);
    let back = set(&service, "door", &json!({"region": null})).json();
    assert_eq!((&back["region"], &back["region_from"]), (&json!([0.0, 0.0, 0.5, 1.0]), &json!("settings")));
    assert_eq!(width(&service, picture), whole / 2);
}

#[test]
fn a_camera_that_is_off_takes_no_frames_and_a_program_beside_obeys_as_well() {
    let device = Device::well_taught();
    settings(&device, "[camera.door]\nsource = \"push\"\n[camera.box]\nsource = \"folder:in\"\n");
    std::fs::create_dir(device.path("in")).unwrap();
    let service = Service::start(&device, &[]);
    let star = jpeg(&device, "star", 0);
    set(&service, "door", &json!({"on": false}));
    let refused = service.put("/v1/cameras/door/frame", &star);
    assert_eq!((refused.status, refused.json()["detail"].as_str()), (409, Some("camera `door` is off")));
    set(&service, "box", &json!({"on": false}));
    let collecting = device.edgetl(&["watch", "box", "--collect", "star"]).output().unwrap();
    let said = String::from_utf8_lossy(&collecting.stderr);
    assert!(!collecting.status.success() && said.contains("every camera that was named is off"), "{said}");

    // A watch that runs hears of it.
    let mut watching = std::process::Command::new(env!("CARGO_BIN_EXE_edgetl"));
    watching.args(["watch", "box", "--json", "--provider", "tract"]).env_clear().env("EDGETL_STATE", device.state());
    watching.current_dir(device.path(".")).stdout(std::process::Stdio::piped());
    let mut child = watching.spawn().unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().unwrap()));
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();
    assert_eq!(next()["state"], "off");
    set(&service, "box", &json!({"on": true}));
    let set_on = next();
    assert_eq!((&set_on["event"], &set_on["on"]), (&json!("camera-set"), &json!(true)));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_reader_sees_all_of_it_and_changes_nothing() {
    let device = Device::well_taught();
    settings(&device, "[camera.door]\nsource = \"push\"\n");
    let (write, read) = ("write-token-0123456789", "read-token-0123456789");
    let tokens = [("EDGETL_TOKEN", write), ("EDGETL_READ_TOKEN", read)];
    let service = Service::start_with(&device, &[], &tokens);
    let read = format!("Bearer {read}");
    for path in [
        "/v1/cameras",
        "/v1/announcers",
        "/v1/backbones",
        "/v1/backbones/catalogue",
        "/v1/job",
        "/v1/restore",
        "/v1/settings",
    ] {
        assert_eq!((service.get(path).status, service.get_as(path, &read).status), (401, 200), "{path}");
    }
    let send = |method: &str, path: &str| {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {read}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        service.raw(request.as_bytes())
    };
    for (method, path) in [
        ("PATCH", "/v1/cameras/door"),
        ("POST", "/v1/backbones/compare"),
        ("POST", "/v1/backbones/fetch"),
        ("POST", "/v1/backbones/edgetl-tiny/use"),
        ("DELETE", "/v1/job"),
        ("POST", "/v1/restore"),
        ("POST", "/v1/restore/begin"),
        ("DELETE", "/v1/restore"),
    ] {
        let answer = send(method, path);
        assert!(answer.starts_with("HTTP/1.1 403"), "{method} {path}: {answer}");
    }
}

#[test]
fn who_is_told_is_listed_with_what_goes_wrong_and_without_secrets() {
    let device = Device::well_taught();
    // Nobody listens there.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    settings(
        &device,
        &format!(
            "[camera.door]\nsource = \"push\"\n[mqtt]\nbroker = \"mqtt://127.0.0.1:{port}\"\n\
             [webhook.house]\nurl = \"http://me:s3cret@127.0.0.1:{port}/s3cret\"\n[log]\nfile = \"events.jsonl\"\n\
             [camera.gate]\nsource = \"http://me:s3cret@127.0.0.1:{port}/?password=s3cret\"\n"
        ),
    );
    let service = Service::start(&device, &[]);
    let told = || service.get("/v1/announcers");
    let of = |kind: &str| {
        let all = told().json()["announcers"].as_array().unwrap().clone();
        all.into_iter().find(|one| one["kind"] == kind).unwrap()
    };
    eventually("trouble with the broker", || of("mqtt")["state"] == "trouble");
    eventually("an event in the log", || of("log")["told"].as_u64().unwrap() > 0);
    eventually("trouble with the address", || of("webhook")["waiting"].as_u64().unwrap() > 0);
    assert_eq!(of("mqtt")["address"], format!("mqtt://127.0.0.1:{port}"));
    assert_eq!(of("webhook")["address"], format!("http://127.0.0.1:{port}"));
    assert!(of("mqtt")["last_failure"]["because"].is_string() && of("log")["state"] == "well", "{:?}", told());
    let all = [told().text, service.get("/v1/settings").text, service.get("/v1/cameras").text].concat();
    assert!(!all.contains("s3cret"), "{all}");
    let shown = service.get("/v1/settings").json();
    assert!(shown["file"].as_str().unwrap().ends_with("edgetl.toml"));

    let quiet = Device::new();
    let alone = Service::start(&quiet, &[]);
    assert_eq!(alone.get("/v1/announcers").json(), json!({"elsewhere": false, "announcers": []}));
    assert_eq!(alone.get("/v1/settings").json()["file"], Value::Null);
}

/// The state of the work on backbones once it does not run any more.
fn job(service: &Service) -> Value {
    let job = || service.get("/v1/job").json();
    eventually("the end of the work", || job()["state"] != "running");
    job()
}

fn row(service: &Service, name: &str) -> Value {
    let all = service.get("/v1/backbones").json();
    all.as_array().unwrap().iter().find(|row| row["name"] == name).unwrap().clone()
}

#[test]
fn backbones_are_compared_and_another_one_takes_over_with_a_head_of_its_own() {
    let device = Device::new();
    device.draw("photos", 6, 0);
    device.json(&["collect", "photos"]);
    device.json(&["fit-head"]);
    device.json(&["backbone", "import", backbone(), "--name", "random", "--preset", "inception"]);
    let service = Service::start(&device, &[]);
    assert_eq!((service.get("/v1/job").json(), &row(&service, "random")["compared"]), (Value::Null, &Value::Null));
    let begun = service.post("/v1/backbones/compare", "application/json", b"");
    assert_eq!((begun.status, &begun.json()["kind"]), (202, &json!("compare")));
    assert_eq!(job(&service)["state"], "done", "{}", service.get("/v1/job").text);
    let (tiny, random) = (row(&service, "edgetl-tiny"), row(&service, "random"));
    assert!(tiny["compared"]["accuracy"].as_f64() > random["compared"]["accuracy"].as_f64(), "{tiny} {random}");
    assert_eq!((&tiny["compared"]["recommended"], &tiny["in_use"]), (&json!(true), &json!(true)));
    drop(service);

    // The comparison survives the service; the features that it made make the switch quick.
    let service = Service::start(&device, &[]);
    assert_eq!(row(&service, "random")["compared"], random["compared"]);
    assert_eq!(service.post("/v1/backbones/none/use", "application/json", b"").status, 202);
    assert_eq!(job(&service)["state"], "failed");
    assert_eq!(row(&service, "edgetl-tiny")["in_use"], true);
    service.post("/v1/backbones/random/use", "application/json", b"{}");
    let switched = job(&service);
    assert_eq!((&switched["state"], &switched["head"]), (&json!("done"), &json!(2)), "{switched}");
    assert_eq!(row(&service, "random")["in_use"], true);
    eventually("answers on the new backbone", || service.get("/health/ready").json()["backbone"] == "random");
    assert_eq!(service.head_version(), 2);
    assert_eq!(service.post("/v1/fit", "application/json", b"{}").status, 202, "and it is fitted on from there");
}

#[test]
fn where_pictures_are_gone_nothing_is_switched_until_somebody_says_so() {
    let device = Device::new();
    device.draw("photos", 6, 0);
    device.json(&["collect", "photos"]);
    device.json(&["fit-head"]);
    device.json(&["backbone", "import", backbone(), "--name", "random", "--preset", "inception"]);
    std::fs::remove_file(device.path("photos/star/000.png")).unwrap();
    let service = Service::start(&device, &[]);
    service.post("/v1/backbones/random/use", "application/json", b"");
    let asked = job(&service);
    assert_eq!((&asked["state"], &asked["unread"], &asked["of"]), (&json!("unread"), &json!(1), &json!(36)), "{asked}");
    assert_eq!((&row(&service, "edgetl-tiny")["in_use"], service.head_version()), (&json!(true), 1));
    service.post("/v1/backbones/random/use", "application/json", b"{\"anyway\": true}");
    let switched = job(&service);
    assert_eq!((&switched["state"], &switched["unread"]), (&json!("done"), &json!(1)), "{switched}");
    assert_eq!(row(&service, "random")["in_use"], true);
}

#[test]
fn a_network_of_the_catalogue_is_fetched_and_nothing_but_its_names_is_taken() {
    let device = Device::new();
    let hub = fetching::hub::Hub::new()
        .with("onnx-community/mobilenetv3_small_100.lamb_in1k", "onnx/model.onnx", fetching::network())
        .with(
            "onnx-community/mobilenetv3_small_100.lamb_in1k",
            "preprocessor_config.json",
            fetching::settings().to_string(),
        );
    let variables = [("HF_ENDPOINT", hub.address.as_str()), ("HF_HUB_DOWNLOAD_TIMEOUT", "1"), ("HOME", "/nonexistent")];
    let service = Service::start_with(&device, &[], &variables);
    let fetch = |name: &str| {
        let named = json!({ "name": name }).to_string();
        service.post("/v1/backbones/fetch", "application/json", named.as_bytes())
    };
    for name in ["https://example.com/x.onnx", "hf:onnx-community/x", "../x", "no-such-net", ""] {
        assert_eq!(fetch(name).status, 404, "{name}");
    }
    let more = br#"{"name": "mobilenet-v3-small", "path": "/etc/passwd"}"#;
    assert_eq!(service.post("/v1/backbones/fetch", "application/json", more).status, 400);
    assert_eq!(fetch("mobilenet-v3-small").status, 202);
    let fetched = job(&service);
    assert_eq!((&fetched["state"], &fetched["done"]), (&json!("done"), &fetched["of"]), "{fetched}");
    assert_eq!(row(&service, "mobilenet-v3-small")["width"], 128);
    let catalogue = service.get("/v1/backbones/catalogue").json();
    let entry = catalogue["networks"].as_array().unwrap().iter().find(|one| one["name"] == "mobilenet-v3-small");
    assert_eq!((&catalogue["can_fetch"], &entry.unwrap()["kept"]), (&json!(true), &json!(true)));
    // One whose content is not what the catalogue has is refused, and says why.
    assert_eq!(fetch("squeezenet-1.1").status, 202);
    let failed = job(&service);
    assert!(failed["state"] == "failed" && failed["because"].is_string(), "{failed}");
}

/// A port that was free just now: the address stays when the service starts anew.
fn address() -> String {
    format!("127.0.0.1:{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port())
}

#[test]
fn a_backup_is_brought_back_under_the_running_service_and_what_was_there_is_kept() {
    let other = Device::well_taught();
    other.json(&["backup", "backup.tar"]);
    let backup = std::fs::read(other.path("backup.tar")).unwrap();
    let device = Device::new();
    settings(&device, "[camera.door]\nsource = \"push\"\n");
    let address = address();
    let service = Service::start(&device, &["--address", &address]);
    let star = jpeg(&other, "star", 0);
    assert_eq!(service.post("/v1/samples?label=mine", "image/jpeg", &star).status, 201);
    set(&service, "door", &json!({"on": false}));

    for (wrong, status) in [(&backup[..backup.len() - 1024], 422), (b"no backup", 422), (&backup[..100_000], 422)] {
        let refused = service.post("/v1/restore", "application/x-tar", wrong);
        assert_eq!(refused.status, status, "{refused:?}");
    }
    assert_eq!(service.post("/v1/restore/begin", "application/json", b"").status, 409);
    let waiting = service.post("/v1/restore", "application/x-tar", &backup);
    assert_eq!((waiting.status, &waiting.json()["samples"]), (200, &json!(48)), "{waiting:?}");
    assert_eq!(service.get("/v1/labels").json()["labels"][0]["label"], "mine", "nothing is changed yet");
    assert_eq!(service.delete("/v1/restore").status, 204);
    assert_eq!(service.get("/v1/restore").json()["waiting"], Value::Null);

    let replaced = service.post("/v1/restore", "application/x-tar", &backup).json()["replaced"].clone();
    let mut listener = Ongoing::get(&service, "/v1/events");
    assert_eq!(service.post("/v1/restore/begin", "application/json", b"").status, 202);
    eventually("the end of the old service", || listener.event().is_none());
    let asks = || ureq::get(service.url("/health/ready")).call();
    eventually("the service with the backup", || asks().is_ok_and(|answer| answer.status() == 200));
    assert_eq!(service.predict(&star).json()["label"], "star");
    assert_eq!(service.get("/v1/restore").json()["done"], replaced);
    assert_eq!(camera(&service, "door")["on"], true, "as in the backup");
    let kept = device.state().join(replaced.as_str().unwrap());
    let listed = device.edgetl(&["samples", "list", "--json", "--state", kept.to_str().unwrap()]).output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains("mine"), "{listed:?}");
}

#[test]
fn a_state_that_is_half_restored_is_refused_until_the_service_finishes_it() {
    let device = Device::well_taught();
    device.json(&["backup", "backup.tar"]);
    let backup = std::fs::read(device.path("backup.tar")).unwrap();
    let service = Service::start(&device, &[]);
    let replaced = service.post("/v1/restore", "application/x-tar", &backup).json()["replaced"].clone();
    drop(service);
    std::fs::rename(device.state().join("restore"), device.state().join("restoring")).unwrap();
    let said = |arguments: &[&str]| {
        let output = device.edgetl(arguments).output().unwrap();
        assert!(!output.status.success(), "{output:?}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let refused = said(&["heads", "list"]);
    assert!(refused.contains("restoring") && refused.contains("edgetl serve"), "{refused}");
    let about = device.state().join("restoring/about.json");
    let whole = std::fs::read(&about).unwrap();
    std::fs::write(&about, String::from_utf8_lossy(&whole).replace("replaced-", "../replaced-")).unwrap();
    let refused = said(&["serve", "--address", "127.0.0.1:0"]);
    assert!(refused.contains("neither finished nor undone"), "{refused}");
    std::fs::write(&about, whole).unwrap();
    let service = Service::start(&device, &[]);
    assert_eq!(service.get("/v1/restore").json()["done"], replaced);
    device.json(&["heads", "list"]);
}

#[test]
fn a_body_that_breaks_off_and_one_that_has_no_room_change_nothing() {
    let device = Device::well_taught();
    let service = Service::start(&device, &["--client-timeout", "2"]);
    let head = |length: u64| {
        format!("POST /v1/restore HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n")
    };
    let full = service.raw(head(u64::MAX / 4).as_bytes());
    assert!(full.starts_with("HTTP/1.1 507"), "{full}");
    let slow = service.raw(format!("{}only this", head(5000)).as_bytes());
    assert!(slow.starts_with("HTTP/1.1 408"), "{slow}");
    assert_eq!(service.get("/v1/restore").json()["waiting"], Value::Null);
    let names = std::fs::read_dir(device.state()).unwrap().map(|entry| entry.unwrap().file_name());
    let left: Vec<_> = names.filter(|name| name.to_string_lossy().contains("restore-")).collect();
    assert!(left.is_empty(), "{left:?}");
    assert_eq!(ureq::get(service.url("/v1/backup")).call().unwrap().status(), 200, "another may begin");
}

#[test]
fn a_backup_with_which_the_service_could_not_answer_is_refused_and_the_command_line_takes_it() {
    let source = Device::well_taught();
    std::fs::write(source.state().join("heads/000001.safetensors"), "no head").unwrap();
    source.json(&["backup", "backup.tar"]);
    let file = source.path("backup.tar");
    let device = Device::well_taught();
    let service = Service::start(&device, &[]);
    let refused = service.post("/v1/restore", "application/x-tar", &std::fs::read(&file).unwrap());
    assert_eq!((refused.status, &refused.json()["code"]), (422, &json!("no-backup")), "{refused:?}");
    assert!(refused.text.contains("head 000001"), "{refused:?}");
    assert_eq!(service.get("/v1/restore").json()["waiting"], Value::Null);
    // The pictures are worth it.
    let other = Device::new();
    assert_eq!(other.json(&["restore", file.to_str().unwrap()])[0]["samples"], 48);
}
