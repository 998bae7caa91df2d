//! A certificate that this machine signs for itself: `access/certificate.json` in its state.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use serde::{Deserialize, Serialize};
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::settings::TlsError;
use super::{Certificate, Shown};
use crate::atomic_file;
use crate::causes::causes;
use crate::clock::now;
use crate::digest::Digest;
use crate::files::{Stamp, stamp};
use crate::serve::hosts::Host;
use crate::serve::machine;
use crate::store::StateDir;

const DAY: i64 = 24 * 60 * 60;
/// Phones take none that holds for longer than 825 days.
const HOLDS: i64 = 800 * DAY;
/// It is made anew so long before it ends.
const EARLY: i64 = 30 * DAY;
/// A phone whose clock is behind takes it too.
const BEFORE: i64 = DAY;
/// Names of before stay in a new one up to so many, so that a machine that goes between two networks keeps its certificate.
const MOST_NAMES: usize = 32;
const LONGEST: u64 = 1 << 18;
/// Looks at the names of this machine are so many looks at the file apart.
const LOOKS: u32 = 60;
/// 2026-01-01: a clock that says less was never set. A certificate that such a machine makes holds from here on.
const CLOCK_FLOOR: i64 = 1_767_225_600;

#[derive(Debug)]
pub(super) struct SelfSigned {
    path: PathBuf,
    hosts: Vec<Host>,
    bound: IpAddr,
    kept: Kept,
    stamp: Stamp,
    looks: u32,
}

/// What the file holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Kept {
    names: Vec<String>,
    /// When it ends; seconds since 1970-01-01 UTC.
    ends: i64,
    /// In PEM, as the key.
    certificate: String,
    key: String,
}

impl SelfSigned {
    /// The one that is kept, where it holds for a while and for all names; else a new one. `bound` is where the service listens.
    pub fn open(state: &StateDir, hosts: &[Host], bound: IpAddr) -> Result<(Self, Shown), TlsError> {
        let path = path(state);
        let keep = |source| TlsError::Keep { path: path.clone(), source };
        atomic_file::create_private_folder(&state.access()).map_err(keep)?;
        let kept = Kept::for_now(&path, names(hosts, bound), now())?;
        let shown = kept.shown().expect("it was made or looked at");
        let stamp = stamp(&path);
        Ok((Self { path, hosts: hosts.to_vec(), bound, kept, stamp, looks: 0 }, shown))
    }

    /// What is kept, without making one.
    pub fn look(state: &StateDir) -> Result<Option<Certificate>, TlsError> {
        let Some((kept, shown)) = read_usable(&path(state))? else { return Ok(None) };
        Ok(Some(Certificate { fingerprint: shown.fingerprint, ends: Some(kept.ends), names: kept.names }))
    }

    /// Another one: of another process on the same state, or made now since the old one ends soon or lacks a name.
    pub fn newer(&mut self) -> Option<Shown> {
        let there = stamp(&self.path);
        if there.is_some() && there != self.stamp {
            // One that cannot be read at the moment is read at the next look.
            if let Ok(Some((kept, shown))) = read_usable(&self.path) {
                (self.kept, self.stamp) = (kept, there);
                return Some(shown);
            }
        }
        self.looks += 1;
        if !self.looks.is_multiple_of(LOOKS) {
            return None;
        }
        self.renewed(names(&self.hosts, self.bound), now())
    }

    fn renewed(&mut self, wanted: Vec<String>, now: i64) -> Option<Shown> {
        if self.kept.holds(&wanted, now) {
            return None;
        }
        match Kept::make(&self.path, wanted, now) {
            Ok(kept) => {
                tracing::info!(
                    "a new certificate is shown: the one from before ends soon, or lacks a name of this machine"
                );
                self.kept = kept;
                self.stamp = stamp(&self.path);
                self.kept.shown()
            }
            Err(error) => {
                tracing::warn!("the certificate from before stays: {}", causes(&error));
                None
            }
        }
    }
}

fn path(state: &StateDir) -> PathBuf {
    state.access().join("certificate.json")
}

/// `None` where there is none or a damaged one: then another takes its place.
fn read(path: &Path) -> Result<Option<Kept>, TlsError> {
    match crate::files::read(path, LONGEST) {
        Ok(text) => Ok(serde_json::from_slice(&text).ok()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TlsError::Read { path: path.to_owned(), source }),
    }
}

