//! Somebody whose browser speaks German reads nothing else on any screen.

use serde_json::Value;

use super::between::Between;
use super::browser::{Browser, DESKTOP, PHONE, Screen};
use super::scene::{Scene, empty};
use super::{check, pictures};
use crate::serve::service::Service;

/// The German texts, each between two signs that nobody sees, so that a text that is none of them is found.
fn marked(service: &Service) -> String {
    let texts = service.get("/page/de.js").text;
    let (_, texts) = texts.split_once("export default").unwrap();
    let mark = "const mark = (text) => `\u{2063}${text}\u{2064}`;
        for (const [key, text] of Object.entries(texts)) {
            texts[key] = typeof text === 'string' ? mark(text) : { one: mark(text.one), other: mark(text.other) };
        }
        export default texts;";
    format!("const texts = {texts}\n{mark}")
}

/// Opens the page with German texts that are marked.
pub fn open_marked(browser: &Browser, service: &Service, path: &str) -> Between {
    let between = Between::before(service.address);
    between.answer("/page/de.js", marked(service));
    browser.open(&between.url(path));
    between
}

/// What is to be read or heard and is neither a German text nor somebody's own name for something.
const STRANGERS: &str = r#"
    const own = 'bdi, kbd, [lang=en], script, style, #unloaded, noscript, .brand';
    const names = (option) => option.value === option.textContent || option.value.startsWith('=');
    let read = '';
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const place = walker.currentNode.parentElement;
        const option = place.closest('option');
        if (place.closest(own) || (option && names(option))) continue;
        read += walker.currentNode.data + '\n';
    }
    const said = [read, document.title];
    for (const element of document.body.querySelectorAll('[aria-label], [alt], [placeholder], [title], [aria-valuetext]')) {
        for (const key of ['aria-label', 'alt', 'placeholder', 'title', 'aria-valuetext']) {
            const text = element.getAttribute(key);
            // A picture's title says where it is from.
            if (text && !(key === 'title' && element.matches('[data-pick]'))) said.push(text);
        }
    }
    const letters = (text) => {
        for (let before = null; before !== text;) [before, text] = [text, text.replace(/\u2063[^\u2063\u2064]*\u2064/gu, '')];
        return text.split('\n').map((line) => line.replace('edgetl', '').trim()).filter((line) => /\p{L}/u.test(line));
    };
    return said.flatMap(letters);
"#;

/// A screen in German, for everybody.
pub fn check_german(browser: &Browser, name: &str, screen: Screen) {
    check(browser, &format!("de-{name}"), screen);
    assert_eq!(browser.run(STRANGERS), serde_json::json!([]), "{name}");
}

/// Adds a class and holds its button before the camera.
fn collect(browser: &Browser, service: &Service, scene: &Scene, label: &'static str) {
    scene.show(label);
    browser.write("#new-class", &format!("{label}\u{e007}"));
    let button = format!("[data-hold='{label}']");
    browser.hold_until(&button, "pictures of a burst", || pictures(service, label) >= 10);
}

fn go(browser: &Browser, to: &str) {
    browser.click(&format!("#tab-{to}"));
    browser.wait(&format!("document.getElementById('main').dataset.screen === '{to}'"));
}

fn teach(browser: &Browser, outcome: &str) {
    browser.click("#teach-now");
    browser.wait(&format!("document.querySelector('[data-outcome={outcome}]')"));
}

fn told_on(screen: Screen) {
    let (device, service) = empty();
    let scene = Scene::before(&device, service.address, "star");
    let browser = Browser::start_in("de-AT,de,en", None);
    browser.show_on(screen);
    let _between = open_marked(&browser, &service, "/");
    browser.wait("document.documentElement.lang === 'de'");
    browser.wait("document.getElementById('stage').dataset.shows === 'canvas'");
    if screen.is_phone {
        each_tab_is_seen(&browser);
    }
    browser.show_on(screen);
    browser.wait("document.getElementById('answer').innerText.includes('nichts angelernt')");
    check_german(&browser, "untaught", screen);
    go(&browser, "teach");
    check_german(&browser, "nothing-stored", screen);
    collect(&browser, &service, &scene, "star");
    browser.click("#teach-now");
    browser.wait("document.querySelector('#fit-note[data-kind=failed]')");
    check_german(&browser, "one-class", screen);
    collect(&browser, &service, &scene, "ring");
    teach(&browser, "published");
    check_german(&browser, "taught", screen);
    collect(&browser, &service, &scene, "ring");
    teach(&browser, "kept");
    let number = browser.run("return document.querySelector('.versus .number')?.innerText ?? '9,9 %'");
    assert!(number.as_str().unwrap().contains(','), "{number}");
    check_german(&browser, "old-and-new", screen);
    go(&browser, "look");
    browser.wait("document.querySelector('.answer-card').dataset.state === 'answer'");
    check_german(&browser, "look", screen);
    browser.click("#why");
    browser.wait("document.querySelector('#overlay:not([hidden])')");
    check_german(&browser, "why", screen);
    browser.click("#explain-back");
    browser.click("#wrong");
    browser.wait("document.getElementById('wrong-panel')");
    check_german(&browser, "wrong", screen);
    correct(&browser, &service, screen);
    drop(scene);
}

