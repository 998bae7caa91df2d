//! How clients get to a running service, kept in its state while it runs, so that `edgetl pair` beside it can tell them.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::hosts::Host;
use super::machine;
use crate::atomic_file;
use crate::digest::Digest;
use crate::store::{Code, StateDir};

const LONGEST: u64 = 1 << 16;
/// A service on this machine answers at once.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Reach {
    /// Where it listens.
    pub address: SocketAddr,
    /// SHA-256 of its certificate, 64 hexadecimal digits; `None` where it speaks no TLS.
    pub certificate: Option<String>,
    /// Names by which clients reach it, as they were listed.
    hosts: Vec<String>,
    /// Whether no token is needed.
    pub is_open: bool,
}

impl Reach {
    pub(super) fn new(address: SocketAddr, hosts: &[Host], certificate: Option<Digest>, is_open: bool) -> Self {
        let hosts = hosts.iter().map(ToString::to_string).collect();
        Self { address, certificate: certificate.map(|certificate| certificate.to_string()), hosts, is_open }
    }

    /// Of the service that runs on `state`, or ran there and was ended from outside; `None` where none did.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(state: &StateDir) -> io::Result<Option<Self>> {
        match crate::files::read(&path(state), LONGEST) {
            Ok(text) => Ok(serde_json::from_slice(&text).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether something takes connections there.
    pub fn is_answered(&self) -> bool {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(if address.is_ipv4() { [127, 0, 0, 1].into() } else { IpAddr::V6(1.into()) });
        }
        TcpStream::connect_timeout(&address, PATIENCE).is_ok()
    }

    /// Whether other machines get there.
    pub fn is_beyond_loopback(&self) -> bool {
        !self.address.ip().to_canonical().is_loopback()
    }

    fn scheme(&self) -> &'static str {
        if self.certificate.is_some() { "https" } else { "http" }
    }

    /// The address where it listens.
    pub fn listening(&self) -> String {
        format!("{}://{}", self.scheme(), self.address)
    }

    /// The address of its page for other machines: by the first name that was listed, else where it listens, else by the address of
    /// this machine in its network, else by its name.
    pub fn page(&self) -> String {
        let ip = self.address.ip().to_canonical();
        let bound = (!ip.is_unspecified()).then_some(ip);
        let listed = self.hosts.first().and_then(|host| host.parse().ok());
        let host = listed.or(bound.map(Host::Ip)).or_else(|| machine::addresses().first().copied().map(Host::Ip));
        let host = host.or_else(|| machine::names().first().and_then(|name| name.parse().ok()));
        let host = host.map_or_else(|| "localhost".to_owned(), |host| host.in_url());
        format!("{}://{host}:{}/", self.scheme(), self.address.port())
    }

    pub(super) fn keep(&self, state: &StateDir) -> io::Result<()> {
        atomic_file::create_private_folder(&state.access())?;
        atomic_file::replace_private(&path(state), &serde_json::to_vec_pretty(self)?)
    }

    /// Takes away what was kept, where no other service has put its own there meanwhile.
    pub(super) fn forget(&self, state: &StateDir) {
        if Self::of(state).ok().flatten().is_some_and(|kept| kept.address == self.address) {
            let _ = std::fs::remove_file(path(state));
        }
    }
}

/// Where a phone pairs with `code`: behind the `#`, which browsers send nowhere.
pub fn pairing_url(page: &str, code: &Code) -> String {
    format!("{page}#pair={}", code.plain())
}

fn path(state: &StateDir) -> PathBuf {
    state.access().join("service.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(address: &str, hosts: &[&str], certificate: Option<Digest>) -> Reach {
        let hosts: Vec<Host> = hosts.iter().map(|host| host.parse().unwrap()).collect();
        Reach::new(address.parse().unwrap(), &hosts, certificate, false)
    }

    #[test]
    fn a_phone_is_told_a_name_that_was_listed_first_then_where_the_service_listens() {
        let certificate = Some(Digest::of(b"x"));
        assert_eq!(reach("0.0.0.0:8443", &["camera.lan"], certificate).page(), "https://camera.lan:8443/");
        assert_eq!(reach("192.168.1.7:8080", &[], None).page(), "http://192.168.1.7:8080/");
        assert_eq!(reach("[fd00::7]:8443", &[], certificate).page(), "https://[fd00::7]:8443/");
        let everywhere = reach("0.0.0.0:8443", &[], certificate).page();
        assert!(!everywhere.contains("0.0.0.0") && everywhere.ends_with(":8443/"), "{everywhere}");
    }

    #[test]
    fn what_is_kept_is_taken_away_by_the_service_that_kept_it() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::new(folder.path());
        assert_eq!(Reach::of(&state).unwrap(), None);
        let (first, second) = (reach("127.0.0.1:1", &["a.lan"], None), reach("127.0.0.1:2", &[], None));
        first.keep(&state).unwrap();
        assert_eq!(Reach::of(&state).unwrap(), Some(first.clone()));
        second.keep(&state).unwrap();
        first.forget(&state);
        assert_eq!(Reach::of(&state).unwrap(), Some(second.clone()));
        second.forget(&state);
        assert_eq!(Reach::of(&state).unwrap(), None);
    }
}
