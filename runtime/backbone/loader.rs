//! One decision per process: which provider runs a backbone. Sessions follow from it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, Once, PoisonError};

use ndarray::Array4;
use serde::Serialize;

use super::cut_bytes::CutBytes;
use super::engine_cache::{EngineKey, while_building};
use super::graph::{CutNetwork, CutRequest, Network};
use super::library::{self, FoundLibrary};
use super::onnxruntime::{self, Opening, Runtime};
use super::session::{Engine, Session};
use super::tract::Plan;
use super::{Backbone, BackboneError, LibraryError, Options, Package, Provider, ProviderChoice};
use crate::causes::causes;
use crate::manifest::{FeatureKind, Manifest, Tap};
use crate::tensor::InputBatch;

/// A provider that could not run, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Fallback {
    pub provider: Provider,
    pub reason: String,
}

/// A backbone with its provider decided: the graph is cut, a first batch has gone through.
pub struct Loader {
    manifest: Arc<Manifest>,
    source: Source,
    options: Options,
    fallbacks: Vec<Fallback>,
    library: Option<FoundLibrary>,
    /// Session created while the provider was checked; the first call of [`Loader::session`] for as many threads takes it.
    proven: Mutex<Option<Session>>,
}

/// What sessions are made from.
enum Source {
    OnnxRuntime { runtime: Runtime, cut: CutBytes, provider: Provider, engines: Option<PathBuf> },
    Tract(Plan),
}

impl Loader {
    /// Cuts the network and settles the provider by running one batch.
    ///
    /// Under [`ProviderChoice::Auto`] every provider that should run but does not is stepped over with one warning; that a
    /// machine has no ONNX Runtime is said once, and a provider that its ONNX Runtime was not built with is
    /// not tried.
    ///
    /// # Errors
    /// When the network cannot be cut, when the provider that was named cannot run it, or when none can.
    pub fn new(package: Package, options: &Options) -> Result<Self, BackboneError> {
        let (manifest, onnx) = package.into_parts();
        let network = Network::parse(&onnx)?;
        drop(onnx);
        let cut = cut(network, &manifest, options.map)?;
        Self::of_cut(cut, manifest, options)
    }

