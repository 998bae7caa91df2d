//! Who comes in, from where, and what names do to the page.

use std::path::{Path, PathBuf};

use super::between::Between;
use super::browser::{Browser, DESKTOP, PHONE};
use super::scene::{Scene, empty};
use super::{complaints, keep, pictures};
use crate::common::Device;
use crate::serve::service::{Service, eventually};

const TOKEN: &str = "write-token-0123456789";
const READ_TOKEN: &str = "read-token-0123456789";
const HOSTILE: &str = "<img src=x onerror=\"window.hit=1\">'\"&שלום";

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn a_page_asks_for_the_token_where_one_is_needed_and_hides_what_a_reader_may_not_do() {
    let device = Device::well_taught();
    let tokens = [("EDGETL_TOKEN", TOKEN), ("EDGETL_READ_TOKEN", READ_TOKEN)];
    let service = Service::start_with(&device, &[], &tokens);
    let browser = Browser::start(None);
    browser.show_on(PHONE);
    browser.open(&service.url("/"));
    browser.wait("document.getElementById('token')");
    keep(&browser, "0-token", PHONE);
    browser.write("#token", "wrong-token-0123456789\u{e007}");
    browser.wait("document.getElementById('token-note').innerText.includes('not the right one')");
    browser.write("#token", &format!("{READ_TOKEN}\u{e007}"));
    browser.wait("document.getElementById('main').dataset.screen === 'look'");
    browser.click("#tab-teach");
    browser.wait("document.getElementById('teach-lead').innerText.includes('not teach')");
    assert_eq!(browser.run("return document.getElementById('new-class').offsetParent === null"), true);
    assert_eq!(complaints(&browser), Vec::<String>::new());
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn names_that_look_like_script_are_shown_as_they_are_written() {
    let device = Device::new();
    for (label, seed) in [(HOSTILE, 0), ("cup", 100)] {
        let folder = device.draw("drawn", 4, seed);
        let named = device.path("photos").join(label.replace('/', "_"));
        std::fs::create_dir_all(named.parent().unwrap()).unwrap();
        std::fs::rename(folder.join(if label == "cup" { "star" } else { "ring" }), named).unwrap();
    }
    device.json(&["collect", "photos"]);
    device.json(&["fit-head"]);
    let service = Service::start(&device, &[]);
    assert_eq!(pictures(&service, HOSTILE), 4, "{}", service.get("/v1/labels").text);
    let browser = Browser::start(None);
    browser.show_on(DESKTOP);
    for screen in ["look", "teach", "correct"] {
        browser.open(&service.url(&format!("/#{screen}")));
        browser.run("location.reload()");
        browser.wait(&format!("document.getElementById('main').dataset.screen === '{screen}'"));
    }
    browser.wait("document.querySelectorAll('[data-pick]').length === 8");
    browser.wait("document.body.innerText.includes('<img src=x onerror=')");
    assert_eq!(browser.run("return window.hit ?? null"), serde_json::Value::Null);
    assert_eq!(complaints(&browser), Vec::<String>::new());
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn behind_a_proxy_with_a_prefix_everything_works() {
    let (device, service) = empty();
    let scene = Scene::before(&device, service.address, "star");
    let proxy = Between::with_prefix(service.address, "/cellar/edgetl");
    let browser = Browser::start(None);
    browser.show_on(DESKTOP);
    browser.open(&proxy.url("/cellar/edgetl/#teach"));
    browser.wait("document.getElementById('stage').dataset.shows === 'canvas'");
    browser.write("#new-class", "star\u{e007}");
    browser.click("[data-hold='star']");
    eventually("a picture through the proxy", || pictures(&service, "star") > 0);
    browser.click("#tab-correct");
    browser.wait("document.querySelector('[data-pick] img')?.naturalWidth > 0");
    assert_eq!(complaints(&browser), Vec::<String>::new());
    drop(scene);
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn the_camera_of_the_browser_teaches_as_one_of_the_device_does() {
    let device = Device::new();
    let service = Service::start(&device, &[]);
    let browser = Browser::start(Some(&film(&device, "star")));
    browser.show_on(DESKTOP);
    browser.open(&service.url("/#teach"));
    browser.click("#use-browser");
    browser.wait("document.getElementById('stage').dataset.shows === 'video'");
    browser.write("#new-class", "star\u{e007}");
    browser.hold_until("[data-hold='star']", "pictures of the browser's camera", || pictures(&service, "star") >= 3);
    assert_eq!(complaints(&browser), Vec::<String>::new());
}

/// Drawings of one shape as Chromium's camera shows them: JPEG files, one after the other.
pub fn film(device: &Device, shape: &str) -> PathBuf {
    let folder = device.draw("film", 30, 9_000).join(shape);
    let mut bytes = Vec::new();
    for number in 0..30 {
        let frame = image::open(folder.join(format!("{number:03}.png"))).unwrap().to_rgb8();
        let frame = image::imageops::resize(&frame, 320, 240, image::imageops::FilterType::Triangle);
        let mut file = Vec::new();
        frame.write_to(&mut std::io::Cursor::new(&mut file), image::ImageFormat::Jpeg).unwrap();
        // Each is seen for a while.
        bytes.extend(file.repeat(6));
    }
    let path = device.path("film.mjpeg");
    std::fs::write(Path::new(&path), bytes).unwrap();
    path
}
