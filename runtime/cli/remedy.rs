//! What a user can do about an engine that does not run here.

use crate::backbone::{BackboneError, LibraryError, Provider};

const INSTALL: &str = "install it: edgetl doctor --install-onnxruntime (as root, or =DIR)";

/// Where nothing better is known.
pub const LOOK: &str = "`edgetl doctor` shows what this machine can run; --provider auto takes what there is";

/// The way out of a network that does not load.
pub fn of_loading(error: &BackboneError) -> String {
    of_backbone(error).unwrap_or_else(|| LOOK.to_owned())
}
/// What makes a file one that is obeyed.
pub const OWNERSHIP: &str = "give it to yourself or root and take the others' right to write (chown, chmod go-w)";

/// The way out of `error`; `None` where there is no better one than to look closer.
pub fn of_backbone(error: &BackboneError) -> Option<String> {
    match error {
        BackboneError::Library(error) => of_library(error),
        BackboneError::Load { provider, .. } | BackboneError::Run { provider, .. } => {
            of_provider(*provider, &crate::causes::causes(error))
        }
        BackboneError::EngineCache { .. } => Some(
            "name a folder that can be written: engine_cache under [engine.tensorrt], or `engine_cache = \"\"`".into(),
        ),
        _ => None,
    }
}

/// The way out of a library that cannot be used.
pub fn of_library(error: &LibraryError) -> Option<String> {
    let another = "name another with --onnxruntime FILE or EDGETL_ONNXRUNTIME, or";
    let remedy = match error {
        LibraryError::NotFound { .. } => {
            format!("{INSTALL}, or name one with --onnxruntime FILE or EDGETL_ONNXRUNTIME")
        }
        LibraryError::Untrusted(_) => format!("{OWNERSHIP}, or {another} {INSTALL}"),
        LibraryError::TooOld { .. } => format!("{another} {INSTALL}"),
        LibraryError::WrongArchitecture { expected, .. } => {
            format!("{another} install the one for {expected}: edgetl doctor --install-onnxruntime")
        }
        LibraryError::Unreadable { .. } | LibraryError::NotALibrary(_) | LibraryError::NotOnnxRuntime(_) => {
            format!("{another} {INSTALL}")
        }
        LibraryError::Open { .. } | LibraryError::Start { .. } => {
            "`ldd` shows what else the library needs; the file may also be cut short".to_owned()
        }
        LibraryError::FailedBefore | LibraryError::AnotherLoaded { .. } => return None,
    };
    Some(remedy)
}

/// ONNX Runtime tells its refusals apart only by their words.
fn of_provider(provider: Provider, reason: &str) -> Option<String> {
    let needs = match provider {
        Provider::TensorRt => "CUDA, cuDNN and TensorRT",
        Provider::Cuda => "CUDA and cuDNN",
        Provider::Cpu | Provider::Tract => return None,
    };
    let is = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    let remedy = if is(&["not enabled in this build", "not compiled with"]) {
        "this ONNX Runtime was built without it: edgetl doctor --install-onnxruntime --provider cuda fetches one that has it".to_owned()
    } else if is(&["cannot open shared object file", "Failed to load library", "No such file"]) {
        format!("install {needs} in the versions that the library names, or show where they are with LD_LIBRARY_PATH")
    } else if is(&["no CUDA-capable device", "driver version is insufficient", "CUDA failure", "cudaGetDeviceCount"]) {
        "`nvidia-smi` shows whether the GPU and its driver are there; a newer library needs a newer driver".to_owned()
    } else {
        format!("it needs an NVIDIA GPU with {needs}; --provider auto takes what there is")
    };
    Some(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_of_a_gpu_has_its_own_remedy() {
        for (reason, remedy) in [
            ("CUDA execution provider is not enabled in this build.", "--install-onnxruntime --provider cuda"),
            ("libcublasLt.so.13: cannot open shared object file: No such file or directory", "LD_LIBRARY_PATH"),
            ("CUDA failure 100: no CUDA-capable device is detected", "nvidia-smi"),
            ("something new", "--provider auto"),
        ] {
            assert!(of_provider(Provider::Cuda, reason).unwrap().contains(remedy), "{reason}");
        }
        assert!(of_provider(Provider::TensorRt, "").unwrap().contains("TensorRT"));
        assert_eq!(of_provider(Provider::Cpu, "not enabled in this build"), None);
    }
}
