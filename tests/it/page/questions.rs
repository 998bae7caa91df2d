//! Pictures that wait, answered one after the other by swipes and keys; nothing is lost where the network goes.

use std::time::Duration;

use serde_json::Value;

use super::between::Between;
use super::browser::{Browser, DESKTOP, PHONE};
use super::german::{check_german, open_marked};
use super::{check, pictures};
use crate::common::Device;
use crate::reviewing::put_stripes;
use crate::serve::service::{Service, eventually};

/// A device that has seen so many things that it does not know.
fn asking(count: u32) -> (Device, Service) {
    let device = Device::well_taught();
    std::fs::write(device.path("edgetl.toml"), "[camera.door]\nsource = \"push\"\n").unwrap();
    std::fs::create_dir_all(device.path("in")).unwrap();
    let service = Service::start(&device, &[]);
    for number in 0..count {
        put_stripes(&device, number);
        let sent = std::fs::read(device.path(&format!("in/stripes-{number}.png"))).unwrap();
        eventually("a question", || {
            assert_eq!(service.put("/v1/cameras/door/frame", &sent).status, 204);
            std::thread::sleep(Duration::from_millis(100));
            waiting(&service).len() as u32 > number
        });
    }
    (device, service)
}

fn waiting(service: &Service) -> Vec<Value> {
    service.get("/v1/review").json()["pictures"].as_array().unwrap().clone()
}

fn open(browser: &Browser) {
    browser.click("#show-review");
    browser.wait("document.getElementById('swipe').dataset.seen === 'yes'");
}

/// Waits for the next picture, `at` of `of`.
fn next(browser: &Browser, at: u32, of: u32) {
    browser.wait(&format!("/^\\D*{at}\\D+{of}\\D*$/.test(document.getElementById('review-progress').innerText)"));
    browser.wait("document.getElementById('swipe').dataset.seen === 'yes'");
}

