//! The names that a service answers to.
//!
//! A page of a stranger can point its own name at this machine (DNS rebinding) and then read what the service says to
//! that name. So a name counts only if it is this machine's own or was listed. An address that a client connected to
//! is no name and cannot be pointed anywhere.

use std::collections::HashSet;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::machine;

/// The longest name that DNS has.
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

/// A host as a URL names it; upper and lower case, a dot at the end and an IPv6 zone make no difference.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Host {
    Ip(IpAddr),
    /// In lower case.
    Name(String),
}

#[derive(Debug, thiserror::Error)]
#[error(
    "expected a host name like `camera.lan` or an address, without scheme and port, international names as `xn--…`, \
     got `{0}`"
)]
pub struct HostError(String);

impl FromStr for Host {
    type Err = HostError;

    /// Reads a host without a port; brackets around an IPv6 address may be left out.
    fn from_str(text: &str) -> Result<Self, HostError> {
        let text = text.trim();
        if let Ok(ip) = text.parse::<Ipv6Addr>() {
            return Ok(Self::Ip(ip.to_canonical()));
        }
        let authority = Authority::parse(text).filter(|authority| authority.port.is_none() && !text.ends_with(':'));
        authority.map(|authority| authority.host).ok_or_else(|| HostError(text.to_owned()))
    }
}

impl fmt::Display for Host {
    /// As [`FromStr`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(ip) => ip.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl Host {
    /// As an address has it: IPv6 in brackets.
    pub(super) fn in_url(&self) -> String {
        match self {
            Self::Ip(IpAddr::V6(ip)) => format!("[{ip}]"),
            other => other.to_string(),
        }
    }

    /// Whether no other machine gets here by it.
    pub(super) fn is_loopback(&self) -> bool {
        match self {
            Self::Ip(ip) => ip.to_canonical().is_loopback(),
            Self::Name(name) => name == "localhost",
        }
    }

    fn name(text: &str) -> Option<Self> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if let Ok(ip) = text.parse::<Ipv4Addr>() {
            return Some(Self::Ip(ip.into()));
        }
        let usual = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let label = |label: &str| (1..=LONGEST_LABEL).contains(&label.len()) && label.bytes().all(usual);
        let whole = text.len() <= LONGEST_NAME && text.split('.').all(label);
        whole.then(|| Self::Name(text.to_ascii_lowercase()))
    }
}

/// A host and, where one is written, a port: the value of `Host`, and what stands behind `://`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Authority {
    pub host: Host,
    pub port: Option<u16>,
}

impl Authority {
    /// `None` where `text` is no host with or without a port.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix('[') {
            let (address, rest) = rest.split_once(']')?;
            let address = address.split_once('%').map_or(address, |(address, _zone)| address);
            let host = Host::Ip(address.parse::<Ipv6Addr>().ok()?.to_canonical());
            let port = if rest.is_empty() { None } else { port(rest.strip_prefix(':')?)? };
            return Some(Self { host, port });
        }
        let (name, port) = match text.split_once(':') {
            Some((name, digits)) => (name, port(digits)?),
            None => (text, None),
        };
        Some(Self { host: Host::name(name)?, port })
    }
}

/// A port, which may be left out behind its colon.
fn port(digits: &str) -> Option<Option<u16>> {
    match digits {
        "" => Some(None),
        _ if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok().map(Some),
        _ => None,
    }
}

/// Every host that requests may be meant for.
pub(super) struct Hosts {
    allowed: HashSet<Host>,
}

impl Hosts {
    /// This machine's names, the address that the service is bound to, and what was `listed`.
    pub fn new(listed: &[Host], bound: IpAddr) -> Self {
        Self::of_machine(&machine::names(), listed, bound)
    }

    fn of_machine(machine: &[String], listed: &[Host], bound: IpAddr) -> Self {
        let mut allowed = HashSet::from([Host::Name("localhost".to_owned())]);
        allowed.extend(machine.iter().filter_map(|name| Host::name(name)).filter(|host| matches!(host, Host::Name(_))));
        if !bound.is_unspecified() {
            allowed.insert(Host::Ip(bound.to_canonical()));
        }
        allowed.extend(listed.iter().cloned());
        Self { allowed }
    }

