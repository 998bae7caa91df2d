//! `edgetl watch`, driven as its users drive it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use crate::common::Device;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// `edgetl watch --json` in the background; killed when dropped.
pub struct Watcher {
    child: Child,
    lines: Receiver<Value>,
}

impl Watcher {
    /// The folder `in` is there for it.
    pub fn start(device: &Device, arguments: &[&str]) -> Self {
        Self::with(device, arguments, Stdio::null(), &[])
    }

    fn with(device: &Device, arguments: &[&str], input: Stdio, variables: &[(&str, &str)]) -> Self {
        std::fs::create_dir_all(device.path("in")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_edgetl"));
        command.args(["watch", "--json", "--provider", "tract"]).args(arguments).env_clear();
        if !arguments.contains(&"--collect") {
            command.args(["--threshold", "0.5"]);
        }
        command.env("EDGETL_STATE", device.state()).current_dir(device.path("."));
        command.env("PATH", std::env::var_os("PATH").unwrap()).envs(variables.iter().copied());
        let mut child = command.stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if sender.send(value).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The next line, which must come.
    #[track_caller]
    pub fn next(&mut self) -> Value {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(error) => panic!("{error}: {}", self.said()),
        }
    }

    /// The next line, which `put` leads to once what is watched is open.
    #[track_caller]
    pub fn next_after(&mut self, mut put: impl FnMut(u32)) -> Value {
        for number in 0..100 {
            put(number);
            if let Ok(line) = self.lines.recv_timeout(Duration::from_millis(600)) {
                return line;
            }
        }
        panic!("nothing came: {}", self.said())
    }

    /// The next line for which `is_it` holds.
    #[track_caller]
    fn next_that(&mut self, is_it: impl Fn(&Value) -> bool) -> Value {
        self.until(is_it).pop().unwrap()
    }

    /// The lines up to the first for which `is_it` holds.
    #[track_caller]
    pub fn until(&mut self, is_it: impl Fn(&Value) -> bool) -> Vec<Value> {
        let mut lines = vec![self.next()];
        while !lines.last().is_some_and(&is_it) {
            lines.push(self.next());
        }
        lines
    }

    /// Ends it as a service manager does; gives what it said on stderr.
    pub fn end(&mut self) -> String {
        signal(self.child.id(), "TERM");
        assert!(self.child.wait().unwrap().success(), "{}", self.said());
        self.said()
    }

    /// [`end`](Self::end), with the lines that come until then.
    pub fn end_with_lines(&mut self) -> Vec<Value> {
        self.end();
        self.lines.iter().collect()
    }

    fn said(&mut self) -> String {
        let _ = self.child.kill();
        let mut said = String::new();
        let errors = self.child.stderr.take();
        errors.map(|errors| std::io::Read::read_to_string(&mut { errors }, &mut said));
        said
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn signal(process: u32, name: &str) {
    let kill = format!("kill -{name} {process}");
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
}

/// Puts a drawing into the folder `in`, as a program that is careful does.
pub fn put(device: &Device, shape: &str, number: usize) {
    let name = format!("{shape}-{number}-{}.jpg", std::process::id());
    std::fs::write(device.path(&name), jpeg(device, shape, number)).unwrap();
    std::fs::rename(device.path(&name), device.path("in").join(&name)).unwrap();
}

/// A drawing as a JPEG file.
pub fn jpeg(device: &Device, shape: &str, number: usize) -> Vec<u8> {
    let picture = image::open(device.path(&format!("photos/{shape}/{number:03}.png"))).unwrap().to_rgb8();
    let mut file = Vec::new();
    picture.write_with_encoder(image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 95)).unwrap();
    file
}

fn is_about_camera(line: &Value) -> bool {
    line["event"] == "camera"
}

#[test]
fn pictures_that_are_put_into_a_folder_come_to_events_which_the_log_gives_again() {
    let device = Device::well_taught();
    let mut watcher = Watcher::start(&device, &["folder:in", "--save", "events", "--log", "looks.jsonl"]);
    assert_eq!(watcher.next()["state"], "live");
    (0..3).for_each(|number| put(&device, "star", number));
    let started = watcher.next();
    assert_eq!((&started["event"], &started["label"]), (&"started".into(), &"star".into()));
    assert_eq!(started["evidence"].as_array().unwrap().len(), 3);
    let picture = std::fs::read(device.path(started["picture"].as_str().unwrap())).unwrap();
    assert!((0..3).any(|number| picture == jpeg(&device, "star", number)), "it is one of them, unchanged");
    (0..3).for_each(|number| put(&device, "ring", number));
    let changed = watcher.next();
    assert_eq!(
        (&changed["event"], &changed["label"], &changed["was"]),
        (&"changed".into(), &"ring".into(), &"star".into())
    );
    watcher.end();
    let again = device.json(&["watch", "--replay", "looks.jsonl"]);
    for (live, again) in [started, changed].iter().zip(&again) {
        for key in ["event", "label", "at", "score", "why", "evidence"] {
            assert_eq!(live[key], again[key], "{key}");
        }
    }
    assert_eq!(again.len(), 2);
    assert_eq!(device.edgetl(&["watch", "--replay", "looks.jsonl", "--threshold", "1"]).output().unwrap().stdout, b"");
}

#[test]
fn frames_on_standard_input_are_watched_until_there_are_no_more() {
    let device = Device::well_taught();
    let mut watcher = Watcher::with(&device, &["-", "--fps", "50"], Stdio::piped(), &[]);
    let mut input = watcher.child.stdin.take().unwrap();
    let mut number = 0;
    let started = loop {
        // Not all at once: the newest wins.
        input.write_all(&jpeg(&device, "cross", number % 8)).unwrap();
        number += 1;
        match watcher.lines.recv_timeout(Duration::from_millis(50)) {
            Ok(line) if !is_about_camera(&line) => break line,
            _ => assert!(number < 1000),
        }
    };
    assert_eq!(started["label"], "cross");
    drop(input);
    watcher.next_that(|line| line["state"] == "ended");
    assert!(watcher.child.wait().unwrap().success());
}

#[test]
fn a_program_of_the_settings_is_watched_started_again_when_it_ends_and_ended_with_all_it_started() {
    let device = Device::well_taught();
    (0..3).for_each(|number| {
        std::fs::write(device.path(&format!("{number}.jpg")), jpeg(&device, "star", number)).unwrap()
    });
    // Another process beside it, which must not be left over either.
    let script = "sleep 1000 & echo $! >> pids; echo $$ >> pids; echo starting >&2; \
                  show() { for n in 0 1 2; do sleep 0.1; cat $n.jpg; done; }; \
                  [ -e again ] || { touch again; until ls events/*.jpg >/dev/null 2>&1; do show; done; echo broken >&2; exit 7; }; \
                  while :; do show; done";
    std::fs::write(device.path("camera.sh"), script).unwrap();
    std::fs::write(device.path("edgetl.toml"), "[camera.door]\nsource = \"command:sh camera.sh\"\nfps = 20\n").unwrap();
    let mut watcher = Watcher::start(&device, &["--save", "events"]);
    let started = watcher.next_that(|line| !is_about_camera(line));
    assert_eq!((&started["camera"], &started["label"]), (&"door".into(), &"star".into()));
    let failed = watcher.next_that(|line| line["state"] == "failed");
    let because = failed["because"].as_str().unwrap();
    assert!(because.contains("`sh` ended") && because.contains('7') && because.contains("broken"), "{because}");
    watcher.next_that(|line| line["state"] == "live");
    let said = watcher.end();
    assert!(said.contains("`sh` says: starting"), "{said}");
    for process in std::fs::read_to_string(device.path("pids")).unwrap().split_whitespace() {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        assert!(stat.is_empty() || stat.contains(") Z"), "process {process} is left over: {stat}");
    }
}

#[test]
fn programs_come_from_the_settings_alone() {
    let device = Device::well_taught();
    let output = device.edgetl(&["watch", "command:touch hacked"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("programs come from the settings alone"), "{said}");
    assert!(!device.path("hacked").exists());
}

#[test]
fn an_rtsp_camera_is_asked_through_ffmpeg_and_its_password_is_told_nobody() {
    let device = Device::well_taught();
    std::fs::create_dir(device.path("bin")).unwrap();
    let script =
        "#!/bin/sh\necho \"$@\" > asked\necho 'rtsp://user:s3cr%40t@127.0.0.1/live: s3cr@t refused' >&2\nexit 1\n";
    let program = device.path("bin/ffmpeg");
    std::fs::write(&program, script).unwrap();
    assert!(Command::new("chmod").arg("755").arg(&program).status().unwrap().success());
    let path = format!("{}:/usr/bin:/bin", device.path("bin").display());
    let source = "rtsp://user:s3cr%40t@127.0.0.1/live";
    let mut watcher = Watcher::with(&device, &[source, "-v"], Stdio::null(), &[("PATH", &path)]);
    let failed = watcher.next_that(|line| line["state"] == "failed");
    assert!(failed["because"].as_str().unwrap().contains("rtsp://127.0.0.1/live: *** refused"), "{failed}");
    let said = watcher.end();
    for text in [said, failed.to_string()] {
        assert!(!text.contains("s3cr") && !text.contains("user:"), "{text}");
    }
    assert!(std::fs::read_to_string(device.path("asked")).unwrap().contains(source));
}

#[test]
fn what_is_no_camera_is_wrong_usage_and_without_one_the_way_is_named() {
    let device = Device::well_taught();
    let run = |arguments: &[&str]| {
        let output = device.edgetl(&[&["watch"], arguments].concat()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, said) = run(&["ftp://user:secret@cam"]);
    assert!(code == Some(2) && said.contains("expected a camera as http://") && !said.contains("secret"), "{said}");
    let (code, said) = run(&[]);
    assert!(code == Some(1) && said.contains("[camera.NAME]"), "{said}");
    let (code, said) = run(&["folder:a", "folder:b", "--region", "0.5,0,0.2,1"]);
    assert!(code == Some(2) && said.contains("0.2,0.1,0.8,0.9"), "{said}");
    let fresh = Device::new();
    let output = fresh.edgetl(&["watch", "folder:."]).output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("edgetl fit-head"));
}

#[test]
fn doctor_asks_each_camera_of_the_settings_for_a_frame() {
    let device = Device::well_taught();
    std::fs::write(device.path("0.jpg"), jpeg(&device, "star", 0)).unwrap();
    let settings = "[camera.door]\nsource = \"command:/bin/cat 0.jpg\"\n[camera.gate]\nsource = \"command:/no/such/program x\"\n\
                    [camera.sent]\nsource = \"push\"\n";
    std::fs::write(device.path("edgetl.toml"), settings).unwrap();
    let report = device.json(&["doctor"]).remove(0);
    let [door, gate, sent] = ["door", "gate", "sent"]
        .map(|name| report["cameras"].as_array().unwrap().iter().find(|camera| camera["camera"] == name).unwrap());
    assert!(door["width"].as_u64().unwrap() > 48 && door["reason"].is_null(), "{door}");
    assert!(gate["reason"].as_str().unwrap().contains("cannot start `/no/such/program`"), "{gate}");
    assert!(gate["remedy"].as_str().unwrap().contains("install"), "{gate}");
    assert!(sent["width"].is_null() && sent["reason"].is_null(), "{sent}");
    let text = String::from_utf8(device.edgetl(&["doctor"]).output().unwrap().stdout).unwrap();
    assert!(text.contains("gate cannot be watched") && text.contains("problem: camera gate"), "{text}");
}
