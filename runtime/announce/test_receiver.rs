//! Somebody at an address, for tests.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

/// A request: headers in small letters, and the body.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

pub(super) struct HttpReceiver {
    pub address: SocketAddr,
    taken: Arc<Mutex<Vec<Request>>>,
    status: Arc<AtomicU16>,
}

impl HttpReceiver {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (taken, status) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicU16::new(204)));
        let (taking, answering) = (taken.clone(), status.clone());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (mut client, status) = (client.unwrap(), answering.load(Ordering::SeqCst));
                // Status 0: the connection is closed.
                let Some(request) = (status > 0).then(|| read(&mut client)) else { continue };
                if status < 300 {
                    taking.lock().unwrap().push(request);
                }
                let _ = write!(client, "HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        Self { address, taken, status }
    }

    pub fn taken(&self) -> Vec<Request> {
        self.taken.lock().unwrap().clone()
    }

    pub fn answer_with(&self, status: u16) {
        self.status.store(status, Ordering::SeqCst);
    }
}

fn read(client: &mut TcpStream) -> Request {
    let mut reader = BufReader::new(std::io::Read::by_ref(client).take(1 << 20));
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.trim().split_once(": ") {
            headers.push((name.to_lowercase(), value.to_owned()));
        }
    }
    let length =
        headers.iter().find(|(name, _)| name == "content-length").map_or(0, |(_, value)| value.parse().unwrap());
    let mut body = vec![0; length];
    let _ = reader.read_exact(&mut body);
    Request { headers, body: String::from_utf8(body).unwrap() }
}
