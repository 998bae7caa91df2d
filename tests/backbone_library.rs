//! Libraries that are no ONNX Runtime for this machine: each its own error, and under `auto` one step down to tract.

#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};

use edgetl::backbone::{
    BackboneError, ImportRequest, LibraryError, Loader, Options, Package, Provider, ProviderChoice,
};

fn package() -> Package {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/backbone/gap.onnx");
    Package::from_onnx(&path, &ImportRequest::default()).unwrap()
}

fn load(provider: ProviderChoice, library: &Path) -> Result<Loader, BackboneError> {
    Loader::new(package(), &Options { provider, library: Some(library.to_owned()), threads: 1, ..Options::default() })
}

fn refusal(library: &Path) -> LibraryError {
    match load(ProviderChoice::Only(Provider::Cpu), library).err() {
        Some(BackboneError::Library(error)) => error,
        other => panic!("expected an error of the library, got {other:?}"),
    }
}

/// A file that starts like a shared object of `machine`.
fn elf(machine: u16) -> Vec<u8> {
    let mut bytes = vec![0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0];
    bytes.extend(machine.to_le_bytes());
    bytes.resize(4096, 0);
    bytes
}

fn native_machine() -> u16 {
    if cfg!(target_arch = "aarch64") { 183 } else { 62 }
}

fn system_library() -> Option<PathBuf> {
    let triplet = format!("{}-linux-gnu", std::env::consts::ARCH);
    let folders = ["/lib", "/usr/lib"].map(|root| Path::new(root).join(&triplet));
    let folders = folders.into_iter().chain(["/lib64", "/usr/lib64"].map(PathBuf::from));
    folders.map(|folder| folder.join("libm.so.6")).find(|path| path.is_file())
}

#[test]
fn every_unusable_library_has_its_own_error_and_auto_runs_tract() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let foreign = if native_machine() == 183 { 62 } else { 183 };
    let missing = folder.path().join("missing.so");
    let text = file("text.so", b"not a library at all, just some text in a file\n");
    let other = file("other.so", &elf(foreign));
    let broken = file("broken.so", &elf(native_machine()));
    assert!(matches!(refusal(&missing), LibraryError::Unreadable { .. }));
    assert!(matches!(refusal(&text), LibraryError::NotALibrary(_)));
    assert!(matches!(refusal(&other), LibraryError::WrongArchitecture { .. }));
    assert!(matches!(refusal(&broken), LibraryError::Open { .. }));
    assert!(matches!(refusal(folder.path()), LibraryError::NotALibrary(_)));
    for library in [missing, text, other, broken] {
        let loader = load(ProviderChoice::Auto, &library).unwrap();
        assert_eq!((loader.provider(), loader.fallbacks().len()), (Provider::Tract, 1));
        assert!(loader.fallbacks()[0].reason.contains(&*library.to_string_lossy()), "{:?}", loader.fallbacks());
    }
}

#[test]
fn a_library_that_is_not_onnx_runtime_is_told_apart() {
    let Some(library) = system_library() else {
        eprintln!("skipped: no libm.so.6 where it usually is");
        return;
    };
    assert!(matches!(refusal(&library), LibraryError::NotOnnxRuntime(_)));
}

#[test]
fn a_provider_that_was_named_does_not_fall_back() {
    for provider in [Provider::TensorRt, Provider::Cuda, Provider::Cpu] {
        let error = load(ProviderChoice::Only(provider), Path::new("/nonexistent.so")).err();
        assert!(matches!(error, Some(BackboneError::Library(_))), "{provider}");
    }
}

#[test]
fn a_library_without_cuda_refuses_cuda_by_name_and_runs_cpu_under_auto() {
    let Some(library) = std::env::var_os("EDGETL_ONNXRUNTIME").map(PathBuf::from) else {
        eprintln!("skipped: EDGETL_ONNXRUNTIME does not name an ONNX Runtime");
        return;
    };
    let loader = load(ProviderChoice::Auto, &library).unwrap();
    let found = loader.library().expect("ONNX Runtime runs").clone();
    assert_eq!(found.path, library);
    if found.cuda {
        eprintln!("skipped: this ONNX Runtime has CUDA");
        return;
    }
    assert_eq!((loader.provider(), loader.fallbacks()), (Provider::Cpu, &[][..]));
    for provider in [Provider::Cuda, Provider::TensorRt] {
        let error = load(ProviderChoice::Only(provider), &library).err().unwrap();
        assert!(matches!(error, BackboneError::Load { provider: named, .. } if named == provider), "{error:?}");
    }
}
