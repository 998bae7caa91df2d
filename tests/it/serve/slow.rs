//! Clients that send slowly, or not at all: none of them keeps the others from being answered.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::service::{Service, noise};
use crate::common::Device;

/// In which `/health/live` is answered, whatever the load.
const HEALTH: Duration = Duration::from_secs(2);
/// In which a picture is answered while others stall.
const PICTURE: Duration = Duration::from_secs(5);

/// Checks for `time` that the service answers as if there were nobody else.
fn answers(service: &Service, picture: &[u8], time: Duration) {
    let start = Instant::now();
    loop {
        let asked = Instant::now();
        assert_eq!(service.get("/health/live").status, 200);
        assert!(asked.elapsed() < HEALTH, "health took {:?}", asked.elapsed());
        let asked = Instant::now();
        let answer = service.predict(picture);
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(asked.elapsed() < PICTURE, "a picture took {:?}", asked.elapsed());
        if start.elapsed() >= time {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Connections on each of which `bytes` were sent and nothing more.
fn stalled(service: &Service, count: usize, bytes: &[u8]) -> Vec<TcpStream> {
    let open = |_| {
        let mut stream = TcpStream::connect(service.address).unwrap();
        // The service may close it while it still sends.
        let _ = stream.write_all(bytes);
        stream
    };
    (0..count).map(open).collect()
}

/// A request for a prediction whose body is announced with `length` bytes, of which `sent` come.
fn part_of_body(length: usize, sent: usize) -> Vec<u8> {
    let head = format!("POST /v1/predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
    [head.into_bytes(), vec![b'x'; sent]].concat()
}

/// All that the service says on `stream` until it closes it.
fn rest(mut stream: TcpStream) -> String {
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let mut bytes = Vec::new();
    if let Err(error) = stream.read_to_end(&mut bytes) {
        assert_ne!(error.kind(), std::io::ErrorKind::WouldBlock, "the connection stays open");
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn picture(device: &Device) -> Vec<u8> {
    std::fs::read(device.path("photos/star/000.png")).unwrap()
}

#[test]
fn half_sent_heads_keep_nobody_waiting_and_are_closed_within_seconds() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    let picture = picture(&device);
    for count in [150, 400] {
        let half = stalled(&service, count, b"GET /health/live HTTP/1.1\r\nHost: loc");
        let silent = stalled(&service, 10, b"");
        answers(&service, &picture, Duration::from_secs(2));
        let start = Instant::now();
        assert!(half.into_iter().chain(silent).all(|stream| rest(stream).is_empty()));
        assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    }
}

#[test]
fn more_clients_than_there_are_descriptors_for_push_out_those_that_send_nothing() {
    let device = Device::taught();
    let picture = picture(&device);
    // 24 are fewer than connections and the program's own files together take.
    for descriptors in [96, 24] {
        let service = Service::start_within(&device, descriptors);
        let _half = stalled(&service, 150, b"GET /health/live HTTP/1.1\r\n");
        answers(&service, &picture, Duration::ZERO);
        let _idle = stalled(&service, 150, b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n");
        answers(&service, &picture, Duration::from_millis(500));
        assert_eq!(service.metric("edgetl_head_stale"), 0.0, "heads can still be read");
    }
}

#[test]
fn stalled_bodies_give_their_memory_to_those_who_send() {
    let device = Device::taught();
    let service = Service::start(&device, &["--max-body-megabytes", "2"]);
    let picture = picture(&device);
    let length = 2 << 20;
    let stalled = stalled(&service, 8, &part_of_body(length, length - 1));
    answers(&service, &picture, Duration::from_secs(3));
    let start = Instant::now();
    for said in stalled.into_iter().map(rest) {
        assert!(said.starts_with("HTTP/1.1 408 ") || said.starts_with("HTTP/1.1 503 "), "{said}");
    }
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[test]
fn bodies_that_drip_are_not_waited_for() {
    let device = Device::taught();
    let service = Service::start(&device, &["--max-body-megabytes", "1"]);
    let picture = picture(&device);
    let length = 1 << 20;
    let mut dripping = stalled(&service, 40, &part_of_body(length, length / 2));
    for _ in 0..8 {
        answers(&service, &picture, Duration::from_secs(1));
        // Closed ones take nothing more.
        dripping.iter_mut().for_each(|stream| drop(stream.write_all(b"x")));
    }
    for said in dripping.into_iter().map(rest) {
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408 ") || said.starts_with("HTTP/1.1 503 "), "{said}");
    }
}

#[test]
fn more_small_bodies_than_places_keep_nobody_out() {
    let device = Device::taught();
    let service = Service::start_within(&device, 96);
    // Of 48 connections 36 may have a picture.
    let _stalled = stalled(&service, 60, &part_of_body(100, 1));
    answers(&service, &picture(&device), Duration::from_secs(1));
}

#[test]
fn a_slow_client_that_goes_on_is_answered_even_while_others_hold_the_memory() {
    let device = Device::taught();
    let service = Service::start(&device, &["--max-body-megabytes", "3"]);
    let (picture, length) = (noise(840), 3 << 20);
    assert!(picture.len() > 2_000_000, "{}", picture.len());
    let _stalled = stalled(&service, 4, &part_of_body(length, length - 1));
    let mut stream = TcpStream::connect(service.address).unwrap();
    let head = part_of_body(picture.len(), 0);
    stream.write_all(&head).unwrap();
    // 200 KB a second.
    for piece in picture.chunks(20_000) {
        stream.write_all(piece).unwrap();
        std::thread::sleep(Duration::from_millis(100));
    }
    let mut status = [0; 12];
    stream.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 200");
}

#[test]
fn idle_connections_keep_nobody_out_and_are_closed_in_the_end() {
    let device = Device::taught();
    let service = Service::start(&device, &["--client-timeout", "3"]);
    let request = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let idle = stalled(&service, 400, request);
    answers(&service, &picture(&device), Duration::from_secs(1));
    assert!(idle.into_iter().all(|stream| rest(stream).starts_with("HTTP/1.1 200 ")));
    let mut used = TcpStream::connect(service.address).unwrap();
    for _ in 0..5 {
        used.write_all(request).unwrap();
        let mut answer = [0; 4096];
        assert!(used.read(&mut answer).unwrap() > 0, "a connection that is used stays open");
        std::thread::sleep(Duration::from_secs(1));
    }
}

#[test]
fn a_head_has_a_greatest_length_and_number_of_lines() {
    let device = Device::taught();
    let service = Service::start(&device, &[]);
    let long = format!("GET /health/live HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    let many = format!("GET /health/live HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X: x\r\n".repeat(100));
    for head in [long, many] {
        let answer = service.raw(head.as_bytes());
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    assert_eq!(service.get("/health/live").status, 200);
}
