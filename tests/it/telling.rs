//! Events told to a real broker, to an address, a program and a file, by the real program.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rumqttc::{Client, Event, Incoming, MqttOptions, PublishOptions, QoS};
use serde_json::{Value, json};

use crate::common::Device;
use crate::serve::service::{Service, eventually};
use crate::watching::jpeg;

/// mosquitto on a free port, with the password `secret` for `edgetl`; killed when dropped.
struct Broker {
    child: Child,
    port: u16,
    settings: PathBuf,
}

/// A free port that the system gives to no connection that goes out, so that a broker which is killed finds it again.
fn lasting_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap();
    let first_given: u16 = range.split_whitespace().next().unwrap().parse().unwrap();
    let (first, count) = (10_000, first_given - 10_000);
    // Processes that test beside this one begin elsewhere.
    let begin = (std::process::id() * 64 % u32::from(count)) as u16;
    loop {
        let port = first + (begin + TAKEN.fetch_add(1, Ordering::Relaxed)) % count;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Broker {
    fn start(device: &Device, tls: Option<(PathBuf, PathBuf)>) -> Self {
        let port = lasting_port();
        let passwords = device.path("passwords");
        let made =
            Command::new("mosquitto_passwd").args(["-c", "-b"]).arg(&passwords).args(["edgetl", "secret"]).output();
        assert!(made.unwrap().status.success());
        // It gives up root, and then reads the file.
        Command::new("chmod").args(["-R", "a+rX"]).arg(device.path(".")).status().unwrap();
        let settings = device.path("mosquitto.conf");
        let mut text =
            format!("listener {port} 127.0.0.1\nallow_anonymous false\npassword_file {}\n", passwords.display());
        text += "persistence false\nuser root\n";
        if let Some((certificate, key)) = tls {
            text += &format!("certfile {}\nkeyfile {}\n", certificate.display(), key.display());
        }
        std::fs::write(&settings, text).unwrap();
        let broker = Self { child: spawn(&settings), port, settings };
        broker.wait();
        broker
    }

    fn wait(&self) {
        let address: SocketAddr = format!("127.0.0.1:{}", self.port).parse().unwrap();
        eventually("mosquitto", || std::net::TcpStream::connect(address).is_ok());
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn start_again(&mut self) {
        self.child = spawn(&self.settings);
        self.wait();
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(settings: &std::path::Path) -> Child {
    Command::new("mosquitto").arg("-c").arg(settings).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Somebody else at the broker.
struct Listener {
    client: Client,
    messages: Receiver<(String, Vec<u8>)>,
}

impl Listener {
    fn new(port: u16) -> Self {
        let mut options = MqttOptions::new("listener", ("127.0.0.1", port));
        options.set_credentials("edgetl", "secret").set_max_packet_size(1 << 24, 1 << 24);
        let (client, mut connection) = Client::builder(options).capacity(10).build();
        client.subscribe("#", QoS::AtLeastOnce).unwrap();
        let (sender, messages) = channel();
        let (subscribing, subscribed) = channel();
        std::thread::spawn(move || {
            for event in connection.iter() {
                match event {
                    Ok(Event::Incoming(Incoming::SubAck(_))) => drop(subscribing.send(())),
                    Ok(Event::Incoming(Incoming::Publish(message))) => {
                        let topic = String::from_utf8(message.topic.to_vec()).unwrap();
                        if sender.send((topic, message.payload.to_vec())).is_err() {
                            return;
                        }
                    }
                    Ok(_) => {}
                    Err(_) => return,
                }
            }
        });
        subscribed.recv_timeout(Duration::from_secs(60)).unwrap();
        Self { client, messages }
    }

    /// The next message at `topic` for which `is_it` holds, which must come.
    #[track_caller]
    fn next(&self, topic: &str, is_it: impl Fn(&[u8]) -> bool) -> Vec<u8> {
        let start = Instant::now();
        let mut seen = Vec::new();
        while start.elapsed() < Duration::from_secs(240) {
            let Ok((at, payload)) = self.messages.recv_timeout(Duration::from_secs(1)) else { continue };
            if at == topic && is_it(&payload) {
                return payload;
            }
            seen.push(at);
        }
        panic!("no such message at {topic}, but at {seen:?}");
    }

    #[track_caller]
    fn json_where(&self, topic: impl Fn(&str) -> bool, is_it: impl Fn(&Value) -> bool) -> Value {
        let start = Instant::now();
        while start.elapsed() < Duration::from_secs(240) {
            let Ok((at, payload)) = self.messages.recv_timeout(Duration::from_secs(1)) else { continue };
            let value = serde_json::from_slice(&payload).unwrap_or_default();
            if topic(&at) && is_it(&value) {
                return value;
            }
        }
        panic!("no such message");
    }

    #[track_caller]
    fn json(&self, topic: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let read = |payload: &[u8]| serde_json::from_slice::<Value>(payload).unwrap_or_default();
        read(&self.next(topic, |payload| is_it(&read(payload))))
    }

    fn say(&self, topic: &str, payload: &str) {
        self.client.publish(topic, payload, PublishOptions::at_least_once()).unwrap();
    }
}

fn settings(device: &Device, text: &str) {
    let camera =
        "[camera.door]\nsource = \"push\"\nthreshold = 0.5\nfps = 50\non = \"star\"\ndevice_class = \"door\"\n";
    std::fs::write(device.path("edgetl.toml"), format!("{camera}{text}")).unwrap();
}

fn broker_settings(broker: &Broker) -> String {
    format!("[mqtt]\nbroker = \"mqtt://127.0.0.1:{}\"\nuser = \"edgetl\"\nname = \"pi\"\n", broker.port)
}

const PASSWORD: [(&str, &str); 1] = [("EDGETL_MQTT_PASSWORD", "secret")];

/// Shows the door pictures of `label` until the service has decided so.
fn show(service: &Service, device: &Device, label: &str) {
    let mut number = 0;
    eventually(label, || {
        number += 1;
        service.put("/v1/cameras/door/frame", &jpeg(device, label, number % 8));
        service.get("/v1/cameras").json()[0]["label"] == label
    });
}

#[test]
#[cfg_attr(not(has_mosquitto), ignore = "needs mosquitto")]
fn a_broker_hears_of_every_change_and_home_assistant_finds_the_camera() {
    let device = Device::well_taught();
    let mut broker = Broker::start(&device, None);
    settings(&device, &broker_settings(&broker));
    let listener = Listener::new(broker.port);
    let service = Service::start_with(&device, &[], &PASSWORD);
    let config = listener.json_where(|topic| topic.ends_with("-door/config"), |_| true);
    assert_eq!(config["cmps"]["state"]["ops"].as_array().unwrap().len(), 6);
    assert_eq!(config["cmps"]["on"]["dev_cla"], "door");
    listener.next("edgetl/pi/available", |payload| payload == b"online");

    show(&service, &device, "star");
    let event = listener.json("edgetl/pi/door/event", |event| event["event"] == "started");
    assert_eq!((&event["label"], &event["device"], &event["camera"]), (&json!("star"), &json!("pi"), &json!("door")));
    assert!(event["id"].as_str().unwrap().len() > 16 && event.get("frame").is_none());
    show(&service, &device, "ring");
    let state = listener.json("edgetl/pi/door/state", |state| state["state"] == "ring");
    assert_eq!((&state["on"], &state["label"]), (&json!(false), &json!("ring")));
    let picture = listener.next("edgetl/pi/door/picture", |_| true);
    assert!(picture.starts_with(&[0xFF, 0xD8, 0xFF]));

    // One that comes back has forgotten everything.
    drop(listener);
    broker.kill();
    show(&service, &device, "star");
    broker.start_again();
    let listener = Listener::new(broker.port);
    listener.json_where(|topic| topic.ends_with("-door/config"), |_| true);
    listener.json("edgetl/pi/door/state", |state| state["state"] == "star" && state["on"] == true);
    let waiting = format!("edgetl_told_waiting{{receiver=\"the broker 127.0.0.1:{}\"}} 0", broker.port);
    eventually("what happened meanwhile is told", || service.get("/metrics").text.contains(&waiting));
    let metrics = service.get("/metrics").text;
    assert!(
        metrics.contains(&format!("edgetl_told_lost_total{{receiver=\"the broker 127.0.0.1:{}\"}} 0", broker.port))
    );
    let told = format!("edgetl_told_total{{receiver=\"the broker 127.0.0.1:{}\"}}", broker.port);
    assert!(metrics.contains(&told), "{metrics}");
    for line in [
        "edgetl_camera_state{camera=\"door\",state=\"live\"} 1",
        "edgetl_camera_gate_total{camera=\"door\",reason=\"always\"}",
        "edgetl_camera_answers_total{camera=\"door\",class=\"star\"}",
        "edgetl_camera_stage_seconds_total{camera=\"door\",stage=\"answer\"}",
        "edgetl_camera_events_total{camera=\"door\",event=\"started\"} 1",
    ] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }

    // The last will, and a word at a proper end.
    service.signal("KILL");
    listener.next("edgetl/pi/available", |payload| payload == b"offline");
    let mut service = Service::start_with(&device, &[], &PASSWORD);
    listener.next("edgetl/pi/available", |payload| payload == b"online");
    service.signal("TERM");
    listener.next("edgetl/pi/door/available", |payload| payload == b"offline");
    listener.next("edgetl/pi/available", |payload| payload == b"offline");
    assert!(service.wait().success());
}

#[test]
#[cfg_attr(not(has_mosquitto), ignore = "needs mosquitto")]
fn a_camera_that_is_gone_is_taken_back_and_heads_are_rolled_back_from_home_assistant() {
    let device = Device::well_taught();
    device.json(&["fit-head", "--head", "average"]);
    let broker = Broker::start(&device, None);
    settings(&device, &format!("[camera.shed]\nsource = \"push\"\n{}", broker_settings(&broker)));
    let listener = Listener::new(broker.port);
    let service = Service::start_with(&device, &[], &PASSWORD);
    let config = listener.json_where(|topic| topic.ends_with("-shed/config"), |_| true);
    let shed = format!("homeassistant/device/{}/config", config["dev"]["ids"][0].as_str().unwrap());
    listener.json("edgetl/pi/door/status", |status| status["head_version"] == 2);
    listener.say("edgetl/pi/door/roll_back", "PRESS");
    listener.json("edgetl/pi/door/status", |status| status["head_version"] == 1);
    drop(service);
    settings(&device, &broker_settings(&broker));
    let service = Service::start_with(&device, &[], &PASSWORD);
    listener.next(&shed, |payload| payload.is_empty());
    drop(service);
    std::fs::write(device.path("edgetl.toml"), broker_settings(&broker)).unwrap();
    let _service = Service::start_with(&device, &[], &PASSWORD);
    listener.next(&shed.replace("-shed/", "-door/"), |payload| payload.is_empty());
}

#[test]
fn a_service_without_a_camera_tells_of_fits() {
    let device = Device::well_taught();
    std::fs::write(device.path("edgetl.toml"), "[log]\nfile = \"events.jsonl\"\n").unwrap();
    let service = Service::start(&device, &[]);
    service.post("/v1/fit", "text/plain", b"");
    let told = || std::fs::read_to_string(device.path("events.jsonl")).unwrap_or_default();
    eventually("what came of it", || told().contains("\"outcome\":"));
}

#[test]
#[cfg_attr(not(has_mosquitto), ignore = "needs mosquitto")]
fn a_camera_that_is_switched_off_says_so_and_its_visit_is_over() {
    let device = Device::well_taught();
    let broker = Broker::start(&device, None);
    let visit = "[camera.door]\nsource = \"push\"\nthreshold = 0.5\nfps = 50\nmode = \"visit\"\ngone_after = 3600\non = \"star\"\n";
    std::fs::write(device.path("edgetl.toml"), format!("{visit}{}", broker_settings(&broker))).unwrap();
    let listener = Listener::new(broker.port);
    let service = Service::start_with(&device, &[], &PASSWORD);
    show(&service, &device, "star");
    listener.json("edgetl/pi/door/state", |state| state["state"] == "star" && state["on"] == true);
    assert_eq!(service.patch("/v1/cameras/door", r#"{"on": false}"#).status, 200);
    let (mut ended, mut state, mut status) = (false, Value::Null, Value::Null);
    let mut is_available = true;
    eventually("the end of the visit", || {
        while let Ok((topic, payload)) = listener.messages.try_recv() {
            let value = serde_json::from_slice::<Value>(&payload).unwrap_or_default();
            match topic.strip_prefix("edgetl/pi/door/") {
                Some("event") => ended |= value["event"] == "ended" && value["label"] == "star",
                Some("state") => state = value,
                Some("status") => status = value,
                Some("available") => is_available = payload != b"offline",
                _ => {}
            }
        }
        ended && state["state"] == "None" && status["camera"] == "off" && !is_available
    });
    assert_eq!((&state["label"], &state["on"]), (&Value::Null, &json!(false)));
}

#[test]
#[cfg_attr(not(has_mosquitto), ignore = "needs mosquitto")]
fn what_is_before_a_camera_is_taught_from_home_assistant_and_a_head_is_fitted_on_it() {
    let device = Device::well_taught();
    let broker = Broker::start(&device, None);
    settings(&device, &broker_settings(&broker));
    let listener = Listener::new(broker.port);
    let service = Service::start_with(&device, &[], &PASSWORD);
    show(&service, &device, "star");
    let samples = |label: &str| device.json(&["samples", "list", "--label", label]).len();
    let before = samples("star");
    for camera in ["cellar", "door"] {
        listener.say(&format!("edgetl/pi/{camera}/this_is/set"), "star");
    }
    eventually("one sample more", || samples("star") == before + 1);
    listener.say("edgetl/pi/door/teach", "PRESS");
    let event = listener.json("edgetl/pi/event", |event| event["event"] == "fitted");
    assert_eq!((&event["device"], event.get("camera")), (&json!("pi"), None));
    assert!(["published", "kept"].contains(&event["outcome"].as_str().unwrap()), "{event}");
    let expected = if event["outcome"] == "published" { 2 } else { 1 };
    eventually("the head that is live", || service.head_version() == expected);
    let metrics = service.get("/metrics").text;
    assert!(metrics.contains("edgetl_camera_drift_looks{camera=\"door\"}"), "{metrics}");
}

#[test]
#[cfg_attr(not(has_mosquitto), ignore = "needs mosquitto")]
fn a_broker_over_tls_is_trusted_by_a_file_of_ones_own_and_not_without() {
    let device = Device::well_taught();
    let (certificate, key) = (device.path("cert.pem"), device.path("key.pem"));
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]);
    openssl.args([
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-addext",
        "basicConstraints=CA:FALSE",
    ]);
    let made = openssl.arg("-keyout").arg(&key).arg("-out").arg(&certificate).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let broker = Broker::start(&device, Some((certificate.clone(), key)));
    let over_tls = |more: &str| {
        let broker =
            format!("[mqtt]\nbroker = \"mqtts://localhost:{}\"\nuser = \"edgetl\"\nname = \"pi\"\n", broker.port);
        settings(&device, &format!("{broker}{more}"));
    };
    let told = |service: &Service| {
        let metrics = service.get("/metrics").text;
        let lines = metrics.lines().filter(|line| line.starts_with("edgetl_told")).map(str::to_owned);
        lines.collect::<Vec<_>>().join("\n")
    };
    over_tls("");
    let service = Service::start_with(&device, &[], &PASSWORD);
    show(&service, &device, "star");
    eventually("a failure", || {
        told(&service).lines().any(|line| line.starts_with("edgetl_told_failures_total") && !line.ends_with(" 0"))
    });
    assert!(told(&service).lines().any(|line| line.starts_with("edgetl_told_total") && line.ends_with(" 0")));
    drop(service);
    over_tls(&format!("ca_file = \"{}\"\n", certificate.display()));
    let service = Service::start_with(&device, &[], &PASSWORD);
    show(&service, &device, "star");
    eventually("an event", || {
        told(&service).lines().any(|line| line.starts_with("edgetl_told_total") && !line.ends_with(" 0"))
    });
}

/// Takes requests, and keeps their heads and bodies.
fn receiver() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hearing = heard.clone();
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let (mut text, mut piece) = (String::new(), [0; 4096]);
            let length = |text: &str| {
                let (head, body) = text.split_once("\r\n\r\n")?;
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "))?;
                Some(body.len() >= length.parse::<usize>().ok()?)
            };
            while length(&text) != Some(true) {
                match client.read(&mut piece) {
                    Ok(length @ 1..) => text.push_str(&String::from_utf8_lossy(&piece[..length])),
                    _ => break,
                }
            }
            hearing.lock().unwrap().push(text);
            let _ = client.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
        }
    });
    (address, heard)
}

