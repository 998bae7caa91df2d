//! Pictures that are collected while the device is slow, busy or away.

use std::path::Path;
use std::time::Duration;

use super::browser::{Browser, PHONE};
use super::scene::{Scene, empty};
use super::{check, pictures};
use crate::serve::service::Service;

const FILES: &str = "[data-label='star'] input[type=file]";

/// A page with the class `star`, of which there is no picture.
fn teaching(service: &Service) -> Browser {
    let browser = Browser::start(None);
    browser.show_on(PHONE);
    browser.open(&service.url("/#teach"));
    browser.wait("document.getElementById('new-class')");
    browser.write("#new-class", "star\u{e007}");
    browser.wait("document.querySelector(\"[data-hold='star']\")");
    browser
}

/// Whether somebody who closes the tab is asked first.
fn asks_to_stay(browser: &Browser) -> bool {
    browser.run("return !window.dispatchEvent(new Event('beforeunload', { cancelable: true }))") == true
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn files_that_were_added_without_a_network_wait_and_are_stored_when_it_is_back() {
    let (device, service) = empty();
    let folder = device.draw("files", 2, 3_000).join("star");
    let browser = teaching(&service);
    assert!(!asks_to_stay(&browser));
    browser.cut_off(true);
    let files = [0, 1].map(|number| folder.join(format!("{number:03}.png")).to_str().unwrap().to_owned());
    browser.choose_file(FILES, Path::new(&files.join("\n")));
    browser.wait("document.getElementById('uploads').innerText.includes('2 files wait')");
    assert!(asks_to_stay(&browser));
    check(&browser, "files-wait", PHONE);
    browser.cut_off(false);
    browser.wait("document.getElementById('uploads').innerText.includes('2 pictures stored as star')");
    assert_eq!(pictures(&service, "star"), 2);
    assert!(!asks_to_stay(&browser));
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn a_file_that_was_stored_though_the_answer_said_otherwise_is_sent_again_and_called_stored() {
    let (device, service) = empty();
    let folder = device.draw("files", 1, 3_000).join("star");
    let browser = teaching(&service);
    browser.hold_back(r"v1/samples\?");
    browser.choose_file(FILES, &folder.join("000.png"));
    browser.wait("held.length === 1");
    browser.run("held[0](answer(503, { code: 'busy' }), true)");
    browser.wait("document.getElementById('uploads').innerText.includes('1 file waits')");
    browser.wait("held.length === 2");
    assert_eq!(pictures(&service, "star"), 1);
    browser.run("held[1]()");
    browser.wait("document.getElementById('uploads').innerText.includes('1 picture stored as star')");
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn a_button_that_is_held_again_takes_pictures_while_the_last_one_is_on_its_way() {
    let (device, service) = empty();
    let scene = Scene::before(&device, service.address, "star");
    let browser = teaching(&service);
    browser.wait("document.getElementById('stage').dataset.shows === 'canvas'");
    browser.hold_back(r"v1/samples\?");
    let hold = |count: u32| {
        browser.hold("[data-hold='star']", Duration::from_millis(500));
        browser.wait(&format!("held.length === {count}"));
        assert_eq!(browser.run("return document.querySelector('[data-held]')"), serde_json::Value::Null);
    };
    hold(1);
    hold(2);
    let collecting = || browser.run("return document.getElementById('stage').dataset.collecting");
    browser.run("held[0](answer(201, { outcome: 'stored', version: 0 }))");
    browser.wait("document.getElementById('burst-note').innerText.includes('1 stored')");
    assert_eq!(collecting(), "yes", "the second one is on its way");
    browser.run("held[1](answer(201, { outcome: 'stored', version: 0 }))");
    browser.wait("document.getElementById('stage').dataset.collecting === 'no'");
    drop(scene);
}
