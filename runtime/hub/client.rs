//! One request at a time: no redirect is followed unseen, the token goes to the hub alone, and what goes wrong has a name.

use std::error::Error as _;
use std::io::{self, Read};
use std::time::Duration;

use ureq::http::Response;
use ureq::{Agent, Body};

use super::error::TransportError;
use super::{HubError, Settings};
use crate::tls::Roots;

const CONNECT: Duration = Duration::from_secs(10);
/// A renamed repository leads to its new name, a file to where its content is.
const REDIRECTS: usize = 5;

pub struct Client {
    agent: Agent,
    endpoint: String,
    token: Option<String>,
    patience: Duration,
}

/// A server's answer, its body not read yet.
pub struct Answer {
    /// Whose answer it is.
    pub address: String,
    response: Response<Body>,
    patience: Duration,
}

impl Client {
    pub fn new(settings: &Settings) -> Self {
        let config = Agent::config_builder()
            .tls_config(Roots::System.of_requests())
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_recv_response(Some(settings.patience))
            .timeout_per_read(Some(settings.patience))
            .user_agent(concat!("edgetl/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            agent: config.into(),
            endpoint: settings.endpoint.clone(),
            token: settings.token.clone(),
            patience: settings.patience,
        }
    }

    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whether `address` is the hub's own.
    pub fn is_of_hub(&self, address: &str) -> bool {
        address.strip_prefix(self.endpoint.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// What `address` answers, from byte `from` on where the server can; a redirect is an answer.
    pub fn get(&self, address: &str, from: u64) -> Result<Answer, HubError> {
        // A content delivery network passes over the range of a request that also allows compression.
        let mut request = self.agent.get(address).header("Accept-Encoding", "identity");
        if from > 0 {
            request = request.header("Range", format!("bytes={from}-"));
        }
        if let Some(token) = self.token.as_ref().filter(|_| self.is_of_hub(address)) {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let response = request.call().map_err(|error| self.named(address, error))?;
        let answer = Answer { address: address.to_owned(), response, patience: self.patience };
        answer.busy().map_or(Ok(answer), Err)
    }

    /// [`get`](Self::get), going along wherever the hub says that something has another name, but not to where content lies.
    pub fn get_renamed(&self, address: &str) -> Result<Answer, HubError> {
        self.follow(address, 0, |location| location.starts_with('/'))
    }

    /// [`get`](Self::get), going along everywhere.
    pub fn get_content(&self, address: &str, from: u64) -> Result<Answer, HubError> {
        self.follow(address, from, |_| true)
    }

    fn follow(&self, address: &str, from: u64, goes: impl Fn(&str) -> bool) -> Result<Answer, HubError> {
        let mut next = address.to_owned();
        for _ in 0..=REDIRECTS {
            let answer = self.get(&next, from)?;
            let Some(location) = answer.location().filter(|location| goes(location)) else { return Ok(answer) };
            next = resolved(&next, location);
        }
        Err(HubError::Redirects { address: address.to_owned() })
    }

    /// What the library's error is to a user.
    fn named(&self, address: &str, error: ureq::Error) -> HubError {
        let host = host(address).to_owned();
        let text = error.to_string();
        match error {
            ureq::Error::Timeout(ureq::Timeout::Connect | ureq::Timeout::Resolve)
            | ureq::Error::HostNotFound
            | ureq::Error::ConnectionFailed => HubError::Unreachable { host, source: error.into() },
            ureq::Error::Timeout(_) => HubError::Silent { host, patience: self.patience },
            ureq::Error::ConnectProxyFailed(_) | ureq::Error::InvalidProxyUrl => {
                HubError::Proxy { host, source: error.into() }
            }
            _ if text.contains("certificate") => HubError::Certificate { host, source: error.into() },
            ureq::Error::Io(error) if is_refusal(&error) => HubError::Unreachable { host, source: error.into() },
            other => HubError::BrokenOff { host, source: Some(other.into()) },
        }
    }
}

fn is_refusal(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable};
    matches!(error.kind(), ConnectionRefused | HostUnreachable | NetworkUnreachable)
}

/// `location` as seen from `address`.
pub fn resolved(address: &str, location: &str) -> String {
    match location.strip_prefix('/') {
        Some(path) => {
            let start = address.find("://").map_or(0, |at| at + 3);
            let end = address[start..].find('/').map_or(address.len(), |at| start + at);
            format!("{}/{path}", &address[..end])
        }
        None => location.to_owned(),
    }
}

/// The host of `address`, with its port.
pub fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host)
}

impl Answer {
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    pub fn location(&self) -> Option<&str> {
        self.header("location").filter(|_| (300..400).contains(&self.status()))
    }

