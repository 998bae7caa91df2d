//! `edgetl.toml`: what a device's owner sets once. Flags and `EDGETL_*` variables go before it.

use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Deserializer, de::Error};

use super::failure::OrHint;
use crate::backbone::ProviderChoice;

const LOCAL: &str = "edgetl.toml";
const SYSTEM: &str = "/etc/edgetl/edgetl.toml";

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The state directory.
    pub state: Option<PathBuf>,
    pub engine: EngineConfig,
    pub collect: CollectConfig,
    pub heads: HeadsConfig,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineConfig {
    #[serde(default, deserialize_with = "choice")]
    pub provider: Option<ProviderChoice>,
    /// The ONNX Runtime library.
    pub onnxruntime: Option<PathBuf>,
    pub threads: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CollectConfig {
    /// What `collect` reads when no SOURCE is given.
    pub sources: Vec<PathBuf>,
    /// Pictures of more pixels are refused from their header.
    pub max_megapixels: Option<u64>,
}

#[derive(Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HeadsConfig {
    /// How many old heads stay for `heads rollback`.
    pub keep: usize,
}

impl Default for HeadsConfig {
    fn default() -> Self {
        Self { keep: 10 }
    }
}

impl Config {
    /// `named`, else `edgetl.toml` in the working directory, else the system's, else defaults.
    pub fn load(named: Option<&Path>) -> anyhow::Result<Self> {
        let found = match named {
            Some(path) => Some(path),
            None => [Path::new(LOCAL), Path::new(SYSTEM)].into_iter().find(|path| path.exists()),
        };
        found.map_or_else(|| Ok(Self::default()), Self::read)
    }

    fn read(path: &Path) -> anyhow::Result<Self> {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read the settings `{}`", path.display()))?;
        toml::from_str(&text)
            .with_context(|| format!("cannot understand the settings `{}`", path.display()))
            .or_hint("the README shows every setting")
    }
}

fn choice<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ProviderChoice>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(D::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_read_and_an_unknown_one_is_refused() {
        let text = r#"
            state = "/var/lib/edgetl"
            [engine]
            provider = "tract"
            onnxruntime = "/opt/libonnxruntime.so"
            threads = 2
            [collect]
            sources = ["/srv/photos"]
            max_megapixels = 20
            [heads]
            keep = 3
        "#;
        let config: Config = toml::from_str(text).unwrap();
        assert_eq!(config.engine.threads, Some(2));
        assert_eq!(config.collect.sources, [PathBuf::from("/srv/photos")]);
        assert_eq!(config.heads.keep, 3);
        assert!(toml::from_str::<Config>("stat = 1").is_err());
    }
}
