//! Set up in a browser: cameras switched, regions drawn with mouse, finger and keys, a backup down and up again, in two languages.

use std::time::Duration;

use serde_json::{Value, json};

use super::browser::{Browser, DESKTOP, PHONE};
use super::scene::{CAMERA, Scene};
use super::{barriers, check, complaints, keep};
use crate::common::Device;
use crate::serve::service::{Service, eventually};

fn taught(settings: &str) -> Device {
    let device = Device::well_taught();
    std::fs::write(device.path("edgetl.toml"), settings).unwrap();
    device
}

fn open(browser: &Browser, service: &Service) {
    browser.open(&service.url("/#setup"));
    browser.wait(&format!("document.querySelector('[data-camera=\"{CAMERA}\"] .small-view img')?.naturalWidth > 0"));
}

/// Once it can be seen: what was there before goes with the answer of the device.
fn click(browser: &Browser, selector: &str) {
    browser.wait(&format!("document.querySelector({}).offsetParent", json!(selector)));
    browser.click(selector);
}

fn camera(service: &Service) -> Value {
    service.get("/v1/cameras").json()[0].clone()
}

/// Places in parts of the picture that is drawn on.
fn places(browser: &Browser, parts: [[f64; 2]; 2]) -> [[i64; 2]; 2] {
    browser.wait("document.querySelector('#region-stage img').naturalWidth > 0");
    browser.run("document.getElementById('region-stage').scrollIntoView({block: 'center'})");
    let place = "const box = document.getElementById('region-stage').getBoundingClientRect();
                 return [box.left, box.top, box.width, box.height]";
    let place = browser.run(place);
    let side = |number: usize| place[number].as_f64().unwrap();
    parts.map(|[x, y]| [(side(0) + x * side(2)).round() as i64, (side(1) + y * side(3)).round() as i64])
}

/// Draws from one place to another, as `kind` does: `mouse` or `touch`.
fn draw(browser: &Browser, kind: &str, parts: [[f64; 2]; 2]) {
    let [from, to] = places(browser, parts);
    let at = |[x, y]: [i64; 2], time: u64| json!({"type": "pointerMove", "duration": time, "x": x, "y": y});
    let steps =
        json!([at(from, 0), {"type": "pointerDown", "button": 0}, at(to, 200), {"type": "pointerUp", "button": 0}]);
    browser.act(&json!([{"type": "pointer", "id": kind, "parameters": {"pointerType": kind}, "actions": steps}]));
}

