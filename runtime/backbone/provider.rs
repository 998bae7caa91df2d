//! What can run a network, and what the user asked for.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::gpu::{CudaOptions, TensorRtOptions};

/// An engine together with the hardware that it uses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    /// ONNX Runtime with NVIDIA TensorRT.
    TensorRt,
    /// ONNX Runtime with NVIDIA CUDA.
    Cuda,
    /// ONNX Runtime on the processor.
    Cpu,
    /// tract, on the processor; part of this program.
    Tract,
}

impl Provider {
    /// From the usually fastest to the one that is always there.
    pub const ALL: [Self; 4] = [Self::TensorRt, Self::Cuda, Self::Cpu, Self::Tract];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::TensorRt => "tensorrt",
            Self::Cuda => "cuda",
            Self::Cpu => "cpu",
            Self::Tract => "tract",
        }
    }

    /// Whether ONNX Runtime is needed.
    pub fn needs_library(self) -> bool {
        self != Self::Tract
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("expected a provider out of auto, tensorrt, cuda, cpu, tract, got `{0}`")]
pub struct ParseProviderError(String);

impl FromStr for Provider {
    type Err = ParseProviderError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wanted = text.trim().to_ascii_lowercase();
        let named = Self::ALL.into_iter().find(|provider| provider.as_str() == wanted);
        named.ok_or_else(|| ParseProviderError(text.to_owned()))
    }
}

/// The user's choice: walk down from the fastest, or run on one provider and nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ProviderChoice {
    #[default]
    Auto,
    /// Never falls back.
    Only(Provider),
}

impl fmt::Display for ProviderChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.pad("auto"),
            Self::Only(provider) => provider.fmt(f),
        }
    }
}

impl FromStr for ProviderChoice {
    type Err = ParseProviderError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().eq_ignore_ascii_case("auto") {
            true => Ok(Self::Auto),
            false => text.parse().map(Self::Only),
        }
    }
}

/// How a backbone is to run.
#[derive(Clone, Debug)]
pub struct Options {
    pub provider: ProviderChoice,
    /// What [`ProviderChoice::Auto`] steps over.
    pub avoided: Vec<Provider>,
    /// The ONNX Runtime library, named outright; `None` searches for it (see [`super::library`]).
    pub library: Option<PathBuf>,
    /// What a user can do where there is no library; said with that, once a process.
    pub without_library: Option<&'static str>,
    /// Threads of the session that proves the provider, and of sessions asked for with the same number.
    pub threads: usize,
    /// Whether sessions also give a map that stands beside the feature in the network; a feature that is a map itself comes
    /// with it in any case.
    pub map: bool,
    pub cuda: CudaOptions,
    pub tensorrt: TensorRtOptions,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            provider: ProviderChoice::Auto,
            avoided: Vec::new(),
            library: None,
            without_library: None,
            threads: available_threads(),
            map: false,
            cuda: CudaOptions::default(),
            tensorrt: TensorRtOptions::default(),
        }
    }
}

/// The cores that this process may use (its affinity and its control group), at least one.
pub fn available_threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_read_and_written_by_the_same_name_everywhere() {
        for provider in Provider::ALL {
            assert_eq!(provider.to_string().parse::<Provider>().unwrap(), provider);
            assert_eq!(serde_json::to_string(&provider).unwrap(), format!("\"{provider}\""));
            assert_eq!(provider.to_string().parse::<ProviderChoice>().unwrap(), ProviderChoice::Only(provider));
        }
        assert_eq!("Auto".parse::<ProviderChoice>().unwrap(), ProviderChoice::Auto);
        assert!("gpu".parse::<ProviderChoice>().is_err());
    }
}
