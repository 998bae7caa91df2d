//! How other machines of the network find the service: `_edgetl._tcp` over multicast DNS.

use std::net::SocketAddr;
use std::time::Duration;

use mdns_sd::{Error, IfKind, ServiceDaemon, ServiceInfo};

use super::machine;

const KIND: &str = "_edgetl._tcp.local.";
/// In which the others are told that it is gone.
const FAREWELL: Duration = Duration::from_millis(300);

/// In which the daemon says how much it keeps.
const PATIENCE: Duration = Duration::from_secs(5);
/// So many records of other machines are kept at most from one look to the next.
const MOST_RECORDS: i64 = 1000;
const RECORDS: [&str; 6] = ["cached-ptr", "cached-srv", "cached-addr", "cached-txt", "cached-nsec", "cached-subtype"];

/// An announced service.
pub(super) struct Announced {
    daemon: ServiceDaemon,
    name: String,
    address: SocketAddr,
    is_tls: bool,
}

impl Announced {
    /// Announces what listens on `address`, where other machines get there. `None`, with a warning, where that fails.
    pub fn start(address: SocketAddr, is_tls: bool) -> Option<Self> {
        if address.ip().to_canonical().is_loopback() {
            return None;
        }
        match announce(address, is_tls) {
            Ok(announced) => Some(announced),
            Err(error) => {
                tracing::warn!("the service cannot be found by multicast DNS: {error}");
                None
            }
        }
    }

    /// The daemon keeps whatever others say, as much as they say: where that is too much, or it does not answer, another one takes its
    /// place. Gives whether it did.
    pub fn begin_anew_where_full(&mut self) -> bool {
        self.begin_anew_beyond(MOST_RECORDS)
    }

    fn begin_anew_beyond(&mut self, most: i64) -> bool {
        if self.records().is_some_and(|records| records <= most) {
            return false;
        }
        if let Ok(ended) = self.daemon.shutdown() {
            let _ = ended.recv_timeout(PATIENCE);
        }
        match announce(self.address, self.is_tls) {
            Ok(announced) => *self = announced,
            Err(error) => tracing::debug!("the service is not announced by multicast DNS at the moment: {error}"),
        }
        true
    }

    /// How many it keeps; `None` where it does not answer.
    fn records(&self) -> Option<i64> {
        let counters = self.daemon.get_metrics().ok()?.recv_timeout(PATIENCE).ok()?;
        Some(RECORDS.iter().filter_map(|record| counters.get(*record)).sum())
    }

    /// Tells the network that the service is gone.
    pub fn end(self) {
        if let Ok(told) = self.daemon.unregister(&self.name) {
            let _ = told.recv_timeout(FAREWELL);
        }
        if let Ok(ended) = self.daemon.shutdown() {
            let _ = ended.recv_timeout(FAREWELL);
        }
    }
}

fn announce(address: SocketAddr, is_tls: bool) -> Result<Announced, Error> {
    let daemon = ServiceDaemon::new()?;
    let info = info(address, is_tls)?;
    let name = info.get_fullname().to_owned();
    daemon.register(info)?;
    Ok(Announced { daemon, name, address, is_tls })
}

fn info(address: SocketAddr, is_tls: bool) -> Result<ServiceInfo, Error> {
    let (short, ip) = (machine::short_name(), address.ip().to_canonical());
    let properties = [("version", env!("CARGO_PKG_VERSION")), ("path", "/"), ("tls", if is_tls { "1" } else { "0" })];
    let (instance, host) = (format!("edgetl on {short}"), format!("{short}.local."));
    if ip.is_unspecified() {
        let everywhere = ServiceInfo::new(KIND, &instance, &host, "", address.port(), &properties[..])?;
        return Ok(everywhere.enable_addr_auto());
    }
    let mut there = ServiceInfo::new(KIND, &instance, &host, ip, address.port(), &properties[..])?;
    there.set_interfaces(vec![IfKind::Addr(ip)]);
    Ok(there)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_announced_says_where_and_how() {
        let info = info("192.168.1.7:8443".parse().unwrap(), true).unwrap();
        assert_eq!((info.get_type(), info.get_port()), (KIND, 8443));
        let said = |key| info.get_property_val_str(key).unwrap().to_owned();
        assert_eq!([said("version"), said("path"), said("tls")], [env!("CARGO_PKG_VERSION"), "/", "1"]);
        assert!(Announced::start("127.0.0.1:1".parse().unwrap(), true).is_none());
    }

    #[test]
    #[cfg_attr(not(has_network), ignore = "this machine has no network")]
    fn what_others_say_without_end_is_forgotten_and_the_service_stays_announced() {
        let mut announced = Announced::start("0.0.0.0:8443".parse().unwrap(), true).unwrap();
        assert!(!announced.begin_anew_where_full());
        // It keeps answers that nobody asked for where they name no kind of service; these do, and so it must have asked.
        let _heard = announced.daemon.browse("_edgetl-flood._tcp.local.").unwrap();
        let other = ServiceDaemon::new().unwrap();
        for number in 0..20 {
            let (kind, instance) = ("_edgetl-flood._tcp.local.", number.to_string());
            let info = ServiceInfo::new(kind, &instance, "flood.local.", "", 9, None).unwrap().enable_addr_auto();
            other.register(info).unwrap();
        }
        let is_full = |announced: &Announced| announced.records().unwrap() > 10;
        let full = (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            is_full(&announced)
        });
        assert!(full, "nothing was heard");
        let name = announced.name.clone();
        assert!(announced.begin_anew_beyond(10) && announced.name == name);
        assert!(announced.records().is_some(), "it is at work");
        let _ = other.shutdown();
        announced.daemon.shutdown().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        assert!(announced.begin_anew_where_full(), "one that ended is replaced too");
        announced.end();
    }
}
