//! A hub on loopback: the few answers of the Hugging Face Hub that fetching needs, and the ways in which they go wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use edgetl::digest::Digest;
use serde_json::{Value, json};

/// What goes wrong; nothing by default.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// Close after so many bytes of content, so many times.
    pub cut: Option<(usize, usize)>,
    /// Send so many bytes of content, then nothing.
    pub stall: Option<usize>,
    /// So many bytes of content every 20 ms.
    pub slow: Option<usize>,
    /// So many requests are answered with 503.
    pub fail: usize,
    /// So many with 429.
    pub limit: usize,
    /// So many requests for content with 403.
    pub expired: usize,
    pub no_range: bool,
    /// A part that begins at the first byte, whatever was asked for.
    pub bad_range: bool,
    /// One byte of the content is another.
    pub corrupt: bool,
    /// The header says one byte more than there are.
    pub wrong_length: bool,
    pub no_linked: bool,
    /// Without a length, in chunks.
    pub no_size: bool,
    /// Everything is a login page.
    pub portal: bool,
    /// The list says so many bytes.
    pub listed_size: Option<u64>,
}

#[derive(Default)]
struct State {
    /// By repository and path.
    files: BTreeMap<String, BTreeMap<String, Vec<u8>>>,
    /// By path of the address.
    plain: BTreeMap<String, Vec<u8>>,
    gated: BTreeSet<String>,
    renamed: BTreeMap<String, String>,
    cards: BTreeMap<String, Value>,
    faults: Faults,
    log: Vec<Request>,
}

#[derive(Clone, Debug)]
pub struct Request {
    pub path: String,
    pub range: Option<String>,
    pub token: Option<String>,
    pub encodings: String,
}

pub struct Hub {
    pub address: String,
    state: Arc<Mutex<State>>,
}

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

impl Hub {
    pub fn new() -> Self {
        Self::behind("http", |stream, serve| serve(&mut { stream }))
    }

    /// `wrap` puts a layer, such as TLS, around each connection.
    pub fn behind(scheme: &str, wrap: Wrap) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("{scheme}://127.0.0.1:{}", listener.local_addr().unwrap().port());
        let state = Arc::new(Mutex::new(State::default()));
        let (shared, own) = (Arc::clone(&state), address.clone());
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (state, address) = (Arc::clone(&shared), own.clone());
                thread::spawn(move || {
                    // A client that goes away is no fault of the hub's.
                    wrap(stream, &mut |wire| drop(serve(wire, &state, &address)));
                });
            }
        });
        Self { address, state }
    }

    pub fn with(self, repository: &str, file: &str, content: impl Into<Vec<u8>>) -> Self {
        self.add(repository, file, content);
        self
    }

    pub fn add(&self, repository: &str, file: &str, content: impl Into<Vec<u8>>) {
        let mut state = self.state.lock().unwrap();
        state.files.entry(repository.to_owned()).or_default().insert(file.to_owned(), content.into());
    }

    pub fn plain(self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.state.lock().unwrap().plain.insert(path.to_owned(), content.into());
        self
    }

    pub fn gated(self, repository: &str) -> Self {
        self.state.lock().unwrap().gated.insert(repository.to_owned());
        self
    }

    pub fn renamed(self, from: &str, to: &str) -> Self {
        self.state.lock().unwrap().renamed.insert(from.to_owned(), to.to_owned());
        self
    }

    pub fn card(self, repository: &str, card: Value) -> Self {
        self.state.lock().unwrap().cards.insert(repository.to_owned(), card);
        self
    }

    pub fn faulty(self, faults: Faults) -> Self {
        self.set(faults);
        self
    }

    pub fn set(&self, faults: Faults) {
        self.state.lock().unwrap().faults = faults;
    }

    pub fn log(&self) -> Vec<Request> {
        self.state.lock().unwrap().log.clone()
    }
}

/// Puts a layer around a connection and serves what is in it.
type Wrap = fn(TcpStream, &mut dyn FnMut(&mut dyn Wire));

/// What can be read and written.
pub trait Wire: Read + Write {}
impl<T: Read + Write> Wire for T {}

struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    /// Whether what goes wrong with content goes wrong with it.
    content: bool,
}

