//! TLS on the socket that the service listens on: which certificate it shows, and what a client speaks.
//!
//! rustls with ring, HTTP/1.1, no resumption: each connection sees the certificate that holds, at the price of one signature.

mod files;
mod own;
mod settings;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::net::TcpStream;
pub(super) use tokio_rustls::TlsAcceptor as Acceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};

pub use own::in_two_lines;
pub use settings::{Tls, TlsError};

use super::hosts::Host;
use crate::digest::Digest;
use crate::store::StateDir;
use files::Files;
use own::SelfSigned;

/// The first byte of a record of TLS in which a client begins.
const HANDSHAKE: u8 = 22;

/// The certificate that the service shows, and where the next one comes from.
#[derive(Debug)]
pub(super) struct Certificates {
    source: Mutex<Source>,
    shown: Mutex<Shown>,
}

#[derive(Debug)]
enum Source {
    SelfSigned(SelfSigned),
    Files(Files),
}

/// A certificate with its key and the digest by which people recognise it.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    key: Arc<CertifiedKey>,
    pub fingerprint: Digest,
}

/// What a client speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Speaks {
    Tls,
    /// HTTP as it is, on a port for TLS.
    Plain,
    /// It went before it said anything.
    Nothing,
}

impl Certificates {
    /// The certificate of `tls`; a self-signed one is made where there is none for `hosts`, this machine's names and the address `bound`
    /// in `state`.
    ///
    /// # Errors
    /// When it cannot be read, made or kept, or its key is another's.
    pub fn open(tls: &Tls, state: &StateDir, hosts: &[Host], bound: IpAddr) -> Result<Arc<Self>, TlsError> {
        let (source, shown) = match tls {
            Tls::SelfSigned => {
                let (source, shown) = SelfSigned::open(state, hosts, bound)?;
                (Source::SelfSigned(source), shown)
            }
            Tls::Files { certificate, key } => {
                let (source, shown) = Files::open(certificate, key)?;
                (Source::Files(source), shown)
            }
        };
        Ok(Arc::new(Self { source: Mutex::new(source), shown: Mutex::new(shown) }))
    }

    /// SHA-256 of the certificate.
    pub fn fingerprint(&self) -> Digest {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).fingerprint
    }

    /// Looks whether there is a newer certificate; connections from now on see it, those that are open go on. Gives whether there was.
    pub fn renew(&self) -> bool {
        let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
        let newer = match &mut *source {
            Source::SelfSigned(own) => own.newer(),
            Source::Files(files) => files.newer(),
        };
        let Some(newer) = newer else { return false };
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let is_another = shown.fingerprint != newer.fingerprint;
        *shown = newer;
        is_another
    }

    pub fn acceptor(self: &Arc<Self>) -> Result<Acceptor, TlsError> {
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().map_err(TlsError::Start)?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(self.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Acceptor::from(Arc::new(config)))
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.shown.lock().unwrap_or_else(PoisonError::into_inner).key.clone())
    }
}

impl Shown {
    fn of(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Self, rustls::Error> {
        let key = CertifiedKey::from_der(chain, key, &ring::default_provider())?;
        let fingerprint = Digest::of(key.end_entity_cert()?);
        Ok(Self { key: Arc::new(key), fingerprint })
    }
}

/// Waits for the first byte of a client, which stays to be read.
pub(super) async fn first_word(stream: &TcpStream) -> Speaks {
    let mut first = [0];
    match stream.peek(&mut first).await {
        Ok(1..) if first[0] == HANDSHAKE || !first[0].is_ascii_uppercase() => Speaks::Tls,
        Ok(1..) => Speaks::Plain,
        Ok(0) | Err(_) => Speaks::Nothing,
    }
}

/// What `doctor` says of the certificate.
pub struct Certificate {
    pub fingerprint: Digest,
    /// Of a self-signed one; seconds since 1970-01-01 UTC.
    pub ends: Option<i64>,
    /// Of a self-signed one.
    pub names: Vec<String>,
}

impl Certificate {
    /// The one that a service with these settings shows; `None` where it makes one when it starts first.
    ///
    /// # Errors
    /// As when the service starts.
    pub fn look(tls: &Tls, state: &StateDir) -> Result<Option<Self>, TlsError> {
        match tls {
            Tls::SelfSigned => SelfSigned::look(state),
            Tls::Files { certificate, key } => {
                let (_, shown) = Files::open(certificate, key)?;
                Ok(Some(Self { fingerprint: shown.fingerprint, ends: None, names: Vec::new() }))
            }
        }
    }
}
