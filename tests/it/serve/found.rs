//! Found by other machines of the network.

use std::time::{Duration, Instant};

use mdns_sd::{ServiceDaemon, ServiceEvent};

use super::service::Service;
use crate::common::Device;

const KIND: &str = "_edgetl._tcp.local.";
const TLS: [&str; 4] = ["--tls", "self-signed", "--address", "0.0.0.0:0"];

/// Waits for what the network says of the service on `port`.
fn hear(events: &mdns_sd::Receiver<ServiceEvent>, port: u16, mut wanted: impl FnMut(&ServiceEvent) -> bool) -> bool {
    let end = Instant::now() + Duration::from_secs(20);
    while let Ok(event) = events.recv_deadline(end) {
        let of_another = matches!(&event, ServiceEvent::ServiceResolved(info) if info.get_port() != port);
        if !of_another && wanted(&event) {
            return true;
        }
    }
    false
}

#[test]
#[cfg_attr(not(has_network), ignore = "this machine has no network")]
fn a_service_is_found_by_multicast_dns_until_it_ends_unless_that_is_turned_off() {
    let device = Device::taught();
    let mut service = Service::start(&device, &TLS);
    let port = service.address.port();
    let daemon = ServiceDaemon::new().unwrap();
    let events = daemon.browse(KIND).unwrap();
    let mut name = String::new();
    let found = hear(&events, port, |event| match event {
        ServiceEvent::ServiceResolved(info) => {
            let said = |key| info.get_properties().get_property_val_str(key).unwrap_or("-").to_owned();
            assert_eq!([said("tls"), said("path"), said("version")], ["1", "/", env!("CARGO_PKG_VERSION")]);
            assert!(!info.get_addresses().is_empty());
            name = info.get_fullname().to_owned();
            true
        }
        _ => false,
    });
    assert!(found, "nothing was announced");
    service.signal("TERM");
    assert!(service.wait().success());
    let gone = |event: &ServiceEvent| matches!(event, ServiceEvent::ServiceRemoved(_, gone) if *gone == name);
    assert!(hear(&events, port, gone), "its end was not told");

    std::fs::write(device.path("edgetl.toml"), "[serve]\nmdns = false\n").unwrap();
    let silent = Service::start(&device, &TLS);
    let port = silent.address.port();
    let end = Instant::now() + Duration::from_secs(3);
    while let Ok(event) = events.recv_deadline(end) {
        assert!(!matches!(&event, ServiceEvent::ServiceResolved(info) if info.get_port() == port), "{event:?}");
    }
    let _ = daemon.shutdown();
}