fn read_usable(path: &Path) -> Result<Option<(Kept, Shown)>, TlsError> {
    Ok(read(path)?.and_then(|kept| kept.shown().map(|shown| (kept, shown))))
}

impl Kept {
    fn for_now(path: &Path, wanted: Vec<String>, now: i64) -> Result<Self, TlsError> {
        match read_usable(path)? {
            Some((kept, _)) if kept.holds(&wanted, now) => Ok(kept),
            _ => Self::make(path, wanted, now),
        }
    }

    /// Makes one with `wanted` and the names of the one before, and puts it in its place.
    fn make(path: &Path, wanted: Vec<String>, now: i64) -> Result<Self, TlsError> {
        let mut names = wanted;
        let before = read(path)?.map(|kept| kept.names).unwrap_or_default();
        names.extend(before.into_iter().filter(|name| !names.contains(name)).collect::<Vec<_>>());
        names.truncate(MOST_NAMES);
        let key = KeyPair::generate()?;
        let mut wishes = CertificateParams::new(names.clone())?;
        let mut subject = DistinguishedName::new();
        subject.push(DnType::CommonName, format!("edgetl on {}", machine::short_name()));
        wishes.distinguished_name = subject;
        wishes.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        wishes.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let at = |seconds: i64| rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(seconds.max(0).unsigned_abs());
        let begins = now.max(CLOCK_FLOOR) - BEFORE;
        let ends = begins + HOLDS;
        (wishes.not_before, wishes.not_after) = (at(begins), at(ends));
        let certificate = wishes.self_signed(&key)?.pem();
        let made = Self { names, ends, certificate, key: key.serialize_pem() };
        let keep = |source| TlsError::Keep { path: path.to_owned(), source };
        let text = serde_json::to_vec_pretty(&made).map_err(|error| keep(error.into()))?;
        atomic_file::replace_private(path, &text).map_err(keep)?;
        let shown = made.shown();
        shown.map(|_| made).ok_or_else(|| TlsError::NoCertificate(path.to_owned()))
    }

    /// One that is not valid yet stays too: then the clock is behind or was put back, and each new certificate is a new question on
    /// each phone.
    fn holds(&self, wanted: &[String], now: i64) -> bool {
        now < self.ends - EARLY && wanted.iter().all(|name| self.names.contains(name))
    }

    /// `None` where it is damaged.
    fn shown(&self) -> Option<Shown> {
        let certificate = CertificateDer::from_pem_slice(self.certificate.as_bytes()).ok()?;
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).ok()?;
        Shown::of(vec![certificate], key).ok()
    }
}

/// By which this machine is reached: what it calls itself, what was listed, where it was told to listen, and the IPv4 addresses of its
/// network cards. Those of IPv6 change by the day and those of tunnels and containers come and go, and a new certificate is a new
/// question on each phone.
fn names(hosts: &[Host], bound: IpAddr) -> Vec<String> {
    let own = machine::names();
    let bound = Some(bound.to_canonical()).filter(|ip| !ip.is_unspecified()).map(Host::Ip);
    let listed = hosts.iter().chain(&bound).map(ToString::to_string).collect::<Vec<_>>();
    let addresses = machine::card_addresses().into_iter().filter(IpAddr::is_ipv4).map(|ip| ip.to_string());
    let fixed = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut names = Vec::new();
    for name in own.into_iter().chain(listed).chain(fixed).chain(addresses) {
        if !names.contains(&name) && names.len() < MOST_NAMES {
            names.push(name);
        }
    }
    names
}

