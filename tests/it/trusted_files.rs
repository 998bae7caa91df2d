//! Settings and libraries are obeyed and loaded only where nobody but the user and root can change them.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

use predicates::prelude::*;
use predicates::str::contains;

use crate::common::Device;

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Gives `path` to somebody else, which only root can.
fn give_away(path: &Path) {
    chown(path, Some(12345), Some(12345)).unwrap();
}

/// A device with settings in its working directory that name another state directory.
fn with_settings() -> (Device, std::path::PathBuf) {
    let device = Device::new();
    let settings = device.path("edgetl.toml");
    std::fs::write(&settings, "state = \"elsewhere\"\n").unwrap();
    mode(&settings, 0o644);
    (device, settings)
}

fn doctor(device: &Device, more: &[&str]) -> assert_cmd::assert::Assert {
    let arguments = [&["doctor", "--provider", "tract"], more].concat();
    device.edgetl(&arguments).env_remove("EDGETL_STATE").assert()
}

#[test]
fn settings_of_the_users_own_are_obeyed_and_named_in_the_log() {
    let (device, settings) = with_settings();
    let named = format!("settings in `{}`", settings.display());
    doctor(&device, &[]).success().stdout(contains("state `elsewhere`")).stderr(contains(&named));
    doctor(&device, &["-q"]).success().stderr(contains("settings").not());
}

#[test]
fn settings_that_others_can_write_are_an_error_with_path_mode_and_way_out() {
    let (device, settings) = with_settings();
    let refused = |path: &Path, mode: &str, more: &[&str]| {
        let named = format!("`{}`", path.display());
        doctor(&device, more)
            .code(1)
            .stderr(contains(named).and(contains(mode)).and(contains("hint: give it to yourself")));
    };
    for more in [&[][..], &["--config", "edgetl.toml"]] {
        mode(&settings, 0o666);
        refused(&settings, "mode 0666", more);
        mode(&settings, 0o644);
        mode(&device.path(""), 0o1777);
        refused(&device.path("").components().collect::<std::path::PathBuf>(), "mode 1777", more);
        mode(&device.path(""), 0o700);
        doctor(&device, more).success();
    }
}

#[test]
#[cfg_attr(not(is_root), ignore = "needs root")]
fn settings_of_somebody_else_are_an_error_for_root_too() {
    let (device, settings) = with_settings();
    give_away(&settings);
    doctor(&device, &[]).code(1).stderr(contains("owner 12345").and(contains("cannot obey the settings")));
    doctor(&device, &["--config", "edgetl.toml"]).code(1).stderr(contains("owner 12345"));
    device.edgetl(&["doctor"]).env("EDGETL_CONFIG", &settings).assert().code(1).stderr(contains("owner 12345"));
}

/// A library that writes the file `ran` when it is loaded.
fn telltale(device: &Device, name: &str) -> std::path::PathBuf {
    let code = format!(
        "#include <stdio.h>\n__attribute__((constructor)) static void run(void) {{ fclose(fopen({:?}, \"w\")); }}",
        device.path("ran")
    );
    let (source, library) = (device.path("telltale.c"), device.path(name));
    std::fs::write(&source, code).unwrap();
    std::fs::create_dir_all(library.parent().unwrap()).unwrap();
    let compiled =
        std::process::Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).output();
    assert!(compiled.unwrap().status.success());
    library
}

#[test]
#[cfg_attr(not(has_c_compiler), ignore = "needs a C compiler")]
fn a_library_that_others_can_change_is_never_loaded_however_it_was_named_or_found() {
    let device = Device::new();
    let library = telltale(&device, "lib/libonnxruntime.so");
    let folder = library.parent().unwrap();
    mode(folder, 0o777);
    let (path, ran) = (library.to_str().unwrap(), device.path("ran"));
    std::fs::write(device.path("edgetl.toml"), format!("[engine]\nonnxruntime = {path:?}\n")).unwrap();
    let plain = || device.edgetl(&["doctor"]);
    let named = "expected a library that only this user and root can change";
    plain().assert().code(1).stdout(contains(named).and(contains("mode 0777")).and(contains("remedy: give it to")));
    std::fs::remove_file(device.path("edgetl.toml")).unwrap();
    plain().args(["--onnxruntime", path]).assert().code(1).stdout(contains(named));
    plain().env("EDGETL_ONNXRUNTIME", path).assert().code(1).stdout(contains(named));
    plain().env("LD_LIBRARY_PATH", folder).assert().stdout(contains(named));
    assert!(!ran.exists(), "it was loaded");
    mode(folder, 0o755);
    plain().args(["--onnxruntime", path]).assert().code(1).stdout(contains("not ONNX Runtime"));
    assert!(ran.exists(), "a library of the user's own is loaded and looked at");
}

#[test]
#[cfg_attr(not(has_onnxruntime), ignore = "needs EDGETL_ONNXRUNTIME")]
fn a_library_beside_a_file_of_somebody_else_that_it_would_load_is_refused() {
    let real = crate::common::onnxruntime();
    let device = Device::new();
    let library = device.path("libonnxruntime.so");
    std::os::unix::fs::symlink(real.canonicalize().unwrap(), &library).unwrap();
    let path = library.to_str().unwrap();
    let owner = real.canonicalize().unwrap().metadata().unwrap().uid();
    if owner != 0 && owner != device.path("").metadata().unwrap().uid() {
        println!("skipped: the library is somebody else's");
        return;
    }
    let companion = device.path("libonnxruntime_providers_cuda.so");
    std::fs::write(&companion, b"").unwrap();
    device.edgetl(&["doctor", "--onnxruntime", path, "--provider", "cpu"]).assert().success();
    mode(&companion, 0o646);
    let refused = device.edgetl(&["doctor", "--onnxruntime", path, "--provider", "cpu"]).assert().code(1);
    refused.stdout(contains("libonnxruntime_providers_cuda.so").and(contains("mode 0646")));
}