fn is_near(region: &Value, expected: [f64; 4]) -> bool {
    region.as_array().is_some_and(|sides| {
        sides.iter().zip(expected).all(|(side, expected)| (side.as_f64().unwrap() - expected).abs() < 0.02)
    })
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn a_part_is_drawn_with_mouse_finger_and_keys_and_a_camera_switched_and_a_kill_changes_nothing() {
    let device = taught(&format!("[camera.{CAMERA}]\nsource = \"push\"\nrotate = 90\n[serve]\nqueue = 8\n"));
    let mut service = Service::start(&device, &[]);
    let scene = Scene::before(&device, service.address, "star");
    let browser = Browser::start(None);
    browser.show_on(DESKTOP);
    open(&browser, &service);
    let choose = format!("#camera-{CAMERA}-region");
    click(&browser, &choose);
    draw(&browser, "mouse", [[0.2, 0.3], [0.7, 0.8]]);
    keep(&browser, "8-setup-region", DESKTOP);
    // What is drawn is there still after the screen was off.
    browser.darken(true);
    browser.darken(false);
    assert_eq!(barriers(&browser), Vec::<String>::new());
    click(&browser, "#region-save");
    eventually("the part", || is_near(&camera(&service)["region"], [0.2, 0.3, 0.7, 0.8]));
    assert_eq!(camera(&service)["region_from"], "store");

    // With keys alone: ten steps to the right, and narrower by ten.
    click(&browser, &choose);
    browser.wait("document.activeElement.className === 'region'");
    browser.press(&["\u{e009}"], &["\u{e014}"]);
    browser.press(&["\u{e009}", "\u{e008}"], &["\u{e012}"]);
    click(&browser, "#region-save");
    eventually("the part by keys", || is_near(&camera(&service)["region"], [0.3, 0.3, 0.7, 0.8]));

    // With a finger, on a phone: the part is moved as a whole.
    browser.show_on(PHONE);
    click(&browser, &choose);
    draw(&browser, "touch", [[0.5, 0.5], [0.4, 0.4]]);
    browser.wait("document.documentElement.scrollWidth <= innerWidth");
    keep(&browser, "8-setup-region", PHONE);
    click(&browser, "#region-save");
    eventually("the part by finger", || is_near(&camera(&service)["region"], [0.2, 0.2, 0.6, 0.7]));
    drop(scene);

    click(&browser, &format!("#camera-{CAMERA}-on"));
    eventually("the camera to be off", || camera(&service)["state"] == "off");
    browser.wait(&format!("document.querySelector('[data-camera=\"{CAMERA}\"] .nothing-seen').offsetParent"));
    click(&browser, "#tab-look");
    browser.wait("document.getElementById('stage').innerText.includes('switched off')");
    check(&browser, "camera-off", PHONE);
    click(&browser, "#stage a");
    browser.wait("document.getElementById('main').dataset.screen === 'setup'");
    let address = service.address.to_string();
    service.signal("KILL");
    service.wait();
    let service = Service::start(&device, &["--address", &address]);
    let found = camera(&service);
    assert!(found["on"] == false && is_near(&found["region"], [0.2, 0.2, 0.6, 0.7]), "{found}");
    browser.run("location.reload()");
    let switch = format!("document.getElementById('camera-{CAMERA}-on')");
    browser.wait(&format!("{switch}.getAttribute('aria-checked') === 'false'"));
    click(&browser, &format!("#camera-{CAMERA}-on"));
    eventually("the camera to be on", || camera(&service)["on"] == true);
    let _scene = Scene::before(&device, service.address, "ring");
    open(&browser, &service);
    click(&browser, &choose);
    click(&browser, "#region-whole");
    click(&browser, "#region-save");
    click(&browser, &format!("#camera-{CAMERA}-settings"));
    eventually("the whole picture", || camera(&service)["region_from"].is_null());
    assert_eq!(complaints(&browser), Vec::<String>::new());
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn each_language_on_each_screen_has_no_barrier_and_fits() {
    let log = "[mqtt]\nbroker = \"mqtt://127.0.0.1:1\"\n[log]\nfile = \"events.jsonl\"\n";
    let device = taught(&format!("[camera.{CAMERA}]\nsource = \"push\"\nregion = [0.1, 0.1, 0.8, 0.9]\n{log}"));
    let service = Service::start(&device, &[]);
    let _scene = Scene::before(&device, service.address, "star");
    let browser = Browser::start(None);
    for (language, title) in [("en-GB", "Cameras"), ("de-DE", "Kameras")] {
        let agent = browser.run("return navigator.userAgent");
        browser.devtools("Emulation.setUserAgentOverride", json!({"userAgent": agent, "acceptLanguage": language}));
        for screen in [DESKTOP, PHONE] {
            browser.show_on(screen);
            browser.open("about:blank");
            open(&browser, &service);
            browser.wait(&format!("document.getElementById('cameras-title').textContent === '{title}'"));
            browser.wait("document.querySelectorAll('#setup-told [data-state=\"trouble\"]').length === 1");
            browser.wait("document.querySelector('#setup-backbones [data-backbone]')");
            browser.wait("document.querySelector('#setup-settings tr')");
            browser.wait("document.documentElement.scrollWidth <= innerWidth");
            browser.click("#catalogue summary");
            browser.wait("document.querySelectorAll('[data-network]').length > 5");
            browser.run("scrollTo(0, 0)");
            keep(&browser, &format!("8-setup-{}", &language[..2]), screen);
            assert_eq!(barriers(&browser), Vec::<String>::new(), "{language} {}", screen.name);
        }
    }
    assert_eq!(complaints(&browser), Vec::<String>::new());
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn a_backup_is_downloaded_and_brought_back_in_the_browser() {
    let device = taught(&format!("[camera.{CAMERA}]\nsource = \"push\"\n"));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let service = Service::start(&device, &["--address", &format!("127.0.0.1:{port}")]);
    let browser = Browser::start(None);
    browser.show_on(DESKTOP);
    let folder = device.path("down");
    std::fs::create_dir(&folder).unwrap();
    browser.devtools("Page.setDownloadBehavior", json!({"behavior": "allow", "downloadPath": folder}));
    browser.open(&service.url("/#setup"));
    browser.click("#backup");
    let file = folder.join("edgetl-backup.tar");
    eventually("the backup", || file.exists());
    assert_eq!(service.delete("/v1/restore").status, 204, "nothing waits");
    let removed = service.get("/v1/samples?limit=1").json()["samples"][0]["id"].clone();
    let ids = json!({"ids": [removed]}).to_string();
    assert_eq!(service.post("/v1/samples/remove", "application/json", ids.as_bytes()).status, 200);

    browser.choose_file("#restore-file", &file);
    browser.wait("document.getElementById('restore-now').offsetParent");
    keep(&browser, "8-setup-restore", DESKTOP);
    assert_eq!(barriers(&browser), Vec::<String>::new());
    browser.click("#restore-now");
    browser.click("[data-confirm='yes']");
    let total = || ureq::get(service.url("/v1/samples?limit=1")).call().ok()?.into_body().read_to_string().ok();
    eventually("all pictures again", || {
        std::thread::sleep(Duration::from_millis(200));
        total().is_some_and(|text| serde_json::from_str::<Value>(&text).unwrap()["total"] == 48)
    });
    browser.wait("document.getElementById('restore-waiting')?.hidden");
    assert_eq!(service.get("/v1/restore").json()["waiting"], Value::Null);
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn backbones_are_compared_on_the_page_and_a_reader_finds_nothing_to_press() {
    let device = taught(&format!("[camera.{CAMERA}]\nsource = \"push\"\n"));
    device.json(&["backbone", "import", crate::common::backbone(), "--name", "random", "--preset", "inception"]);
    let (write, read) = ("write-token-0123456789", "read-token-0123456789");
    let tokens = [("EDGETL_TOKEN", write), ("EDGETL_READ_TOKEN", read)];
    let service = Service::start_with(&device, &[], &tokens);
    let browser = Browser::start(None);
    browser.show_on(DESKTOP);
    browser.open(&service.url("/#setup"));
    browser.write("#token", &format!("{write}\u{e007}"));
    browser.click("#backbone-compare");
    // It ends while the screen is off.
    browser.wait("sessionStorage.getItem('edgetl-job')");
    browser.darken(true);
    let job = "fetch('v1/job', { headers: { Authorization: `Bearer ${sessionStorage.getItem('edgetl-token')}` } })
        .then(answer => answer.json()).then(done)";
    eventually("the end of the comparison", || browser.run_later(job)["state"] == "done");
    browser.darken(false);
    browser.wait("document.querySelector('#backbone-note[data-kind=good]:not([hidden])')");
    browser.wait("document.querySelector('[data-backbone=\"edgetl-tiny\"]').innerText.includes('% right')");
    keep(&browser, "8-setup-compared", DESKTOP);
    browser.run("sessionStorage.clear()");
    browser.open("about:blank");
    browser.open(&service.url("/#setup"));
    browser.write("#token", &format!("{read}\u{e007}"));
    browser.wait("document.querySelector('[data-backbone=\"random\"]')");
    browser.wait(&format!("document.getElementById('camera-{CAMERA}-on').disabled"));
    let pressable = "return [...document.querySelectorAll('#setup button, #setup label.button')]
        .filter(found => found.offsetParent && !found.disabled).map(found => found.innerText)";
    assert_eq!(browser.run(pressable), json!([]));
    assert_eq!(complaints(&browser), Vec::<String>::new());
}
