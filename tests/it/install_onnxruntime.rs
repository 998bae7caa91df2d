//! `tools/install-onnxruntime` with wheels of its own making: nothing is fetched.

use std::path::Path;
use std::process::{Command, Output};

use predicates::prelude::*;
use predicates::str::contains;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tools/install-onnxruntime");

fn install(arguments: &[&str]) -> Output {
    Command::new("python3").arg(SCRIPT).args(arguments).output().unwrap()
}

/// A wheel with a library in it, and its SHA-256.
fn wheel(path: &Path) -> String {
    let code = "import hashlib, sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    for name in ['capi/libonnxruntime.so.1.31.1', 'capi/libonnxruntime_providers_shared.so', 'capi/_pybind.so', 'LICENSE']:
        wheel.writestr('onnxruntime/' + name, name)
print(hashlib.sha256(open(sys.argv[1], 'rb').read()).hexdigest())";
    let output = Command::new("python3").args(["-c", code]).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Holds that `output` is a refusal that says `words`.
fn refuses(output: &Output, words: &[&str]) {
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    for words in words {
        assert!(contains(*words).eval(&stderr), "expected `{words}` in: {stderr}");
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
#[cfg_attr(not(has_python), ignore = "needs python3")]
fn a_wheel_that_is_vouched_for_gives_the_library_and_nothing_else() {
    let root = tempfile::tempdir().unwrap();
    let (file, folder) = (root.path().join("own.whl"), root.path().join("lib"));
    let digest = wheel(&file);
    let (file, to) = (file.to_str().unwrap(), folder.to_str().unwrap());
    for _again in 0..2 {
        let output = install(&["--wheel", file, "--sha256", &digest, "--to", to]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), format!("{to}/libonnxruntime.so"));
        let expected = [
            "libonnxruntime.so",
            "libonnxruntime.so.1.31.1",
            "libonnxruntime_providers_shared.so",
            "onnxruntime-LICENSE",
        ];
        assert_eq!(names(&folder), expected);
    }
    let library = std::fs::read_to_string(folder.join("libonnxruntime.so")).unwrap();
    assert_eq!(library, "capi/libonnxruntime.so.1.31.1", "through the link");
}

#[test]
#[cfg_attr(not(has_python), ignore = "needs python3")]
fn a_wheel_that_is_another_or_is_not_listed_is_refused_and_leaves_nothing() {
    let root = tempfile::tempdir().unwrap();
    let listed = root.path().join("onnxruntime-1.31.1-cp312-cp312-manylinux_2_28_x86_64.whl");
    let (unlisted, folder) = (root.path().join("own.whl"), root.path().join("lib"));
    wheel(&listed);
    let digest = wheel(&unlisted);
    let to = folder.to_str().unwrap();
    refuses(&install(&["--wheel", listed.to_str().unwrap(), "--to", to]), &["expected SHA-256 1f3dea47", "hint:"]);
    refuses(&install(&["--wheel", unlisted.to_str().unwrap(), "--to", to]), &["own.whl", "hint: vouch for it"]);
    let wrong = digest.replace(|c: char| c.is_ascii_digit(), "0");
    refuses(&install(&["--wheel", unlisted.to_str().unwrap(), "--sha256", &wrong, "--to", to]), &[&digest]);
    assert_eq!(names(&folder), [""; 0]);
}

#[test]
#[cfg_attr(not(has_python), ignore = "needs python3")]
fn a_processor_without_an_official_library_is_told_what_to_do() {
    let root = tempfile::tempdir().unwrap();
    let to = root.path().to_str().unwrap();
    refuses(&install(&["--architecture", "armv7l", "--to", to]), &["got armv7l", "hint: tract"]);
    let file = root.path().join("file");
    std::fs::write(&file, "").unwrap();
    refuses(&install(&["--to", file.join("lib").to_str().unwrap()]), &["can be written", "hint: sudo, or --to DIR"]);
}

#[test]
#[cfg_attr(not(has_python), ignore = "needs python3")]
fn on_aarch64_cuda_comes_from_a_wheel_that_is_installed_or_not_at_all() {
    let root = tempfile::tempdir().unwrap();
    let to = root.path().join("lib");
    let run = || {
        let mut command = Command::new("python3");
        command.args([SCRIPT, "--cuda", "--architecture", "aarch64", "--to", to.to_str().unwrap()]);
        command.env("HOME", root.path()).output().unwrap()
    };
    let before = run();
    if before.status.success() {
        println!("skipped: this machine has an ONNX Runtime with CUDA");
        return;
    }
    refuses(&before, &["no official ONNX Runtime with CUDA for aarch64", "on a Jetson", "EDGETL_ONNXRUNTIME"]);
    let capi = root.path().join(".local/lib/python3.10/site-packages/onnxruntime/capi");
    std::fs::create_dir_all(&capi).unwrap();
    for name in ["libonnxruntime.so.1.23.0", "libonnxruntime_providers_cuda.so"] {
        std::fs::write(capi.join(name), name).unwrap();
    }
    let output = run();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(std::fs::read_to_string(to.join("libonnxruntime.so")).unwrap(), "libonnxruntime.so.1.23.0");
    assert!(to.join("libonnxruntime_providers_cuda.so").is_file());
}
