//! A certificate and its key in files of one's own.

use std::path::{Path, PathBuf};

use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{Error, InconsistentKeys};

use super::Shown;
use super::settings::TlsError;
use crate::causes::causes;
use crate::files::{Stamp, stamp};

const LONGEST: u64 = 1 << 20;

/// Two files, and what they were when they were last looked at, taken over, and warned of.
#[derive(Debug)]
pub(super) struct Files {
    certificate: PathBuf,
    key: PathBuf,
    read: [Stamp; 2],
    seen: [Stamp; 2],
    warned: Option<[Stamp; 2]>,
}

impl Files {
    pub fn open(certificate: &Path, key: &Path) -> Result<(Self, Shown), TlsError> {
        let read = [stamp(certificate), stamp(key)];
        let shown = load(certificate, key)?;
        warn_where_all_can_read(key);
        Ok((Self { certificate: certificate.to_owned(), key: key.to_owned(), read, seen: read, warned: None }, shown))
    }

    /// What is in the files, where they changed and then stayed as they are from one look to the next. Those that cannot be used are
    /// warned of once, and tried again at each look: who may read a file changes without a trace in it.
    pub fn newer(&mut self) -> Option<Shown> {
        let now = [stamp(&self.certificate), stamp(&self.key)];
        let is_settled = std::mem::replace(&mut self.seen, now) == now;
        if !is_settled || now == self.read {
            return None;
        }
        match load(&self.certificate, &self.key) {
            Ok(shown) => {
                (self.read, self.warned) = (now, None);
                tracing::info!("a new certificate is shown, of `{}`", self.certificate.display());
                Some(shown)
            }
            Err(error) => {
                if self.warned.replace(now) == Some(now) {
                    return None;
                }
                tracing::warn!("the certificate from before stays: {}", causes(&error));
                None
            }
        }
    }
}

fn load(certificate: &Path, key: &Path) -> Result<Shown, TlsError> {
    let read = |path: &Path| {
        crate::files::read(path, LONGEST).map_err(|source| TlsError::Read { path: path.to_owned(), source })
    };
    let (chain, secret) = (read(certificate)?, read(key)?);
    let chain = CertificateDer::pem_slice_iter(&chain).collect::<Result<Vec<_>, _>>().unwrap_or_default();
    if chain.is_empty() {
        return Err(TlsError::NoCertificate(certificate.to_owned()));
    }
    let is_encrypted = secret.windows(9).any(|word| word == b"ENCRYPTED");
    let secret = PrivateKeyDer::from_pem_slice(&secret).map_err(|_| match is_encrypted {
        true => TlsError::Encrypted(key.to_owned()),
        false => TlsError::NoKey(key.to_owned()),
    })?;
    Shown::of(chain, secret).map_err(|source| {
        let (certificate, key) = (certificate.to_owned(), key.to_owned());
        match source {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::OtherKey { certificate, key },
            source => TlsError::Unusable { certificate, key, source },
        }
    })
}

#[cfg(unix)]
fn warn_where_all_can_read(key: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    if std::fs::metadata(key).is_ok_and(|metadata| metadata.permissions().mode() & 0o007 > 0) {
        tracing::warn!("every user of this machine can read the key in `{}`", key.display());
    }
}

#[cfg(not(unix))]
fn warn_where_all_can_read(_: &Path) {}

#[cfg(test)]
mod tests {
    use super::*;

    struct Pair {
        folder: tempfile::TempDir,
    }

    impl Pair {
        fn new() -> Self {
            let pair = Self { folder: tempfile::tempdir().unwrap() };
            pair.write(&fresh());
            pair
        }

        fn paths(&self) -> [PathBuf; 2] {
            ["certificate.pem", "key.pem"].map(|name| self.folder.path().join(name))
        }

        fn write(&self, texts: &[String; 2]) {
            self.paths().iter().zip(texts).for_each(|(path, text)| std::fs::write(path, text).unwrap());
        }

        fn open(&self) -> Result<(Files, Shown), TlsError> {
            let [certificate, key] = self.paths();
            Files::open(&certificate, &key)
        }
    }

    fn fresh() -> [String; 2] {
        let made = rcgen::generate_simple_self_signed(["camera.lan".to_owned()]).unwrap();
        [made.cert.pem(), made.signing_key.serialize_pem()]
    }

    #[test]
    fn each_way_in_which_files_cannot_be_used_names_the_file() {
        let (pair, [certificate, key]) = (Pair::new(), fresh());
        for (texts, said) in [
            ([String::new(), key.clone()], "expected a certificate (PEM) in `"),
            ([key.clone(), key.clone()], "expected a certificate (PEM) in `"),
            ([certificate[..200].to_owned(), key.clone()], "expected a certificate (PEM) in `"),
            ([certificate.clone(), certificate.clone()], "expected a private key (PEM) in `"),
            ([certificate.clone(), key.replace("PRIVATE", "ENCRYPTED PRIVATE")], "got one behind a password"),
            ([certificate.clone(), fresh()[1].clone()], "expected the key of the certificate in `"),
        ] {
            pair.write(&texts);
            let error = pair.open().unwrap_err().to_string();
            assert!(error.contains(said) && error.contains(".pem`"), "{error}");
        }
        std::fs::remove_file(&pair.paths()[1]).unwrap();
        assert!(matches!(pair.open(), Err(TlsError::Read { .. })));
    }

    #[test]
    fn a_new_pair_is_taken_once_both_files_rest_and_a_bad_one_leaves_the_old() {
        let pair = Pair::new();
        let (mut files, first) = pair.open().unwrap();
        assert!(files.newer().is_none() && files.newer().is_none(), "nothing changed");
        let next = fresh();
        std::fs::write(&pair.paths()[0], &next[0]).unwrap();
        assert!(files.newer().is_none(), "it may be in the middle");
        pair.write(&next);
        assert!(files.newer().is_none());
        let second = files.newer().unwrap();
        assert_ne!(first.fingerprint, second.fingerprint);
        pair.write(&[next[0].clone(), "damaged".to_owned()]);
        assert!(files.newer().is_none() && files.newer().is_none() && files.newer().is_none());
        pair.write(&fresh());
        files.newer();
        assert!(files.newer().is_some(), "it recovers");

        let (next, key) = (fresh(), &pair.paths()[1]);
        pair.write(&[next[0].clone(), "x".repeat(next[1].len())]);
        let when = std::fs::metadata(key).unwrap().modified().unwrap();
        assert!(files.newer().is_none() && files.newer().is_none());
        std::fs::write(key, &next[1]).unwrap();
        std::fs::File::options().write(true).open(key).unwrap().set_modified(when).unwrap();
        assert!(files.newer().is_some(), "what can be read now looks as it did before");
    }
}
