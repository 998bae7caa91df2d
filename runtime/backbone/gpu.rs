//! Settings of the providers on NVIDIA GPUs.

use std::path::PathBuf;

/// How CUDA is to run.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CudaOptions {
    /// Which GPU.
    pub device: u32,
    /// The most memory of the GPU that ONNX Runtime's arena may take, in bytes; `None`: all.
    pub memory_limit: Option<usize>,
}

/// How TensorRT is to run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TensorRtOptions {
    /// Which GPU.
    pub device: u32,
    /// Computes in half precision: faster, and features differ by about 1e-3.
    pub fp16: bool,
    /// The most memory of the GPU that building an engine may take, in bytes; `None`: TensorRT's default.
    pub workspace: Option<usize>,
    /// A folder for the engines, which take minutes to build; `None`: built anew in every process.
    pub engine_cache: Option<PathBuf>,
    /// Whether measured timings are kept beside the engines, so that the next engine is built faster.
    pub timing_cache: bool,
}

impl Default for TensorRtOptions {
    fn default() -> Self {
        Self { device: 0, fp16: false, workspace: None, engine_cache: None, timing_cache: true }
    }
}
