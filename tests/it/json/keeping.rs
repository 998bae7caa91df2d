//! Samples, edited, examined, exported and kept.

use std::io::{Seek as _, SeekFrom, Write as _};

use serde_json::Value;

use super::schemas::Documented;
use crate::common::{Device, backbone};

/// A device whose commands are held against the section of their first two words.
struct Checked<'a> {
    device: Device,
    documented: &'a Documented,
}

impl Checked<'_> {
    fn samples(&self, command: &str, flags: &[&str]) -> Value {
        let arguments = [&["samples", command][..], flags].concat();
        self.documented.run(&format!("samples {command}"), &self.device, &arguments).remove(0)
    }
}

fn collected() -> Device {
    let device = Device::new();
    device.draw("photos", 7, 0);
    device.json(&["collect", "photos", "--backbone", backbone()]);
    device
}

pub fn editing(documented: &Documented) {
    let checked = Checked { device: collected(), documented };
    let device = &checked.device;
    device.json(&["fit-head", "--head", "ridge"]);
    device.draw("more", 1, 50);
    device.json(&["collect", "more", "--unlabelled"]);
    checked.samples("list", &[]);
    checked.samples("list", &["--unlabelled"]);
    documented.run_one("samples list --count", device, &["samples", "list", "--count"]);
    assert_eq!(checked.samples("relabel", &["stars", "--id", "1,2"])["new_class"]["like"], "star");
    checked.samples("rename", &["stars", "star"]);
    checked.samples("merge", &["ring", "circle"]);
    checked.samples("remove", &["--id", "3"]);
    assert_eq!(checked.samples("history", &[])["removed"].as_object().unwrap().len(), 1);
    assert_eq!(checked.samples("undo", &[])["restored"], 1);
    checked.samples("history", &[]);
    assert!(checked.samples("remove", &["--id", "3", "--forget"])["forgotten"]["head"].is_u64());
    assert!(checked.samples("remove", &["--all", "--forget"])["forgotten"]["reason"].is_string());
    checked.samples("purge", &[]);
}

pub fn examining(documented: &Documented) {
    let checked = Checked { device: collected(), documented };
    let device = &checked.device;
    let star = image::open(device.path("photos/star/000.png")).unwrap();
    star.resize(12, 12, image::imageops::FilterType::Triangle).save(device.path("photos/star/tiny.png")).unwrap();
    star.brighten(1).save(device.path("photos/ring/twin.png")).unwrap();
    device.json(&["collect", "photos"]);
    std::fs::remove_file(device.path("photos/star/001.png")).unwrap();
    let findings = checked.samples("doctor", &[]);
    for field in ["suspects", "duplicates", "tiny", "sources"] {
        assert!(!findings[field].as_array().unwrap().is_empty(), "{field}: {findings}");
    }
    let fix = ["samples", "doctor", "--fix", "remove", "--of", "tiny"];
    let fixed = documented.run_one("samples doctor --fix", device, &fix);
    assert!(!fixed["changes"].as_array().unwrap().is_empty(), "{fixed}");
    assert_eq!(checked.samples("export", &["out"])["without_picture"], 1);
    let backed_up = documented.run_one("backup", device, &["backup", "state.tar"]);
    let file = device.path("state.tar");
    let other = Device::new();
    assert_eq!(documented.run_one("restore", &other, &["restore", file.to_str().unwrap()]), backed_up);
    documented.run_one("doctor", &other, &["doctor"]);
    let mut store = std::fs::OpenOptions::new().write(true).open(device.state().join("samples.db")).unwrap();
    store.seek(SeekFrom::Start(5 * 16384)).unwrap();
    store.write_all(&[0xa5; 16384]).unwrap();
    checked.samples("rescue", &[]);
}
