//! Cameras over HTTP: one picture a request, or a stream of them.
//!
//! A stream is `multipart/x-mixed-replace` as a rule, of which servers make many: other boundaries than announced, no lengths, bare
//! line feeds. None of that is looked at: the JPEG files are found by their own structure, and what stands between is skipped.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use base64::Engine as _;
use ureq::http::{Response, header};
use ureq::{Agent, Body, BodyReader};

use super::pipe::{left, next_of};
use super::{Address, Camera, CameraError, Frame, FrameError, JpegStream, Wanted};
use crate::tls::Roots;

/// In which a camera must answer, and the longest silence within an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks the camera, and tells by its answer which kind it is.
///
/// # Errors
/// When it does not answer, or not with pictures.
pub(super) fn open(address: &Address, wanted: &Wanted) -> Result<Box<dyn Camera>, CameraError> {
    let client = Client { agent: agent(), address: address.clone(), limit: wanted.max_bytes };
    let response = client.ask()?;
    if is_stream(&response) {
        let body = EndlessBody { reader: response.into_body().into_reader(), until: Instant::now() };
        return Ok(Box::new(Stream(JpegStream::new(body, wanted.max_bytes))));
    }
    let first = Some(client.picture(response)?);
    Ok(Box::new(Snapshots { client, first, due: Instant::now(), interval: wanted.interval() }))
}

fn agent() -> Agent {
    let config = Agent::config_builder()
        .tls_config(Roots::System.of_requests())
        // A camera stands in the same network.
        .proxy(None)
        .http_status_as_error(false)
        .timeout_resolve(Some(PATIENCE))
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .user_agent(concat!("edgetl/", env!("CARGO_PKG_VERSION")))
        .build();
    config.into()
}

struct Client {
    agent: Agent,
    address: Address,
    limit: usize,
}

impl Client {
    fn ask(&self) -> Result<Response<Body>, CameraError> {
        let mut request = self.agent.get(self.address.bare());
        if let Some(login) = self.address.login() {
            let login = base64::engine::general_purpose::STANDARD.encode(login);
            request = request.header(header::AUTHORIZATION, format!("Basic {login}"));
        }
        let address = self.address.to_string();
        let response = match request.call() {
            Ok(response) => response,
            Err(source) => return Err(CameraError::Unreachable { address, source: source.into() }),
        };
        match response.status().as_u16() {
            200..=299 => Ok(response),
            401 => Err(CameraError::Login { address, scheme: scheme(&response) }),
            status => Err(CameraError::Status { address, status }),
        }
    }

    fn picture(&self, response: Response<Body>) -> Result<Frame, CameraError> {
        let kind = content_type(&response);
        let mut bytes = Vec::new();
        let body = response.into_body().into_reader();
        body.take(self.limit as u64 + 1).read_to_end(&mut bytes).map_err(FrameError::Read)?;
        if bytes.len() > self.limit {
            return Err(FrameError::TooLong { limit: self.limit }.into());
        }
        let is_jpeg = bytes.starts_with(&[0xFF, 0xD8, 0xFF]);
        if !is_jpeg && !kind.starts_with("image/") {
            let got = if kind.is_empty() { format!("{} bytes", bytes.len()) } else { format!("`{kind}`") };
            return Err(CameraError::NotFrames { address: self.address.to_string(), got });
        }
        Ok(Frame::file(bytes))
    }
}

fn content_type(response: &Response<Body>) -> String {
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A picture has a length or is called one; what has neither, and is no text, goes on and on.
fn is_stream(response: &Response<Body>) -> bool {
    let kind = content_type(response);
    let has_length = response.headers().contains_key(header::CONTENT_LENGTH);
    kind.starts_with("multipart/") || kind.starts_with("video/") || (kind == "application/octet-stream" && !has_length)
}

fn scheme(response: &Response<Body>) -> String {
    let asked = response.headers().get_all(header::WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    let names: Vec<&str> = asked.filter_map(|value| value.split_whitespace().next()).collect();
    if names.is_empty() { "it does not say which way".to_owned() } else { names.join(" or ") }
}

/// One answer that does not end.
struct Stream(JpegStream<EndlessBody>);

struct EndlessBody {
    reader: BodyReader<'static>,
    until: Instant,
}

impl Read for EndlessBody {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        left(self.until)?;
        self.reader.read(buffer)
    }
}

impl Camera for Stream {
    /// A connection on which nothing comes is waited for as long as [`PATIENCE`]: the library has one limit a connection.
    fn next(&mut self, patience: Duration) -> Result<Option<Frame>, CameraError> {
        self.0.reader_mut().until = Instant::now() + patience;
        next_of(&mut self.0)
    }
}

/// One answer a picture.
struct Snapshots {
    client: Client,
    /// The one by which the camera was told to be one of these.
    first: Option<Frame>,
    due: Instant,
    interval: Duration,
}

impl Camera for Snapshots {
    fn next(&mut self, patience: Duration) -> Result<Option<Frame>, CameraError> {
        let wait = self.due.saturating_duration_since(Instant::now());
        std::thread::sleep(wait.min(patience));
        if wait > patience {
            return Ok(None);
        }
        self.due = Instant::now() + self.interval;
        let frame = match self.first.take() {
            Some(frame) => frame,
            None => self.client.picture(self.client.ask()?)?,
        };
        Ok(Some(frame))
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::super::conformance::jpeg;
    use super::super::test_server::{Form, Server};
    use super::*;

    fn opened(address: &str) -> Result<Box<dyn Camera>, CameraError> {
        open(&Address::new(address).unwrap(), &Wanted { fps: 10.0, max_bytes: 1000 })
    }

    #[test]
    fn a_password_is_sent_where_it_is_wanted_and_one_that_lacks_or_is_wrong_is_named() {
        let server = Server::start(Form::Snapshot);
        server.show(&jpeg(1));
        // user:p@ss
        server.wants("dXNlcjpwQHNz");
        let address = server.address();
        let error = opened(&address).err().unwrap().to_string();
        assert_eq!(error, format!("`{address}` wants a user and a password (Digest or Basic)"));
        let with = |login: &str| address.replace("http://", &format!("http://{login}@"));
        let error = opened(&with("user:wrong")).err().unwrap().to_string();
        assert!(!error.contains("wrong"), "{error}");
        assert!(opened(&with("user:p%40ss")).is_ok());
    }

    #[test]
    fn what_is_no_picture_or_too_long_is_named() {
        let server = Server::start(Form::Snapshot);
        server.show(&[7; 1001]);
        assert!(matches!(opened(&server.address()), Err(CameraError::Frame(FrameError::TooLong { limit: 1000 }))));
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = opened(&format!("http://user:secret@{nobody}/")).err().unwrap();
        assert_eq!(error.to_string(), format!("cannot reach `http://{nobody}/`"));
    }
}
