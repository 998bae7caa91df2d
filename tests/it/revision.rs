//! Features that an older edgetl decoded: counted, and refreshed where their picture is seen again.

use serde_json::Value;

use crate::common::Device;

/// Of `collect`'s summary and `doctor`'s report on the only backbone: how many are stored, and how many are outdated.
fn outdated(device: &Device) -> (u64, u64) {
    let report: &Value = &device.json(&["doctor"])[0];
    let backbone = &report["state"]["backbones"][0];
    (backbone["samples"].as_u64().unwrap(), backbone["outdated"].as_u64().unwrap())
}

#[test]
fn features_of_an_older_decoding_are_counted_and_refreshed_when_their_pictures_are_seen() {
    let device = Device::taught();
    let (samples, none) = outdated(&device);
    assert_eq!(none, 0);
    let database = rusqlite::Connection::open(device.state().join("samples.db")).unwrap();
    database.execute("UPDATE features SET revision = 1, vector = zeroblob(length(vector))", []).unwrap();
    drop(database);
    assert_eq!(outdated(&device), (samples, samples));
    let text = device.edgetl(&["doctor"]).env("EDGETL_PROVIDER", "tract").output().unwrap().stdout;
    assert!(String::from_utf8_lossy(&text).contains("edgetl collect"), "{}", String::from_utf8_lossy(&text));
    device.json(&["collect", "photos"]);
    assert_eq!(outdated(&device), (samples, 0));
    // The vectors are sound again too: fitting reads only rows whose checksum holds.
    device.json(&["fit-head"]);
}
