//! What goes wrong between here and a network that is elsewhere.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::digest::Digest;

/// The error of the connection, as its library worded it.
pub type TransportError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    #[error("expected a name of the catalogue, got `{name}`")]
    NotInCatalogue { name: String },
    #[error("`{host}` cannot be reached")]
    Unreachable { host: String, source: TransportError },
    #[error("the proxy lets nothing through to `{host}`")]
    Proxy { host: String, source: TransportError },
    #[error("the certificate of `{host}` is not trusted")]
    Certificate { host: String, source: TransportError },
    #[error("`{host}` said nothing for {} s", patience.as_secs())]
    Silent { host: String, patience: Duration },
    #[error("the connection to `{host}` broke off")]
    BrokenOff { host: String, source: Option<TransportError> },
    #[error("there is no repository `{repository}` on the hub, or it is private{}", if *token { " and the token does not open it" } else { "" })]
    NoRepository { repository: String, token: bool },
    #[error("repository `{repository}` asks for an agreement or a token{}", if *token { "; the one given does not open it" } else { "" })]
    Restricted { repository: String, token: bool },
    #[error("repository `{repository}` has no revision `{revision}`")]
    NoRevision { repository: String, revision: String },
    #[error("there is nothing at `{address}` (status 404)")]
    NothingThere { address: String },
    #[error("repository `{repository}` has no file `{file}`; its networks: {}", list(networks))]
    NoFile { repository: String, file: String, networks: Vec<String> },
    #[error("repository `{repository}` has no ONNX network")]
    NoNetwork { repository: String },
    #[error("repository `{repository}` has several networks: {}", list(networks))]
    SeveralNetworks { repository: String, networks: Vec<String> },
    #[error("`{host}` is busy (status {status}){}", asked(*wait))]
    Busy { host: String, status: u16, wait: Option<Duration> },
    #[error("`{address}` answered with status {status}")]
    Status { address: String, status: u16 },
    #[error("the link to the content of `{address}` has expired (status 403)")]
    Expired { address: String },
    #[error("expected an answer of the hub from `{address}`, got something else, as from the login page of a network")]
    NotTheHub { address: String },
    #[error("expected an ONNX network from `{address}`, got a web page")]
    Page { address: String },
    #[error("expected an ONNX network from `{address}`, got a Git LFS pointer, which stands for one")]
    Pointer { address: String },
    #[error("`{address}` leads on and on")]
    Redirects { address: String },
    #[error("expected {expected} bytes from `{address}`, got {got}")]
    Length { address: String, expected: u64, got: u64 },
    #[error("expected the SHA-256 {expected} of `{address}`, got {got}: nothing was kept")]
    WrongDigest { address: String, expected: Digest, got: Digest },
    #[error("the catalogue has the SHA-256 {catalogue} for `{file}`, the hub {hub}: it is another file by now")]
    CatalogueDiffers { file: String, catalogue: Digest, hub: Digest },
    #[error("`{address}` is not encrypted, so anybody on the way may have changed it")]
    NotEncrypted { address: String },
    #[error("expected {} MB of free space for `{folder}`, got {}", megabytes(*needed), megabytes(*free))]
    Room { folder: PathBuf, needed: u64, free: u64 },
    #[error("cannot write `{path}`")]
    Write { path: PathBuf, source: io::Error },
    #[error("another edgetl is fetching into `{folder}`")]
    Locked { folder: PathBuf },
    #[error("HF_HUB_OFFLINE is set, and the cache `{cache}` does not have `{wanted}`")]
    Offline { wanted: String, cache: PathBuf },
    #[error("stopped; what has come so far is kept")]
    Stopped,
}

impl HubError {
    /// Whether the same again may well succeed; how long the server asks to wait first.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::Silent { .. } | Self::BrokenOff { .. } | Self::Busy { .. } | Self::Expired { .. })
    }

    /// Whether it is the way to the network that fails, and not what is there.
    pub fn is_of_connection(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Proxy { .. }
                | Self::Certificate { .. }
                | Self::Silent { .. }
                | Self::BrokenOff { .. }
                | Self::Busy { .. }
                | Self::Expired { .. }
                | Self::NotTheHub { .. }
                | Self::Page { .. }
                | Self::Redirects { .. }
                | Self::Offline { .. }
        )
    }
}

/// The first few of a long list.
fn list(names: &[String]) -> String {
    const SHOWN: usize = 12;
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    match (names.len(), names.len().saturating_sub(SHOWN)) {
        (0, _) => "none".to_owned(),
        (_, 0) => shown.join(", "),
        (_, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

fn asked(wait: Option<Duration>) -> String {
    wait.map_or_else(String::new, |wait| format!(" and asks to wait {} s", wait.as_secs()))
}

fn megabytes(bytes: u64) -> u64 {
    bytes.div_ceil(1_000_000)
}
