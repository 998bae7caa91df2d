//! Flags that say which engine runs.

use std::path::PathBuf;

use super::config::Config;
use crate::backbone::{Options, ProviderChoice, available_threads};
use crate::preprocess::Limits;
use crate::store::StateDir;

#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Engine")]
pub struct EngineArgs {
    /// auto, tensorrt, cuda, cpu (ONNX Runtime) or tract; all but auto never fall back [default: auto]
    #[arg(long, env = "EDGETL_PROVIDER")]
    pub provider: Option<ProviderChoice>,
    /// The ONNX Runtime library (libonnxruntime.so), 1.20 or newer
    #[arg(long, value_name = "FILE", env = "EDGETL_ONNXRUNTIME")]
    pub onnxruntime: Option<PathBuf>,
    /// Cores to use [default: all that this process may use]
    #[arg(long, value_name = "N", env = "EDGETL_THREADS")]
    pub threads: Option<usize>,
}

impl EngineArgs {
    /// What they ask for, and else what the settings do.
    pub fn options(&self, config: &Config, state: &StateDir) -> Options {
        let config = &config.engine;
        Options {
            provider: self.provider.or(config.provider).unwrap_or(ProviderChoice::Auto),
            library: self.onnxruntime.clone().or_else(|| config.onnxruntime.clone()),
            threads: self.threads.or(config.threads).unwrap_or_else(available_threads).clamp(1, 256),
            without_library: Some("edgetl doctor --install-onnxruntime"),
            avoided: Vec::new(),
            map: false,
            cuda: config.cuda(),
            tensorrt: config.tensorrt(state.path().join("engines")),
        }
    }
}

/// What the decoder refuses, by the settings.
pub fn limits(config: &Config) -> Limits {
    let megapixels = config.collect.max_megapixels;
    megapixels.map_or_else(Limits::default, |number| Limits::of_pixels(number.saturating_mul(1_000_000)))
}
