//! ONNX Runtime through `ort`, loaded while the program runs: the only file that names `ort`.
//!
//! A process has one ONNX Runtime: the first library that starts stays, and after a failed start `ort` is not touched
//! again, because everything but `init_from` panics then.

use std::ffi::CStr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ndarray::{Array4, ArrayD, ArrayView4};
use ort::ep::{self, ExecutionProviderDispatch};
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::TensorRef;

use super::graph::{CutRequest, ImageInput, Network, Shapes};
use super::loader::{CutBytes, Engine};
use super::{BackboneError, EngineError, LibraryError, Options, Provider};

/// ONNX Runtime, started.
#[derive(Clone)]
pub(super) struct Runtime {
    environment: ort::environment::Environment,
    path: PathBuf,
}

enum State {
    Untouched,
    Started(Runtime),
    Failed,
}

static STATE: Mutex<State> = Mutex::new(State::Untouched);

/// The version that the library at `path` says it has.
///
/// # Errors
/// When it does not load or is not ONNX Runtime.
pub(super) fn version(path: &Path) -> Result<String, LibraryError> {
    let open_error = |source: libloading::Error| LibraryError::Open { path: path.to_owned(), source: source.into() };
    let no_runtime = || LibraryError::NotOnnxRuntime(path.to_owned());
    // SAFETY: loading runs the library's initialisers; the user or the system put it where ONNX Runtime belongs.
    let library = unsafe { libloading::Library::new(absolute(path)) }.map_err(open_error)?;
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

/// Starts the library at `path`, which [`version`] has accepted, or gives the one already started.
pub(super) fn start(path: &Path) -> Result<Runtime, LibraryError> {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    match &*state {
        State::Started(runtime) if same_file(&runtime.path, path) => return Ok(runtime.clone()),
        State::Started(runtime) => {
            return Err(LibraryError::AnotherLoaded { loaded: runtime.path.clone(), asked: path.to_owned() });
        }
        State::Failed => return Err(LibraryError::FailedBefore),
        State::Untouched => {}
    }
    *state = State::Failed;
    let start_error = |source: EngineError| LibraryError::Start { path: path.to_owned(), source };
    let builder = ort::init_from(absolute(path)).map_err(|error| start_error(error.into()))?;
    let builder = builder.with_name("edgetl").with_telemetry(false);
    let environment = builder.build().map_err(|error| start_error(error.into()))?;
    let runtime = Runtime { environment, path: path.to_owned() };
    *state = State::Started(runtime.clone());
    Ok(runtime)
}

/// `ort` would look for a relative path beside the program first.
fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn same_file(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// One network in one ONNX Runtime session.
pub(super) struct OnnxRuntime {
    session: Session,
    input: String,
    outputs: Vec<String>,
}

impl Runtime {
    /// Opens a session whose every node runs on `provider`, or on the processor where the provider lacks an operator.
    pub fn open(
        &self,
        cut: &CutBytes,
        provider: Provider,
        threads: usize,
        options: &Options,
    ) -> Result<OnnxRuntime, EngineError> {
        let session = Session::builder(&self.environment)
            .and_then(|builder| Ok(builder.with_optimization_level(GraphOptimizationLevel::All)?))
            .and_then(|builder| Ok(builder.with_intra_threads(threads.max(1))?))
            .and_then(|builder| Ok(builder.with_inter_threads(1)?))
            .and_then(|builder| Ok(builder.with_execution_providers(dispatch(cut, provider, options))?))
            .and_then(|mut builder| builder.commit_from_memory(&cut.bytes))?;
        Ok(OnnxRuntime { session, input: cut.input.clone(), outputs: cut.outputs.clone() })
    }
}

/// The shapes of `tensors`, seen by running `network` on one empty image.
///
/// # Errors
/// When there is no usable library, or when the network does not run.
pub(super) fn shapes(
    network: &Network,
    input: &ImageInput,
    tensors: &[String],
    (height, width): (usize, usize),
    options: &Options,
) -> Result<Shapes, BackboneError> {
    let found = super::library::search(options.library.as_deref()).into_result()?;
    let runtime = start(&found.path)?;
    let outputs: Vec<&str> = tensors.iter().map(String::as_str).collect();
    let cut = network.clone().cut(&CutRequest { input, outputs: &outputs, height, width })?;
    let error = |source| BackboneError::Load { provider: Provider::Cpu, name: input.name.clone(), source };
    let mut engine = runtime.open(&CutBytes::new(&cut), Provider::Cpu, options.threads, options).map_err(error)?;
    let image = Array4::<f32>::zeros((1, 3, height, width));
    let mut run = || -> ort::Result<Shapes> {
        let outputs = engine.session.run(ort::inputs![engine.input.as_str() => TensorRef::from_array_view(&image)?])?;
        let shape = |value: &ort::value::DynValue| -> Vec<usize> {
            value.shape().iter().map(|&size| usize::try_from(size).unwrap_or(0)).collect()
        };
        Ok(outputs.iter().map(|(name, value)| (name.to_owned(), shape(&value))).collect())
    };
    run().map_err(|source| error(source.into()))
}

/// The most images in one run; TensorRT builds its engine for as many.
pub(super) const MAX_BATCH: usize = 8;

/// TensorRT hands what it lacks to CUDA; registration that fails is an error.
fn dispatch(cut: &CutBytes, provider: Provider, options: &Options) -> Vec<ExecutionProviderDispatch> {
    let device = i32::try_from(options.device).unwrap_or(i32::MAX);
    let cuda = || {
        let search = ep::cuda::ConvAlgorithmSearch::Heuristic;
        // TF32 would cost three digits.
        ep::CUDA::default().with_device_id(device).with_conv_algorithm_search(search).with_tf32(false).build()
    };
    match provider {
        Provider::TensorRt => vec![tensorrt(cut, device, options).error_on_failure(), cuda().error_on_failure()],
        Provider::Cuda => vec![cuda().error_on_failure()],
        Provider::Cpu | Provider::Tract => Vec::new(),
    }
}

fn tensorrt(cut: &CutBytes, device: i32, options: &Options) -> ExecutionProviderDispatch {
    let shape = |batch: usize| format!("{}:{batch}x3x{}x{}", cut.input, cut.height, cut.width);
    let mut tensorrt = ep::TensorRT::default().with_device_id(device).with_fp16(options.half_precision);
    if cut.batch.is_none() {
        tensorrt = tensorrt.with_profile_min_shapes(shape(1)).with_profile_opt_shapes(shape(1));
        tensorrt = tensorrt.with_profile_max_shapes(shape(MAX_BATCH));
    }
    if let Some(folder) = options.engine_cache.as_ref().and_then(|folder| folder.to_str()) {
        tensorrt = tensorrt.with_engine_cache(true).with_engine_cache_path(folder);
        tensorrt = tensorrt.with_timing_cache(true).with_timing_cache_path(folder);
    }
    tensorrt.build()
}

impl Engine for OnnxRuntime {
    fn run(&mut self, input: ArrayView4<'_, f32>) -> Result<Vec<ArrayD<f32>>, EngineError> {
        let tensor = TensorRef::from_array_view(input)?;
        let outputs = self.session.run(ort::inputs![self.input.as_str() => tensor])?;
        let array = |name: &String| Ok(outputs[name.as_str()].try_extract_array::<f32>()?.into_owned());
        self.outputs.iter().map(array).collect()
    }
}