#[test]
fn an_address_a_program_and_a_file_hear_the_same_events_with_the_same_ids() {
    let device = Device::well_taught();
    let (address, heard) = receiver();
    std::fs::write(device.path("key"), "whsec_c2VjcmV0\n").unwrap();
    let text = format!(
        "[webhook.house]\nurl = \"http://{address}/hook\"\nsecret_file = \"key\"\n[program.append]\ncommand = \"/bin/sh -c 'cat >>program.jsonl'\"\n\
         [log]\nfile = \"events.jsonl\"\n"
    );
    settings(&device, &text);
    let service = Service::start_with(&device, &[], &[("PATH", "/usr/bin:/bin")]);
    show(&service, &device, "star");
    show(&service, &device, "ring");
    let ids = |file: &str| {
        let text = std::fs::read_to_string(device.path(file)).unwrap_or_default();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].to_string());
        lines.collect::<Vec<_>>()
    };
    eventually("three events in the file", || ids("events.jsonl").len() >= 3);
    let expected = ids("events.jsonl").len();
    eventually("as many by the program", || ids("program.jsonl").len() >= expected);
    assert_eq!(ids("program.jsonl")[..expected], ids("events.jsonl")[..expected]);
    eventually("as many at the address", || heard.lock().unwrap().len() >= expected);
    for (request, id) in heard.lock().unwrap().iter().zip(ids("events.jsonl")) {
        assert!(request.contains(id.trim_matches('"')) && request.contains("webhook-signature: v1,"), "{request}");
    }
}

