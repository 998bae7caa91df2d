//! What every sub-command starts from: state directory, settings, output.

use std::path::PathBuf;

use super::Global;
use super::config::Config;
use super::failure::{OrHint, hinted};
use super::output::Output;
use crate::backbone::Registry;
use crate::dataset::SampleId;
use crate::store::{HeadShelf, StateDir, Store, StoreError};

const DEFAULT_STATE: &str = ".edgetl";
const WRITABLE: &str = "name a directory that can be written: --state DIR, or EDGETL_STATE";

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
        let state = global.state.clone().or_else(|| config.state.clone()).unwrap_or_else(unnamed_state);
        Ok(Self {
            state: StateDir::new(state),
            config,
            output: if global.json { Output::Json } else { Output::Text },
            quiet: global.quiet > 0,
        })
    }

    /// For a step of another command: its own state directory, no settings, nothing printed.
    pub fn step(state: PathBuf) -> Self {
        Self { state: StateDir::new(state), config: Config::default(), output: Output::Nowhere, quiet: true }
    }

    /// The store; created where there is none.
    pub fn store(&self) -> anyhow::Result<Store> {
        self.state.create().or_hint(WRITABLE)?;
        explain(Store::open(&self.state.database()))
    }

    /// The store, where there is one.
    pub fn existing_store(&self) -> anyhow::Result<Store> {
        match Store::open_existing(&self.state.database()) {
            Err(error @ StoreError::Missing { .. }) => Err(error)
                .or_hint("collect pictures first: edgetl collect FOLDER; or name the state directory: --state DIR"),
            other => explain(other),
        }
    }

    pub fn backbones(&self) -> Registry {
        Registry::new(self.state.backbones())
    }

    pub fn shelf(&self) -> HeadShelf {
        HeadShelf::new(self.state.heads(), self.config.heads.keep)
    }
}

/// Adds what to do to the store errors that have a remedy.
pub fn explain<T>(result: Result<T, StoreError>) -> anyhow::Result<T> {
    result.map_err(|error| match remedy(&error) {
        Some(remedy) => hinted(remedy, error),
        None => error.into(),
    })
}

fn remedy(error: &StoreError) -> Option<String> {
    let remedy = match error {
        StoreError::DamagedRows { ids } => return Some(damaged_rows(ids)),
        StoreError::OtherBackbones { .. } => {
            "collect the pictures again with the backbone in use: edgetl collect FOLDER"
        }
        StoreError::Newer { .. } => "update edgetl, or name another state directory: --state DIR",
        StoreError::Full { .. } => "free some space; what was reported as stored is safe",
        StoreError::ReadOnly { .. } | StoreError::Unreachable { .. } | StoreError::CannotOpen { .. } => WRITABLE,
        StoreError::NotADatabase { .. } | StoreError::Foreign { .. } | StoreError::Damaged { .. } => {
            "move the file away, then collect again; the pictures themselves are not in it"
        }
        _ => return None,
    };
    Some(remedy.to_owned())
}

/// The way out of damaged rows.
pub fn damaged_rows(ids: &[SampleId]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| id.0.to_string()).collect();
    format!(
        "`edgetl samples list --id {ids}` shows the pictures; take them out and collect them again: edgetl samples remove \
         --id {ids}, then edgetl collect --again FOLDER",
        ids = ids.join(",")
    )
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