impl Reply {
    fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), content: false }
    }

    fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    fn error(status: u16, code: &str) -> Self {
        Self::new(status, "{}").header("X-Error-Code", code)
    }
}

fn serve(wire: &mut dyn Wire, state: &Mutex<State>, address: &str) -> std::io::Result<()> {
    let request = read(wire)?;
    let (reply, faults) = {
        let mut state = state.lock().unwrap();
        state.log.push(request.clone());
        (answer(&mut state, &request, address), state.faults.clone())
    };
    send(wire, reply, &request, &faults, state)
}

fn read(wire: &mut dyn Wire) -> std::io::Result<Request> {
    let mut lines = BufReader::new(wire).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut request = Request { path, range: None, token: None, encodings: String::new() };
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else { break };
        let value = value.trim().to_owned();
        match name.to_ascii_lowercase().as_str() {
            "range" => request.range = Some(value),
            "authorization" => request.token = Some(value),
            "accept-encoding" => request.encodings = value,
            _ => {}
        }
    }
    Ok(request)
}

fn answer(state: &mut State, request: &Request, address: &str) -> Reply {
    if state.faults.portal {
        return Reply::new(200, "<html>please log in</html>").header("Content-Type", "text/html");
    }
    if state.faults.fail > 0 {
        state.faults.fail -= 1;
        return Reply::new(503, "later").header("Retry-After", "1");
    }
    if state.faults.limit > 0 {
        state.faults.limit -= 1;
        return Reply::new(429, "later").header("RateLimit", "\"resolvers\";r=0;t=0");
    }
    let path = request.path.split('?').next().unwrap();
    if let Some(content) = path.strip_prefix("/content/") {
        if state.faults.expired > 0 {
            state.faults.expired -= 1;
            return Reply::new(403, "expired");
        }
        let (repository, file) = split_repository(content);
        return Reply { content: true, ..Reply::new(200, state.files[repository][file].clone()) };
    }
    if let Some(named) = path.strip_prefix("/api/models/") {
        let (repository, revision) = split_repository(named);
        return opened(state, repository, request, path).unwrap_or_else(|| {
            let revision = revision.strip_prefix("revision/").unwrap_or("main");
            if is_revision(revision) { info(state, repository) } else { Reply::error(404, "RevisionNotFound") }
        });
    }
    if let Some(content) = state.plain.get(path) {
        return Reply { content: true, ..Reply::new(200, content.clone()).header("ETag", "\"one\"") };
    }
    let (repository, rest) = split_repository(&path[1..]);
    match rest.strip_prefix("resolve/").and_then(|rest| rest.split_once('/')) {
        Some((revision, file)) => opened(state, repository, request, path)
            .unwrap_or_else(|| resolve(state, repository, revision, file, address)),
        None => Reply::new(404, "nothing"),
    }
}

/// `OWNER/REPOSITORY` and what follows.
fn split_repository(path: &str) -> (&str, &str) {
    let end = path.match_indices('/').nth(1).map_or(path.len(), |(at, _)| at);
    (&path[..end], path[end..].trim_start_matches('/'))
}

fn is_revision(revision: &str) -> bool {
    ["main", "refs%2Fpr%2F1", COMMIT].contains(&revision)
}

/// What keeps a repository closed.
fn opened(state: &State, repository: &str, request: &Request, path: &str) -> Option<Reply> {
    if let Some(new) = state.renamed.get(repository) {
        return Some(Reply::new(307, "").header("Location", path.replace(repository, new)));
    }
    if !state.files.contains_key(repository) {
        return Some(Reply::error(401, "RepoNotFound"));
    }
    let closed = state.gated.contains(repository) && request.token.as_deref() != Some("Bearer good");
    closed.then(|| Reply::error(401, "GatedRepo"))
}

fn is_large(file: &str, content: &[u8]) -> bool {
    file.ends_with(".onnx") || (content.len() > 1024 && !file.ends_with(".json"))
}