/// In one row, and large enough for a finger, on a narrow phone as well.
fn each_tab_is_seen(browser: &Browser) {
    for width in [360, 390] {
        browser.show_on(Screen { size: (width, 800), ..PHONE });
        let found = browser.run(
            "const nav = document.querySelector('nav');
             const tabs = [...nav.children];
             const rows = new Set(tabs.map((tab) => tab.offsetTop)).size;
             return [tabs.length, rows, nav.scrollWidth <= nav.clientWidth, tabs.every((tab) => tab.offsetHeight >= 44)]",
        );
        assert_eq!(found, serde_json::json!([5, 1, true, true]), "{width}");
    }
}

fn correct(browser: &Browser, service: &Service, screen: Screen) {
    let file = image::RgbImage::from_fn(64, 64, |x, y| image::Rgb([(x * 4) as u8, (y * 4) as u8, 99]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    file.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    assert_eq!(service.post("/v1/samples", "image/png", bytes.get_ref()).status, 201);
    go(browser, "correct");
    browser.wait("document.querySelectorAll('[data-pick]').length > 5");
    let newest = service.get("/v1/samples?sort=newest&label=ring&limit=1").json()["samples"][0]["id"].clone();
    browser.click(&format!("[data-pick='{newest}']"));
    check_german(browser, "correct", screen);
    browser.click("#chips [data-label=star]");
    browser.wait("document.querySelector('#stock-note[data-kind=good]')");
    browser.click("#undo");
    browser.wait("document.querySelector('#stock-note').innerText.includes('Rückgängig gemacht')");
    check_german(browser, "undone", screen);
    browser.click("#show-piles");
    browser.wait("document.querySelector('#piles li')");
    check_german(browser, "piles", screen);
    browser.click("#show-review");
    // The camera may have seen what the head was not sure of.
    browser.wait("document.querySelector('#review-empty:not([hidden]), #swipe[data-seen=yes]')");
    check_german(browser, "asked-or-not", screen);
    go(browser, "trust");
    browser.wait("document.querySelector('.trust[data-version]')");
    check_german(browser, "trust", screen);
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn on_a_phone_in_german_nothing_is_english() {
    told_on(PHONE);
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn on_a_desktop_in_german_nothing_is_english() {
    told_on(DESKTOP);
}

#[test]
#[cfg_attr(not(has_chromium), ignore = "chromium and chromedriver are not there")]
fn the_language_is_the_first_of_the_browser_that_the_page_has_and_numbers_are_of_its_country() {
    let (_device, service) = empty();
    for (languages, language, number) in
        [("fr,de-AT,en", "de", "1.234,5"), ("en-GB,de", "en", "1,234.5"), ("fr,it", "en", "1,234.5")]
    {
        let browser = Browser::start_in(languages, None);
        browser.open(&service.url("/"));
        browser.wait("document.querySelector('nav a')");
        assert_eq!(browser.run("return document.documentElement.lang"), language, "{languages}");
        let shown = browser.run_later("import('/page/language.js').then(({number}) => done(number(1234.5)))");
        assert_eq!(shown.as_str().map(|shown| shown.replace('\u{a0}', ".")), Some(number.to_owned()), "{languages}");
        let fetched = "performance.getEntriesByType('resource').map(({name}) => name.split('/').at(-1))
            .filter(name => ['en.js', 'de.js'].includes(name))";
        assert_eq!(browser.run(&format!("return {fetched}")), Value::from(vec![format!("{language}.js")]));
    }
}
