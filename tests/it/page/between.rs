//! A proxy before the service: at a prefix of the path, or one that answers some paths itself, as another program would.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

type Answers = Arc<Mutex<Own>>;

#[derive(Default)]
struct Own {
    texts: HashMap<&'static str, String>,
    /// How paths end whose answers nobody hears.
    unheard: Option<&'static str>,
}

pub struct Between {
    address: SocketAddr,
    answers: Answers,
}

impl Between {
    pub fn before(behind: SocketAddr) -> Self {
        Self::with_prefix(behind, "")
    }

    /// What comes for paths below `prefix` is passed on without it.
    pub fn with_prefix(behind: SocketAddr, prefix: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, answers) = (listener.local_addr().unwrap(), Answers::default());
        let known = answers.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let known = known.clone();
                std::thread::spawn(move || pass_on(client, behind, prefix, &known));
            }
        });
        Self { address, answers }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// From now on `path` is answered with `text`.
    pub fn answer(&self, path: &'static str, text: String) {
        self.answers.lock().unwrap().texts.insert(path, text);
    }

    /// From now on the service does what is asked of paths with this end, and nobody hears of it.
    pub fn swallow(&self, end: &'static str) {
        self.answers.lock().unwrap().unheard = Some(end);
    }

    /// From now on the service itself answers.
    pub fn stand_aside(&self) {
        *self.answers.lock().unwrap() = Own::default();
    }
}

/// One request; the connection ends with it.
fn pass_on(mut client: TcpStream, behind: SocketAddr, prefix: &str, answers: &Answers) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?;
    let path = head.split(' ').nth(1)?;
    let own = answers.lock().unwrap().texts.get(path).cloned();
    let is_unheard = answers.lock().unwrap().unheard.is_some_and(|end| path.ends_with(end));
    if let Some(text) = own {
        let kind = match path.rsplit_once('.') {
            Some((_, "js")) => "text/javascript",
            _ if path == "/" => "text/html; charset=utf-8",
            _ => "application/json",
        };
        let length = text.len();
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        return client.write_all(format!("{head}{text}").as_bytes()).ok();
    }
    let mut server = TcpStream::connect(behind).ok()?;
    let (first, rest) = head.split_once("\r\n")?;
    let first = first.replacen(&format!(" {prefix}/"), " /", 1);
    let rest = rest.replace("Connection: keep-alive\r\n", "");
    server.write_all(format!("{first}\r\nConnection: close\r\n{rest}").as_bytes()).ok()?;
    let (mut from, mut to) = (client.try_clone().ok()?, server.try_clone().ok()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
    });
    let _ = match is_unheard {
        true => std::io::copy(&mut server, &mut std::io::sink()),
        false => std::io::copy(&mut server, &mut client),
    };
    let _ = client.shutdown(Shutdown::Both);
    server.shutdown(Shutdown::Both).ok()
}
