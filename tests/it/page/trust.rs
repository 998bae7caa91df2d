//! Somebody asks how far it can be trusted, moves where it decides, and goes back.

use serde_json::{Value, json};

use super::browser::{Browser, DESKTOP, PHONE, Screen};
use super::{barriers, check, complaints};
use crate::common::Device;
use crate::serve::service::{Service, eventually};

/// Drawings taught twice, a few of them under a wrong name, and a camera.
fn taught() -> Device {
    let device = Device::new();
    device.draw("photos", 8, 0);
    device.json(&["collect", "photos"]);
    device.json(&["fit-head", "--head", "ridge", "--note", "eight of each"]);
    device.draw("more", 4, 300);
    device.json(&["collect", "more"]);
    for (shape, name) in [("circle", "ring"), ("circle", "ring"), ("star", "cross"), ("square", "ring")] {
        let id = device.json(&["samples", "list", "--label", shape]).last().unwrap()["id"].to_string();
        device.json(&["samples", "relabel", "--id", &id, name]);
    }
    device.json(&["fit-head", "--head", "ridge", "--note", "four more of each"]);
    std::fs::write(device.path("edgetl.toml"), "[camera.bench]\nsource = \"push\"\n").unwrap();
    device
}

fn open(service: &Service, screen: Screen, language: &str) -> Browser {
    let browser = Browser::start_in(language, None);
    browser.show_on(screen);
    browser.open(&service.url("/#trust"));
    browser.wait(
        "document.querySelector('.trust[data-version=\"2\"]') && document.querySelector('#trust-point[data-of]')",
    );
    browser
}

/// Numbers that an element carries beside its words.
fn data<const N: usize>(browser: &Browser, id: &str, keys: [&str; N]) -> [u64; N] {
    let read = |key: &str| browser.run(&format!("return Number(document.getElementById('{id}').dataset.{key})"));
    keys.map(|key| read(key).as_f64().unwrap() as u64)
}

fn weighed_and_taken_back(screen: Screen, language: &str) {
    let device = taught();
    let service = Service::start(&device, &[]);
    let browser = open(&service, screen, language);
    let shown = |version: &str| device.json(&["heads", "show", version]).remove(0);
    let [right, of] = data(&browser, "trust-right", ["count", "of"]);
    let cv = shown("2")["cv"].clone();
    assert_eq!((cv["accuracy"].as_f64(), cv["samples"].as_u64()), (Some(share(right, of)), Some(of)));
    check(&browser, &format!("8-trust-{language}"), screen);

    browser.run("document.querySelector('.matrix').closest('details').open = true");
    // Two taps, of which the second is quicker than the answer to the first.
    browser.run("[...document.querySelectorAll('.cell')].slice(0, 2).forEach((cell) => cell.click())");
    browser.wait("document.querySelector('#behind:not([hidden])').contains(document.activeElement)");
    assert_eq!(browser.run("return document.querySelectorAll('.note[data-kind=failed]').length"), 0);
    browser.click(".cell[data-right=no]");
    let behind = "document.querySelectorAll('#behind .thumb img').length";
    let count = browser.run("return Number(document.querySelector('.cell[data-right=no]').textContent)");
    browser.wait(&format!("{behind} === {count}"));
    check(&browser, &format!("9-trust-pictures-{language}"), screen);
    let label = browser.run("return document.getElementById('behind').dataset.label");
    browser.click("#behind a[href='#correct']");
    browser.wait("document.getElementById('main').dataset.screen === 'correct'");
    browser.wait(&format!(
        "document.getElementById('filter').value === {}",
        json!(format!("={}", label.as_str().unwrap()))
    ));
    browser.click("#tab-trust");
    browser.wait("document.getElementById('trust-slider')?.offsetParent");
    browser.click("#behind-close");

    // By keys: to the end, and one step back, so that nearly all are found.
    browser.run("document.getElementById('trust-slider').focus()");
    browser.press(&[], &["\u{e010}", "\u{e012}"]);
    browser.wait("!document.getElementById('save-decision').disabled");
    let keys = ["found", "of", "alarms", "others"];
    let promised = data(&browser, "trust-point", keys);
    let spoken = browser.run("return document.getElementById('trust-slider').getAttribute('aria-valuetext')");
    assert!(spoken.as_str().unwrap().contains(&promised[0].to_string()), "{spoken}");
    browser.click("#save-decision");
    eventually("the decided head", || service.head_version() == 3);
    browser.wait("document.querySelector('.trust[data-version=\"3\"]') && document.getElementById('back-to')");
    let class = shown("3")["operating"]["class"].clone();
    let kept = [("found", "count"), ("found", "of"), ("false_alarms", "count"), ("false_alarms", "of")]
        .map(|(part, number)| class[part][number].as_u64().unwrap());
    assert_eq!(kept, promised);
    browser.wait("document.querySelector('#history [data-version=\"3\"][data-state=live]')");
    browser.wait("document.querySelector('#trust-point[data-of]')");
    assert_eq!(data(&browser, "trust-point", keys), promised, "the slider stands where it was saved");
    browser.run("document.getElementById('trust-decision-title').scrollIntoView()");
    check(&browser, &format!("10-trust-decided-{language}"), screen);

    browser.click("#back-to");
    eventually("the head before", || service.head_version() == 2);
    browser.wait("document.querySelector('#history [data-version=\"2\"][data-state=live]')");
    browser.wait("document.querySelector('.trust[data-version=\"2\"]')");
    browser.click("#history [data-version=\"1\"] [data-look]");
    browser.wait("document.querySelector('.trust[data-version=\"1\"]')");
    let [right, of] = data(&browser, "trust-right", ["count", "of"]);
    assert_eq!(shown("1")["cv"]["accuracy"].as_f64(), Some(share(right, of)));
    assert_eq!(browser.run("return document.getElementById('save-decision').offsetParent"), Value::Null);
    browser.click("#history [data-use=\"1\"]");
    eventually("the first head", || service.head_version() == 1);
    // What a note says of the version in use goes when somebody else uses another.
    browser.wait("document.querySelector('#history-note[data-kind=good]:not([hidden])')");
    assert_eq!(service.post("/v1/heads/2/activate", "application/json", b"{}").status, 200);
    browser.wait("document.getElementById('history-note').hidden");
    assert_eq!(complaints(&browser), Vec::<String>::new());
}

