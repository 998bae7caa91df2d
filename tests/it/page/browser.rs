//! A real browser, driven over WebDriver, which is JSON over HTTP.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};

use crate::serve::service::eventually;

static DOWN: LazyLock<Value> = LazyLock::new(|| json!({"type": "pointerDown", "button": 0}));
static UP: LazyLock<Value> = LazyLock::new(|| json!({"type": "pointerUp", "button": 0}));

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Chromium without a window; ended when dropped.
pub struct Browser {
    driver: Child,
    session: String,
}

/// What a page is shown on.
#[derive(Clone, Copy)]
pub struct Screen {
    pub name: &'static str,
    pub size: (u32, u32),
    pub is_phone: bool,
    pub is_dark: bool,
}

pub const DESKTOP: Screen = Screen { name: "desktop", size: (1280, 800), is_phone: false, is_dark: false };
pub const PHONE: Screen = Screen { name: "phone", size: (390, 844), is_phone: true, is_dark: false };

impl Screen {
    pub fn dark(self) -> Self {
        Self { is_dark: true, ..self }
    }
}

impl Browser {
    /// In English. With `camera`, a film in MJPEG, before its own camera; without it a moving pattern is there.
    pub fn start(camera: Option<&Path>) -> Self {
        Self::start_in("en-GB,en", camera)
    }

    /// Of somebody who reads these languages, the best first.
    pub fn start_in(languages: &str, camera: Option<&Path>) -> Self {
        Self::start_with(languages, camera, &[])
    }

