//! Reads answers that go on, as browsers do.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use super::service::Service;

/// A GET whose answer goes on.
pub struct Ongoing {
    reader: BufReader<TcpStream>,
    pub status: u16,
    /// What came of the chunk in hand.
    held: Vec<u8>,
}

impl Ongoing {
    pub fn get(service: &Service, path: &str) -> Self {
        let mut stream = TcpStream::connect(service.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
        let mut reader = BufReader::new(stream);
        let head = Self::head(&mut reader);
        let status = head.split(' ').nth(1).unwrap_or_else(|| panic!("{head}")).parse().unwrap();
        Self { reader, status, held: Vec::new() }
    }

    /// A GET whose answer nobody reads.
    pub fn stalled(service: &Service, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(service.address).unwrap();
        stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes()).unwrap();
        stream
    }

    fn head(reader: &mut impl BufRead) -> String {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "the head breaks off: {head}");
        }
        head
    }

    /// More of the body; false at its end.
    fn more(&mut self) -> bool {
        let mut length = String::new();
        if self.reader.read_line(&mut length).unwrap_or(0) == 0 {
            return false;
        }
        let length = usize::from_str_radix(length.trim(), 16).unwrap();
        let mut chunk = vec![0; length + 2];
        self.reader.read_exact(&mut chunk).unwrap();
        self.held.extend(&chunk[..length]);
        length > 0
    }

    /// The next bytes up to and with `end`; `None` at the end of the body.
    fn until(&mut self, end: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(at) = self.held.windows(end.len()).position(|window| window == end) {
                return Some(self.held.drain(..at + end.len()).collect());
            }
            if !self.more() {
                return None;
            }
        }
    }

    /// The next picture of a stream.
    pub fn picture(&mut self) -> Option<Vec<u8>> {
        let head = String::from_utf8(self.until(b"\r\n\r\n")?).unwrap();
        assert!(head.starts_with("--edgetl\r\nContent-Type: image/jpeg\r\nContent-Length: "), "{head}");
        let length: usize = head.trim().rsplit(' ').next().unwrap().parse().unwrap();
        while self.held.len() < length + 2 {
            if !self.more() {
                return None;
            }
        }
        let picture = self.held.drain(..length).collect();
        assert_eq!(self.held.drain(..2).collect::<Vec<_>>(), b"\r\n");
        Some(picture)
    }

    /// The next event; comments are passed over.
    pub fn event(&mut self) -> Option<Value> {
        loop {
            let block = String::from_utf8(self.until(b"\n\n")?).unwrap();
            if let Some(data) = block.strip_prefix("data: ") {
                return Some(serde_json::from_str(data).unwrap());
            }
            assert!(block.starts_with(':'), "{block}");
        }
    }

    /// Waits for the end of the body.
    pub fn end(mut self) {
        while self.more() {}
    }
}
