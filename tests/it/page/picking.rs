//! Stored pictures are selected, shown by class, and asked about.

use serde_json::json;

use super::browser::{Browser, DESKTOP};
use super::{check, complaints, pictures};
use crate::common::Device;
use crate::serve::service::{Service, eventually};

/// A page that shows the stored pictures of a device.
fn correcting() -> (Device, Service, Browser) {
    let device = Device::well_taught();
    let service = Service::start(&device, &[]);
    let browser = Browser::start(None);
    browser.show_on(DESKTOP);
    browser.open(&service.url("/#correct"));
    browser.wait("document.querySelectorAll('[data-pick]').length > 20");
    (device, service, browser)
}

fn choose(browser: &Browser, list: &str, value: &str) {
    browser.run(&format!(
        "const list = document.getElementById('{list}'); list.value = '{value}'; list.dispatchEvent(new Event('change'))"
    ));
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn a_finger_selects_one_more_also_where_a_click_does_not_say_what_it_is_of() {
    let (_device, _service, browser) = correcting();
    let press = |place: usize, with: &str| {
        browser.run(&format!(
            "const pick = document.querySelectorAll('[data-pick]')[{place}];
             pick.dispatchEvent(new PointerEvent('pointerdown', {{ pointerType: '{with}', bubbles: true }}));
             pick.dispatchEvent(new MouseEvent('click', {{ bubbles: true }}));"
        ));
        browser.run("return document.querySelectorAll('[data-pick][aria-pressed=true]').length")
    };
    assert_eq!([press(0, "touch"), press(1, "touch"), press(2, "mouse")], [1, 2, 1]);
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn selection_and_focus_outlive_a_question_that_is_left_and_a_look_at_another_tab() {
    let (_device, _service, browser) = correcting();
    browser.run("document.querySelectorAll('[data-pick]')[3].focus(); window.focused = document.activeElement");
    browser.press(&[], &["a"]);
    let selected = "document.querySelectorAll('[data-pick][aria-pressed=true]').length";
    let all = browser.run(&format!("return {selected}"));
    browser.press(&[], &["\u{e017}"]);
    browser.wait("document.activeElement.dataset.confirm === 'yes'");
    browser.press(&[], &["\u{e00c}"]);
    browser.wait("document.getElementById('remove-ask').innerText === ''");
    assert_eq!(browser.run(&format!("return {selected}")), all);
    assert_eq!(browser.run("return document.activeElement === focused"), true);
    browser.run("document.dispatchEvent(new Event('visibilitychange'))");
    browser.wait("document.querySelector('#grid:not([aria-busy])')");
    assert_eq!(browser.run("return document.activeElement === focused"), true);
    assert_eq!(complaints(&browser), Vec::<String>::new());
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn what_is_listed_can_be_read_while_it_is_loaded_anew() {
    let (_device, _service, browser) = correcting();
    browser.hold_back(r"v1/samples\?");
    choose(&browser, "sort", "oldest");
    browser.wait("held.length === 1");
    browser.wait("document.querySelector('#grid[aria-busy]')");
    check(&browser, "loaded-anew", DESKTOP);
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn where_the_class_that_is_shown_is_gone_all_pictures_are_shown() {
    let (_device, service, browser) = correcting();
    let all = service.get("/v1/samples").json()["total"].as_u64().unwrap();
    let stars = pictures(&service, "star");
    choose(&browser, "filter", "=star");
    browser.wait(&format!("document.querySelectorAll('[data-pick]').length === {stars}"));
    browser.click("#select-all");
    browser.click("#chips [data-label='ring']");
    eventually("the other name", || pictures(&service, "star") == 0);
    browser.wait("document.getElementById('filter').value === ' all'");
    browser.wait(&format!("document.querySelectorAll('[data-pick]').length === {all}"));
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn a_number_that_another_picture_has_now_shows_that_one_and_is_selected_no_more() {
    let (_device, service, browser) = correcting();
    let mut page = service.get("/v1/samples?sort=newest&limit=100").json();
    let number = page["samples"][0]["id"].clone();
    let pick = format!("document.querySelector('[data-pick=\"{number}\"]')");
    browser.click(&format!("[data-pick='{number}']"));
    browser.run(&format!("window.before = {pick}"));
    page["samples"][0]["added_at"] = json!("2020-01-01T00:00:00Z");
    browser.hold_back(r"v1/samples\?");
    choose(&browser, "sort", "newest");
    browser.wait("held.length === 1");
    browser.run(&format!("held[0](answer(200, {page}))"));
    browser.wait(&format!("{pick} !== before && {pick}.getAttribute('aria-pressed') === 'false'"));
}
