//! What every sub-command starts from: state directory, settings, output.

use std::path::PathBuf;

use super::Global;
use super::config::Config;
use super::engine::EngineArgs;
use super::output::Output;
use super::remedy::OrRemedy as _;
use crate::backbone::Options;
use crate::device::{Device, Settings};
use crate::store::{StateDir, Store};

const DEFAULT_STATE: &str = ".edgetl";

#[derive(Clone)]
pub struct Context {
    pub state: StateDir,
    pub config: Config,
    pub output: Output,
    /// Nothing but warnings was asked for.
    pub quiet: bool,
}

impl Context {
    pub fn new(global: &Global) -> anyhow::Result<Self> {
        let config = Config::load(global.config.as_deref())?;
        let state = StateDir::new(global.state.clone().or_else(|| config.state.clone()).unwrap_or_else(unnamed_state));
        Ok(Self {
            state,
            config,
            output: if global.json { Output::Json } else { Output::Text },
            quiet: global.quiet > 0,
        })
    }

    /// For a step of another command: its own state directory, no settings, nothing printed.
    pub fn step(state: PathBuf) -> Self {
        Self { state: StateDir::new(state), config: Config::default(), output: Output::Nowhere, quiet: true }
    }

    /// The device, for a command that runs no network.
    pub fn device(&self) -> Device {
        self.device_on(&EngineArgs::default())
    }

    /// The device on the engine that the flags, the variables and the settings ask for.
    pub fn device_on(&self, engine: &EngineArgs) -> Device {
        let limits = super::engine::limits(&self.config);
        let settings = Settings {
            engine: self.engine(engine),
            limits,
            keep_heads: self.config.heads.keep,
            fit_memory: self.config.fit.memory,
        };
        Device::new(self.state.clone(), settings)
    }

    /// The engine that the flags, the variables and the settings ask for.
    pub fn engine(&self, engine: &EngineArgs) -> Options {
        engine.options(&self.config, &self.state)
    }

    /// The store, where there is one.
    pub fn existing_store(&self) -> anyhow::Result<Store> {
        self.device().existing_store().or_remedy()
    }
}

/// The state directory when neither a flag nor the settings name one.
pub fn unnamed_state() -> PathBuf {
    systemd_state().unwrap_or_else(|| DEFAULT_STATE.into())
}

/// systemd's `StateDirectory=`; the first where there are several.
fn systemd_state() -> Option<PathBuf> {
    let folders = std::env::var_os("STATE_DIRECTORY")?;
    std::env::split_paths(&folders).next().filter(|path| !path.as_os_str().is_empty())
}
