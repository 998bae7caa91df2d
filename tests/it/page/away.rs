//! Where the connection goes, the machine sleeps, somebody else changes something, or the program becomes another one.

use std::time::Duration;

use serde_json::{Value, json};

use super::between::Between;
use super::browser::{Browser, DESKTOP, PHONE};
use super::scene::{Scene, empty};
use super::{check, complaints, pictures};
use crate::common::Device;
use crate::serve::service::{Service, eventually};

fn shown(browser: &Browser) -> u64 {
    browser.run("return document.querySelectorAll('[data-pick]').length").as_u64().unwrap()
}

/// A page that shows stored pictures.
fn correcting(service: &Service) -> Browser {
    let browser = Browser::start(None);
    browser.show_on(DESKTOP);
    browser.open(&service.url("/#correct"));
    browser.wait("document.querySelectorAll('[data-pick]').length > 0");
    browser
}

fn wait_for_banner(browser: &Browser, words: &str) {
    browser.wait(&format!("document.querySelector('#banner:not([hidden])').innerText.includes('{words}')"));
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn a_page_says_that_it_is_old_while_the_service_is_gone_and_catches_up_when_it_is_back() {
    let device = Device::well_taught();
    let service = Service::start(&device, &[]);
    let browser = correcting(&service);
    let before = shown(&browser);
    browser.wait("document.querySelectorAll('#grid img').length >= 18");
    let address = service.address.to_string();
    service.signal("KILL");
    drop(service);
    wait_for_banner(&browser, "Shown is what was known then.");
    check(&browser, "lost", DESKTOP);
    assert_eq!(shown(&browser), before, "what was known stays");
    let more = device.draw("more", 2, 5_000);
    device.json(&["collect", more.to_str().unwrap()]);
    let service = Service::start(&device, &["--address", &address]);
    wait_for_banner(&browser, "The connection is back");
    let now = service.get("/v1/samples").json()["total"].as_u64().unwrap();
    assert!(now > before);
    browser.wait(&format!("document.querySelectorAll('[data-pick]').length === {now}"));
    // Small pictures as well, which were asked for in between.
    browser.run("document.querySelector('#grid').lastElementChild.scrollIntoView()");
    browser.wait("document.querySelector('#grid').lastElementChild.querySelector('img')?.naturalWidth > 0");
    assert_eq!(browser.run("return document.querySelectorAll('.missing').length"), 0);
    browser.wait("document.getElementById('banner').hidden");
    assert_eq!(complaints(&browser), Vec::<String>::new());
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn pictures_that_were_not_taken_since_the_network_was_gone_are_counted_and_said() {
    let (device, service) = empty();
    let scene = Scene::before(&device, service.address, "star");
    let browser = Browser::start(None);
    browser.show_on(PHONE);
    browser.open(&service.url("/#teach"));
    browser.wait("document.getElementById('stage').dataset.shows === 'canvas'");
    browser.write("#new-class", "star\u{e007}");
    browser.hold_while("[data-hold='star']", || {
        eventually("pictures", || pictures(&service, "star") >= 2);
        browser.cut_off(true);
        browser.wait("/[1-9]\\d* not taken/.test(document.querySelector('[data-live]').innerText)");
        browser.wait("document.querySelector('#banner:not([hidden])')");
    });
    browser.wait("/[1-9]\\d* not taken/.test(document.getElementById('burst-note').innerText)");
    check(&browser, "not-taken", PHONE);
    browser.cut_off(false);
    wait_for_banner(&browser, "The connection is back");
    let stored = pictures(&service, "star");
    browser.wait(&format!("document.querySelector('.tile-count').innerText === '{stored} pictures'"));
    browser.hold("[data-hold='star']", Duration::from_millis(800));
    eventually("more pictures", || pictures(&service, "star") > stored);
    drop(scene);
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn a_device_that_answers_others_meanwhile_is_busy_and_not_away() {
    let (_device, service) = empty();
    let browser = Browser::start(None);
    browser.show_on(DESKTOP);
    browser.open(&service.url("/#teach"));
    browser.wait("document.getElementById('new-class')");
    browser.hold_back("v1/piles");
    let failure = browser.run_later(
        "import('/page/api.js').then(async ({ request }) => {
             const asked = request('v1/piles', { seconds: 2 }).then(() => null, ({ status, code }) => [status, code]);
             setTimeout(() => request('v1/session'), 500);
             done(await asked);
         })",
    );
    assert_eq!(failure, json!([503, "busy"]));
    assert_eq!(browser.run("return document.getElementById('banner').hidden"), true);
}

/// Gives the newest picture another name, and says which it was.
fn relabel(service: &Service, label: &str) -> Value {
    let newest = service.get("/v1/samples?sort=newest&limit=1").json()["samples"][0]["id"].clone();
    let change = json!({"ids": [newest], "label": label}).to_string();
    assert_eq!(service.post("/v1/samples/relabel", "application/json", change.as_bytes()).status, 200);
    newest
}

fn wait_for_name(browser: &Browser, picture: &Value, label: &str) {
    let label = json!(format!(", {label}"));
    browser.wait(&format!(
        "document.querySelector('[data-pick=\"{picture}\"]').getAttribute('aria-label').includes({label})"
    ));
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn what_one_changes_another_sees_and_neither_writes_over_the_other() {
    let service_of = Device::well_taught();
    let service = Service::start(&service_of, &[]);
    let (one, other) = (correcting(&service), correcting(&service));
    let newest = service.get("/v1/samples?sort=newest&limit=1").json()["samples"][0]["id"].clone();
    let pick = format!("[data-pick='{newest}']");
    one.click(&pick);
    one.write("#other-name", "anvil\u{e007}");
    wait_for_name(&other, &newest, "anvil");
    other.wait("[...document.getElementById('filter').options].some(({text}) => text === 'anvil (1)')");
    // What somebody chose stays until they want the fresh list.
    other.click(&pick);
    one.click(&pick);
    one.write("#other-name", "hammer\u{e007}");
    other.wait("document.getElementById('fresh')");
    other.write("#other-name", "tongs\u{e007}");
    other.wait("document.getElementById('stock-note').innerText.includes('Somebody else changed something meanwhile')");
    wait_for_name(&other, &newest, "hammer");
    assert_eq!(pictures(&service, "tongs"), 0);
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn a_page_that_slept_catches_up_when_it_wakes() {
    let device = Device::well_taught();
    let service = Service::start(&device, &[]);
    let browser = correcting(&service);
    browser.devtools("Page.setWebLifecycleState", json!({"state": "frozen"}));
    let newest = relabel(&service, "anvil");
    std::thread::sleep(Duration::from_secs(1));
    browser.devtools("Page.setWebLifecycleState", json!({"state": "active"}));
    // Somebody looks at it again.
    browser.devtools("Emulation.setFocusEmulationEnabled", json!({"enabled": true}));
    wait_for_name(&browser, &newest, "anvil");
    // Events are heard again as well.
    let newest = relabel(&service, "hammer");
    wait_for_name(&browser, &newest, "hammer");
    assert_eq!(complaints(&browser), Vec::<String>::new());
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn what_is_tapped_out_of_a_pile_and_typed_there_stays_when_the_screen_was_off_or_the_network_gone() {
    let device = Device::well_taught();
    let loose = device.draw("loose", 3, 5_000);
    device.json(&["collect", loose.to_str().unwrap(), "--unlabelled"]);
    let service = Service::start(&device, &[]);
    let between = Between::before(service.address);
    between.answer("/v1/piles", "no answer".to_owned());
    let browser = Browser::start(None);
    browser.show_on(PHONE);
    browser.open(&between.url("/#correct"));
    browser.click("#show-piles");
    browser.wait("document.querySelector('#piles-note[data-kind=failed]:not([hidden])')");
    between.stand_aside();
    relabel(&service, "anvil");
    browser.wait("document.querySelector('#piles .pick') && document.getElementById('piles-note').hidden");

    let pile = "document.querySelector('#piles li')";
    let size = browser.run(&format!("return {pile}.querySelectorAll('.pick').length")).as_u64().unwrap();
    browser.click("#piles .pick");
    let asked = "performance.getEntriesByType('resource').filter(({name}) => name.endsWith('v1/piles')).length";
    let before = browser.run(&format!("return {asked}"));
    browser.darken(true);
    browser.darken(false);
    browser.wait(&format!("{asked} > {before}"));
    browser.write("#piles li input", "cu");
    browser.cut_off(true);
    browser.wait("document.querySelector('#banner:not([hidden])')");
    browser.cut_off(false);
    wait_for_banner(&browser, "The connection is back");
    browser.darken(true);
    browser.darken(false);
    let state = format!("return [{pile}.querySelector('.pick').ariaPressed, document.activeElement.value]");
    assert_eq!(browser.run(&state), json!(["false", "cu"]));
    browser.write("#piles li input", "p\u{e007}");
    browser.wait("document.querySelector('#piles-note[data-kind=good]')");
    assert_eq!(pictures(&service, "cup"), size - 1);
    // Those that were none are asked about again.
    browser.wait("document.querySelectorAll('#piles .pick[aria-pressed=false]').length === 0");
    assert_eq!(complaints(&browser), Vec::<String>::new());
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn an_open_page_of_another_program_says_so_and_does_not_load_itself_again() {
    let (_device, service) = empty();
    let between = Between::before(service.address);
    let digest = service.get("/v1/session").json()["page"].as_str().unwrap().to_owned();
    let index = service.get("/").text;
    assert!(index.contains(&digest), "{index}");
    between.answer("/", index.replace(&digest, "0123456789ab"));
    let browser = Browser::start(None);
    browser.show_on(PHONE);
    browser.open(&between.url("/#teach"));
    browser.wait("document.getElementById('update').innerText.includes('edgetl was updated')");
    browser.run("window.same = true");
    check(&browser, "updated", PHONE);
    // The new program's own page.
    between.stand_aside();
    assert_eq!(browser.run("return window.same"), true);
    browser.click("#load-again");
    browser.wait("window.same === undefined && document.querySelector('#new-class')");
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(browser.run("return document.getElementById('update').hidden"), true);
    // A program that comes while somebody types is told of afterwards.
    browser.write("#new-class", "cu");
    let session = service.get("/v1/session").text.replace(&digest, "0123456789ab");
    between.answer("/v1/session", session);
    browser.cut_off(true);
    browser.wait("document.querySelector('#banner:not([hidden])')");
    browser.cut_off(false);
    wait_for_banner(&browser, "The connection is back");
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(browser.run("return document.getElementById('update').hidden"), true);
    browser.write("#new-class", "p\u{e007}");
    browser.wait("!document.getElementById('update').hidden");
}
