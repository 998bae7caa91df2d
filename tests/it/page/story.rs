//! Somebody teaches two classes from nothing, is understood, puts a mistake right, and goes a step back.

use std::time::Duration;

use serde_json::json;

use super::browser::{Browser, DESKTOP, PHONE, Screen};
use super::scene::{Scene, empty};
use super::{check, complaints, pictures};
use crate::common::Device;
use crate::serve::service::{Service, eventually};

struct Visit<'a> {
    browser: &'a Browser,
    service: &'a Service,
    scene: &'a Scene,
    screen: Screen,
}

impl Visit<'_> {
    fn collect(&self, label: &'static str) {
        self.scene.show(label);
        self.browser.write("#new-class", label);
        self.browser.click("#add-class");
        let button = format!("[data-hold='{label}']");
        self.browser.hold_until(&button, "pictures of a burst", || pictures(self.service, label) >= 12);
    }

    fn go(&self, to: &str) {
        self.browser.click(&format!("#tab-{to}"));
        self.browser.wait(&format!("document.getElementById('main').dataset.screen === '{to}'"));
    }

    /// Waits until the page says that the camera sees this.
    fn sees(&self, label: &'static str) {
        self.scene.show(label);
        self.browser.wait(&format!("document.getElementById('answer').innerText.trim() === '{label}'"));
    }

    /// What is seen is kept, and is no barrier to anybody.
    fn look_at(&self, name: &str) {
        check(self.browser, name, self.screen);
    }

    fn teach(&self) {
        self.look_at("1-untaught");
        self.go("teach");
        self.browser.wait("document.getElementById('new-class')");
        self.look_at("2-nothing-stored");
        self.collect("star");
        self.collect("ring");
        self.browser.click("#teach-now");
        self.browser.wait("document.querySelector('[data-outcome=published]')");
        self.look_at("3-taught");
        self.go("look");
        self.sees("ring");
        self.sees("star");
        self.look_at("4-look");
        self.browser.click("#why");
        self.browser.wait("document.querySelector('#overlay:not([hidden])')");
        self.look_at("5-why");
        self.browser.click("#wrong");
        self.browser.write("#wrong-panel input", "cup");
        self.browser.darken(true);
        self.browser.darken(false);
        let typed = "return document.activeElement.closest('#wrong-panel') && document.activeElement.value";
        assert_eq!(self.browser.run(typed), "cup", "what is held and typed is there after the screen was off");
        assert_eq!(self.browser.run("return document.getElementById('stage').dataset.frozen"), "yes");
    }

    /// Three stars are called rings, are found and put right by keys, undone, and put right again.
    fn correct(&self) {
        let before = pictures(self.service, "ring");
        self.go("teach");
        self.scene.show("star");
        self.browser.hold_until("[data-hold='ring']", "wrong pictures", || pictures(self.service, "ring") > before + 2);
        // The last picture of a burst is on its way when the button is let go.
        self.browser.wait("document.getElementById('stage').dataset.collecting === 'no'");
        let wrong = pictures(self.service, "ring") - before;
        self.go("correct");
        self.browser.wait("document.querySelectorAll('[data-pick]').length > 5");
        self.look_at("6-correct");
        let newest = self.service.get(&format!("/v1/samples?sort=newest&limit={wrong}")).json()["samples"].clone();
        let star =
            self.browser.wait("document.querySelector('#chips [data-label=star]')?.getAttribute('aria-keyshortcuts')");
        for (done, sample) in newest.as_array().unwrap().iter().enumerate() {
            let place = format!("[data-pick='{}']", sample["id"]);
            self.browser.run(&format!("document.querySelector(\"{place}\").focus()"));
            self.browser.press(&[], &[star.as_str().unwrap()]);
            eventually("another name", || pictures(self.service, "ring") == before + wrong - done as u64 - 1);
        }
        assert_eq!(pictures(self.service, "ring"), before);
        self.browser.wait("document.querySelector('#undo:not(:disabled)')");
        // Ctrl-Z
        self.browser.press(&["\u{e009}"], &["z"]);
        eventually("the change to be taken back", || pictures(self.service, "ring") == before + 1);
        // The latest change was of the last of them.
        let place = format!("[data-pick='{}']", newest[newest.as_array().unwrap().len() - 1]["id"]);
        self.browser.wait(&format!("document.querySelector(\"{place}\").getAttribute('aria-label').includes('ring')"));
        self.browser.click(&place);
        self.browser.click("#chips [data-label=star]");
        eventually("another name again", || pictures(self.service, "ring") == before);
    }

    /// Old against new is seen before the new one answers; one tap goes back.
    fn teach_again(&self) {
        self.go("teach");
        self.browser.click("#teach-now");
        self.browser.wait("document.querySelector('[data-outcome=kept]')");
        assert_eq!(self.service.head_version(), 1, "nobody chose the new one yet");
        self.look_at("7-old-and-new");
        self.browser.click("#use-new");
        eventually("the new head", || self.service.head_version() == 2);
        self.browser.click("#rollback");
        self.browser.wait("document.querySelector('#rollback-ask button')");
        self.browser.click("#rollback-ask button");
        eventually("the old head", || self.service.head_version() == 1);
        self.go("look");
        self.sees("ring");
    }
}

