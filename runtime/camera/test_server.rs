//! A camera over HTTP for tests, in the many forms in which they come.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    Snapshot,
    Stream(Multipart),
}

/// How a stream is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Multipart {
    /// As it is announced.
    announced: &'static str,
    /// As it is written.
    line: &'static str,
    content_type: &'static str,
    part_type: &'static str,
    length: bool,
    end: &'static str,
    /// Between a picture and the next line.
    tail: &'static str,
    preamble: &'static str,
    chunked: bool,
}

impl Form {
    /// As cameras and relays write them.
    pub fn streams() -> Vec<Self> {
        let plain = Multipart {
            announced: "frame",
            line: "--frame",
            content_type: "multipart/x-mixed-replace",
            part_type: "Content-Type: image/jpeg",
            length: true,
            end: "\r\n",
            tail: "\r\n",
            preamble: "",
            chunked: false,
        };
        let forms = [
            plain,
            Multipart { length: false, ..plain },
            Multipart { end: "\n", tail: "\n", length: false, ..plain },
            Multipart { announced: "--frame", ..plain },
            Multipart { announced: "\"frame\"", tail: "", ..plain },
            Multipart { announced: "other", preamble: "hello from a camera\r\n", ..plain },
            Multipart { part_type: "content-type: application/octet-stream\r\nX-Timestamp: 1.5", ..plain },
            Multipart { chunked: true, length: false, ..plain },
            // JPEG files and nothing else.
            Multipart {
                content_type: "video/x-motion-jpeg",
                line: "",
                part_type: "",
                end: "",
                tail: "",
                length: false,
                ..plain
            },
        ];
        forms.map(Self::Stream).to_vec()
    }
}

/// What the camera sees, and whether it is there.
struct Scene {
    /// The number of the frame, and the frame.
    frame: Mutex<(u64, Vec<u8>)>,
    changed: Condvar,
    is_there: AtomicBool,
}

pub(super) struct Server {
    address: SocketAddr,
    scene: Arc<Scene>,
    /// `USER:PASSWORD` in base64 that it wants.
    login: Arc<Mutex<Option<&'static str>>>,
}

impl Server {
    pub fn start(form: Form) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let scene = Scene { frame: Mutex::default(), changed: Condvar::new(), is_there: AtomicBool::new(true) };
        let (scene, login) = (Arc::new(scene), Arc::<Mutex<Option<&'static str>>>::default());
        let (for_all, wants) = (scene.clone(), login.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (scene, wants) = (for_all.clone(), *wants.lock().unwrap());
                std::thread::spawn(move || answer(stream, form, &scene, wants));
            }
        });
        Self { address, scene, login }
    }

    pub fn address(&self) -> String {
        format!("http://{}/camera", self.address)
    }

    pub fn wants(&self, login: &'static str) {
        *self.login.lock().unwrap() = Some(login);
    }

    /// From now on, also after it was stopped.
    pub fn show(&self, frame: &[u8]) {
        self.scene.is_there.store(true, Ordering::SeqCst);
        let mut now = self.scene.frame.lock().unwrap();
        *now = (now.0 + 1, frame.to_vec());
        self.scene.changed.notify_all();
    }

    /// Breaks every connection off, and answers no other.
    pub fn stop(&self) {
        self.scene.is_there.store(false, Ordering::SeqCst);
        *self.scene.frame.lock().unwrap() = (0, Vec::new());
        self.scene.changed.notify_all();
    }
}

/// One request, one answer; whatever goes wrong ends it.
fn answer(mut stream: TcpStream, form: Form, scene: &Scene, login: Option<&str>) {
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(length @ 1..) => request.extend_from_slice(&piece[..length]),
            _ => return,
        }
    }
    let request = String::from_utf8_lossy(&request).to_ascii_lowercase();
    let is_let_in = |login: &str| request.contains(&format!("basic {}", login.to_ascii_lowercase()));
    if !login.is_none_or(is_let_in) {
        let refusal = "HTTP/1.1 401 No\r\nWWW-Authenticate: Digest realm=\"x\"\r\nWWW-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let _ = stream.write_all(refusal.as_bytes());
        return;
    }
    let _ = match form {
        Form::Snapshot => snapshot(&mut stream, scene),
        Form::Stream(multipart) => play(&mut stream, &multipart, scene),
    };
}

/// Waits for a frame that comes after number `last`; `None` when the camera goes.
fn next(scene: &Scene, last: u64) -> Option<(u64, Vec<u8>)> {
    let mut now = scene.frame.lock().unwrap();
    while now.0 <= last && scene.is_there.load(Ordering::SeqCst) {
        now = scene.changed.wait_timeout(now, Duration::from_secs(1)).unwrap().0;
    }
    scene.is_there.load(Ordering::SeqCst).then(|| now.clone())
}

fn snapshot(stream: &mut TcpStream, scene: &Scene) -> std::io::Result<()> {
    let Some((_, frame)) = next(scene, 0) else { return Ok(()) };
    let header = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        frame.len()
    );
    stream.write_all(&[header.as_bytes(), &frame].concat())
}

fn play(stream: &mut TcpStream, form: &Multipart, scene: &Scene) -> std::io::Result<()> {
    let Multipart { announced, content_type, chunked, .. } = form;
    let encoding = if *chunked { "Transfer-Encoding: chunked\r\n" } else { "Connection: close\r\n" };
    write!(stream, "HTTP/1.1 200 OK\r\nContent-Type: {content_type};boundary={announced}\r\n{encoding}\r\n")?;
    let mut last = 0;
    let mut preamble = form.preamble;
    while let Some((number, frame)) = next(scene, last) {
        last = number;
        let part = part(form, std::mem::take(&mut preamble), &frame);
        if *chunked {
            // In two, neither of which is a picture.
            let (one, other) = part.split_at(part.len() / 2);
            for piece in [one, other] {
                write!(stream, "{:x}\r\n", piece.len())?;
                stream.write_all(&[piece, b"\r\n"].concat())?;
            }
        } else {
            stream.write_all(&part)?;
        }
    }
    Ok(())
}

fn part(form: &Multipart, preamble: &str, frame: &[u8]) -> Vec<u8> {
    let Multipart { line, part_type, length, end, tail, .. } = form;
    let length = if *length { format!("Content-Length: {}{end}", frame.len()) } else { String::new() };
    let header = format!("{preamble}{line}{end}{part_type}{end}{length}{end}");
    [header.as_bytes(), frame, tail.as_bytes()].concat()
}
