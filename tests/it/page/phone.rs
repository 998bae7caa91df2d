//! A phone: let in by a code over TLS, teaching with its own camera, and put out again.

use base64::Engine as _;

use super::browser::{Browser, DESKTOP, PHONE};
use super::doors::film;
use super::{barriers, complaints, keep};
use crate::common::Device;
use crate::serve::service::{Service, eventually};
use crate::serve::tls::{Made, Pair, made, shown};

const TOKEN: &str = "write-token-0123456789";

/// What lets a browser find `camera.lan` here, and trust these certificates and no other.
fn arguments(trusted: &[&Made]) -> Vec<String> {
    let hash = |made: &&Made| base64::engine::general_purpose::STANDARD.encode(made.public_key.as_bytes());
    let hashes: Vec<String> = trusted.iter().map(hash).collect();
    vec![
        "--host-resolver-rules=MAP camera.lan 127.0.0.1".to_owned(),
        format!("--ignore-certificate-errors-spki-list={}", hashes.join(",")),
    ]
}

/// A service beyond loopback that shows the certificate, with no token but those of phones.
fn served(device: &Device, certificate: &Made) -> (Service, Pair) {
    std::fs::create_dir_all(device.path(".")).unwrap();
    std::fs::write(device.path("edgetl.toml"), "[serve]\nmdns = false\nhosts = [\"camera.lan\"]\n").unwrap();
    let pair = Pair::new(device, certificate);
    let service = Service::start(device, &["--tls", &pair.flag(), "--address", "0.0.0.0:0"]);
    (service, pair)
}

/// The device says who somebody is once a test wants it to.
const LATE: &str = "const pass = window.fetch;
    window.fetch = async (path, options) => {
        if (/v1.session/.test(path) && !window.answer) await new Promise((settle) => (window.answer = settle));
        return pass(path, options);
    };";

/// What stands in the QR code of `edgetl pair`.
fn url(device: &Device) -> String {
    device.json(&["pair"])[0]["url"].as_str().unwrap().to_owned()
}

