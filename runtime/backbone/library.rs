//! Where the ONNX Runtime library is looked for.
//!
//! A file that the user names (`--onnxruntime FILE`, `EDGETL_ONNXRUNTIME`) is used outright: it works or it is an
//! error. Otherwise these folders are searched, in this order:
//!
//! 1. the folder of this program, then `../lib/edgetl` and `../lib` beside it;
//! 2. `~/.local/lib/edgetl`, where `doctor --install-onnxruntime` puts it for who is not root, and the folders of
//!    `LD_LIBRARY_PATH`;
//! 3. `/usr/local/lib/edgetl`, where `tools/install-onnxruntime` puts it, `/usr/lib/edgetl`, `/usr/local/lib`,
//!    `/usr/lib/<triplet>`, `/usr/lib64`, `/usr/lib`, `/opt/onnxruntime/lib`;
//! 4. `onnxruntime/capi` inside the Python packages of the system and of the user, where NVIDIA's wheels for Jetson
//!    put it.
//!
//! In each folder `libonnxruntime.so` comes first, then the versioned names, newest first. A file counts when it is a
//! library for this processor, exports `OrtGetApiBase` and is of version 1.20 or later; the first that counts is used.
//! No file counts, be it found or named, that others than the user and root can change (`runtime/trust.rs`).

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use super::library_error::MINIMUM_VERSION;

use super::library_error::LibraryError;
use super::onnxruntime::version::version;
use crate::trust;

/// A library that can be used.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct FoundLibrary {
    pub path: PathBuf,
    pub version: String,
    /// Whether the file that ONNX Runtime needs for CUDA lies beside it.
    pub cuda: bool,
    /// Whether the file that ONNX Runtime needs for TensorRT lies beside it.
    pub tensorrt: bool,
}

/// A file that was looked at and cannot be used.
#[derive(Debug, Serialize)]
pub struct RefusedLibrary {
    pub path: PathBuf,
    #[serde(serialize_with = "as_chain")]
    pub reason: LibraryError,
}

/// What a search came upon.
#[derive(Debug, Serialize)]
pub struct Search {
    pub found: Option<FoundLibrary>,
    pub refused: Vec<RefusedLibrary>,
    /// Every folder that was looked into; empty where the user named a file.
    pub searched: Vec<PathBuf>,
}

fn as_chain<S: serde::Serializer>(error: &LibraryError, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&crate::causes::causes(error))
}

/// Looks at `named`, or else for the first usable library; no library stays in use.
pub fn search(named: Option<&Path>) -> Search {
    let searched = if named.is_some() { Vec::new() } else { search_folders() };
    let candidates = match named {
        Some(path) => vec![path.to_owned()],
        None => searched.iter().flat_map(|folder| libraries_in(folder)).collect(),
    };
    let mut refused = Vec::new();
    for path in candidates {
        match examine(&path) {
            Ok(found) => return Search { found: Some(found), refused, searched },
            Err(reason) => refused.push(RefusedLibrary { path, reason }),
        }
    }
    Search { found: None, refused, searched }
}

impl Search {
    /// The library, or why there is none: what is wrong with the first file found, else that there is no file.
    pub fn into_result(self) -> Result<FoundLibrary, LibraryError> {
        let refused = self.refused.into_iter().next().map(|refused| refused.reason);
        let missing = LibraryError::NotFound { name: library_name(), searched: self.searched };
        self.found.ok_or_else(|| refused.unwrap_or(missing))
    }
}

fn examine(path: &Path) -> Result<FoundLibrary, LibraryError> {
    check_header(path)?;
    trust::check(path)?;
    check_companions(path)?;
    let version = version(path)?;
    let numbers: Vec<u32> = version.split('.').map_while(|part| part.parse().ok()).collect();
    if !matches!(numbers.as_slice(), [major, minor, ..] if (*major, *minor) >= MINIMUM_VERSION) {
        return Err(LibraryError::TooOld { path: path.to_owned(), version });
    }
    let beside = |name: &str| {
        let folder = |path: &Path| path.parent().map(|folder| folder.join(provider_name(name)).is_file());
        folder(path) == Some(true) || path.canonicalize().is_ok_and(|path| folder(&path) == Some(true))
    };
    Ok(FoundLibrary { cuda: beside("cuda"), tensorrt: beside("tensorrt"), path: path.to_owned(), version })
}