    /// Whether a request for `host` may be meant for this service, on a connection that came in at `local`.
    pub fn allows(&self, host: &Host, local: Option<IpAddr>) -> bool {
        let own = |ip: &IpAddr| ip.is_loopback() || local.is_some_and(|local| local.to_canonical() == *ip);
        self.allowed.contains(host) || matches!(host, Host::Ip(ip) if own(ip))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn authority(text: &str) -> Authority {
        Authority::parse(text).unwrap_or_else(|| panic!("`{text}` is a host"))
    }

    fn hosts() -> Hosts {
        let machine = ["workshop.local", "workshop", "workshop.example.org"].map(str::to_owned);
        let listed = ["Camera.LAN.".parse().unwrap(), "192.168.7.7".parse().unwrap()];
        Hosts::of_machine(&machine, &listed, "192.168.1.5".parse().unwrap())
    }

    #[test]
    fn own_names_listed_ones_and_the_addresses_that_were_connected_to_are_allowed() {
        let local = Some("::ffff:10.0.0.9".parse().unwrap());
        for own in [
            "localhost",
            "LOCALHOST.",
            "127.0.0.1",
            "127.9.8.7",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "workshop",
            "workshop.local",
            "WorkShop.Local.",
            "workshop.example.org",
            "camera.lan",
            "192.168.1.5",
            "192.168.7.7",
            "10.0.0.9",
            "[::ffff:10.0.0.9]",
        ] {
            for port in ["", ":", ":80", ":8080"] {
                assert!(hosts().allows(&authority(&format!("{own}{port}")).host, local), "{own}{port}");
            }
        }
        let zone = authority("[fe80::1%25eth0]:8080").host;
        assert!(hosts().allows(&zone, Some("fe80::1".parse().unwrap())) && !hosts().allows(&zone, local));
    }

    #[test]
    fn what_only_looks_like_an_own_name_is_not_allowed() {
        for foreign in [
            "evil.example",
            "localhost.evil.example",
            "evillocalhost",
            "camera.lan.evil.example",
            "local",
            "workshop.lan",
            "127.0.0.1.evil.example",
            "127.1",
            "2130706433",
            "0x7f000001",
            "0.0.0.0",
            "[::]",
            "10.0.0.8",
            "128.0.0.1",
            "xn--localhst-z1a",
        ] {
            assert!(!hosts().allows(&authority(foreign).host, Some("10.0.0.9".parse().unwrap())), "{foreign}");
        }
        let everywhere = Hosts::of_machine(&[], &[], "0.0.0.0".parse().unwrap());
        assert!(!everywhere.allows(&authority("0.0.0.0").host, None));
    }

    #[test]
    fn what_is_no_host_is_not_read() {
        for text in [
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "localhost..",
            "user@localhost",
            "localhost/",
            "http://localhost",
            "local host",
            "localhost:+80",
            "localhost:80:80",
            "localhost:65536",
            "localhost:x",
            "[::1",
            "::1]",
            "[::1]x",
            "[localhost]",
            "[]",
            "::1",
            "gerät.local",
            "localhost,evil.example",
            "localhost\0",
            "127.0.0.1%eth0",
        ] {
            assert_eq!(Authority::parse(text), None, "{text}");
        }
        assert_eq!(Authority::parse(&"a".repeat(64)), None);
        assert!(Authority::parse(&"a.".repeat(127)).is_some());
        assert_eq!(Authority::parse(&"a.".repeat(128)), None);
    }

    #[test]
    fn a_setting_names_a_host_alone() {
        assert_eq!("::1".parse::<Host>().unwrap(), "[::1]".parse().unwrap());
        assert_eq!(" camera.lan ".parse::<Host>().unwrap(), Host::Name("camera.lan".to_owned()));
        for wrong in ["camera.lan:8080", "camera.lan:", "http://camera.lan", "*.lan", "*", "kühl.lan", ""] {
            let error = wrong.parse::<Host>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{wrong}`")), "{error}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_a_client_sends_panics(text in any::<String>(), port in "[\\[\\]:%.a-f0-9]{0,40}") {
            let _ = (Authority::parse(&text), Authority::parse(&port), text.parse::<Host>());
        }

        #[test]
        fn case_a_last_dot_and_a_port_change_no_name(name in "[a-zA-Z0-9_-]{1,20}(\\.[a-zA-Z_-]{1,20}){0,3}", port: u16) {
            let plain = authority(&name);
            prop_assert_eq!(&authority(&name.to_ascii_uppercase()), &plain);
            prop_assert_eq!(&authority(&format!("{}.", name)), &plain);
            prop_assert_eq!(authority(&format!("{name}.:{port}")), Authority { port: Some(port), ..plain });
        }

        #[test]
        fn addresses_are_read_as_they_are_written(v4: [u8; 4], v6: u128, port: u16) {
            let (v4, v6) = (Ipv4Addr::from(v4), Ipv6Addr::from(v6));
            let read = authority(&format!("{v4}:{port}"));
            prop_assert_eq!(read, Authority { host: Host::Ip(v4.into()), port: Some(port) });
            let read = authority(&format!("[{v6}]:{port}"));
            prop_assert_eq!(read, Authority { host: Host::Ip(v6.to_canonical()), port: Some(port) });
        }

        #[test]
        fn an_own_name_inside_another_name_opens_nothing(before in "[a-z0-9-]{0,8}", after in "[a-z0-9-]{1,8}") {
            for own in ["localhost", "workshop.local", "camera.lan"] {
                let foreign = [format!("{own}.{after}"), format!("{after}{own}"), format!("{before}.{own}{after}")];
                for foreign in foreign.iter().filter_map(|text| Authority::parse(text)) {
                    prop_assert!(!hosts().allows(&foreign.host, None), "{foreign:?}");
                }
            }
        }
    }
}
