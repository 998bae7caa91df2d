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
            [engine.cuda]
            device = 1
            memory_limit_mib = 2048
            [engine.tensorrt]
            fp16 = true
            workspace_mib = 512
            engine_cache = ""
            [collect]
            sources = ["/srv/photos"]
            max_megapixels = 20
            [fit]
            memory = "1.5G"
            after = 20
            every = "24h"
            [heads]
            keep = 3
            [serve]
            address = "0.0.0.0:8080"
            token_file = "/etc/edgetl/token"
            read_token_file = "/etc/edgetl/read-token"
            tls = "self-signed"
            mdns = false
            open = ["ready", "metrics"]
            access_log = true
            hosts = ["camera.lan", "192.168.1.7"]
            queue = 4
            max_body_megabytes = 8
            client_timeout = 10
            [review]
            most = 50
            days = 7
            megabytes = 20
            disk_reserve_megabytes = 1000
            [camera.gate]
            source = "rtsp://user:secret@10.0.0.7/live"
            rotate = 90
            region = [0.2, 0.1, 0.8, 0.9]
            fps = 2
            gate = "motion"
            area = 0.01
            every = 60
            mode = "visit"
            threshold = 0.7
            hysteresis = 0.05
            in_a_row = 2
            consensus = 0.5
            tries = 4
            hold = 1
            gone_after = 10
            on = "open"
            device_class = "garage_door"
            [camera.bin]
            source = "folder:/srv/in"
            [mqtt]
            broker = "mqtts://broker.lan"
            user = "edgetl"
            password_file = "/etc/edgetl/mqtt-password"
            ca_file = "/etc/edgetl/ca.pem"
            name = "porch"
            discovery = "homeassistant"
            commands = false
            [webhook.house]
            url = "https://hooks.example/edgetl"
            secret_file = "/etc/edgetl/webhook-key"
            ca_file = "/etc/edgetl/ca.pem"
            [program.siren]
            command = "/usr/local/bin/siren --loud"
            [log]
            file = "/var/lib/edgetl/events.jsonl"
            megabytes = 4
            [drift]
            false_alarms = 0.001
            every = 30
        "#;
        let config: Config = toml::from_str(text).unwrap();
        assert_eq!(config.engine.threads, Some(2));
        assert_eq!(config.engine.cuda(), CudaOptions { device: 1, memory_limit: Some(2 << 30) });
        let tensorrt = config.engine.tensorrt("engines".into());
        assert_eq!((tensorrt.fp16, tensorrt.workspace, &tensorrt.engine_cache), (true, Some(512 << 20), &None));
        let plain = EngineConfig::default().tensorrt("engines".into());
        assert_eq!((plain.timing_cache, plain.engine_cache), (true, Some("engines".into())));
        assert_eq!(config.collect.sources, [PathBuf::from("/srv/photos")]);
        assert_eq!(config.fit.memory, Some(1_500_000_000));
        assert!(toml::from_str::<Config>("fit.memory = \"much\"").is_err());
        assert_eq!((config.fit.after, config.fit.every), (20, Some(Duration::from_secs(24 * 60 * 60))));
        assert!(
            ["fit.every = \"often\"", "fit.every = \"0s\""].iter().all(|text| toml::from_str::<Config>(text).is_err())
        );
        assert_eq!(config.heads.keep, 3);
        assert_eq!(config.serve.address, Some("0.0.0.0:8080".parse().unwrap()));
        assert_eq!((config.serve.queue, config.serve.max_body_megabytes), (Some(4), Some(8)));
        assert_eq!(config.serve.hosts, ["camera.lan", "192.168.1.7"]);
        assert_eq!(config.serve.open, [OpenPath::Ready, OpenPath::Metrics]);
        assert_eq!((&config.serve.tls, config.serve.mdns), (&Some(TlsConfig::SelfSigned), Some(false)));
        assert!(config.serve.access_log && config.serve.read_token_file.is_some());
        let review = ReviewSettings { most: 50, days: 7, megabytes: 20, disk_reserve_megabytes: 1000 };
        assert_eq!((config.review, Config::default().review), (review, ReviewSettings::default()));
        assert!(toml::from_str::<Config>("stat = 1").is_err());
        assert!(config.check_cameras().is_ok() && !config.tells_nobody());
        assert_eq!(config.camera["gate"].rules().tries, 4);
        assert_eq!(config.camera["bin"].rules(), crate::watch::Rules::default());
        assert!(!format!("{config:?}").contains("secret"));
        assert_eq!(config.drift, DriftSettings { false_alarms: 0.001, every: 30.0 });
        assert!(DriftSettings { false_alarms: 0.5, ..DriftSettings::default() }.check().is_err());
        assert!(DriftSettings { every: -1.0, ..DriftSettings::default() }.check().is_err());
    }

    #[test]
    fn a_camera_that_cannot_be_is_named() {
        let check = |text: &str| toml::from_str::<Config>(text).map_err(anyhow::Error::from)?.check_cameras();
        for (text, said) in [
            ("[camera.\"a b\"]\nsource = \"push\"", "`a b`"),
            ("[camera.a]\nsource = \"push\"\nfps = 0", "cannot use the camera `a`"),
            ("[camera.a]\nsource = \"ftp://x\"", "expected a camera as"),
            ("[camera.a]\nsource = \"push\"\nrotate = 45", "0, 90, 180 or 270"),
            ("[camera.a]\nfps = 3", "source"),
            ("[camera.a]\nsource = \"push\"\non = \"open\"\ndevice_class = \"gate\"", "garage_door"),
        ] {
            let error = check(text).unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn a_mistake_in_a_line_with_a_password_shows_where_it_is_and_not_the_line() {
        for (text, place) in [
            ("\n[camera.a]\nsource = \"rtp://admin:secret@cam\"", "line 3: "),
            ("[camera]\na = { source = \"rtsp://admin:secret@cam\", fpss = 2 }", "line 2: "),
            ("[camera.a]\nsource = \"rtsp://admin:secret@cam", "line 2: "),
        ] {
            let error = unreadable(&toml::from_str::<Config>(text).unwrap_err(), text).to_string();
            assert!(error.starts_with(place) && !error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn the_packaged_settings_change_nothing_and_every_line_of_them_is_understood() {
        let packaged = include_str!("../../tools/deb/edgetl.toml");
        assert_eq!(toml::from_str::<toml::Table>(packaged).unwrap().len(), 0);
        let settings = packaged.lines().filter_map(|line| line.strip_prefix('#')).filter(|line| !line.starts_with(' '));
        let text: Vec<&str> = settings.collect();
        let config: Config = toml::from_str(&text.join("\n")).unwrap();
        assert_eq!(config.engine.tensorrt.workspace_mib, Some(1024));
        assert_eq!(config.serve.hosts, ["camera.lan"], "the last of the sections is read");
    }
}
