//! The one way to TLS: rustls with ring, and the certificates that the system trusts, or those of a file.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use rustls::{ClientConfig, Error as TlsError};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};

/// The longest file of certificates that is read.
const LONGEST: u64 = 1 << 20;

/// Whom to trust.
#[derive(Clone, Default, Debug)]
pub enum Roots {
    /// Whom the system trusts, so that a company's own are trusted where the system or `SSL_CERT_FILE` has them.
    #[default]
    System,
    These(Vec<CertificateDer<'static>>),
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootsError {
    #[error("cannot read the certificates in `{path}`")]
    Read { path: PathBuf, source: io::Error },
    #[error("expected certificates (PEM) in `{path}`, got none")]
    None { path: PathBuf },
}

impl Roots {
    /// The certificates in the file at `path` (PEM), where one is named.
    ///
    /// # Errors
    /// When there are none in it.
    pub fn of(path: Option<&Path>) -> Result<Self, RootsError> {
        let Some(path) = path else { return Ok(Self::System) };
        let read = |source| RootsError::Read { path: path.to_owned(), source };
        let text = crate::files::read(path, LONGEST).map_err(read)?;
        let certificates = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>().unwrap_or_default();
        if certificates.is_empty() {
            return Err(RootsError::None { path: path.to_owned() });
        }
        Ok(Self::These(certificates))
    }

    /// For requests over HTTP.
    pub fn of_requests(&self) -> TlsConfig {
        let roots = match self {
            Self::System => RootCerts::PlatformVerifier,
            Self::These(certificates) => {
                certificates.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).into()
            }
        };
        TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .root_certs(roots)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build()
    }

    /// For other protocols.
    ///
    /// # Errors
    /// When a certificate cannot be used.
    #[cfg(feature = "announce")]
    pub fn of_clients(&self) -> Result<ClientConfig, TlsError> {
        use rustls_platform_verifier::BuilderVerifierExt as _;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        match self {
            Self::System => Ok(builder.with_platform_verifier()?.with_no_client_auth()),
            Self::These(certificates) => {
                let mut roots = rustls::RootCertStore::empty();
                certificates.iter().try_for_each(|certificate| roots.add(certificate.clone()))?;
                Ok(builder.with_root_certificates(roots).with_no_client_auth())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_named() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("ca.pem");
        assert!(matches!(Roots::of(Some(&path)), Err(RootsError::Read { .. })));
        std::fs::write(&path, "nothing").unwrap();
        assert!(matches!(Roots::of(Some(&path)), Err(RootsError::None { .. })));
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nAAAA\n").unwrap();
        assert!(matches!(Roots::of(Some(&path)), Err(RootsError::None { .. })), "cut off");
        assert!(matches!(Roots::of(None), Ok(Roots::System)));
    }
}
