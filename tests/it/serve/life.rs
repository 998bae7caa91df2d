//! Starting, stopping, slow clients, and what a service manager is told.

use std::io::Read;
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use super::service::{Service, eventually, large};
use crate::common::Device;

/// What systemd waits before it kills.
const GRACE: Duration = Duration::from_secs(5);

#[test]
fn whatever_was_asked_before_the_end_is_answered() {
    let device = Device::taught();
    let mut service = Service::start(&device, &[]);
    // Long enough in the making that the queue is seen while it is not empty.
    let picture = large(4000);
    let end = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..10).map(|_| scope.spawn(|| service.predict(&picture))).collect();
        eventually("pictures in the queue", || service.metric("edgetl_queue_depth") > 0.0);
        service.signal("TERM");
        let end = Instant::now();
        // A client that came too late to be let in was refused, and has panicked: it asked after the end.
        let answers: Vec<_> = asking.into_iter().filter_map(|client| client.join().ok()).collect();
        assert!(!answers.is_empty());
        assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
        end
    });
    assert_eq!(service.wait().code(), Some(0));
    assert!(end.elapsed() < GRACE, "{:?}", end.elapsed());
    assert!(TcpStream::connect(service.address).is_err());
}

#[test]
fn a_client_that_stays_silent_does_not_hold_up_the_end() {
    let device = Device::taught();
    let mut service = Service::start(&device, &[]);
    let _idle = TcpStream::connect(service.address).unwrap();
    let mut half = TcpStream::connect(service.address).unwrap();
    let head = b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf";
    std::io::Write::write_all(&mut half, head).unwrap();
    eventually("the connections", || service.metric("edgetl_connections") >= 2.0);
    let end = Instant::now();
    service.signal("INT");
    assert_eq!(service.wait().code(), Some(0));
    assert!(end.elapsed() < GRACE, "{:?}", end.elapsed());
}

#[test]
fn a_client_that_is_too_slow_is_let_go() {
    let device = Device::taught();
    let service = Service::start(&device, &["--client-timeout", "1"]);
    let body = service.raw(b"POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhalf");
    assert!(body.starts_with("HTTP/1.1 408 "), "{body}");
    for head in ["", "GET /health/live HTTP/1.1\r\nHos"] {
        let said = service.raw(head.as_bytes());
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408 "), "{said}");
    }
    let kept_alive = service.raw(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(kept_alive.starts_with("HTTP/1.1 200 "), "{kept_alive}");
    assert_eq!(service.get("/health/live").status, 200);
}

#[test]
fn a_service_manager_is_told_of_readiness_life_changes_and_the_end() {
    let device = Device::taught();
    let path = device.path("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let next = || {
        let mut message = [0; 4096];
        let length = manager.recv(&mut message).unwrap();
        String::from_utf8_lossy(&message[..length]).into_owned()
    };
    let variables = [("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "4000000")];
    let mut service = Service::start_with(&device, &[], &variables);
    let ready = next();
    assert!(ready.starts_with("READY=1\nSTATUS=") && ready.contains(&service.address.to_string()), "{ready}");
    assert!(ready.contains("head 000001 on gap, tract"), "{ready}");
    assert!(ready.contains("\nWATCHDOG_USEC=4000000\n"), "{ready}");
    assert_eq!([next(), next()], ["WATCHDOG=1\n", "WATCHDOG=1\n"]);
    device.json(&["fit-head"]);
    while !next().contains("STATUS=http") {}
    // The same process starts anew, in which nobody pings.
    device.json(&["backup", "backup.tar"]);
    let backup = std::fs::read(device.path("backup.tar")).unwrap();
    assert_eq!(service.post("/v1/restore", "application/x-tar", &backup).status, 200);
    assert_eq!(service.post("/v1/restore/begin", "application/json", b"").status, 202);
    let mut said = String::new();
    while !said.starts_with("RELOADING=1\n") {
        said = next();
    }
    assert!(said.contains("\nWATCHDOG_USEC=600000000\n"), "{said}");
    while !said.starts_with("READY=1\n") {
        said = next();
    }
    assert!(said.contains("\nWATCHDOG_USEC=4000000\n"), "{said}");
    service.signal("TERM");
    while !next().starts_with("STOPPING=1\n") {}
    assert_eq!(service.wait().code(), Some(0));
}

#[test]
fn in_the_journal_every_line_has_its_priority() {
    let device = Device::new();
    let log = std::fs::File::create(device.path("log")).unwrap();
    let metadata = log.metadata().unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_edgetl"));
    // The port is taken.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    command.env_clear().current_dir(device.path(".")).args(["serve", "--address", &address]);
    let stream = format!("{}:{}", metadata.dev(), metadata.ino());
    let status = command.env("JOURNAL_STREAM", stream).stderr(log).status().unwrap();
    assert_eq!(status.code(), Some(1));
    let mut text = String::new();
    std::fs::File::open(device.path("log")).unwrap().read_to_string(&mut text).unwrap();
    assert!(text.starts_with("<3>error: ") && text.contains("\n<3>hint: "), "{text}");
    assert!(text.lines().all(|line| line.starts_with('<')), "{text}");
}
