//! Heads and rows that were damaged, and what commands say of them.

use edgetl::backbone::Package;
use edgetl::device::Settings;
use edgetl::store::StateDir;

use crate::common::{Device, backbone};
use predicates::prelude::*;
use predicates::str::contains;

fn flip(device: &Device, head: &str, from: &str) {
    let path = device.state().join("heads").join(head);
    let mut bytes = std::fs::read(&path).unwrap();
    let place = bytes.windows(from.len()).position(|window| window == from.as_bytes()).unwrap();
    bytes[place] ^= 1;
    std::fs::write(&path, bytes).unwrap();
}

#[test]
fn a_damaged_head_answers_nothing_and_cannot_be_rolled_back_to() {
    let device = Device::taught();
    device.json(&["fit-head", "--head", "lda"]);
    flip(&device, "000001.safetensors", "circle");
    let refused = contains("cannot use head 000001: the file is damaged: its checksum does not match");
    device.edgetl(&["heads", "rollback"]).assert().code(1).stderr(refused.clone());
    device.edgetl(&["heads", "rollback", "--to", "000001"]).assert().code(1).stderr(refused.clone());
    assert_eq!(std::fs::read_to_string(device.state().join("heads/current")).unwrap(), "000002\n");
    device.edgetl(&["doctor", "--provider", "tract"]).assert().code(1).stdout(refused.clone());
    flip(&device, "000002.safetensors", "star");
    let live = contains("cannot use head 000002: the file is damaged");
    device.edgetl(&["predict", "photos/star/000.png"]).assert().code(1).stderr(live);
}

#[test]
fn a_head_whose_backbone_is_gone_cannot_be_rolled_back_to() {
    let device = Device::taught();
    let import = ["backbone", "import", backbone(), "--name", "other", "--size", "20x16", "--use"];
    device.json(&import);
    device.json(&["collect", "photos"]);
    device.json(&["fit-head", "--head", "lda"]);
    device.json(&["heads", "rollback"]);
    device.json(&["heads", "rollback", "--to", "000002"]);
    std::fs::remove_dir_all(device.state().join("backbones/gap")).unwrap();
    let refused = contains("that the head was fitted on, got none such");
    device.edgetl(&["heads", "rollback"]).assert().code(1).stderr(refused);
    assert_eq!(std::fs::read_to_string(device.state().join("heads/current")).unwrap(), "000002\n");
}

#[test]
fn a_damaged_row_is_never_fitted_and_the_way_out_works() {
    let device = Device::taught();
    let sql = rusqlite::Connection::open(device.state().join("samples.db")).unwrap();
    sql.execute("UPDATE features SET vector = zeroblob(length(vector)) WHERE sample_id = 5", []).unwrap();
    sql.execute("UPDATE samples SET label = 'ring' WHERE id = 9", []).unwrap();
    drop(sql);
    let damaged = contains("the stored rows of sample 9 are damaged: their checksums do not match");
    let hint = contains("hint: `edgetl samples list --id 9`").and(contains("edgetl samples remove --id 9"));
    device.edgetl(&["fit-head"]).assert().code(1).stderr(damaged.and(hint));
    for command in [&["advise"][..], &["samples", "doctor"]] {
        device.edgetl(command).assert().code(1).stderr(contains("of sample 9 are damaged"));
    }
    let all = contains("the stored rows of samples 5, 9 are damaged");
    device.edgetl(&["doctor", "--provider", "tract"]).assert().code(1).stdout(all);
    device.json(&["samples", "remove", "--id", "9,5"]);
    assert_eq!(device.json(&["fit-head"])[0]["samples"], 46);
    assert_eq!(device.json(&["collect", "photos", "--again"])[0]["stored"], 2);
    assert_eq!(device.json(&["fit-head"])[0]["samples"], 48);
    device.edgetl(&["doctor", "--provider", "tract"]).assert().success();
}

#[test]
fn a_stray_file_with_the_highest_number_there_is_stops_nothing() {
    let device = Device::taught();
    let heads = device.state().join("heads");
    std::fs::copy(heads.join("000001.safetensors"), heads.join("18446744073709551615.safetensors")).unwrap();
    assert_eq!(device.json(&["fit-head"])[0]["version"], 2);
    assert_eq!(device.json(&["heads", "list"])[0].as_array().unwrap().len(), 2);
    device.json(&["predict", "photos/star/000.png"]);
}

#[test]
fn after_a_head_could_not_be_published_the_one_that_is_live_is_named() {
    let device = Device::new();
    device.draw("photos", 8, 0);
    device.json(&["collect", "photos", "--backbone", backbone()]);
    let lock = device.state().join("heads/.lock");
    let block = || {
        let _ = std::fs::remove_file(&lock);
        std::fs::create_dir(&lock).unwrap();
    };
    block();
    device.edgetl(&["fit-head"]).assert().code(1).stderr(contains("hint: no head is live"));
    std::fs::remove_dir(&lock).unwrap();
    device.json(&["fit-head"]);
    block();
    device.edgetl(&["fit-head", "--head", "lda"]).assert().code(1).stderr(contains("hint: head 000001 is live"));
    std::fs::remove_dir(&lock).unwrap();
    let pointer = device.state().join("heads/current");
    std::fs::remove_file(&pointer).unwrap();
    std::fs::create_dir(&pointer).unwrap();
    let unknown = contains("hint: which head is live cannot be found out");
    device.edgetl(&["fit-head", "--head", "lda"]).assert().code(1).stderr(unknown);
}

/// `whole` with one bit flipped, for every bit, and cut after every byte.
fn damaged(whole: &[u8]) -> impl Iterator<Item = Vec<u8>> + '_ {
    let flipped = (0..8 * whole.len()).map(|bit| {
        let mut bytes = whole.to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        bytes
    });
    flipped.chain((0..whole.len()).map(|length| whole[..length].to_vec()))
}

#[test]
fn whatever_is_damaged_in_a_manifest_is_an_error_or_another_backbone_or_has_no_bearing_on_features() {
    let device = Device::taught();
    let library = edgetl::device::Device::new(StateDir::new(device.state()), Settings::default());
    let folder = device.state().join("backbones/gap");
    let whole = Package::open(&folder).unwrap();
    let path = folder.join("manifest.toml");
    let text = std::fs::read(&path).unwrap();
    let (mut errors, mut others) = (0, 0);
    for bytes in damaged(&text) {
        std::fs::write(&path, &bytes).unwrap();
        match Package::open(&folder) {
            Err(_) => errors += 1,
            Ok(package) if package.fingerprint() != whole.fingerprint() => others += 1,
            Ok(package) if package.manifest().feature == whole.manifest().feature => {}
            Ok(package) => {
                let said = String::from_utf8_lossy(&bytes).into_owned();
                assert!(library.load(package, 1).is_err(), "features of another kind: {said}");
            }
        }
    }
    assert!(errors > text.len() && others > 100, "{errors} errors and {others} others of {} bytes", text.len());
}
