//! A running service and a client for it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::Device;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// `edgetl serve` in the background; killed when dropped.
pub struct Service {
    child: Child,
    pub address: SocketAddr,
    /// What it printed when it was ready.
    pub started: Value,
}

/// An answer over HTTP.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub text: String,
    pub retry_after: Option<String>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Service {
    pub fn start(device: &Device, arguments: &[&str]) -> Self {
        Self::start_with(device, arguments, &[])
    }

    /// With the environment variables `variables`.
    pub fn start_with(device: &Device, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        Self::spawn(device, Command::new(env!("CARGO_BIN_EXE_edgetl")), arguments, variables)
    }

    /// With so many file descriptors at most.
    pub fn start_within(device: &Device, descriptors: u32) -> Self {
        let mut shell = Command::new("/bin/sh");
        let script = format!("ulimit -n {descriptors} && exec \"$0\" \"$@\"");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_edgetl")]);
        Self::spawn(device, shell, &[], &[])
    }

    fn spawn(device: &Device, mut command: Command, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        command.args(["serve", "--json", "--provider", "tract"]).args(arguments);
        if !arguments.contains(&"--address") {
            command.args(["--address", "127.0.0.1:0"]);
        }
        command.env_clear().env("EDGETL_STATE", device.state()).current_dir(device.path("."));
        command.envs(variables.iter().copied()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        let mut printed = BufReader::new(child.stdout.take().unwrap());
        printed.read_line(&mut line).unwrap();
        // A service that starts anew prints its line again.
        std::thread::spawn(move || std::io::copy(&mut printed, &mut std::io::sink()));
        let started: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: `{line}`"));
        let mut address: SocketAddr = started["address"].as_str().unwrap().parse().unwrap();
        if address.ip().is_unspecified() {
            address.set_ip([127, 0, 0, 1].into());
        }
        Self { child, address, started }
    }

    pub fn url(&self, path: &str) -> String {
        let scheme = if self.started["certificate"].is_string() { "https" } else { "http" };
        format!("{scheme}://{}{path}", self.address)
    }

    /// Sends a JSON object as who has this token.
    pub fn post_as(&self, path: &str, authorization: &str, body: &Value) -> Answer {
        let request = agent().post(self.url(path)).header("Authorization", authorization);
        answer(request.header("Content-Type", "application/json").send(body.to_string().as_bytes()))
    }

    pub fn get(&self, path: &str) -> Answer {
        answer(agent().get(self.url(path)).call())
    }

    pub fn get_as(&self, path: &str, authorization: &str) -> Answer {
        answer(agent().get(self.url(path)).header("Authorization", authorization).call())
    }

    /// Sends `body` as the picture.
    pub fn predict(&self, body: &[u8]) -> Answer {
        self.post("/v1/predict", "image/png", body)
    }

    pub fn post(&self, path: &str, kind: &str, body: &[u8]) -> Answer {
        answer(agent().post(self.url(path)).header("Content-Type", kind).send(body))
    }

    pub fn put(&self, path: &str, body: &[u8]) -> Answer {
        answer(agent().put(self.url(path)).header("Content-Type", "image/jpeg").send(body))
    }

    /// Sends JSON.
    pub fn patch(&self, path: &str, body: &str) -> Answer {
        answer(agent().patch(self.url(path)).header("Content-Type", "application/json").send(body))
    }

    pub fn delete(&self, path: &str) -> Answer {
        answer(agent().delete(self.url(path)).call())
    }

    /// Sends bytes as they are and gives all that comes back until the service closes the connection.
    pub fn raw(&self, request: &[u8]) -> String {
        self.raw_at(self.address, request)
    }

    /// As [`Self::raw`], by another address of this machine.
    pub fn raw_at(&self, address: SocketAddr, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request).unwrap();
        let mut bytes = Vec::new();
        // A connection that is reset has been closed too.
        let _ = stream.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The value of the metric that is written `name`, labels included.
    pub fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").text;
        let line = text.lines().find(|line| line.rsplit_once(' ').is_some_and(|(key, _)| key == name));
        let line = line.unwrap_or_else(|| panic!("no `{name}` in\n{text}"));
        line.rsplit_once(' ').unwrap().1.parse().unwrap()
    }

    pub fn head_version(&self) -> u64 {
        self.get("/health/ready").json()["head_version"].as_u64().unwrap()
    }

    pub fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    pub fn wait(&mut self) -> ExitStatus {
        let mut status = None;
        eventually("the end of the service", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Trusts any certificate: those that matter are looked at by themselves.
fn agent() -> ureq::Agent {
    let ring = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = ureq::tls::TlsConfig::builder().disable_verification(true).unversioned_rustls_crypto_provider(ring);
    let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
    config.max_redirects(0).tls_config(tls.build()).build().into()
}

fn answer(result: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Answer {
    let mut response = result.unwrap();
    let retry_after = response.headers().get("Retry-After").map(|value| value.to_str().unwrap().to_owned());
    Answer { status: response.status().as_u16(), text: response.body_mut().read_to_string().unwrap(), retry_after }
}

/// Waits until `condition` holds.
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A grey picture of so many pixels a side: few bytes that take a while to decode.
pub fn large(side: u32) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(side, side).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A picture of so many pixels a side that does not get smaller when it is compressed.
pub fn noise(side: u32) -> Vec<u8> {
    let mut state = 1_u32;
    let random = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    let pixels = (0..side * side * 3).map(random).collect();
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::from_raw(side, side, pixels).unwrap().write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A body of `multipart/form-data` with these files, and its type.
pub fn form(files: &[(&str, &[u8])]) -> (String, Vec<u8>) {
    let mut body = Vec::new();
    for (name, bytes) in files {
        let head = format!(
            "--edge\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"{name}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        body.extend(head.as_bytes());
        body.extend(*bytes);
        body.extend(b"\r\n");
    }
    body.extend(b"--edge--\r\n");
    ("multipart/form-data; boundary=edge".to_owned(), body)
}
