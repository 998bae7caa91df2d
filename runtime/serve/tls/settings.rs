//! What is set, and what can be wrong with it.

use std::io;
use std::path::PathBuf;

use tokio_rustls::rustls;

/// Where the certificate comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Tls {
    /// Made at the first start, and anew before it ends and when this machine has another name.
    SelfSigned,
    /// Files in PEM, read again when they change.
    Files { certificate: PathBuf, key: PathBuf },
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    #[error("cannot read `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("expected a certificate (PEM) in `{0}`, got none")]
    NoCertificate(PathBuf),
    #[error("expected a private key (PEM) in `{0}`, got none")]
    NoKey(PathBuf),
    #[error("expected a private key that can be read as it is in `{0}`, got one behind a password")]
    Encrypted(PathBuf),
    #[error("expected the key of the certificate in `{certificate}`, got another one in `{key}`")]
    OtherKey { certificate: PathBuf, key: PathBuf },
    #[error("cannot use the certificate in `{certificate}` with the key in `{key}`")]
    Unusable { certificate: PathBuf, key: PathBuf, source: rustls::Error },
    #[error("cannot make a certificate")]
    Make(#[from] rcgen::Error),
    #[error("cannot keep the certificate in `{path}`")]
    Keep { path: PathBuf, source: io::Error },
    #[error("TLS does not start")]
    Start(#[source] rustls::Error),
}
