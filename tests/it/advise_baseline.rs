//! `advise --baseline`: raw pixels and random weights beside the pretrained network.

use std::collections::BTreeMap;
use std::path::Path;

use edgetl::backbone::{ImportRequest, Loader, Options, Package, Provider, ProviderChoice, RandomNetwork};
use predicates::str::contains;
use serde_json::Value;

use crate::common::{Device, backbone};

fn with_drawings() -> Device {
    let device = Device::new();
    device.draw("photos", 12, 0);
    device.json(&["collect", "photos", "--backbone", backbone()]);
    device
}

/// The path of every file below `folder`, with its length.
fn listing(folder: &Path) -> BTreeMap<std::path::PathBuf, u64> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        match entry.file_type().unwrap().is_dir() {
            true => files.extend(listing(&entry.path())),
            false => drop(files.insert(entry.path(), entry.metadata().unwrap().len())),
        }
    }
    files
}

fn points(device: &Device, flags: &[&str]) -> Value {
    let report = device.json(&[&["advise", "--baseline"], flags].concat()).remove(0);
    report["baseline"].clone()
}

#[test]
fn all_three_are_asked_the_same_pictures_and_nothing_of_them_stays() {
    let device = with_drawings();
    let before = listing(&device.state());
    let first = points(&device, &[]);
    assert_eq!(listing(&device.state()), before);
    assert_eq!((&first["pictures"], &first["unread"]), (&72.into(), &0.into()));
    let shares: Vec<f64> =
        first["points"].as_array().unwrap().iter().map(|point| point["share"].as_f64().unwrap()).collect();
    assert_eq!(shares, [0.25, 0.5, 1.0]);
    assert_eq!(first["points"][2]["asked"], 72);
    assert!(first["points"][2]["random"]["error"].as_f64().unwrap() > 0.0);
    assert_eq!(points(&device, &[])["points"], first["points"], "the same seed");
    assert_ne!(points(&device, &["--seed", "1"])["points"], first["points"]);
    device.edgetl(&["advise", "--baseline"]).assert().success().stdout(contains("not training from scratch"));
}

#[test]
fn a_picture_that_is_gone_is_left_out_of_all_three() {
    let device = with_drawings();
    let gone = listing(&device.path("photos")).into_keys().next().unwrap();
    std::fs::remove_file(gone).unwrap();
    let report = points(&device, &[]);
    assert_eq!(
        (&report["pictures"], &report["unread"], &report["points"][2]["asked"]),
        (&71.into(), &1.into(), &71.into())
    );
}

#[test]
fn random_weights_give_finite_features_of_the_same_length_and_by_seed() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/backbone");
    let options = Options { provider: ProviderChoice::Only(Provider::Tract), threads: 1, ..Options::default() };
    for name in ["gap", "half", "nhwc", "normalised", "token_mean", "class_token", "window_attention", "two_stages"] {
        let package = Package::from_onnx(&fixtures.join(format!("{name}.onnx")), &ImportRequest::default()).unwrap();
        let drawn = |seed| RandomNetwork::new(&package, seed).unwrap();
        if let Some(statistics) = drawn(0).statistics() {
            Loader::new(statistics, &options).unwrap_or_else(|error| panic!("{name}: {error}"));
        }
        let random = drawn(0).settled(&[]);
        // Opening runs a picture, whose features must be finite and as many as the manifest says.
        let pixels = 3 * random.width * random.height;
        assert_eq!(random.package.manifest().feature.width(), package.manifest().feature.width() + pixels, "{name}");
        assert_eq!(random.package.onnx(), drawn(0).settled(&[]).package.onnx(), "{name}");
        assert_ne!(random.package.onnx(), drawn(1).settled(&[]).package.onnx(), "{name}");
        Loader::new(random.package, &options).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
    let quantised = Package::from_onnx(&fixtures.join("quantised.onnx"), &ImportRequest::default()).unwrap();
    let error = RandomNetwork::new(&quantised, 0).err().unwrap();
    assert!(edgetl_causes(&error).contains("floating-point weights"), "{error}");
}

fn edgetl_causes(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {}", edgetl_causes(source)))
}
