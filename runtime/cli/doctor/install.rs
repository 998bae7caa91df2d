//! ONNX Runtime brought to this machine by the script that the repository and the package have too.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::super::failure::{AlreadyReported, OrHint, failure};
use crate::atomic_file;
use crate::backbone::library::user_folder;
use crate::backbone::{Provider, ProviderChoice};

const SCRIPT: &[u8] = include_bytes!("../../../tools/install-onnxruntime");
/// The wheels that it may use; it looks for the list beside itself.
const PINNED: &[u8] = include_bytes!("../../../tools/onnxruntime.sha256");

/// Where libraries are looked for and this user may write.
pub fn default_folder() -> PathBuf {
    let system = PathBuf::from("/usr/local/lib/edgetl");
    match user_folder() {
        Some(own) if !is_root() => own,
        _ => system,
    }
}

#[cfg(unix)]
fn is_root() -> bool {
    // SAFETY: it reads a number of this process and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

/// Puts the official library into `folder`: the one with CUDA where a GPU was asked for. Returns its path.
///
/// # Errors
/// When there is no Python, or the script refuses; it has then said why.
pub fn install_onnxruntime(folder: &Path, asked: ProviderChoice) -> anyhow::Result<PathBuf> {
    let own = tempfile::tempdir().or_hint("is there room in the temporary folder?")?;
    let script = own.path().join("install-onnxruntime");
    atomic_file::create(&script, SCRIPT)?;
    atomic_file::create(&own.path().join("onnxruntime.sha256"), PINNED)?;
    let mut command = Command::new("python3");
    command.arg(&script).arg("--to").arg(folder);
    if matches!(asked, ProviderChoice::Only(Provider::Cuda | Provider::TensorRt)) {
        command.arg("--cuda");
    }
    let output = command.stderr(std::process::Stdio::inherit()).output().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => failure(
            "expected python3, which unpacks ONNX Runtime's wheel, got none",
            "install it (Debian: apt install python3 python3-pip), or bring a library and name it with --onnxruntime FILE",
        ),
        _ => error.into(),
    })?;
    match output.status.success() {
        true => Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())),
        false => Err(AlreadyReported.into()),
    }
}
