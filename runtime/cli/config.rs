//! `edgetl.toml`: what a device's owner sets once. Flags and `EDGETL_*` variables go before it.

#[cfg(feature = "serve")]
mod shown;
mod tls;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Deserializer, de::Error};

use super::failure::OrHint;
use super::remedy::OWNERSHIP;
use crate::announce::settings::{LogSettings, MqttSettings, ProgramSettings, WebhookSettings};
use crate::backbone::{CudaOptions, ProviderChoice, TensorRtOptions};
use crate::memory;
use crate::trust;
use crate::watch::{CameraSettings, DriftSettings, ReviewSettings, is_camera_name};

pub use tls::TlsConfig;

const LOCAL: &str = "edgetl.toml";
const SYSTEM: &str = "/etc/edgetl/edgetl.toml";

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The file that they were read from.
    #[serde(skip)]
    pub file: Option<PathBuf>,
    /// The state directory.
    pub state: Option<PathBuf>,
    pub engine: EngineConfig,
    pub collect: CollectConfig,
    pub fit: FitConfig,
    pub heads: HeadsConfig,
    pub serve: ServeConfig,
    pub review: ReviewSettings,
    /// By name.
    pub camera: BTreeMap<String, CameraSettings>,
    /// A broker that is told of what happens before the cameras.
    pub mqtt: Option<MqttSettings>,
    /// Addresses that are told, by name.
    pub webhook: BTreeMap<String, WebhookSettings>,
    /// Programs that are told, by name.
    pub program: BTreeMap<String, ProgramSettings>,
    /// A file of events.
    pub log: Option<LogSettings>,
    pub drift: DriftSettings,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineConfig {
    #[serde(default, deserialize_with = "choice")]
    pub provider: Option<ProviderChoice>,
    /// The ONNX Runtime library.
    pub onnxruntime: Option<PathBuf>,
    pub threads: Option<usize>,
    pub cuda: CudaConfig,
    pub tensorrt: TensorRtConfig,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CudaConfig {
    /// Which GPU.
    pub device: u32,
    /// The most memory of the GPU to take, in MiB.
    pub memory_limit_mib: Option<usize>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TensorRtConfig {
    /// Which GPU.
    pub device: u32,
    pub fp16: bool,
    /// The most memory of the GPU that building an engine may take, in MiB.
    pub workspace_mib: Option<usize>,
    /// Where engines are kept; empty for nowhere.
    pub engine_cache: Option<PathBuf>,
    pub timing_cache: bool,
}

impl Default for TensorRtConfig {
    fn default() -> Self {
        Self { device: 0, fp16: false, workspace_mib: None, engine_cache: None, timing_cache: true }
    }
}

impl EngineConfig {
    pub fn cuda(&self) -> CudaOptions {
        CudaOptions { device: self.cuda.device, memory_limit: self.cuda.memory_limit_mib.map(mib) }
    }

    /// The settings of TensorRT, whose engines are kept in `engines` where nothing else is said.
    pub fn tensorrt(&self, engines: PathBuf) -> TensorRtOptions {
        let config = &self.tensorrt;
        let engine_cache =
            Some(config.engine_cache.clone().unwrap_or(engines)).filter(|path| !path.as_os_str().is_empty());
        TensorRtOptions {
            device: config.device,
            fp16: config.fp16,
            workspace: config.workspace_mib.map(mib),
            engine_cache,
            timing_cache: config.timing_cache,
        }
    }
}

fn mib(count: usize) -> usize {
    count.saturating_mul(1 << 20)
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CollectConfig {
    /// What `collect` reads when no SOURCE is given.
    pub sources: Vec<PathBuf>,
    /// Pictures of more pixels are refused from their header.
    pub max_megapixels: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FitConfig {
    /// Bytes that fitting may take, about.
    #[serde(deserialize_with = "size")]
    pub memory: Option<u64>,
    /// `serve` fits after so many new labels; 0 is never.
    pub after: usize,
    /// `serve` fits in this interval.
    #[serde(deserialize_with = "interval")]
    pub every: Option<Duration>,
}

#[derive(Clone, Debug, Deserialize)]
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

/// What `serve` takes where no flag says otherwise; read by every build, so that all take the same file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServeConfig {
    pub address: Option<SocketAddr>,
    /// A file with the token that clients must send.
    pub token_file: Option<PathBuf>,
    /// A file with a token that lets clients look and not change anything.
    pub read_token_file: Option<PathBuf>,
    pub tls: Option<TlsConfig>,
    /// Whether it is announced by multicast DNS, where other machines get to it; it is unless this is false.
    pub mdns: Option<bool>,
    /// What needs no token: `ready`, `metrics`.
    pub open: Vec<OpenPath>,
    /// Whether each request is a line of the log.
    pub access_log: bool,
    /// Names by which clients reach the machine, besides its own.
    pub hosts: Vec<String>,
    /// Pictures that may wait.
    pub queue: Option<u16>,
    pub max_body_megabytes: Option<u16>,
    /// In seconds.
    pub client_timeout: Option<u16>,
}

/// What of the service may be open to all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OpenPath {
    /// `/health/ready`
    Ready,
    Metrics,
}

impl Config {
    /// `named`, else `edgetl.toml` in the working directory, else the system's, else defaults.
    pub fn load(named: Option<&Path>) -> anyhow::Result<Self> {
        let found = match named {
            Some(path) => Some(path),
            None => [Path::new(LOCAL), Path::new(SYSTEM)].into_iter().find(|path| path.exists()),
        };
        let Some(path) = found else { return Ok(Self::default()) };
        let config = Self::read(path)?;
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        tracing::info!("settings in `{}`", absolute.display());
        Ok(Self { file: Some(absolute), ..config })
    }

    /// Settings name code, so those that somebody else can write are an error and not passed over: the user, who sees them
    /// there, would take them to be in force, and whoever laid them there is to be noticed.
    fn read(path: &Path) -> anyhow::Result<Self> {
        trust::check(path)
            .with_context(|| format!("cannot obey the settings `{}`", path.display()))
            .or_hint(format!("{OWNERSHIP}, name settings of your own with --config FILE, or work in another folder"))?;
        let text = crate::files::read_to_string(path, 1 << 20)
            .with_context(|| format!("cannot read the settings `{}`", path.display()))?;
        let failed = || format!("cannot understand the settings `{}`", path.display());
        let read = toml::from_str(&text).map_err(|error| unreadable(&error, &text));
        let config: Self = read
            .with_context(failed)
            .or_hint("the README has every section under Settings, and names the page with the rest of it")?;
        config.check_cameras().with_context(failed).or_hint("docs/cameras.md shows every setting of a camera")?;
        config.drift.check().context("cannot use the section [drift]").with_context(failed)?;
        Ok(config)
    }

    /// Whether nobody beyond standard output is told of events.
    pub fn tells_nobody(&self) -> bool {
        self.mqtt.is_none() && self.webhook.is_empty() && self.program.is_empty() && self.log.is_none()
    }

    fn check_cameras(&self) -> anyhow::Result<()> {
        for (name, settings) in &self.camera {
            if !is_camera_name(name) {
                let letters = "letters, digits, - and _, at most 64";
                anyhow::bail!("expected the name of a camera to have {letters}, got `{name}`");
            }
            settings.check().with_context(|| format!("cannot use the camera `{name}`"))?;
        }
        Ok(())
    }
}

/// Without the line itself, which may hold a camera's password.
fn unreadable(error: &toml::de::Error, text: &str) -> anyhow::Error {
    let line =
        error.span().and_then(|span| text.get(..span.start)).map_or(1, |before| before.matches('\n').count() + 1);
    anyhow::anyhow!("line {line}: {}", error.message())
}

fn choice<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ProviderChoice>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(D::Error::custom)
}

fn size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let unreadable = || D::Error::custom(format!("expected a size as \"1.5G\" or \"800M\", got \"{text}\""));
    memory::bytes(&text).map(Some).ok_or_else(unreadable)
}

fn interval<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let unreadable =
        || D::Error::custom(format!("expected a time of at least 1s as \"24h\" or \"30min\", got \"{text}\""));
    let interval = humantime::parse_duration(&text).ok().filter(|interval| *interval >= Duration::from_secs(1));
    interval.map(Some).ok_or_else(unreadable)
}

#[cfg(test)]
mod tests;
