//! What the picture shows, where answers come late or files cannot be read.

use std::time::Duration;

use serde_json::json;

use super::browser::{Browser, DESKTOP};
use super::{check, complaints};
use crate::common::Device;
use crate::serve::service::Service;

fn take(browser: &Browser, file: &std::path::Path) {
    browser.run(
        "const list = document.getElementById('source'); list.value = 'file'; list.dispatchEvent(new Event('change'))",
    );
    browser.choose_file("#source-file", file);
}

/// A page that waits for what the camera shows: the answer is in `held`.
fn asking() -> (Device, Service, Browser) {
    let device = Device::well_taught();
    std::fs::write(device.path("edgetl.toml"), "[camera.bench]\nsource = \"push\"\n").unwrap();
    let service = Service::start(&device, &[]);
    let browser = Browser::start(None);
    browser.show_on(DESKTOP);
    browser.open(&service.url("/#look"));
    browser.wait("document.getElementById('source').value === 'camera:bench'");
    browser.hold_back("v1/predict");
    browser.wait("held.length === 1");
    (device, service, browser)
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn an_answer_about_the_camera_is_not_said_of_a_file_that_was_chosen_meanwhile() {
    let (device, _service, browser) = asking();
    take(&browser, &device.path("photos/ring/000.png"));
    browser.run("held[0](answer(200, { label: 'of the camera', score: 1, top: [] }))");
    browser.wait("held.length === 2");
    let said = browser.run("return document.getElementById('answer').innerText");
    assert_eq!(said.as_str().unwrap().trim(), "");
    browser.run("held[1](answer(200, { label: 'of the file', score: 1, top: [] }))");
    browser.wait("document.getElementById('answer').innerText === 'of the file'");
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn an_answer_that_is_old_can_be_read() {
    let (_device, _service, browser) = asking();
    let top = json!([{"label": "ring", "score": 0.9}, {"label": "star", "score": 0.1}]);
    let answer = json!({"label": "ring", "score": 0.9, "top": top});
    browser.run(&format!("held[0](answer(200, {answer}))"));
    browser.wait("document.querySelector('[data-old=yes]')");
    check(&browser, "old", DESKTOP);
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn a_file_that_is_no_picture_is_sent_once() {
    let device = Device::well_taught();
    let service = Service::start(&device, &[]);
    let browser = Browser::start(None);
    browser.show_on(DESKTOP);
    browser.open(&service.url("/#look"));
    browser.wait("document.getElementById('use-file')");
    std::fs::write(device.path("broken.jpg"), "no picture").unwrap();
    take(&browser, &device.path("broken.jpg"));
    browser.wait("document.getElementById('look-note').innerText.includes('no picture')");
    std::thread::sleep(Duration::from_secs(3));
    let asked = "performance.getEntriesByType('resource').filter(({name}) => name.includes('v1/predict')).length";
    assert_eq!(browser.run(&format!("return {asked}")), 1);
    assert_eq!(complaints(&browser), Vec::<String>::new());
}
