//! What the tests that drive the binary share.

use std::path::{Path, PathBuf};

use assert_cmd::Command;
use edgetl::dataset::Dataset;
use edgetl::device::{Device as Library, Settings};
use edgetl::store::{Selection, Split, StateDir};
use serde_json::Value;

/// A state directory and pictures of its own for one test.
pub struct Device {
    root: tempfile::TempDir,
}

impl Device {
    pub fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn state(&self) -> PathBuf {
        self.path("state")
    }

    /// `edgetl` with this device's state; nothing of the machine's settings reaches it.
    pub fn edgetl(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_edgetl"));
        command.env_clear().current_dir(self.root.path()).env("EDGETL_STATE", self.state()).args(arguments);
        command
    }

    /// Runs `edgetl` on tract with `--json` and gives what it printed, one value a line.
    pub fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.edgetl(arguments).env("EDGETL_PROVIDER", "tract").arg("--json").output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let stdout = String::from_utf8_lossy(&output.stdout);
        assert!(!stdout.trim().is_empty(), "{arguments:?} printed nothing; stderr: {stderr}");
        stdout
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
            .collect()
    }

    /// The labelled samples with features of the backbone that has most of them, as heads are fitted on them.
    pub fn dataset(&self, split: Option<Split>) -> Dataset {
        let library = Library::new(StateDir::new(self.state()), Settings::default());
        let store = library.existing_store().unwrap();
        let fingerprint = store.fingerprints().unwrap()[0].fingerprint;
        library.dataset(&store, &fingerprint, &Selection { split, labels: None }).unwrap()
    }

    /// Draws `per_class` pictures of every shape into the folder `name`.
    pub fn draw(&self, name: &str, per_class: usize, first_seed: u64) -> PathBuf {
        let folder = self.path(name);
        edgetl::demo::draw_folder(&folder, per_class, first_seed).unwrap();
        folder
    }

    /// A device that has collected drawings and published a head.
    pub fn taught() -> Self {
        Self::taught_on(&["--backbone", backbone()])
    }

    /// With the network in the box, which tells the drawings apart.
    pub fn well_taught() -> Self {
        Self::taught_on(&[])
    }

    fn taught_on(backbone: &[&str]) -> Self {
        let device = Self::new();
        device.draw("photos", 8, 0);
        device.json(&[&["collect", "photos"], backbone].concat());
        device.json(&["fit-head"]);
        device
    }
}

/// A small network that the repository's tools made.
pub fn backbone() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/backbone/gap.onnx")
}

/// The folder of real backbones and photographs; tests that need it are ignored without it.
pub fn shared() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
    assert!(folder.is_dir(), "it was there when the tests were built: touch build.rs");
    folder
}

/// The ONNX Runtime library named by `EDGETL_ONNXRUNTIME`; tests that need it are ignored without it.
pub fn onnxruntime() -> PathBuf {
    std::env::var_os("EDGETL_ONNXRUNTIME").map(PathBuf::from).expect("it was named when the tests were built")
}