/// Holds that what ONNX Runtime itself loads from its folder is to be trusted as well.
fn check_companions(path: &Path) -> Result<(), LibraryError> {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    for folder in [path, &real].into_iter().filter_map(Path::parent) {
        for name in ["shared", "cuda", "tensorrt"] {
            let companion = folder.join(provider_name(name));
            if companion.is_file() {
                trust::check(&companion)?;
            }
        }
    }
    Ok(())
}

/// `libonnxruntime.so`, `libonnxruntime.dylib` or `onnxruntime.dll`.
fn library_name() -> String {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}")
}

fn provider_name(provider: &str) -> String {
    use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
    format!("{DLL_PREFIX}onnxruntime_providers_{provider}{DLL_SUFFIX}")
}

fn search_folders() -> Vec<PathBuf> {
    let program = std::env::current_exe().and_then(|path| path.canonicalize()).ok();
    let beside = program.as_deref().and_then(Path::parent).map(Path::to_owned);
    let mut folders = Vec::new();
    for place in ["", "../lib/edgetl", "../lib"] {
        folders.extend(beside.iter().map(|folder| folder.join(place)));
    }
    folders.extend(user_folder());
    if let Some(paths) = std::env::var_os("LD_LIBRARY_PATH") {
        folders.extend(std::env::split_paths(&paths).filter(|path| path.is_absolute()));
    }
    let triplet = format!(
        "/usr/lib/{}-linux-gnu{}",
        std::env::consts::ARCH,
        if cfg!(target_arch = "arm") { "eabihf" } else { "" }
    );
    let own = ["/usr/local/lib/edgetl", "/usr/lib/edgetl"];
    let system = ["/usr/local/lib", &triplet, "/usr/lib64", "/usr/lib", "/opt/onnxruntime/lib"];
    folders.extend(own.into_iter().chain(system).map(PathBuf::from));
    folders.extend(python_folders());
    let mut seen = std::collections::HashSet::new();
    folders.retain(|folder| folder.is_dir() && seen.insert(folder.clone()));
    folders
}

/// The user's own folder for the library.
pub fn user_folder() -> Option<PathBuf> {
    std::env::var_os("HOME")
        .map(PathBuf::from)
        .filter(|home| home.is_absolute())
        .map(|home| home.join(".local/lib/edgetl"))
}

/// `…/python3.N/{dist,site}-packages/onnxruntime/capi` of the system and of the user.
fn python_folders() -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/lib"));
    let mut folders = Vec::new();
    for root in home.into_iter().chain(["/usr/local/lib", "/usr/lib"].map(PathBuf::from)) {
        for version in entries(&root).into_iter().filter(|path| file_name(path).starts_with("python3")) {
            let packages = ["dist-packages", "site-packages"].map(|packages| version.join(packages));
            folders.extend(packages.map(|packages| packages.join("onnxruntime/capi")));
        }
    }
    folders
}

/// The library under its plain name, then under versioned names, newest first.
fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    let plain = library_name();
    let versioned = format!("{plain}.");
    let mut found: Vec<PathBuf> =
        entries(folder).into_iter().filter(|path| file_name(path).starts_with(&versioned)).collect();
    let version = |path: &PathBuf| -> Vec<u32> {
        file_name(path)[versioned.len()..].split('.').map_while(|part| part.parse().ok()).collect()
    };
    found.sort_by_key(|path| std::cmp::Reverse(version(path)));
    let plain = folder.join(plain);
    plain.is_file().then_some(plain).into_iter().chain(found).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

fn file_name(path: &Path) -> std::borrow::Cow<'_, str> {
    path.file_name().unwrap_or_default().to_string_lossy()
}