fn is_told(browser: &Browser) -> bool {
    browser.run("return JSON.parse(sessionStorage.getItem('edgetl-answers') ?? '[]').length") == 0
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn a_finger_agrees_to_the_right_throws_away_to_the_left_and_takes_the_last_one_back() {
    let (_device, service) = asking(3);
    let [first, second, ..] = &waiting(&service)[..] else { panic!() };
    let said = first["said"].as_str().unwrap();
    let before = pictures(&service, said);
    let browser = Browser::start_in("de-AT,de,en", None);
    browser.show_on(PHONE);
    let _between = open_marked(&browser, &service, "/#correct");
    open(&browser);
    // However slow this machine is, the last answer can be taken back.
    browser.stop_clock(Duration::ZERO);
    next(&browser, 1, 3);
    check_german(&browser, "questions", PHONE);
    browser.swipe("#swipe", 40);
    next(&browser, 1, 3);
    browser.swipe("#swipe", 150);
    next(&browser, 2, 3);
    browser.swipe("#swipe", -150);
    next(&browser, 3, 3);
    eventually("the first answer", || pictures(&service, said) == before + 1);
    assert!(waiting(&service).iter().any(|one| one["id"] == second["id"]), "the last one can still be taken back");
    browser.click("#review-undo");
    next(&browser, 2, 3);
    check_german(&browser, "question-again", PHONE);
    browser.swipe("#swipe", -150);
    next(&browser, 3, 3);
    browser.click("#tab-look");
    eventually("the second answer", || !waiting(&service).iter().any(|one| one["id"] == second["id"]));
    assert_eq!(pictures(&service, said), before + 1);
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn keys_alone_answer_questions_and_a_screen_reader_hears_the_next_one() {
    let (_device, service) = asking(3);
    let browser = Browser::start(None);
    browser.show_on(DESKTOP);
    browser.open(&service.url("/#correct"));
    open(&browser);
    browser.stop_clock(Duration::ZERO);
    check(&browser, "questions", DESKTOP);
    let label = browser.run("return document.querySelector('#review-chips [aria-keyshortcuts=\"1\"]').dataset.label");
    let label = label.as_str().unwrap();
    let before = pictures(&service, label);
    let first = waiting(&service)[0]["id"].clone();
    // Skipped, and it comes back at the end.
    browser.press(&[], &["\u{e015}"]);
    next(&browser, 1, 3);
    browser.press(&[], &["1"]);
    next(&browser, 2, 3);
    browser.wait("document.getElementById('review-heard').innerText.startsWith('2 of 3')");
    // Left throws away, Ctrl-Z takes it back, and it is thrown away again.
    for keys in [(&[][..], "\u{e012}", 3), (&["\u{e009}"][..], "z", 2), (&[][..], "\u{e012}", 3)] {
        browser.press(keys.0, &[keys.1]);
        next(&browser, keys.2, 3);
    }
    eventually("the first answer", || pictures(&service, label) == before + 1);
    assert!(waiting(&service).iter().any(|one| one["id"] == first), "what was skipped still waits");
    browser.write("#review-other", "stripes\u{e007}");
    browser.wait("document.querySelector('#review-empty:not([hidden])')");
    check(&browser, "no-questions", DESKTOP);
    browser.click("#tab-look");
    eventually("all answers", || pictures(&service, "stripes") == 1 && waiting(&service).is_empty());
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn answers_that_were_given_without_a_network_arrive_when_it_is_back() {
    let (_device, service) = asking(3);
    let browser = Browser::start(None);
    browser.show_on(PHONE);
    browser.open(&service.url("/#correct"));
    open(&browser);
    // The next picture is there before it is wanted.
    browser.wait(
        "performance.getEntriesByType('resource').filter(({name}) => /review.\\d+.picture/.test(name)).length === 2",
    );
    browser.cut_off(true);
    browser.swipe("#swipe", -150);
    next(&browser, 2, 3);
    browser.swipe("#swipe", -150);
    browser.wait("document.querySelector('#banner:not([hidden])')");
    browser.wait("document.getElementById('review-note').innerText.includes('when the device answers again')");
    assert_eq!(waiting(&service).len(), 3);
    browser.cut_off(false);
    eventually("what was answered", || waiting(&service).len() == 1);
    next(&browser, 3, 3);
    eventually("nothing to be left", || is_told(&browser));
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn an_answer_that_arrived_though_nobody_heard_so_cannot_be_taken_back_and_is_not_called_somebody_elses() {
    let (_device, service) = asking(2);
    let said = waiting(&service)[0]["said"].as_str().unwrap().to_owned();
    let before = pictures(&service, &said);
    let between = Between::before(service.address);
    let browser = Browser::start(None);
    browser.show_on(PHONE);
    browser.open(&between.url("/#correct"));
    open(&browser);
    between.swallow("/label");
    browser.swipe("#swipe", 150);
    next(&browser, 2, 2);
    // The second one is given the first one's turn.
    browser.click("#review-dismiss");
    browser.click("#review-undo");
    browser.wait("document.getElementById('review-undo').hidden");
    eventually("the first answer", || pictures(&service, &said) == before + 1);
    browser.wait("document.querySelector('#banner:not([hidden])')");
    between.stand_aside();
    eventually("the device to be asked again", || is_told(&browser));
    let note = browser.run("return document.getElementById('review-note').innerText");
    assert!(!note.as_str().unwrap().contains("no longer waits"), "{note}");
    assert_eq!((pictures(&service, &said), waiting(&service).len()), (before + 1, 1));
}

/// So many questions, of which the first was dismissed; what the device is told of that waits in `held`.
fn dismissing_of(count: u32) -> (Device, Service, Browser) {
    let (device, service) = asking(count);
    let browser = Browser::start(None);
    browser.show_on(PHONE);
    browser.open(&service.url("/#correct"));
    open(&browser);
    browser.hold_back("dismiss$");
    browser.click("#review-dismiss");
    next(&browser, 2, count);
    (device, service, browser)
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn answers_that_the_device_cannot_store_are_said_to_wait_until_it_can() {
    let (_device, service, browser) = dismissing_of(2);
    browser.click("#review-dismiss");
    browser.wait("held.length === 1");
    browser.run("held[0](answer(507, { code: 'disk-full' }))");
    let said = browser.wait("document.querySelector('#review-unstored:not([hidden])').innerText");
    let said = said.as_str().unwrap();
    assert!(said.contains("disk") && said.contains("2 answers are not stored yet"), "{said}");
    check(&browser, "unstored", PHONE);
    browser.wait("held.length === 2");
    browser.run("held[1]()");
    eventually("the first answer", || waiting(&service).len() == 1);
    browser.wait("document.getElementById('review-unstored').hidden");
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn however_long_one_answer_takes_the_next_is_sent_and_the_last_can_be_taken_back() {
    let (_device, service, browser) = dismissing_of(3);
    browser.click("#review-dismiss");
    next(&browser, 3, 3);
    browser.wait("held.length === 1");
    // So long the second one could be taken back.
    browser.stop_clock(Duration::from_millis(8500));
    browser.run("held[0]()");
    browser.wait("held.length === 2");
    browser.click("#review-dismiss");
    browser.wait("document.querySelector('#review-empty:not([hidden])')");
    browser.run("held[1]()");
    eventually("the second answer", || waiting(&service).len() == 1);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(browser.run("return held.length"), 2);
    browser.click("#review-undo");
    next(&browser, 3, 3);
}
