//! Tells the tests what this machine lacks, so that what cannot run is reported as ignored and not as passed.
//!
//! It looks when the crate is built: after `../shared` was put beside the checkout, `touch build.rs`.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // What `fuzz/` is compiled with.
    println!("cargo::rustc-check-cfg=cfg(fuzzing)");
    // A packaged crate has no tests, and asks nothing of the machine.
    let tests = Path::new("tests/it/main.rs").exists();
    for (name, there) in [
        ("has_shared", (|| file("../shared/models/README.md")) as fn() -> bool),
        ("has_onnxruntime", || variable("EDGETL_ONNXRUNTIME")),
        ("has_zoo", || variable("EDGETL_ZOO")),
        ("has_light", || variable("EDGETL_LIGHT")),
        ("has_foreign_program", || variable("EDGETL_FOREIGN")),
        ("has_foreign_onnxruntime", || variable("EDGETL_FOREIGN") && variable("EDGETL_FOREIGN_ONNXRUNTIME")),
        ("has_c_compiler", || program("cc")),
        ("has_python", || program("python3")),
        ("has_mosquitto", || Command::new("mosquitto").arg("-h").output().is_ok()),
        ("has_chromium", || program("chromium") && program("chromedriver")),
        ("has_network", has_network),
        ("is_root", is_root),
    ] {
        println!("cargo::rustc-check-cfg=cfg({name})");
        if tests && there() {
            println!("cargo::rustc-cfg={name}");
        }
    }
}

fn file(path: &str) -> bool {
    let there = Path::new(path).exists();
    if there {
        println!("cargo::rerun-if-changed={path}");
    }
    there
}

fn variable(name: &str) -> bool {
    println!("cargo::rerun-if-env-changed={name}");
    std::env::var_os(name).is_some_and(|value| !value.is_empty())
}

fn program(name: &str) -> bool {
    Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// Whether there is more than this machine alone.
fn has_network() -> bool {
    std::fs::read_to_string("/proc/net/route").is_ok_and(|routes| routes.lines().nth(1).is_some())
}

#[cfg(unix)]
fn is_root() -> bool {
    // Whose process this is.
    std::fs::metadata("/proc/self").is_ok_and(|process| std::os::unix::fs::MetadataExt::uid(&process) == 0)
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}