/// How many pictures a class has, as the page says.
fn pictures(device: &Device, label: &str) -> u64 {
    let counts = device.json(&["samples", "list", "--count"]).remove(0);
    counts["labels"][label].as_u64().or(counts[label].as_u64()).unwrap_or(0)
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn a_phone_comes_in_by_the_qr_code_teaches_through_a_renewal_and_is_put_out() {
    let (device, first, second) = (Device::new(), made(), made());
    let (service, pair) = served(&device, &first);
    let browser = Browser::start_with("en", Some(&film(&device, "star")), &arguments(&[&first, &second]));
    browser.show_on(PHONE);
    browser.open(&url(&device));
    browser.wait("document.getElementById('main').dataset.screen === 'look'");
    browser.wait("document.getElementById('use-browser')");
    let facts = browser.run("return [location.host, location.hash, isSecureContext, !!navigator.mediaDevices]");
    let host = format!("camera.lan:{}", service.address.port());
    assert_eq!(facts, serde_json::json!([host, "", true, true]));

    browser.click("#tab-teach");
    browser.click("#use-browser");
    browser.wait("document.getElementById('stage').dataset.shows === 'video'");
    browser.write("#new-class", "star\u{e007}");
    browser.hold_while("[data-hold='star']", || {
        browser.wait("parseInt(document.querySelector('.tile-count').innerText) >= 3");
    });
    eventually("pictures of the phone's camera", || pictures(&device, "star") >= 3);

    let before = shown(&service);
    pair.put(&second);
    eventually("the new certificate", || shown(&service) != before);
    let taught = pictures(&device, "star");
    browser.hold_until("[data-hold='star']", "more pictures", || pictures(&device, "star") > taught);
    let ended = "performance.getEntriesByType('resource').filter(({name}) => name.includes('v1/events')).length";
    assert_eq!(browser.run(&format!("return {ended}")), 0, "the stream of events goes on");
    assert_eq!(complaints(&browser), Vec::<String>::new());

    device.json(&["pair", "withdraw", "1"]);
    browser.wait("document.getElementById('token-note').innerText.includes('withdrawn')");
    keep(&browser, "phone-out", PHONE);
    browser.run("location.reload()");
    browser.wait("document.getElementById('token')");
    browser.wait("document.getElementById('token-note').innerText.includes('withdrawn')");
    assert_eq!(browser.run("return localStorage.length"), 1, "the device may know it again");
    browser.open(&url(&device));
    browser.wait("document.getElementById('main').dataset.screen === 'look' && document.getElementById('answer')");
    assert_eq!(browser.run("return localStorage.length"), 1, "the new one took its place");
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn a_browser_that_is_in_lets_the_next_one_in_and_puts_it_out() {
    for language in ["en", "de"] {
        let (device, certificate) = (Device::well_taught(), made());
        let (_service, _pair) = served(&device, &certificate);
        let arguments = arguments(&[&certificate]);
        let owner = Browser::start_with(language, None, &arguments);
        owner.show_on(DESKTOP);
        let url = url(&device);
        // A tap while the device has not answered yet leaves the code what it is.
        owner.devtools("Page.addScriptToEvaluateOnNewDocument", serde_json::json!({ "source": LATE }));
        owner.open(&url);
        owner.click("#tab-setup");
        owner.wait("document.getElementById('main').dataset.screen === 'setup' && window.answer");
        owner.run("answer()");
        owner.click("#phones-ask");
        owner.wait("document.querySelector('.qr path').getAttribute('d').length > 1000");
        let typed = owner.wait("document.getElementById('phones-typed').innerText");
        owner.wait("document.getElementById('phones-list').innerText.includes('Linux')");
        assert_eq!(barriers(&owner), Vec::<String>::new());
        keep(&owner, &format!("phones-{language}"), DESKTOP);
        keep(&owner, &format!("phones-{language}"), PHONE);
        owner.show_on(DESKTOP);

        let phone = Browser::start_with(language, None, &arguments);
        phone.show_on(PHONE);
        phone.open(url.split('#').next().unwrap());
        phone.wait("document.getElementById('token')");
        assert_eq!(barriers(&phone), Vec::<String>::new());
        keep(&phone, &format!("phones-door-{language}"), PHONE);
        phone.write("#token", "0000-0000-0000\u{e007}");
        phone.wait("document.getElementById('token-note').dataset.kind === 'failed'");
        phone.write("#token", &format!("\u{e009}a\u{e000}{}\u{e007}", typed.as_str().unwrap().to_lowercase()));
        phone.wait("document.getElementById('main').dataset.screen === 'look'");
        phone.wait("document.getElementById('answer')");
        owner.wait("document.getElementById('phones-note').dataset.kind === 'good'");
        owner.wait("document.querySelector('.qr') === null");

        owner.click("[data-withdraw='2']");
        owner.click("[data-confirm=yes]");
        phone.wait("document.getElementById('token-note').dataset.kind === 'failed'");
        phone.wait("document.getElementById('token')");
        owner.wait("document.querySelectorAll('[data-withdraw]').length === 1");
        let complaints = [complaints(&owner), complaints(&phone)].concat();
        assert_eq!(complaints, Vec::<String>::new(), "{language}");
    }
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn without_tls_the_page_offers_the_camera_program_of_the_phone_and_says_why() {
    let device = Device::well_taught();
    let service = Service::start_with(&device, &["--hosts", "camera.lan"], &[("EDGETL_TOKEN", TOKEN)]);
    let browser = Browser::start_with("en", None, &arguments(&[]));
    browser.show_on(PHONE);
    browser.open(&format!("http://camera.lan:{}/", service.address.port()));
    browser.write("#token", &format!("{TOKEN}\u{e007}"));
    browser.click("#use-photo");
    assert_eq!(
        browser.run("return [isSecureContext, navigator.mediaDevices ?? null]"),
        serde_json::json!([false, null])
    );
    let input = "document.getElementById('source-file')";
    let wanted = browser.run(&format!("return [{input}.accept, {input}.getAttribute('capture')]"));
    assert_eq!(wanted, serde_json::json!(["image/*", "environment"]));
    browser.wait("document.getElementById('stage').innerText.includes('https')");
    assert_eq!(complaints(&browser), Vec::<String>::new());
}