/// Two lines of 16 bytes each, as browsers show it.
pub fn in_two_lines(fingerprint: &Digest) -> [String; 2] {
    let bytes: Vec<String> = fingerprint.as_bytes().iter().map(|byte| format!("{byte:02X}")).collect();
    [bytes[..16].join(":"), bytes[16..].join(":")]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(folder: &Path, hosts: &[&str]) -> (SelfSigned, Shown) {
        let hosts: Vec<Host> = hosts.iter().map(|host| host.parse().unwrap()).collect();
        SelfSigned::open(&StateDir::new(folder), &hosts, "fd00::7".parse().unwrap()).unwrap()
    }

    #[test]
    fn it_is_made_once_and_kept_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (made, first) = own(folder.path(), &["camera.lan"]);
        assert_eq!(own(folder.path(), &["camera.lan"]).1.fingerprint, first.fingerprint);
        assert_eq!(own(folder.path(), &[]).1.fingerprint, first.fingerprint, "a name more is no harm");
        #[cfg(unix)]
        for (path, mode) in [(made.path.as_path(), 0o600), (made.path.parent().unwrap(), 0o700)] {
            assert_eq!(std::os::unix::fs::PermissionsExt::mode(&path.metadata().unwrap().permissions()) & 0o777, mode);
        }
        for name in ["camera.lan", "localhost", "127.0.0.1", "fd00::7"] {
            assert!(made.kept.names.iter().any(|kept| kept == name), "{:?}", made.kept.names);
        }
    }

    #[test]
    fn another_name_a_near_end_and_damage_each_make_a_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let (mut own_one, first) = own(folder.path(), &[]);
        let (_, second) = own(folder.path(), &["camera.lan"]);
        assert_ne!(first.fingerprint, second.fingerprint);
        assert_eq!(own_one.newer().unwrap().fingerprint, second.fingerprint, "of another process");
        assert!(own_one.newer().is_none());
        let (wanted, ends) = (own_one.kept.names.clone(), own_one.kept.ends);
        assert!(own_one.renewed(wanted.clone(), ends - EARLY - 1).is_none());
        let renewed = own_one.renewed(wanted.clone(), ends - EARLY).unwrap();
        assert!(renewed.fingerprint != second.fingerprint && own_one.kept.ends > ends);
        assert!(own_one.renewed(vec!["bench.lan".to_owned()], ends - EARLY).is_some());
        assert!(own_one.kept.names.contains(&"camera.lan".to_owned()), "names of before stay");
        std::fs::write(&own_one.path, "{").unwrap();
        own(folder.path(), &[]);
        assert!(SelfSigned::look(&StateDir::new(folder.path())).unwrap().is_some());
    }

    #[test]
    fn a_clock_that_is_wrong_at_first_or_for_a_while_leaves_the_certificate() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("certificate.json");
        let (far_behind, right, ahead) = (17, CLOCK_FLOOR + 300 * DAY, CLOCK_FLOOR + 3650 * DAY);
        let at = |now| Kept::for_now(&path, vec!["camera.lan".to_owned()], now).unwrap();
        let made = at(right);
        for clock in [far_behind, right, made.ends - HOLDS - 1, right + 60] {
            assert_eq!(at(clock).certificate, made.certificate, "{clock}");
        }
        let of_ahead = at(ahead);
        assert_ne!(of_ahead.certificate, made.certificate, "the one before seems to have ended");
        assert_eq!(at(right).certificate, of_ahead.certificate, "one question on each phone is enough");
        std::fs::remove_file(&path).unwrap();
        let without_clock = at(far_behind);
        assert_eq!(without_clock.ends, CLOCK_FLOOR - BEFORE + HOLDS);
        assert_eq!(at(right).certificate, without_clock.certificate);
    }

    #[test]
    fn one_that_could_not_be_read_is_neither_replaced_nor_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let (mut own_one, first) = own(folder.path(), &[]);
        let (path, aside) = (own_one.path.clone(), folder.path().join("aside"));
        std::fs::rename(&path, &aside).unwrap();
        std::fs::create_dir(&path).unwrap();
        assert!(own_one.newer().is_none());
        assert!(matches!(Kept::for_now(&path, Vec::new(), now()), Err(TlsError::Read { .. })));
        std::fs::remove_dir(&path).unwrap();
        std::fs::rename(&aside, &path).unwrap();
        assert_eq!(own(folder.path(), &[]).1.fingerprint, first.fingerprint);
        std::fs::write(&path, "{").unwrap();
        assert!(own_one.newer().is_none());
        let (_, second) = own(folder.path(), &[]);
        assert_eq!(own_one.newer().unwrap().fingerprint, second.fingerprint);
    }

    #[test]
    fn a_fingerprint_is_shown_in_two_lines_that_fit_a_terminal() {
        let [first, second] = in_two_lines(&Digest::from_bytes([0xab; 32]));
        assert_eq!((first.len(), first.as_str()), (47, second.as_str()));
        assert!(first.starts_with("AB:AB:"));
    }
}