/// Reads the ELF header, so that a library for another processor is told from a broken one.
fn check_header(path: &Path) -> Result<(), LibraryError> {
    let unreadable = |source| LibraryError::Unreadable { path: path.to_owned(), source };
    if !path.metadata().map_err(unreadable)?.is_file() {
        return Err(LibraryError::NotALibrary(path.to_owned()));
    }
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    let mut header = Vec::new();
    File::open(path).map_err(unreadable)?.take(20).read_to_end(&mut header).map_err(unreadable)?;
    const SHARED_OBJECT: u16 = 3;
    let &[0x7f, b'E', b'L', b'F', class, order, .., kind_0, kind_1, machine_0, machine_1] = header.as_slice() else {
        return Err(LibraryError::NotALibrary(path.to_owned()));
    };
    let half = |bytes: [u8; 2]| if order == 2 { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
    let got = architecture(class, order, half([machine_0, machine_1]));
    if got != std::env::consts::ARCH {
        let (path, expected) = (path.to_owned(), std::env::consts::ARCH);
        return Err(LibraryError::WrongArchitecture { path, expected, got });
    }
    match half([kind_0, kind_1]) {
        SHARED_OBJECT => Ok(()),
        _ => Err(LibraryError::NotALibrary(path.to_owned())),
    }
}

/// The name that Rust has for an ELF header's class, byte order and machine.
fn architecture(class: u8, order: u8, machine: u16) -> String {
    let name = match (class, order, machine) {
        (2, 1, 62) => "x86_64",
        (2, 1, 183) => "aarch64",
        (1, 1, 40) => "arm",
        (1, 1, 3) => "x86",
        (2, 1, 243) => "riscv64",
        (2, 1, 258) => "loongarch64",
        (2, _, 21) => "powerpc64",
        (2, 2, 22) => "s390x",
        _ => return format!("another processor (ELF machine {machine})"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first 20 bytes of a shared object for `machine`.
    fn elf(class: u8, machine: u16) -> Vec<u8> {
        let mut header = vec![0x7f, b'E', b'L', b'F', class, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0];
        header.extend(machine.to_le_bytes());
        header
    }

    fn refusal(bytes: &[u8]) -> LibraryError {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("libonnxruntime.so");
        std::fs::write(&path, bytes).unwrap();
        search(Some(&path)).into_result().unwrap_err()
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_file_that_is_no_library_is_told_from_one_for_another_processor() {
        assert!(matches!(refusal(b"#!/bin/sh\n"), LibraryError::NotALibrary(_)));
        assert!(matches!(refusal(b""), LibraryError::NotALibrary(_)));
        let foreign = if cfg!(target_arch = "aarch64") { 62 } else { 183 };
        assert!(matches!(refusal(&elf(2, foreign)), LibraryError::WrongArchitecture { .. }));
        assert!(matches!(refusal(&elf(2, 9999)), LibraryError::WrongArchitecture { .. }));
    }

    #[test]
    fn a_missing_file_that_was_named_is_unreadable_and_nothing_else_is_searched() {
        let outcome = search(Some(Path::new("/nonexistent/libonnxruntime.so")));
        assert!(outcome.searched.is_empty() && outcome.found.is_none());
        assert!(matches!(outcome.into_result(), Err(LibraryError::Unreadable { .. })));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn in_a_folder_the_plain_name_comes_first_then_the_newest_version() {
        let folder = tempfile::tempdir().unwrap();
        for name in
            ["libonnxruntime.so.1.9.0", "libonnxruntime.so.1", "libonnxruntime.so.1.21.0", "libonnxruntime.so", "x"]
        {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        let names: Vec<String> = libraries_in(folder.path()).iter().map(|path| file_name(path).into_owned()).collect();
        let expected =
            ["libonnxruntime.so", "libonnxruntime.so.1.21.0", "libonnxruntime.so.1.9.0", "libonnxruntime.so.1"];
        assert_eq!(names, expected);
    }
}
