//! The live page in a real browser, before a camera that the tests draw.

mod away;
mod between;
mod browser;
mod doors;
mod german;
mod looking;
mod phone;
mod picking;
mod questions;
mod scene;
mod setup;
mod story;
mod teaching;
mod trust;

use serde_json::Value;

use self::browser::{Browser, Screen};
use crate::serve::service::Service;

/// Everything that the browser complained of, but for answers that the page tells of itself.
fn complaints(browser: &Browser) -> Vec<String> {
    let told = |line: &String| line.contains("Failed to load resource");
    browser.console().into_iter().filter(|line| line.starts_with("SEVERE") && !told(line)).collect()
}

/// What is hard to use for somebody who cannot see or has no mouse, where axe-core is there (`EDGETL_AXE`).
fn barriers(browser: &Browser) -> Vec<String> {
    let Some(axe) = std::env::var_os("EDGETL_AXE") else { return Vec::new() };
    browser.run(&std::fs::read_to_string(axe).unwrap());
    let found = browser.run_later(
        "axe.run({resultTypes: ['violations']}).then(found => done(found.violations.filter(
            fault => ['serious', 'critical'].includes(fault.impact)
         ).map(fault => `${fault.id}: ${fault.nodes.map(node => node.html).join(' ')}`)))",
    );
    found.as_array().unwrap().iter().map(|fault| fault.as_str().unwrap().to_owned()).collect()
}

/// What nobody can use, what the browser complained of, and what is wider than the screen.
fn check(browser: &Browser, name: &str, screen: Screen) {
    keep(browser, name, screen);
    assert_eq!(barriers(browser), Vec::<String>::new(), "{name}");
    assert_eq!(complaints(browser), Vec::<String>::new(), "{name}");
    let fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth";
    assert_eq!(browser.run(&format!("return {fits}")), true, "{name} is wider than the screen");
}

/// Writes what is seen into the folder of `EDGETL_SCREENSHOTS`, where that is set.
fn keep(browser: &Browser, name: &str, screen: Screen) {
    if let Some(folder) = std::env::var_os("EDGETL_SCREENSHOTS") {
        for (colours, screen) in [("light", screen), ("dark", screen.dark())] {
            browser.show_on(screen);
            std::thread::sleep(std::time::Duration::from_millis(300));
            let file = format!("{name}-{}-{colours}.png", screen.name);
            std::fs::write(std::path::Path::new(&folder).join(file), browser.screenshot()).unwrap();
        }
        browser.show_on(screen);
    }
}

/// How many pictures a class has, as the service says.
fn pictures(service: &Service, label: &str) -> u64 {
    let labels = service.get("/v1/labels").json()["labels"].clone();
    let of = |class: &&Value| class["label"] == label;
    labels.as_array().unwrap().iter().find(of).map_or(0, |class| class["pictures"].as_u64().unwrap())
}
