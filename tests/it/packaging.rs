//! What the packaging's settings say is what its tools understand and what lies in the repository.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

const TARGETS: [&str; 3] = ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "armv7-unknown-linux-gnueabihf"];

/// The keys of cross 0.2.5, read in its source: those of `[build]` and `[target.TRIPLE]`.
const CROSS_KEYS: [&str; 8] =
    ["image", "dockerfile", "pre-build", "runner", "build-std", "xargo", "env", "default-target"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn table(name: &str) -> Table {
    toml::from_str(&std::fs::read_to_string(root().join(name)).unwrap()).unwrap()
}

#[test]
fn cross_toml_has_a_pinned_image_for_every_target_and_only_known_keys() {
    let cross = table("cross.toml");
    assert!(cross.keys().all(|key| ["build", "target"].contains(&key.as_str())), "{cross:?}");
    let targets = cross["target"].as_table().unwrap();
    assert_eq!(targets.len(), TARGETS.len());
    for target in TARGETS {
        let settings = targets[target].as_table().unwrap();
        assert!(settings.keys().all(|key| CROSS_KEYS.contains(&key.as_str()) && key != "default-target"), "{target}");
        let image = settings["image"].as_str().unwrap();
        let pinned = image.contains("@sha256:") || image.ends_with(&format!("{target}:0.2.5"));
        assert!(pinned, "{image} moves");
    }
}

#[test]
fn the_cross_scripts_build_the_targets_that_cross_toml_names() {
    let script = std::fs::read_to_string(root().join("tools/cross/targets.sh")).unwrap();
    let line = script.lines().find_map(|line| line.strip_prefix("TARGETS=(")).unwrap();
    let names: Vec<_> = line.trim_end_matches(')').split(' ').collect();
    assert_eq!(names, TARGETS);
}

#[test]
fn every_file_of_the_package_is_in_the_repository_or_is_made_by_its_build() {
    let manifest = table("Cargo.toml");
    let deb = &manifest["package"]["metadata"]["deb"];
    let sources = deb["assets"].as_array().unwrap().iter().map(|asset| asset[0].as_str().unwrap());
    for source in sources.filter(|source| !source.starts_with("target/")) {
        let path = root().join(source);
        let folder = path.parent().unwrap();
        match path.file_name().unwrap().to_str().unwrap().split_once('*') {
            None => assert!(path.is_file(), "{source}"),
            Some((_, end)) => assert!(has_file(folder, end), "{source}"),
        }
    }
    let settings = deb["conf-files"].as_array().unwrap();
    assert_eq!(settings, &[Value::from("/etc/edgetl/edgetl.toml")]);
}

/// Whether `folder` holds a file whose name ends in `end`.
fn has_file(folder: &Path, end: &str) -> bool {
    let mut entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.any(|entry| entry.file_name().to_string_lossy().ends_with(end))
}

#[cfg(unix)]
#[test]
fn scripts_can_be_executed() {
    use std::os::unix::fs::PermissionsExt as _;
    let cross =
        ["setup", "build", "build-std", "test", "check-floor", "cargo"].map(|name| format!("tools/cross/{name}"));
    let deb = ["build", "check", "postinst", "prerm", "postrm"].map(|name| format!("tools/deb/{name}"));
    let others = [
        "tools/install-onnxruntime",
        "tools/release",
        "tools/archive/build",
        "tools/archive/install.sh",
        "tools/gpu/bring",
        "tools/gpu/check",
    ];
    let others = others.map(str::to_owned);
    for script in cross.into_iter().chain(deb).chain(others) {
        let mode =
            std::fs::metadata(root().join(&script)).unwrap_or_else(|error| panic!("{script}: {error}")).permissions();
        assert_ne!(mode.mode() & 0o100, 0, "{script}");
    }
}