fn told_on(screen: Screen) {
    let (device, service) = empty();
    let scene = Scene::before(&device, service.address, "star");
    let browser = Browser::start(None);
    browser.show_on(screen);
    browser.open(&service.url("/"));
    browser.wait("document.getElementById('answer')?.innerText.includes('Nothing is taught yet')");
    browser.wait("document.getElementById('stage').dataset.shows === 'canvas'");
    let visit = Visit { browser: &browser, service: &service, scene: &scene, screen };
    visit.teach();
    visit.correct();
    visit.teach_again();
    assert_eq!(complaints(&browser), Vec::<String>::new());
    // All of it is there after the power was cut.
    let counts = json!([pictures(&service, "star"), pictures(&service, "ring")]);
    service.signal("KILL");
    drop((scene, service));
    let service = Service::start(&device, &[]);
    assert_eq!(json!([pictures(&service, "star"), pictures(&service, "ring")]), counts);
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn a_picture_in_focus_stays_so_when_the_list_comes_in_another_order_and_gives_way_to_its_neighbour() {
    let device = Device::well_taught();
    let service = Service::start(&device, &[]);
    let browser = Browser::start(None);
    browser.show_on(DESKTOP);
    browser.open(&service.url("/#correct"));
    browser.wait("document.querySelector('[data-pick]')");
    let list = |sort: &str| {
        browser.run(&format!(
            "const sort = document.getElementById('sort'); sort.value = '{sort}'; sort.dispatchEvent(new Event('change'))"
        ));
        let first = &service.get(&format!("/v1/samples?sort={sort}&limit=1")).json()["samples"][0]["id"];
        browser.wait(&format!("document.querySelector('[data-pick]').dataset.pick === '{first}'"));
    };
    list("oldest");
    let newest = service.get("/v1/samples?sort=newest&limit=2").json()["samples"].clone();
    let place = format!("[data-pick='{}']", newest[0]["id"]);
    browser.run(&format!("document.querySelector(\"{place}\").focus()"));
    list("newest");
    assert_eq!(browser.run("return document.activeElement.dataset.pick"), newest[0]["id"].to_string());
    // Somebody else takes it away.
    let gone = json!({"ids": [newest[0]["id"]]});
    assert_eq!(service.post("/v1/samples/remove", "application/json", gone.to_string().as_bytes()).status, 200);
    browser.wait(&format!("document.activeElement.dataset.pick === '{}'", newest[1]["id"]));
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn a_fit_that_ends_and_another_version_leave_the_focus_where_somebody_works() {
    let device = Device::well_taught();
    let more = device.draw("more", 2, 5_000);
    device.json(&["collect", more.to_str().unwrap()]);
    let service = Service::start(&device, &[]);
    let browser = Browser::start(None);
    browser.show_on(DESKTOP);
    browser.open(&service.url("/#teach"));
    browser.wait("document.querySelector('#teach-now:not([hidden])') && document.querySelector('[data-hold]')");
    browser.run("document.getElementById('teach-now').click(); document.getElementById('new-class').focus()");
    browser.wait("document.querySelector('[data-outcome=kept]')");
    assert_eq!(browser.run("return document.activeElement.id"), "new-class");
    // Somebody else uses the new one, and goes back.
    let activate = |version: u32| {
        let path = format!("/v1/heads/{version}/activate");
        assert_eq!(service.post(&path, "application/json", b"{}").status, 200);
    };
    activate(2);
    browser.wait("!document.querySelector('[data-outcome]')");
    browser.wait("document.querySelector('#versions [data-version=\"2\"][data-state=live]')");
    let held = "document.querySelector('#versions [data-version=\"1\"] button')";
    browser.run(&format!("document.getElementById('versions').open = true; {held}.focus()"));
    activate(1);
    browser.wait("document.querySelector('#versions [data-version=\"1\"][data-state=live]')");
    assert_eq!(browser.run("return document.activeElement.localName"), "summary", "its button is gone");
    assert_eq!(complaints(&browser), Vec::<String>::new());
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn on_a_desktop_two_classes_are_taught_from_nothing_put_right_and_rolled_back() {
    told_on(DESKTOP);
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn on_a_phone_two_classes_are_taught_from_nothing_put_right_and_rolled_back() {
    told_on(PHONE);
}

/// What a person does beside waiting, in seconds.
const LOOKS_AROUND: f64 = 2.0;
const TYPES_A_NAME: f64 = 3.0;
const HOLDS: f64 = 4.0;
const PLACES_ANOTHER_THING: f64 = 4.0;
const READS_WHAT_CAME_OF_IT: f64 = 3.0;

/// Prints how long it takes; `tools/bench/first_teach.py` writes it down.
#[test]
#[ignore = "it is measured by tools/bench/first_teach.py"]
fn a_first_teach_of_two_classes_at_the_pace_of_a_person() {
    let pause = |seconds: f64| std::thread::sleep(Duration::from_secs_f64(seconds));
    let (device, service) = empty();
    let scene = Scene::before(&device, service.address, "star");
    let browser = Browser::start(None);
    browser.show_on(DESKTOP);
    let start = std::time::Instant::now();
    browser.open(&service.url("/"));
    browser.wait("document.getElementById('stage')?.dataset.shows === 'canvas'");
    let paint = browser.run("return performance.getEntriesByName('first-contentful-paint')[0].startTime");
    pause(LOOKS_AROUND);
    browser.click("#tab-teach");
    for label in ["star", "ring"] {
        scene.show(label);
        browser.write("#new-class", &format!("{label}\u{e007}"));
        pause(TYPES_A_NAME);
        browser.hold(&format!("[data-hold='{label}']"), Duration::from_secs_f64(HOLDS));
        pause(PLACES_ANOTHER_THING);
    }
    browser.click("#teach-now");
    let asked = std::time::Instant::now();
    browser.wait("document.querySelector('[data-outcome=published]')");
    let taught = asked.elapsed();
    pause(READS_WHAT_CAME_OF_IT);
    browser.click("#tab-look");
    for label in ["ring", "star"] {
        scene.show(label);
        browser.wait(&format!("document.getElementById('answer').innerText.trim() === '{label}'"));
    }
    let counts = [pictures(&service, "star"), pictures(&service, "ring")];
    let measured = json!({
        "seconds": start.elapsed().as_secs_f64(), "teach_seconds": taught.as_secs_f64(), "pictures": counts,
        "first_paint_ms": paint,
    });
    println!("first teach: {measured}");
}