fn info(state: &State, repository: &str) -> Reply {
    let sibling = |(file, content): (&String, &Vec<u8>)| {
        let size = state.faults.listed_size.unwrap_or(content.len() as u64);
        let mut sibling = json!({ "rfilename": file, "size": size });
        if is_large(file, content) {
            sibling["lfs"] = json!({ "sha256": Digest::of(content).to_string(), "size": size, "pointerSize": 133 });
        }
        sibling
    };
    let siblings: Vec<Value> = state.files[repository].iter().map(sibling).collect();
    let card = state.cards.get(repository).cloned().unwrap_or(json!({}));
    let body = json!({ "id": repository, "sha": COMMIT, "gated": false, "siblings": siblings, "cardData": card });
    Reply::new(200, body.to_string()).header("Content-Type", "application/json")
}

fn resolve(state: &State, repository: &str, revision: &str, file: &str, address: &str) -> Reply {
    if !is_revision(revision) {
        return Reply::error(404, "RevisionNotFound");
    }
    let Some(content) = state.files[repository].get(file) else { return Reply::error(404, "EntryNotFound") };
    if !is_large(file, content) {
        return Reply::new(200, content.clone()).header("X-Repo-Commit", COMMIT).header("ETag", "\"x\"");
    }
    let mut reply = Reply::new(302, "").header("X-Repo-Commit", COMMIT);
    if !state.faults.no_linked {
        let length = content.len() + usize::from(state.faults.wrong_length);
        reply = reply.header("X-Linked-Etag", format!("\"{}\"", Digest::of(content)));
        reply = reply.header("X-Linked-Size", length.to_string());
    }
    reply.header("Location", format!("{}/content/{repository}/{file}?sig=1", address.replace("127.0.0.1", "localhost")))
}

fn send(
    wire: &mut dyn Wire,
    mut reply: Reply,
    request: &Request,
    faults: &Faults,
    state: &Mutex<State>,
) -> std::io::Result<()> {
    let whole = reply.body.len();
    if reply.content && reply.status == 200 {
        if faults.corrupt {
            reply.body[whole / 2] ^= 1;
        }
        reply = ranged(reply, request, faults);
    }
    let chunked = reply.content && faults.no_size;
    let mut head = format!("HTTP/1.1 {} X\r\nConnection: close\r\n", reply.status);
    reply.headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    if chunked {
        head.push_str("Transfer-Encoding: chunked\r\n");
    } else {
        head.push_str(&format!("Content-Length: {}\r\n", reply.body.len()));
    }
    wire.write_all(format!("{head}\r\n").as_bytes())?;
    if !reply.content {
        return wire.write_all(&reply.body).and_then(|()| wire.flush());
    }
    if chunked {
        wire.write_all(format!("{:x}\r\n", reply.body.len()).as_bytes())?;
        wire.write_all(&reply.body)?;
        return wire.write_all(b"\r\n0\r\n\r\n").and_then(|()| wire.flush());
    }
    send_content(wire, &reply.body, faults, state)
}

fn ranged(mut reply: Reply, request: &Request, faults: &Faults) -> Reply {
    let from = request.range.as_ref().and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let Some(from) = from.filter(|_: &usize| !faults.no_range) else { return reply };
    let whole = reply.body.len();
    if from >= whole {
        return Reply::new(416, "").header("Content-Range", format!("bytes */{whole}"));
    }
    let from = if faults.bad_range { 0 } else { from };
    reply.body.drain(..from);
    reply.status = 206;
    reply.header("Content-Range", format!("bytes {from}-{}/{whole}", whole - 1))
}

fn send_content(wire: &mut dyn Wire, body: &[u8], faults: &Faults, state: &Mutex<State>) -> std::io::Result<()> {
    let cut = {
        let mut state = state.lock().unwrap();
        let left = state.faults.cut.as_mut().filter(|(_, times)| *times > 0);
        left.map(|(bytes, times)| {
            *times -= 1;
            *bytes
        })
    };
    if let Some(bytes) = cut.or(faults.stall) {
        wire.write_all(&body[..bytes.min(body.len())])?;
        wire.flush()?;
        if cut.is_none() && bytes < body.len() {
            thread::sleep(Duration::from_secs(30));
        }
        return Ok(());
    }
    for piece in body.chunks(faults.slow.unwrap_or(body.len().max(1))) {
        wire.write_all(piece)?;
        wire.flush()?;
        if faults.slow.is_some() {
            thread::sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}