    /// For a network that gives more than `manifest` says.
    pub(super) fn of_cut(cut: CutNetwork, manifest: Manifest, options: &Options) -> Result<Self, BackboneError> {
        let mut search = ProviderSearch { manifest: Arc::new(manifest), options, fallbacks: Vec::new(), library: None };
        let (source, proven) = search.choose(cut)?;
        let ProviderSearch { manifest, fallbacks, library, .. } = search;
        Ok(Self { manifest, source, options: options.clone(), fallbacks, library, proven: Mutex::new(Some(proven)) })
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// What runs, not what was asked for.
    pub fn provider(&self) -> Provider {
        match &self.source {
            Source::OnnxRuntime { provider, .. } => *provider,
            Source::Tract(_) => Provider::Tract,
        }
    }

    /// Lets `work` use the session that proved the provider, or one like it.
    ///
    /// # Errors
    /// When that session was taken and no other can be opened.
    pub fn with_session<T>(&self, work: impl FnOnce(&mut dyn Backbone) -> T) -> Result<T, BackboneError> {
        let mut proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = proven.as_mut() {
            return Ok(work(session));
        }
        drop(proven);
        Ok(work(self.session(self.options.threads)?.as_mut()))
    }

    /// The providers that were stepped over, in the order in which they were tried.
    pub fn fallbacks(&self) -> &[Fallback] {
        &self.fallbacks
    }

    /// The ONNX Runtime library in use; `None` with tract.
    pub fn library(&self) -> Option<&FoundLibrary> {
        self.library.as_ref().filter(|_| self.provider().needs_library())
    }

    /// Opens a session of `threads` threads, independent of all others.
    ///
    /// ONNX Runtime shares the threads within one image; tract runs as many images of a batch at once. For many images
    /// one single-threaded session per core is fastest on either.
    pub fn session(&self, threads: usize) -> Result<Box<dyn Backbone>, BackboneError> {
        Ok(Box::new(self.plain_session(threads)?))
    }

    pub(super) fn plain_session(&self, threads: usize) -> Result<Session, BackboneError> {
        let mut proven = self.proven.lock().unwrap_or_else(PoisonError::into_inner);
        if proven.as_ref().is_some_and(|session| session.threads == threads) {
            return Ok(proven.take().expect("looked at above"));
        }
        drop(proven);
        let (engine, batch): (Box<dyn Engine>, _) = match &self.source {
            Source::OnnxRuntime { runtime, cut, provider, engines } => {
                let (provider, options, engines) = (*provider, &self.options, engines.as_deref());
                let engine = runtime.open(cut, &Opening { provider, threads, options, engines, recorded: false });
                let load_error = |source| BackboneError::Load { provider, name: self.name(), source };
                (Box::new(engine.map_err(load_error)?), batch_limit(cut.batch))
            }
            Source::Tract(plan) => (Box::new(plan.session(threads)), usize::MAX),
        };
        let (manifest, provider) = (self.manifest.clone(), self.provider());
        Ok(Session { manifest, provider, engine, batch, threads })
    }

    fn name(&self) -> String {
        self.manifest.name.to_string()
    }
}

/// Larger batches gain nothing and take memory; a network with a fixed batch runs image by image.
fn batch_limit(fixed: Option<usize>) -> usize {
    fixed.unwrap_or(onnxruntime::MAX_BATCH)
}

/// The network shortened to its feature, to the taps and, `with_map`, to the map beside it, where the manifest names one.
pub(super) fn cut(network: Network, manifest: &Manifest, with_map: bool) -> Result<CutNetwork, BackboneError> {
    cut_with(network, manifest, with_map, &[])
}

/// [`cut`] that gives `more` tensors behind those that the manifest names.
pub(super) fn cut_with(
    mut network: Network,
    manifest: &Manifest,
    with_map: bool,
    more: &[String],
) -> Result<CutNetwork, BackboneError> {
    let input = network.image_input(Some(&manifest.onnx.input))?;
    let map = manifest.feature.map.iter().filter(|_| with_map);
    let taps: Vec<String> = manifest.feature.taps.iter().map(|tap| tapped(&mut network, tap, with_map)).collect();
    let mut outputs: Vec<&str> =
        [&manifest.feature.output].into_iter().chain(&taps).chain(map).map(String::as_str).collect();
    for tensor in more {
        if !outputs.contains(&tensor.as_str()) {
            outputs.push(tensor);
        }
    }
    let (height, width) = (manifest.preprocess.height as usize, manifest.preprocess.width as usize);
    Ok(network.cut(&CutRequest { input: &input, outputs: &outputs, height, width })?)
}

/// The tensor that `tap` names, floating-point: a feature was made that when it was imported, an earlier map, in the same file, is
/// only here. Where the map itself is not wanted it is averaged in the network, so that the engine hands out a hundredth of it.
fn tapped(network: &mut Network, tap: &Tap, with_map: bool) -> String {
    let output = network.dequantise(&tap.output).unwrap_or_else(|| tap.output.clone());
    match tap.kind {
        FeatureKind::Map if !with_map => network.averaged(&output),
        _ => output,
    }
}

/// Whether another provider may do without what `error` is about.
fn concerns_provider(error: &BackboneError) -> bool {
    matches!(error, BackboneError::Load { .. } | BackboneError::Run { .. } | BackboneError::EngineCache { .. })
}

/// The way down from the fastest provider.
struct ProviderSearch<'a> {
    manifest: Arc<Manifest>,
    options: &'a Options,
    fallbacks: Vec<Fallback>,
    library: Option<FoundLibrary>,
}

