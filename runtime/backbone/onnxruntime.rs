//! ONNX Runtime through `ort`, loaded while the program runs: the only file that names `ort`.
//!
//! A process has one ONNX Runtime: the first library that starts stays, and after a failed start `ort` is not touched
//! again, because everything but `init_from` panics then.

pub(super) mod version;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::{Array4, ArrayD, ArrayView4};
use ort::ep::{self, ExecutionProviderDispatch};
use ort::logging::LogLevel;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::TensorRef;

use super::cut_bytes::CutBytes;
use super::graph::{CutRequest, ImageInput, Network, Shapes};
use super::placement::Placement;
use super::session::Engine;
use super::{BackboneError, CudaOptions, EngineError, LibraryError, Options, Provider};

/// Of what ONNX Runtime writes down of one run, in bytes.
const MOST_OF_A_RECORD: u64 = 256 << 20;

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
    let builder = builder.with_name("edgetl").with_telemetry(false).with_logger(Arc::new(log));
    let environment = builder.build().map_err(|error| start_error(error.into()))?;
    environment.set_log_level(LogLevel::Warning);
    let runtime = Runtime { environment, path: path.to_owned() };
    *state = State::Started(runtime.clone());
    Ok(runtime)
}

/// ONNX Runtime would write to stderr, with the names that a network's file gives its nodes; its errors come back to the
/// caller besides.
fn log(_: LogLevel, _category: &str, _id: &str, _place: &str, message: &str) {
    tracing::debug!("ONNX Runtime: {message}");
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
    /// Where the first run is recorded, until somebody asks for the record.
    profile: Option<tempfile::TempDir>,
}

/// How a session is opened.
#[derive(Clone)]
pub(super) struct Opening<'a> {
    pub provider: Provider,
    pub threads: usize,
    pub options: &'a Options,
    /// The folder of this network's TensorRT engines.
    pub engines: Option<&'a Path>,
    /// Whether the first run is recorded, for [`Engine::placement`].
    pub recorded: bool,
}

impl Runtime {
    /// Opens a session whose every node runs on the provider, or on the processor where the provider lacks an operator.
    pub fn open(&self, cut: &CutBytes, opening: &Opening<'_>) -> Result<OnnxRuntime, EngineError> {
        let profile = if opening.recorded { Some(tempfile::tempdir()?) } else { None };
        let session = Session::builder(&self.environment)
            .and_then(|builder| Ok(builder.with_optimization_level(GraphOptimizationLevel::All)?))
            .and_then(|builder| Ok(builder.with_intra_threads(opening.threads.max(1))?))
            .and_then(|builder| Ok(builder.with_inter_threads(1)?))
            .and_then(|builder| Ok(builder.with_execution_providers(dispatch(cut, opening))?))
            .and_then(|builder| match &profile {
                Some(folder) => Ok(builder.with_profiling(folder.path().join("run"))?),
                None => Ok(builder),
            })
            .and_then(|mut builder| builder.commit_from_memory(&cut.bytes))?;
        Ok(OnnxRuntime { session, input: cut.input.clone(), outputs: cut.outputs.clone(), profile })
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
    let cut = network.clone().cut(&CutRequest { input, outputs: &outputs, height, width })?.with_untyped_outputs();
    let error = |source| BackboneError::Load { provider: Provider::Cpu, name: input.name.clone(), source };
    let (provider, threads) = (Provider::Cpu, options.threads);
    let opening = Opening { provider, threads, options, engines: None, recorded: false };
    let mut engine = runtime.open(&CutBytes::new(&cut), &opening).map_err(error)?;
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
fn dispatch(cut: &CutBytes, opening: &Opening<'_>) -> Vec<ExecutionProviderDispatch> {
    let Options { cuda: own, tensorrt: other, .. } = opening.options;
    match opening.provider {
        Provider::TensorRt => {
            let rest = CudaOptions { device: other.device, ..own.clone() };
            vec![tensorrt(cut, opening).error_on_failure(), cuda(&rest).error_on_failure()]
        }
        Provider::Cuda => vec![cuda(own).error_on_failure()],
        Provider::Cpu | Provider::Tract => Vec::new(),
    }
}

fn cuda(options: &CudaOptions) -> ExecutionProviderDispatch {
    let search = ep::cuda::ConvAlgorithmSearch::Heuristic;
    // TF32 would cost three digits.
    let mut cuda = ep::CUDA::default().with_conv_algorithm_search(search).with_tf32(false);
    cuda = cuda.with_device_id(device(options.device));
    if let Some(bytes) = options.memory_limit {
        // Grown by what is asked for: doubling would pass the limit at half of it.
        cuda = cuda.with_memory_limit(bytes).with_arena_extend_strategy(ep::ArenaExtendStrategy::SameAsRequested);
    }
    cuda.build()
}

fn device(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn tensorrt(cut: &CutBytes, opening: &Opening<'_>) -> ExecutionProviderDispatch {
    let options = &opening.options.tensorrt;
    let shape = |batch: usize| format!("{}:{batch}x3x{}x{}", cut.input, cut.height, cut.width);
    let mut tensorrt = ep::TensorRT::default().with_device_id(device(options.device)).with_fp16(options.fp16);
    if cut.batch.is_none() {
        tensorrt = tensorrt.with_profile_min_shapes(shape(1)).with_profile_opt_shapes(shape(1));
        tensorrt = tensorrt.with_profile_max_shapes(shape(MAX_BATCH));
    }
    if let Some(bytes) = options.workspace {
        tensorrt = tensorrt.with_max_workspace_size(bytes);
    }
    if let Some(folder) = opening.engines {
        let folder = folder.to_string_lossy();
        tensorrt = tensorrt.with_engine_cache(true).with_engine_cache_path(&folder);
        tensorrt = tensorrt.with_timing_cache(options.timing_cache).with_timing_cache_path(&folder);
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

    fn placement(&mut self) -> Result<Option<Placement>, EngineError> {
        let Some(folder) = self.profile.take() else { return Ok(None) };
        let file = self.session.end_profiling()?;
        let placement = Placement::parse(&crate::files::read(file.as_ref(), MOST_OF_A_RECORD)?)?;
        folder.close()?;
        Ok(Some(placement))
    }
}

#[cfg(test)]
mod tests {
    use super::super::loader::cut;
    use super::super::{ImportRequest, Package};
    use super::*;

    #[test]
    #[cfg_attr(not(has_onnxruntime), ignore = "needs EDGETL_ONNXRUNTIME")]
    fn the_record_of_a_run_names_what_ran_and_is_given_once() {
        let library = PathBuf::from(std::env::var_os("EDGETL_ONNXRUNTIME").expect("named"));
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/backbone/gap.onnx");
        let (manifest, onnx) = Package::from_onnx(&path, &ImportRequest::default()).unwrap().into_parts();
        let cut = CutBytes::new(&cut(Network::parse(&onnx).unwrap(), &manifest, false).unwrap());
        let options = Options { library: Some(library.clone()), ..Options::default() };
        let opening = Opening { provider: Provider::Cpu, threads: 1, options: &options, engines: None, recorded: true };
        let mut engine = start(&library).unwrap().open(&cut, &opening).unwrap();
        engine.run(Array4::zeros((1, 3, cut.height, cut.width)).view()).unwrap();
        let placement = engine.placement().unwrap().expect("the run was recorded");
        placement.check(Provider::Cpu).unwrap();
        assert!(placement.check(Provider::Cuda).unwrap_err().to_string().contains("CPUExecutionProvider"));
        assert_eq!(engine.placement().unwrap(), None);
    }
}
