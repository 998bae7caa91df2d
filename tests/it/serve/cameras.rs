//! Cameras beside the service, and a service without a head.

use serde_json::Value;

use super::service::{Service, eventually};
use crate::common::Device;
use crate::watching::jpeg;

fn door(service: &Service) -> Value {
    let cameras = service.get("/v1/cameras").json();
    cameras.as_array().unwrap().iter().find(|camera| camera["camera"] == "door").unwrap().clone()
}

fn settings(device: &Device, text: &str) {
    std::fs::write(device.path("edgetl.toml"), text).unwrap();
}

#[test]
fn a_service_without_a_head_starts_says_what_is_missing_and_takes_the_first_one() {
    let device = Device::new();
    device.draw("photos", 8, 0);
    settings(&device, "[camera.door]\nsource = \"push\"\nthreshold = 0.5\nfps = 50\n");
    let service = Service::start(&device, &[]);
    let ready = service.get("/health/ready");
    assert_eq!((ready.status, &ready.json()["status"]), (503, &"no head".into()));
    assert!(ready.json()["missing"].as_str().unwrap().contains("edgetl fit-head"));
    let refused = service.predict(&jpeg(&device, "star", 0));
    assert_eq!((refused.status, &refused.json()["error"]), (503, &"there is no head yet".into()));
    assert_eq!(refused.json()["code"], "no-head");
    assert_eq!(service.get("/health/live").status, 200);
    assert_eq!(service.put("/v1/cameras/door/frame", &jpeg(&device, "star", 0)).status, 204);
    eventually("a look without an answer", || door(&service)["looks"] == 1);
    assert_eq!((&door(&service)["answers"], &door(&service)["state"]), (&0.into(), &"live".into()));

    device.json(&["collect", "photos"]);
    device.json(&["fit-head"]);
    eventually("the first head", || service.get("/health/ready").status == 200);
    assert_eq!(service.predict(&jpeg(&device, "star", 0)).json()["label"], "star");
    let mut number = 0;
    eventually("a decision about the camera", || {
        number += 1;
        service.put("/v1/cameras/door/frame", &jpeg(&device, "star", number % 8));
        door(&service)["label"] == "star"
    });
}

#[test]
fn a_frame_passes_a_shut_gate_only_when_it_is_told_to() {
    let device = Device::well_taught();
    settings(
        &device,
        "[camera.door]\nsource = \"push\"\nthreshold = 0.5\nfps = 50\ngate = \"trigger\"\nin_a_row = 1\n[camera.box]\nsource = \"folder:in\"\n",
    );
    std::fs::create_dir(device.path("in")).unwrap();
    let service = Service::start(&device, &[]);
    let put = |number| assert_eq!(service.put("/v1/cameras/door/frame", &jpeg(&device, "ring", number)).status, 204);
    put(0);
    eventually("the frame", || door(&service)["frames"] == 1);
    assert_eq!(service.post("/v1/cameras/door/trigger", "text/plain", b"").status, 204);
    put(1);
    eventually("the answer", || door(&service)["label"] == "ring");
    assert_eq!((&door(&service)["looks"], &door(&service)["frames"]), (&1.into(), &2.into()));

    assert_eq!(service.put("/v1/cameras/window/frame", b"").status, 404);
    assert_eq!(service.put("/v1/cameras/box/frame", b"").status, 409);
    assert_eq!(service.post("/v1/cameras/window/trigger", "text/plain", b"").status, 404);
}

#[test]
fn what_a_client_sends_that_is_no_picture_makes_a_camera_poor_and_harms_nothing() {
    let device = Device::well_taught();
    settings(&device, "[camera.door]\nsource = \"push\"\nthreshold = 0.5\nfps = 50\n");
    let service = Service::start(&device, &[]);
    eventually("a camera that is poor", || {
        service.put("/v1/cameras/door/frame", b"no picture");
        door(&service)["state"] == "poor"
    });
    let mut number = 0;
    eventually("a camera that is well again", || {
        number += 1;
        service.put("/v1/cameras/door/frame", &jpeg(&device, "star", number % 8));
        door(&service)["state"] == "live" && door(&service)["label"] == "star"
    });
}

#[test]
fn cameras_want_the_token_where_there_is_one() {
    let device = Device::well_taught();
    settings(&device, "[camera.door]\nsource = \"push\"\nthreshold = 0.5\n");
    let token = "0123456789abcdef0123";
    let service = Service::start_with(&device, &[], &[("EDGETL_TOKEN", token)]);
    assert_eq!(service.get("/v1/cameras").status, 401);
    assert_eq!(service.put("/v1/cameras/door/frame", b"x").status, 401);
    assert_eq!(service.post("/v1/cameras/door/trigger", "text/plain", b"").status, 401);
    assert_eq!(service.get_as("/v1/cameras", &format!("Bearer {token}")).status, 200);
}

#[test]
fn a_service_that_ends_ends_the_programs_of_its_cameras() {
    let device = Device::well_taught();
    std::fs::write(device.path("0.jpg"), jpeg(&device, "star", 0)).unwrap();
    std::fs::write(device.path("camera.sh"), "echo $$ > pid; while cat 0.jpg; do sleep 0.1; done").unwrap();
    settings(&device, "[camera.door]\nsource = \"command:sh camera.sh\"\n");
    let mut service = Service::start_with(&device, &[], &[("PATH", "/usr/bin:/bin")]);
    eventually("a frame", || door(&service)["state"] == "live");
    service.signal("TERM");
    assert!(service.wait().success());
    let pid = std::fs::read_to_string(device.path("pid")).unwrap();
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    assert!(stat.is_empty() || stat.contains(") Z"), "{stat}");
}