impl ProviderSearch<'_> {
    fn choose(&mut self, cut: CutNetwork) -> Result<(Source, Session), BackboneError> {
        match self.options.provider {
            ProviderChoice::Only(Provider::Tract) => self.tract(&cut),
            ProviderChoice::Only(provider) => {
                let runtime = self.runtime()?;
                self.onnx_runtime(runtime, CutBytes::new(&cut), provider).map_err(|(error, _)| error)
            }
            ProviderChoice::Auto => self.descend(cut),
        }
    }

    fn descend(&mut self, cut: CutNetwork) -> Result<(Source, Session), BackboneError> {
        let runtime = match self.runtime() {
            Ok(runtime) => runtime,
            Err(error) => {
                self.say_without_library(&error);
                self.fallbacks.push(Fallback { provider: Provider::Cpu, reason: causes(&error) });
                return self.tract(&cut);
            }
        };
        let built_with = |provider: &Provider| {
            let library = self.library.as_ref().expect("a runtime was started from it");
            match provider {
                Provider::TensorRt => library.tensorrt,
                Provider::Cuda => library.cuda,
                Provider::Cpu => true,
                Provider::Tract => false,
            }
        };
        let mut bytes = CutBytes::new(&cut);
        let wanted = |provider: &Provider| built_with(provider) && !self.options.avoided.contains(provider);
        for provider in Provider::ALL.into_iter().filter(wanted).collect::<Vec<_>>() {
            match self.onnx_runtime(runtime.clone(), bytes, provider) {
                Ok(chosen) => return Ok(chosen),
                Err((error, unused)) if concerns_provider(&error) => {
                    bytes = unused;
                    self.step_down(provider, &error);
                }
                Err((error, _)) => return Err(error),
            }
        }
        self.tract(&cut)
    }

    /// Once a process: a machine without ONNX Runtime is no fault, one that is there and cannot be used may be.
    fn say_without_library(&self, error: &LibraryError) {
        static SAID: Once = Once::new();
        let remedy =
            self.options.without_library.map_or_else(String::new, |remedy| format!("; for more speed: {remedy}"));
        SAID.call_once(|| match error {
            LibraryError::NotFound { .. } => tracing::info!("no ONNX Runtime found, so tract runs{remedy}"),
            error => tracing::warn!("ONNX Runtime cannot be used, so tract runs: {}{remedy}", causes(error)),
        });
    }

    fn step_down(&mut self, provider: Provider, error: &BackboneError) {
        let reason = causes(error);
        tracing::warn!("provider `{provider}` cannot be used, so the next one is tried: {reason}");
        self.fallbacks.push(Fallback { provider, reason });
    }

    /// Finds ONNX Runtime and starts it.
    fn runtime(&mut self) -> Result<Runtime, LibraryError> {
        let found = library::search(self.options.library.as_deref()).into_result()?;
        let runtime = onnxruntime::start(&found.path)?;
        self.library = Some(found);
        Ok(runtime)
    }

    /// Opens a session and proves it; gives `cut` back with the error.
    #[expect(clippy::result_large_err, reason = "the bytes are needed again by the next provider")]
    fn onnx_runtime(
        &self,
        runtime: Runtime,
        cut: CutBytes,
        provider: Provider,
    ) -> Result<(Source, Session), (BackboneError, CutBytes)> {
        let result = self.engines(&cut, provider).and_then(|engines| {
            let session = self.open(&runtime, &cut, provider, engines.as_deref())?;
            Ok((session, engines))
        });
        match result {
            Ok((session, engines)) => Ok((Source::OnnxRuntime { runtime, cut, provider, engines }, session)),
            Err(error) => Err((error, cut)),
        }
    }

    /// The folder for TensorRT's engines of this network, proven to be writable before anything is built.
    fn engines(&self, cut: &CutBytes, provider: Provider) -> Result<Option<PathBuf>, BackboneError> {
        let options = &self.options.tensorrt;
        let built_in = self.library.as_ref().is_some_and(|library| library.tensorrt);
        match &options.engine_cache {
            Some(cache) if provider == Provider::TensorRt && built_in => {
                EngineKey::of(&cut.bytes, options).folder(cache).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// Opens a session and runs one image through it; on a GPU, by ONNX Runtime's own record of that run.
    fn open(
        &self,
        runtime: &Runtime,
        cut: &CutBytes,
        provider: Provider,
        engines: Option<&Path>,
    ) -> Result<Session, BackboneError> {
        let (threads, options) = (self.options.threads, self.options);
        let recorded = matches!(provider, Provider::TensorRt | Provider::Cuda);
        let opening = Opening { provider, threads, options, engines, recorded };
        let load_error = |source| BackboneError::Load { provider, name: self.manifest.name.to_string(), source };
        let prove = || {
            let engine = runtime.open(cut, &opening).map_err(load_error)?;
            self.prove(Box::new(engine), provider, batch_limit(cut.batch))
        };
        match provider == Provider::TensorRt && self.library.as_ref().is_some_and(|library| library.tensorrt) {
            true => while_building(engines, prove),
            false => prove(),
        }
    }

    fn tract(&self, cut: &CutNetwork) -> Result<(Source, Session), BackboneError> {
        let provider = Provider::Tract;
        let load_error = |source| BackboneError::Load { provider, name: self.manifest.name.to_string(), source };
        let plan = Plan::new(cut).map_err(load_error)?;
        let session = self.prove(Box::new(plan.session(self.options.threads)), provider, usize::MAX)?;
        Ok((Source::Tract(plan), session))
    }

    /// Runs one image through `engine`.
    fn prove(&self, engine: Box<dyn Engine>, provider: Provider, batch: usize) -> Result<Session, BackboneError> {
        let (manifest, threads) = (self.manifest.clone(), self.options.threads);
        let mut session = Session { manifest, provider, engine, batch, threads };
        let (height, width) = session.size();
        // Neither constant, which a normalisation inside the network may divide by, nor far from what images are.
        let value = |(_, c, y, x): (usize, usize, usize, usize)| ((c * 7 + y * 5 + x * 3) % 17) as f32 / 8.0 - 1.0;
        session.forward(&InputBatch::new(Array4::from_shape_fn((1, 3, height, width), value))?)?;
        session.check_placement()?;
        Ok(session)
    }
}