#[test]
fn a_second_program_of_a_state_tells_its_own_reader_alone_until_the_first_one_ends() {
    let device = Device::well_taught();
    settings(&device, "[log]\nfile = \"events.jsonl\"\n");
    let service = Service::start(&device, &[]);
    let second = Command::new(env!("CARGO_BIN_EXE_edgetl"))
        .args(["serve", "--provider", "tract", "--address", "127.0.0.1:0"])
        .env_clear()
        .env("EDGETL_STATE", device.state())
        .current_dir(device.path("."))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut second = Ended(second);
    let mut errors = second.0.stderr.take().unwrap();
    let said = Arc::new(Mutex::new(String::new()));
    let saying = said.clone();
    std::thread::spawn(move || {
        let mut piece = [0; 1024];
        while let Ok(length @ 1..) = errors.read(&mut piece) {
            saying.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..length]));
        }
    });
    eventually("a word", || said.lock().unwrap().contains("tells of events already"));
    drop(service);
    eventually("the first one's place", || said.lock().unwrap().contains("this one tells of events now"));
}

/// A program that ends with the test.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn what_cannot_be_told_to_anybody_is_named_before_anything_starts() {
    let device = Device::well_taught();
    std::fs::write(device.path("mistyped-key"), "whsec_s3cret").unwrap();
    for (text, said) in [
        ("[log]\nfile = \"missing/events.jsonl\"\n", "cannot write the log `missing/events.jsonl`"),
        ("[webhook.house]\nurl = \"https://a\"\nsecret_file = \"no-key\"\n", "cannot read the key in `no-key`"),
        (
            "[webhook.house]\nurl = \"https://a\"\nsecret_file = \"mistyped-key\"\n",
            "cannot use the key in `mistyped-key`",
        ),
        (
            "[webhook.house]\nurl = \"https://a\"\nca_file = \"edgetl.toml\"\n",
            "expected certificates (PEM) in `edgetl.toml`, got none",
        ),
        ("[mqtt]\nbroker = \"mqtt://u:s3cret@a\"\n", "user and password have lines of their own"),
    ] {
        settings(&device, text);
        let output = device.edgetl(&["serve", "--address", "127.0.0.1:0"]).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains(said) && !error.contains("s3cret"), "{text}: {error}");
    }
}