    /// With more arguments of Chromium.
    pub fn start_with(languages: &str, camera: Option<&Path>, more: &[String]) -> Self {
        let mut driver = Command::new("chromedriver");
        let mut driver = driver.arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port = lines.find_map(|line| line.strip_suffix('.')?.rsplit_once("on port ")?.1.parse::<u16>().ok());
        let port = port.expect("chromedriver says its port");
        std::thread::spawn(move || lines.for_each(drop));
        let mut arguments = vec![
            "--headless=new".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-gpu".to_owned(),
            "--use-fake-device-for-media-stream".to_owned(),
            "--use-fake-ui-for-media-stream".to_owned(),
        ];
        arguments.extend_from_slice(more);
        arguments.extend(camera.map(|film| format!("--use-file-for-fake-video-capture={}", film.display())));
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": arguments, "prefs": {"intl.accept_languages": languages}},
        }}});
        let url = format!("http://127.0.0.1:{port}/session");
        let session = ask(&url, Some(wanted));
        Self { driver, session: format!("{url}/{}", session["sessionId"].as_str().unwrap()) }
    }

    pub fn open(&self, url: &str) {
        self.post("url", json!({"url": url}));
    }

    /// The value of the body of a function.
    pub fn run(&self, script: &str) -> Value {
        self.post("execute/sync", json!({"script": script, "args": []}))
    }

    /// What a script gives to `done`.
    pub fn run_later(&self, script: &str) -> Value {
        let script = format!("const done = arguments[arguments.length - 1]; {script}");
        self.post("execute/async", json!({"script": script, "args": []}))
    }

    /// The value of an expression once it is neither null nor false, nor fails since something is not there yet.
    pub fn wait(&self, expression: &str) -> Value {
        let start = Instant::now();
        loop {
            let value = self.run(&format!("try {{ return {expression} }} catch {{ return null }}"));
            if !matches!(value, Value::Null | Value::Bool(false)) {
                return value;
            }
            if start.elapsed() > PATIENCE {
                let page = self.run("return document.body.innerText");
                panic!("waited in vain for `{expression}`; console: {:?}; page: {page}", self.console());
            }
            std::thread::sleep(Duration::from_millis(25));
        }
    }

    pub fn show_on(&self, screen: Screen) {
        let Screen { size: (width, height), is_phone, is_dark, .. } = screen;
        let scheme = if is_dark { "dark" } else { "light" };
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": width, "height": height, "deviceScaleFactor": 1 + u8::from(is_phone), "mobile": is_phone}),
        );
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "features": features }));
    }

    /// Presses where the first element of `selector` is, for so long.
    pub fn hold(&self, selector: &str, time: Duration) {
        let pause = json!({"type": "pause", "duration": time.as_millis() as u64});
        self.point("mouse", json!([self.at(selector), DOWN.clone(), pause, UP.clone()]));
    }

    /// Presses where the first element of `selector` is, as long as `meanwhile` takes.
    pub fn hold_while(&self, selector: &str, meanwhile: impl FnOnce()) {
        self.point("mouse", json!([self.at(selector), DOWN.clone()]));
        meanwhile();
        self.point("mouse", json!([UP.clone()]));
    }

    /// Presses where the first element of `selector` is, until `condition` holds.
    pub fn hold_until(&self, selector: &str, what: &str, condition: impl FnMut() -> bool) {
        self.hold_while(selector, || eventually(what, condition));
    }

    /// A finger moves from the middle of the first element of `selector` by so many pixels to the right.
    pub fn swipe(&self, selector: &str, by: i64) {
        let way = json!({"type": "pointerMove", "duration": 200, "origin": "pointer", "x": by, "y": 0});
        self.point("touch", json!([self.at(selector), DOWN.clone(), way, UP.clone()]));
    }

    /// The middle of the first element of `selector`, once it is on the screen and rests.
    fn at(&self, selector: &str) -> Value {
        self.find(selector);
        self.run_later(&format!(
            "let before;
             document.querySelector({0}).scrollIntoView({{ block: 'center' }});
             (function look() {{
                 const now = JSON.stringify(document.querySelector({0})?.getBoundingClientRect() ?? null);
                 if (now === before) return done(true);
                 before = now;
                 requestAnimationFrame(look);
             }})()",
            json!(selector)
        ));
        json!({"type": "pointerMove", "duration": 0, "origin": self.find(selector), "x": 0, "y": 0})
    }

    fn point(&self, kind: &str, steps: Value) {
        let pointer = json!({"type": "pointer", "id": kind, "parameters": {"pointerType": kind}, "actions": steps});
        self.post("actions", json!({ "actions": [pointer] }));
    }

    /// Takes the network away, or gives it back.
    pub fn cut_off(&self, offline: bool) {
        let conditions = json!({"offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1});
        self.devtools("Network.enable", json!({}));
        self.devtools("Network.emulateNetworkConditions", conditions);
    }

    /// The screen goes off, or on again.
    pub fn darken(&self, hidden: bool) {
        let value = if hidden {
            "Object.defineProperty(document, 'hidden', { value: true, configurable: true })"
        } else {
            "delete document.hidden"
        };
        self.run(&format!("{value}; document.dispatchEvent(new Event('visibilitychange'))"));
    }

    /// From now on requests of paths that match `pattern` wait in `held`, each as a function that sends it; given an answer, it gives that
    /// to the page, and sends the request only where it `arrives`.
    pub fn hold_back(&self, pattern: &str) {
        self.run(&format!(
            "const pass = window.fetch;
             window.held = [];
             window.fetch = (path, options) => !new RegExp({}).test(path) ? pass(path, options) : new Promise((settle, fail) => {{
                 options.signal.addEventListener('abort', () => fail(options.signal.reason));
                 held.push((own, arrives = !own) => {{
                     const sent = arrives ? pass(path, options) : Promise.resolve();
                     sent.then((response) => settle(own ?? response), fail);
                 }});
             }});
             window.answer = (status, json) =>
                 new Response(JSON.stringify(json), {{ status, headers: {{ 'Content-Type': 'application/json' }} }});",
            json!(pattern)
        ));
    }

    /// Clicks the first element of `selector` once nothing covers it. At one go, whatever moves above it meanwhile.
    pub fn click(&self, selector: &str) {
        self.wait(&format!(
            "(() => {{
                const element = document.querySelector({});
                element.scrollIntoView({{ block: 'center' }});
                const {{ left, top, width, height }} = element.getBoundingClientRect();
                if (!element.contains(document.elementFromPoint(left + width / 2, top + height / 2))) return false;
                element.focus({{ preventScroll: true }});
                element.click();
                return true;
            }})()",
            json!(selector)
        ));
    }

    /// For what the page reckons it is so much later, and stays so.
    pub fn stop_clock(&self, ahead: Duration) {
        self.run(&format!("const now = Date.now() + {}; Date.now = () => now", ahead.as_millis()));
    }

    /// Types into the first element of `selector`.
    pub fn write(&self, selector: &str, text: &str) {
        let element = self.find(selector);
        let id = element.as_object().unwrap().values().next().unwrap().as_str().unwrap().to_owned();
        self.post(&format!("element/{id}/value"), json!({"text": text}));
    }

    /// Presses keys, one after the other; `held` is held meanwhile.
    pub fn press(&self, held: &[&str], keys: &[&str]) {
        let key = |kind: &str, value: &&str| json!({"type": kind, "value": value});
        let mut steps: Vec<Value> = held.iter().map(|held| key("keyDown", held)).collect();
        steps.extend(keys.iter().flat_map(|pressed| [key("keyDown", pressed), key("keyUp", pressed)]));
        steps.extend(held.iter().map(|held| key("keyUp", held)));
        self.post("actions", json!({"actions": [{"type": "key", "id": "keys", "actions": steps}]}));
    }

    /// Does what devices do, as WebDriver describes it.
    pub fn act(&self, devices: &Value) {
        self.post("actions", json!({ "actions": devices }));
    }

    /// Chooses a file in a field for files.
    pub fn choose_file(&self, selector: &str, file: &Path) {
        self.write(selector, file.to_str().unwrap());
    }

    fn find(&self, selector: &str) -> Value {
        self.wait(&format!("document.querySelector({})", json!(selector)));
        self.post("element", json!({"using": "css selector", "value": selector}))
    }

    /// A PNG of what is seen.
    pub fn screenshot(&self) -> Vec<u8> {
        let text = ask(&format!("{}/screenshot", self.session), None);
        base64::engine::general_purpose::STANDARD.decode(text.as_str().unwrap()).unwrap()
    }

    /// What the browser complained of since the last call.
    pub fn console(&self) -> Vec<String> {
        let log = self.post("se/log", json!({"type": "browser"}));
        let line = |entry: &Value| format!("{}: {}", entry["level"].as_str().unwrap(), entry["message"]);
        log.as_array().unwrap().iter().map(line).collect()
    }

    pub fn devtools(&self, command: &str, parameters: Value) -> Value {
        self.post("goog/cdp/execute", json!({"cmd": command, "params": parameters}))
    }

    fn post(&self, path: &str, body: Value) -> Value {
        ask(&format!("{}/{path}", self.session), Some(body))
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = ureq::delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn ask(url: &str, body: Option<Value>) -> Value {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let answer = match body {
        Some(body) => agent.post(url).header("Content-Type", "application/json").send(body.to_string().as_bytes()),
        None => agent.get(url).call(),
    };
    let mut answer = answer.unwrap_or_else(|error| panic!("{url}: {error}"));
    let text = answer.body_mut().with_config().limit(64 << 20).read_to_string().unwrap();
    let mut value: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{url}: {error}: {text}"));
    assert!(value["value"]["error"].is_null(), "{url}: {}", value["value"]["message"]);
    value["value"].take()
}