/// While the numbers of another class are on their way, or do not come, nothing of the class before can be saved.
#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn until_the_points_of_a_class_are_there_none_can_be_saved() {
    let device = taught();
    let service = Service::start(&device, &[]);
    let browser = open(&service, DESKTOP, "en");
    browser.run(
        "const asked = window.fetch;
         window.fetch = (...request) => String(request[0]).includes('/curve')
           ? new Promise((settle, fail) => { window.go = () => asked(...request).then(settle, fail); })
           : asked(...request);",
    );
    let choose = "const choice = document.getElementById('trust-class');
         choice.value = [...choice.options].find(({ value }) => value !== choice.value).value;
         choice.dispatchEvent(new Event('change'))";
    browser.run(choose);
    browser.wait("window.go");
    let state = "const of = (id) => document.getElementById(id);
         of('trust-slider').dispatchEvent(new Event('input'));
         return [of('save-decision').disabled, of('trust-slider').disabled, of('trust-point').innerText]";
    assert_eq!(browser.run(state), json!([true, true, ""]));
    browser.run("window.go()");
    browser.wait("document.querySelector('#trust-point[data-of]')");
    assert_eq!(browser.run("return document.getElementById('trust-slider').disabled"), false);
    assert_eq!(complaints(&browser), Vec::<String>::new());
}

/// As a report writes it.
fn share(count: u64, of: u64) -> f64 {
    (count as f64 / of as f64 * 1e6).round() / 1e6
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn on_a_desktop_a_decision_is_weighed_saved_and_taken_back() {
    weighed_and_taken_back(DESKTOP, "en");
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn on_a_german_phone_a_decision_is_weighed_saved_and_taken_back() {
    weighed_and_taken_back(PHONE, "de");
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn where_nothing_is_taught_or_counted_the_page_says_so() {
    let device = Device::new();
    let service = Service::start(&device, &[]);
    let browser = Browser::start(None);
    browser.show_on(PHONE);
    browser.open(&service.url("/#trust"));
    browser.wait("document.getElementById('main').innerText.includes('Nothing is taught yet')");
    assert_eq!(barriers(&browser), Vec::<String>::new());
    assert_eq!(complaints(&browser), Vec::<String>::new());
    drop(service);

    let drawn = device.draw("drawn", 6, 0);
    for (number, shape) in [("1", "star"), ("2.5", "ring"), ("4", "circle")] {
        std::fs::create_dir_all(device.path("photos")).unwrap();
        std::fs::rename(drawn.join(shape), device.path("photos").join(number)).unwrap();
    }
    device.json(&["collect", "photos", "--backbone", crate::common::backbone()]);
    device.json(&["fit-head", "--task", "regression"]);
    let service = Service::start(&device, &[]);
    browser.open(&service.url("/#trust"));
    browser.wait("document.querySelector('.trust[data-version=\"1\"]')");
    let visible = "document.getElementById('trust-slider').offsetParent !== null";
    assert_eq!(browser.run(&format!("return {visible}")), false, "numbers have no threshold");
    assert_eq!(browser.run("return document.getElementById('trust-right').innerText.includes('off by')"), true);
    assert_eq!(barriers(&browser), Vec::<String>::new());
    assert_eq!(complaints(&browser), Vec::<String>::new());
}