    /// The length of the body, where the server says it.
    pub fn length(&self) -> Option<u64> {
        self.header("content-length")?.trim().parse().ok()
    }

    /// First byte and whole length of a part that was asked for, as in `bytes 100-199/200`.
    pub fn range(&self) -> Option<(u64, Option<u64>)> {
        let range = self.header("content-range")?.trim().strip_prefix("bytes ")?;
        let (part, whole) = range.split_once('/')?;
        Some((part.split('-').next()?.parse().ok()?, whole.parse().ok()))
    }

    pub fn is_page(&self) -> bool {
        self.header("content-type").is_some_and(|kind| kind.trim_start().starts_with("text/html"))
    }

    /// At most `limit` bytes of the body, and one more where there are more.
    pub fn bytes(self, limit: u64) -> Result<Vec<u8>, HubError> {
        let (host, patience) = (host(&self.address).to_owned(), self.patience);
        let mut bytes = Vec::new();
        let read = self.reader().take(limit.saturating_add(1)).read_to_end(&mut bytes);
        read.map(|_| bytes).map_err(|error| broken(&host, patience, error))
    }

    pub fn reader(self) -> impl Read {
        self.response.into_body().into_reader()
    }

    pub fn patience(&self) -> Duration {
        self.patience
    }

    fn busy(&self) -> Option<HubError> {
        let status = self.status();
        let is_busy = matches!(status, 408 | 429 | 500..=599);
        is_busy.then(|| HubError::Busy { host: host(&self.address).to_owned(), status, wait: self.wait() })
    }

    /// `RateLimit: "resolvers";r=0;t=55` means the seconds `t`; else `Retry-After`.
    fn wait(&self) -> Option<Duration> {
        let seconds = |text: &str| text.trim().parse().ok();
        let limit = self.header("ratelimit").and_then(|text| {
            text.split([';', ',']).find_map(|part| part.trim().strip_prefix("t=")).and_then(seconds).map(|t: u64| t + 1)
        });
        limit.or_else(|| self.header("retry-after").and_then(seconds)).map(Duration::from_secs)
    }
}

/// What an error in the middle of a body is.
pub fn broken(host: &str, patience: Duration, error: io::Error) -> HubError {
    let host = host.to_owned();
    let timed_out = |error: &ureq::Error| matches!(error, ureq::Error::Timeout(_));
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    if error.kind() == io::ErrorKind::TimedOut || inner.is_some_and(timed_out) {
        return HubError::Silent { host, patience };
    }
    let source: TransportError = if error.source().is_some() { Box::new(error) } else { error.to_string().into() };
    HubError::BrokenOff { host, source: Some(source) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_resolved_as_a_browser_does() {
        let from = "https://hub.example:8443/api/models/o/r?blobs=true";
        assert_eq!(resolved(from, "/api/models/o/new"), "https://hub.example:8443/api/models/o/new");
        assert_eq!(resolved(from, "https://cdn.example/x"), "https://cdn.example/x");
        assert_eq!(resolved("http://h", "/x"), "http://h/x");
    }

    #[test]
    fn a_host_is_named_without_passwords() {
        assert_eq!(host("https://user:secret@example.org:1/x@y"), "example.org:1");
        assert_eq!(host("http://example.org?x"), "example.org");
    }
}
