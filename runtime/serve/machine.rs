//! What this machine calls itself, and where it is reached.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};

/// What it is called where its own name cannot be one of DNS.
const NAMELESS: &str = "edgetl";
/// What the interfaces of containers, virtual machines and tunnels begin with: they come and go.
const VIRTUAL: [&str; 14] =
    ["docker", "br-", "veth", "virbr", "vnet", "lxc", "lxdbr", "cni", "flannel", "cali", "tun", "tap", "wg", "zt"];

/// Its name, the first label of that, and the latter as multicast DNS announces it.
pub(super) fn names() -> Vec<String> {
    names_of(&host_name().unwrap_or_default())
}

fn names_of(name: &str) -> Vec<String> {
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    // Multicast DNS announces the first label.
    let short = name.split('.').next().unwrap_or(&name).to_owned();
    let mut names = vec![format!("{short}.local"), short];
    if !names.contains(&name) {
        names.push(name);
    }
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    names.retain(|name| !name.starts_with('.') && !name.is_empty() && name.bytes().all(usual));
    if names.is_empty() {
        names = vec![format!("{NAMELESS}.local"), NAMELESS.to_owned()];
    }
    names
}

/// The first label of its name.
pub(super) fn short_name() -> String {
    names().swap_remove(1)
}

fn host_name() -> Option<String> {
    let read = |path| crate::files::of_system(path).filter(|name| !name.trim().is_empty());
    let name = ["/proc/sys/kernel/hostname", "/etc/hostname"].into_iter().find_map(read)?;
    Some(name.trim().to_owned())
}

/// Those of its networks, that of the default route first; none where the system does not say.
pub(super) fn addresses() -> Vec<IpAddr> {
    let all = if_addrs::get_if_addrs().unwrap_or_default().into_iter();
    let of_networks =
        all.filter(|interface| !interface.is_loopback() && !interface.is_link_local()).map(|interface| interface.ip());
    let mut addresses: Vec<IpAddr> = main_address().into_iter().collect();
    for ip in of_networks {
        if !addresses.contains(&ip) {
            addresses.push(ip);
        }
    }
    addresses
}

/// Those of what seems to be a network card, wired or wireless.
pub(super) fn card_addresses() -> Vec<IpAddr> {
    let all = if_addrs::get_if_addrs().unwrap_or_default().into_iter();
    let cards =
        all.filter(|interface| !interface.is_loopback() && !interface.is_link_local() && is_card(&interface.name));
    cards.map(|interface| interface.ip()).collect()
}

fn is_card(interface: &str) -> bool {
    !VIRTUAL.iter().any(|start| interface.starts_with(start))
}

/// From where this machine would ask the internet. Nothing is sent: the address is one for documentation (RFC 5737).
fn main_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback() && !ip.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_its_whole_name_the_short_one_and_that_of_multicast_dns() {
        assert_eq!(names_of("Workshop.example.org"), ["workshop.local", "workshop", "workshop.example.org"]);
        assert_eq!(names_of("pi"), ["pi.local", "pi"]);
        for unusable in ["gerät", ".", ""] {
            assert_eq!(names_of(unusable), ["edgetl.local", "edgetl"], "as it is announced");
        }
    }

    #[test]
    fn interfaces_of_containers_and_tunnels_are_no_cards() {
        for name in
            ["docker0", "br-1f0c7a", "veth12ab", "virbr0", "tun0", "tap1", "wg0", "wg-home", "cni0", "zt7nn", "lxdbr0"]
        {
            assert!(!is_card(name), "{name}");
        }
        for name in ["eth0", "enp3s0", "wlan0", "wlp2s0", "end0", "usb0", "br0", "bond0", "en0", "Ethernet"] {
            assert!(is_card(name), "{name}");
        }
    }

    #[test]
    fn no_address_is_there_twice_or_this_machines_alone() {
        let addresses = addresses();
        assert!(addresses.iter().all(|ip| !ip.is_loopback()));
        let distinct: std::collections::HashSet<_> = addresses.iter().collect();
        assert_eq!(distinct.len(), addresses.len());
    }
}
