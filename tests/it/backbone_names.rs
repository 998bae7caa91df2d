//! Backbones have names and places: a name is never a path, and nothing but a package is ever replaced.

use std::path::Path;

use predicates::prelude::*;
use predicates::str::contains;

use crate::common::{Device, backbone};

const PATHS: [&str; 6] = ["../../out1", "/tmp/out1", "..", ".hidden", "current", "a\u{1b}[2Jb"];

fn import(device: &Device, more: &[&str]) -> assert_cmd::assert::Assert {
    let arguments = [&["backbone", "import", backbone(), "--provider", "tract"], more].concat();
    device.edgetl(&arguments).assert()
}

/// A package folder `name` whose manifest says that it is called `called`.
fn package(device: &Device, name: &str, called: &str) -> std::path::PathBuf {
    let folder = device.path(name);
    import(device, &["--out", folder.to_str().unwrap()]).success();
    let manifest = std::fs::read_to_string(folder.join("manifest.toml")).unwrap();
    let renamed = manifest.replace("name = \"gap\"", &format!("name = {called:?}"));
    assert!(manifest != renamed || called == "gap");
    std::fs::write(folder.join("manifest.toml"), renamed).unwrap();
    folder
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_path_is_no_name_on_the_command_line() {
    let device = Device::new();
    for name in PATHS {
        import(&device, &["--name", name]).code(2).stderr(contains("expected a backbone's name"));
        for command in [["backbone", "use"], ["backbone", "remove"]] {
            let arguments = [&command[..], &["--", name]].concat();
            device.edgetl(&arguments).assert().code(2).stderr(contains("expected a backbone's name"));
        }
    }
    assert_eq!(names(device.path("").as_path()), [""; 0], "nothing was written anywhere");
}

#[test]
fn a_path_in_a_foreign_manifest_is_an_error_and_nothing_is_written_there() {
    let device = Device::new();
    device.draw("photos", 1, 0);
    for called in ["../x", "../../out1", "", "/x", "x\ny"] {
        let folder = package(&device, "foreign", called);
        let arguments = ["collect", "photos", "--provider", "tract", "--backbone", folder.to_str().unwrap()];
        device.edgetl(&arguments).assert().code(1).stderr(contains("expected a backbone's name"));
        std::fs::remove_dir_all(folder).unwrap();
    }
    assert_eq!(names(device.path("").as_path()), ["photos"]);
}

#[test]
fn a_folder_copied_in_under_another_name_is_found_and_one_that_is_no_name_is_passed_over() {
    let device = Device::new();
    import(&device, &["--name", "own"]).success();
    let kept = device.state().join("backbones");
    for (name, called) in [("copied", "gap"), ("two words", "gap"), ("bad", "../own")] {
        let folder = package(&device, "foreign", called);
        std::fs::rename(folder, kept.join(name)).unwrap();
    }
    let output = device.edgetl(&["backbone", "list", "--json"]).output().unwrap();
    let rows: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let listed: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(listed, ["copied", "own"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("passing over") && stderr.contains("two words") && stderr.contains("/bad"), "{stderr}");
}

#[test]
fn a_path_in_the_store_is_an_error_with_the_way_out() {
    let device = Device::taught();
    let set = |name: &str| {
        let mut store = edgetl::store::Store::open(&device.state().join("samples.db")).unwrap();
        store.set_setting("backbone", name).unwrap();
    };
    set("../backbones/gap");
    let collect = ["collect", "photos", "--provider", "tract"];
    device
        .edgetl(&collect)
        .assert()
        .code(1)
        .stderr(contains("edgetl backbone use NAME").and(contains("../backbones/gap")));
    device.edgetl(&["backbone", "list"]).assert().success();
    device.edgetl(&["backbone", "use", "gap"]).assert().success();
    device.edgetl(&collect).assert().success();
}

#[test]
fn a_file_with_an_odd_name_gives_a_plain_one() {
    let device = Device::new();
    for (file, name) in
        [("current.onnx", "backbone"), ("..weird \u{1b}[2J name.onnx", "weird___2J_name"), ("-x.onnx", "x")]
    {
        let path = device.path(file);
        std::fs::copy(backbone(), &path).unwrap();
        let arguments = ["backbone", "import", "--provider", "tract", "--json", "--", path.to_str().unwrap()];
        let output = device.edgetl(&arguments).output().unwrap();
        let imported: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(imported["backbone"], name);
    }
}

#[test]
fn import_deletes_nothing_that_is_no_package() {
    let device = Device::new();
    let folder = device.draw("photos", 1, 0);
    let before = names(&folder);
    let out = ["--out", folder.to_str().unwrap()];
    import(&device, &out)
        .code(1)
        .stderr(contains("expected a backbone package, an empty folder").and(contains("hint:")));
    assert_eq!(names(&folder), before);
    let file = device.path("file");
    std::fs::write(&file, "precious").unwrap();
    import(&device, &["--out", file.to_str().unwrap()]).code(1).stderr(contains("got a file"));
    assert_eq!(std::fs::read_to_string(file).unwrap(), "precious");
    import(&device, &["--out", "."]).code(1).stderr(contains("hint:"));
    let project = package(&device, "project", "gap");
    std::fs::write(project.join("thesis.tex"), "precious").unwrap();
    import(&device, &["--out", "project", "--size", "64"]).code(1).stderr(contains("`thesis.tex`"));
    assert_eq!(std::fs::read_to_string(project.join("thesis.tex")).unwrap(), "precious");
}

#[test]
fn import_replaces_a_package_and_fills_an_empty_folder_and_leaves_nothing_beside_them() {
    let device = Device::new();
    std::fs::create_dir_all(device.path("out/empty")).unwrap();
    for size in ["32", "64", "64"] {
        for folder in ["out/empty", "out/new/net"] {
            import(&device, &["--out", folder, "--size", size]).success();
            let package = edgetl::backbone::Package::open(&device.path(folder)).unwrap();
            assert_eq!(package.manifest().preprocess.width.to_string(), size);
        }
    }
    assert_eq!(names(&device.path("out")), ["empty", "new"]);
    assert_eq!(names(&device.path("out/new")), ["net"]);
}

#[test]
fn a_package_that_a_killed_process_left_aside_is_found_again() {
    let device = Device::taught();
    let kept = device.state().join("backbones");
    // As where the file system cannot exchange two folders, between the two renames.
    std::fs::rename(kept.join("gap"), kept.join(".gap.edgetl-old")).unwrap();
    std::fs::create_dir(kept.join(".gap.edgetl-tmp")).unwrap();
    let picture = device.path("photos/star/000.png");
    device.edgetl(&["predict", picture.to_str().unwrap(), "--provider", "tract"]).assert().success();
    assert!(kept.join("gap/manifest.toml").is_file());
    import(&device, &["--name", "other"]).success();
    assert_eq!(names(&kept), ["gap", "other"]);
    device.edgetl(&["backbone", "remove", "--force", "other"]).assert().success();
    assert_eq!(names(&kept), ["gap"]);
}
