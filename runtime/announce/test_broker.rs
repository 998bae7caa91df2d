//! As much of an MQTT broker as tests need: it hears, acknowledges unless it is frozen, and says what it is told to.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Heard {
    pub topic: String,
    pub payload: Vec<u8>,
    pub retain: bool,
}

#[derive(Default)]
struct State {
    heard: Mutex<Vec<Heard>>,
    clients: Mutex<Vec<TcpStream>>,
    is_frozen: AtomicBool,
    is_gone: AtomicBool,
    connections: Mutex<usize>,
    /// Longer packets end a connection.
    longest: AtomicUsize,
}

pub(super) struct Broker {
    pub address: SocketAddr,
    state: Arc<State>,
}

impl Broker {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { longest: usize::MAX.into(), ..State::default() });
        let shared = state.clone();
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, state) = (client.unwrap(), shared.clone());
                // Closed at once, as where nobody listens.
                if !state.is_gone.load(Ordering::SeqCst) {
                    std::thread::spawn(move || drop(serve(client, &state)));
                }
            }
        });
        Self { address, state }
    }

    pub fn heard(&self) -> Vec<Heard> {
        self.state.heard.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        *self.state.connections.lock().unwrap()
    }

    pub fn freeze(&self, is_frozen: bool) {
        self.state.is_frozen.store(is_frozen, Ordering::SeqCst);
    }

    pub fn refuse_longer_than(&self, bytes: usize) {
        self.state.longest.store(bytes, Ordering::SeqCst);
    }

    /// Without a word to anybody.
    pub fn go_away(&self) {
        self.state.is_gone.store(true, Ordering::SeqCst);
        for client in self.state.clients.lock().unwrap().drain(..) {
            let _ = client.shutdown(std::net::Shutdown::Both);
        }
    }

    pub fn come_back(&self) {
        self.state.is_gone.store(false, Ordering::SeqCst);
    }

    /// To everybody, whatever they subscribed to.
    pub fn say(&self, topic: &str, payload: &[u8], retain: bool) {
        let mut body = text(topic);
        body.extend_from_slice(payload);
        let mut packet = vec![0x30 | u8::from(retain)];
        packet.extend(length(body.len()));
        packet.extend(body);
        for mut client in self.state.clients.lock().unwrap().iter() {
            client.write_all(&packet).unwrap();
        }
    }
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = (text.len() as u16).to_be_bytes().to_vec();
    bytes.extend_from_slice(text.as_bytes());
    bytes
}

fn length(mut length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let more = length >= 128;
        bytes.push((length % 128) as u8 | if more { 128 } else { 0 });
        length /= 128;
        if !more {
            return bytes;
        }
    }
}

fn packet(client: &mut TcpStream) -> io::Result<(u8, Vec<u8>)> {
    let mut byte = [0];
    client.read_exact(&mut byte)?;
    let kind = byte[0];
    let (mut length, mut shift) = (0, 0);
    loop {
        client.read_exact(&mut byte)?;
        length |= usize::from(byte[0] & 127) << shift;
        shift += 7;
        if byte[0] & 128 == 0 {
            break;
        }
    }
    let mut body = vec![0; length];
    client.read_exact(&mut body)?;
    Ok((kind, body))
}

fn serve(mut client: TcpStream, state: &State) -> io::Result<()> {
    loop {
        let (kind, body) = packet(&mut client)?;
        if body.len() > state.longest.load(Ordering::SeqCst) {
            return client.shutdown(std::net::Shutdown::Both);
        }
        while state.is_frozen.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
        match kind >> 4 {
            1 => {
                client.write_all(&[0x20, 2, 0, 0])?;
                *state.connections.lock().unwrap() += 1;
                state.clients.lock().unwrap().push(client.try_clone()?);
            }
            3 => {
                let end = 2 + usize::from(u16::from_be_bytes([body[0], body[1]]));
                let topic = String::from_utf8(body[2..end].to_vec()).unwrap();
                let payload = body[end + 2..].to_vec();
                state.heard.lock().unwrap().push(Heard { topic, payload, retain: kind & 1 == 1 });
                client.write_all(&[0x40, 2, body[end], body[end + 1]])?;
            }
            8 => client.write_all(&[0x90, 3, body[0], body[1], 1])?,
            10 => client.write_all(&[0xB0, 2, body[0], body[1]])?,
            12 => client.write_all(&[0xD0, 0])?,
            _ => return Ok(()),
        }
    }
}
