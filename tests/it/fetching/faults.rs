//! What networks and servers do: each way is either survived with the right bytes or told, and nothing half-done is taken.

use super::hub::Faults;
use super::{fetch, fetched, hub, left, refused};
use crate::common::Device;

/// The fingerprint of what came, which holds the SHA-256 of the network, and the ranges that were asked for.
fn survives(name: &str, faults: Faults, ranges: &[Option<&str>]) {
    let (device, hub) = (Device::new(), hub().faulty(faults));
    let value = fetched(&device, &hub, &["hf:tiny/net"]);
    assert_eq!(value["use"], true, "{name}: {value}");
    assert_eq!(left(&device), [""; 0], "{name}");
    let content = hub.log().into_iter().filter(|request| request.path.starts_with("/content/"));
    let asked: Vec<Option<String>> = content.map(|request| request.range).collect();
    assert_eq!(asked.iter().map(Option::as_deref).collect::<Vec<_>>(), ranges, "{name}");
}

#[test]
fn a_connection_that_breaks_off_or_stalls_is_continued() {
    survives("nothing", Faults::default(), &[None]);
    survives("cut", Faults { cut: Some((700_000, 1)), ..Faults::default() }, &[None, Some("bytes=700000-")]);
    let twice = [None, Some("bytes=900000-"), Some("bytes=1800000-")];
    survives("cut twice", Faults { cut: Some((900_000, 2)), ..Faults::default() }, &twice);
    survives("stalled", Faults { stall: Some(1_200_000), ..Faults::default() }, &[None, Some("bytes=1200000-")]);
    survives("slow", Faults { slow: Some(200_000), ..Faults::default() }, &[None]);
}

#[test]
fn a_busy_server_is_waited_for_and_an_expired_link_renewed() {
    survives("503", Faults { fail: 2, ..Faults::default() }, &[None]);
    survives("429", Faults { limit: 1, ..Faults::default() }, &[None]);
    survives("expired", Faults { expired: 1, ..Faults::default() }, &[None, None]);
}

#[test]
fn servers_that_know_no_ranges_or_lie_about_them_give_the_right_bytes_all_the_same() {
    let cut = Some((700_000, 1));
    let asked = [None, Some("bytes=700000-")];
    survives("no range", Faults { cut, no_range: true, ..Faults::default() }, &asked);
    survives("bad range", Faults { cut, bad_range: true, ..Faults::default() }, &asked);
    survives("wrong length", Faults { wrong_length: true, ..Faults::default() }, &[None]);
    survives("no linked headers", Faults { no_linked: true, ..Faults::default() }, &[None]);
    survives("no size", Faults { no_size: true, ..Faults::default() }, &[None]);
}

#[test]
fn bytes_that_are_not_those_listed_are_never_taken() {
    let (device, hub) = (Device::new(), hub().faulty(Faults { corrupt: true, ..Faults::default() }));
    let said = refused(&mut fetch(&device, &hub, &["hf:tiny/net"]));
    assert!(said.contains("expected the SHA-256") && said.contains("nothing was kept"), "{said}");
    assert!(left(&device).iter().all(|name| !name.contains("onnx")), "{:?}", left(&device));
    assert!(device.json(&["backbone", "list"])[0].as_array().unwrap().is_empty());
    // The beginning of the right file and the rest of a wrong one, then the right one.
    let (device, hub) = (Device::new(), super::hub());
    hub.set(Faults { cut: Some((700_000, 100)), corrupt: true, ..Faults::default() });
    let said = refused(&mut fetch(&device, &hub, &["hf:tiny/net"]));
    assert!(said.contains("expected the SHA-256"), "{said}");
    hub.set(Faults::default());
    assert_eq!(fetched(&device, &hub, &["hf:tiny/net"])["use"], true);
}

#[test]
fn a_login_page_is_told_from_the_hub() {
    let (device, hub) = (Device::new(), hub().plain("/net.onnx", "<html>log in</html>"));
    let digest = "0".repeat(64);
    let said = refused(&mut fetch(&device, &hub, &[&format!("{}/net.onnx", hub.address), "--sha256", &digest]));
    assert!(said.contains("expected an ONNX network from") && said.contains("got a web page"), "{said}");
    hub.set(Faults { portal: true, ..Faults::default() });
    let said = refused(&mut fetch(&device, &hub, &["hf:tiny/net"]));
    assert!(said.contains("login page") && said.contains("log in to the network in a browser"), "{said}");
}

#[test]
fn a_server_that_stays_busy_is_told_with_the_way_out() {
    let (device, hub) = (Device::new(), hub().faulty(Faults { fail: 100, ..Faults::default() }));
    let said = refused(&mut fetch(&device, &hub, &["hf:tiny/net"]));
    assert!(said.contains("is busy (status 503) and asks to wait 1 s"), "{said}");
    assert!(said.contains("edgetl backbone import FILE"), "{said}");
}

#[test]
fn a_disk_that_is_too_small_is_told_before_anything_comes() {
    let faults = Faults { listed_size: Some(1 << 50), ..Faults::default() };
    let (device, hub) = (Device::new(), hub().faulty(faults));
    let said = refused(&mut fetch(&device, &hub, &["hf:tiny/net"]));
    assert!(said.contains("MB of free space"), "{said}");
    assert!(hub.log().iter().all(|request| !request.path.starts_with("/content/")));
}
