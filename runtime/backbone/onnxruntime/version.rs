//! What a library says about itself before it is started.

use std::ffi::CStr;
use std::path::Path;

use crate::backbone::LibraryError;

/// The version that the library at `path` says it has.
///
/// # Errors
/// When it does not load or is not ONNX Runtime.
pub fn version(path: &Path) -> Result<String, LibraryError> {
    let open_error = |source: libloading::Error| LibraryError::Open { path: path.to_owned(), source: source.into() };
    let no_runtime = || LibraryError::NotOnnxRuntime(path.to_owned());
    // SAFETY: loading runs the library's initialisers; only the user and root can have put it there.
    let library = unsafe { libloading::Library::new(std::path::absolute(path).unwrap_or_else(|_| path.to_owned())) }
        .map_err(open_error)?;
    // SAFETY: a library that exports this name is ONNX Runtime, whose function has had this type since 1.0.
    let api_base = unsafe { library.get::<unsafe extern "C" fn() -> *const ort::sys::OrtApiBase>(b"OrtGetApiBase") };
    // SAFETY: as above; the function gives a pointer to a static, or null.
    let base = unsafe { api_base.map_err(|_| no_runtime())?().as_ref() }.ok_or_else(no_runtime)?;
    // SAFETY: the version is a static string of the library, which is still loaded.
    let version = unsafe { CStr::from_ptr((base.GetVersionString)()) }.to_string_lossy().into_owned();
    // Unloading ONNX Runtime and loading it again is not worth the risk.
    std::mem::forget(library);
    Ok(version)
}
