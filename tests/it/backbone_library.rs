//! Libraries that are no ONNX Runtime for this machine: each its own error, and under `auto` one step down to tract.

use std::path::{Path, PathBuf};

use crate::common::Device;
use predicates::prelude::*;
use predicates::str::contains;

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
#[cfg_attr(not(has_onnxruntime), ignore = "needs EDGETL_ONNXRUNTIME")]
fn a_library_without_cuda_refuses_cuda_by_name_and_runs_cpu_under_auto() {
    let library = crate::common::onnxruntime();
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

/// Compiles `code` into the shared library `path`.
fn compile(code: &str, path: &Path, more: &[&str]) {
    let source = path.with_extension("c");
    std::fs::write(&source, code).unwrap();
    let mut command = std::process::Command::new("cc");
    command.args(["-shared", "-fPIC", "-Wl,--no-as-needed", "-o"]).arg(path).arg(&source).args(more);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::remove_file(source).unwrap();
}

/// What `doctor` prints and the code it ends with, `library` being named as the ONNX Runtime library.
fn doctor(device: &Device, library: &Path) -> (serde_json::Value, i32) {
    let output = device.edgetl(&["doctor", "--json"]).env("EDGETL_ONNXRUNTIME", library).output().unwrap();
    (serde_json::from_slice(&output.stdout).unwrap(), output.status.code().unwrap())
}

/// Holds what a user sees of an unusable library: `doctor` has fact and remedy, a provider that was named fails, and
/// `auto` runs tract and says why once.
fn is_told(device: &Device, library: &Path, fact: &str, remedy: &str) {
    let (report, code) = doctor(device, library);
    let reason = report["onnxruntime"]["refused"][0]["reason"].as_str().unwrap();
    assert!(reason.contains(fact), "{reason}");
    assert!(report["problems"][0].as_str().unwrap().contains(fact), "{report}");
    assert_eq!(code, 1, "a library that was named is expected to work");
    let path = library.to_str().unwrap();
    let text = device.edgetl(&["doctor", "--onnxruntime", path]).output().unwrap().stdout;
    assert!(String::from_utf8(text).unwrap().contains(&format!("remedy: {remedy}")));
    let collect = ["collect", "photos", "--backbone", crate::common::backbone(), "--onnxruntime", path, "--provider"];
    let with = |provider| device.edgetl(&[&collect[..], &[provider]].concat()).assert();
    for provider in ["cuda", "tensorrt", "cpu"] {
        with(provider).code(1).stderr(contains(fact).and(contains(format!("hint: {remedy}"))));
    }
    with("auto").code(0).stderr(contains("cannot be used").count(1).and(contains(fact)).and(contains("on tract")));
}

#[test]
#[cfg_attr(not(has_c_compiler), ignore = "needs a C compiler")]
fn doctor_names_fact_and_remedy_of_a_library_that_is_too_old() {
    let device = Device::new();
    device.draw("photos", 1, 0);
    let code = "static const char *version(void) { return \"1.19.2\"; }
        static const void *api(unsigned number) { (void)number; return 0; }
        static const struct { const void *(*api)(unsigned); const char *(*version)(void); } base = { api, version };
        const void *OrtGetApiBase(void) { return &base; }";
    let library = device.path("libonnxruntime.so.1.19.2");
    compile(code, &library, &[]);
    is_told(&device, &library, "1.20 or later", "name another with --onnxruntime FILE");
    is_told(&device, &library, "got `1.19.2`", "name another with --onnxruntime FILE");
}

#[test]
fn doctor_names_fact_and_remedy_of_a_library_for_another_processor() {
    let device = Device::new();
    device.draw("photos", 1, 0);
    let (machine, name) = if native_machine() == 183 { (62, "x86_64") } else { (183, "aarch64") };
    let library = device.path("libonnxruntime.so");
    std::fs::write(&library, elf(machine)).unwrap();
    is_told(&device, &library, &format!("got one for {name}"), "name another with --onnxruntime FILE");
}

#[test]
fn doctor_without_any_library_says_how_to_have_one_and_finds_no_problem() {
    let device = Device::new();
    let report = device.json(&["doctor"]).remove(0);
    if !report["onnxruntime"]["found"].is_null() {
        eprintln!("skipped: there is an ONNX Runtime where edgetl looks");
        return;
    }
    let searched = report["onnxruntime"]["searched"].as_array().unwrap();
    assert!(!searched.is_empty());
    let cpu = report["providers"].as_array().unwrap().iter().find(|trial| trial["provider"] == "cpu").unwrap();
    assert!(cpu["remedy"].as_str().unwrap().contains("edgetl doctor --install-onnxruntime"), "{cpu}");
    assert_eq!(report["problems"].as_array().unwrap().len(), 0);
}

#[test]
#[cfg_attr(not(has_onnxruntime), ignore = "needs EDGETL_ONNXRUNTIME")]
fn a_gpu_that_cannot_run_is_refused_by_name_and_an_unwritable_engine_cache_before_a_build() {
    let real = crate::common::onnxruntime();
    let device = Device::new();
    device.draw("photos", 1, 0);
    let library = device.path("libonnxruntime.so");
    std::os::unix::fs::symlink(real.canonicalize().unwrap(), &library).unwrap();
    std::fs::write(device.path("libonnxruntime_providers_tensorrt.so"), b"").unwrap();
    let (path, no_folder) = (library.to_str().unwrap(), device.path("libonnxruntime.so/engines"));
    let collect = ["collect", "photos", "--backbone", crate::common::backbone(), "--onnxruntime", path, "--provider"];
    let with = |provider| device.edgetl(&[&collect[..], &[provider]].concat()).assert();
    with("cuda").code(1).stderr(contains("hint: this ONNX Runtime was built without it"));
    with("tensorrt").code(1).stderr(contains("provider `tensorrt` cannot"));
    with("auto").code(0).stderr(contains("cannot be used").count(1).and(contains("tensorrt")).and(contains("on cpu")));

    let settings = format!("[engine.tensorrt]\nengine_cache = {:?}\n", no_folder.to_str().unwrap());
    std::fs::write(device.path("edgetl.toml"), settings).unwrap();
    let refused = with("tensorrt").code(1);
    refused.stderr(
        contains("a folder for TensorRT's engines that can be written")
            .and(contains("hint: name a folder"))
            .and(contains("provider `tensorrt` cannot").not()),
    );
}

#[test]
fn doctor_brings_onnxruntime_by_the_script_that_it_carries() {
    use std::os::unix::fs::PermissionsExt as _;
    let device = Device::new();
    let tools = device.state().join("tools");
    std::fs::create_dir_all(&tools).unwrap();
    // Stands for Python: shows what it is given, fetches nothing.
    let python = "#!/bin/sh\ngrep -q 'official ONNX Runtime' \"$1\" || exit 3\n\
        grep -q whl \"$(dirname \"$1\")/onnxruntime.sha256\" || exit 4\nshift\necho \"given $*\" >&2\necho /somewhere.so\n";
    std::fs::write(tools.join("python3"), python).unwrap();
    std::fs::set_permissions(tools.join("python3"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", tools.display());
    let doctor = |arguments: &[&str], path: &str| device.edgetl(arguments).env("PATH", path).assert();
    doctor(&["doctor", "--install-onnxruntime=lib"], &path)
        .stderr(contains("given --to lib\n").and(contains("/somewhere.so")));
    doctor(&["doctor", "--install-onnxruntime=lib", "--provider", "cuda"], &path)
        .stderr(contains("given --to lib --cuda\n"));
    let none = doctor(&["doctor", "--install-onnxruntime=lib"], "/nonexistent").code(1);
    none.stderr(contains("expected python3").and(contains("hint: install it")));
}
