//! Networks from elsewhere: the Hugging Face Hub or any address, in a way that survives what networks do.
//!
//! A [`Reference`] is what a user names; a [`Plan`] lists the files that it means; [`Hub::fetch`] brings them into a folder.
//! What was cut off is continued, what does not have its length or its SHA-256 is never taken, and a file has its name only
//! when it is whole.
//!
//! Source: huggingface_hub 1.29, `file_download.py` and `hf_api.py`.

mod cache;
pub mod catalogue;
mod client;
mod error;
mod listing;
mod plan;
mod reference;
mod settings;
mod transfer;
mod tries;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

pub use error::HubError;
pub use plan::{Checked, Plan, Remote};
pub use reference::{ParseReferenceError, Reference, RepositoryFile};
pub use settings::Settings;

use client::Client;

/// The hub, as this machine reaches it.
pub struct Hub {
    client: Client,
    settings: Settings,
}

/// Files that are whole and on this machine.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fetched {
    /// The network; what belongs to it lies beside it.
    pub network: PathBuf,
    /// Against what its SHA-256 was held.
    pub checked: Checked,
    /// Of all files that came over the network; others were there already.
    pub bytes: u64,
}

/// What goes on while files come.
pub struct Watch<'a> {
    /// How many bytes of the network are there, of how many.
    pub progress: &'a mut dyn FnMut(u64, Option<u64>),
    /// What a user should know at once, such as that the hub asks to wait.
    pub say: &'a mut dyn FnMut(&str),
    /// Once it is true, the work ends with [`HubError::Stopped`].
    pub stop: &'a AtomicBool,
}

impl Hub {
    pub fn new(settings: Settings) -> Self {
        Self { client: Client::new(&settings), settings }
    }

    /// Brings the files of `plan` into `folder`, which is made, and continues what was begun there.
    ///
    /// # Errors
    /// When the hub cannot be reached or refuses, what comes is not what was listed, or the disk is full. What has come so far
    /// stays and is continued by the next call, unless it is wrong.
    pub fn fetch(&self, plan: &Plan, folder: &Path, watch: &mut Watch<'_>) -> Result<Fetched, HubError> {
        transfer::fetch(&self.client, plan, folder, watch)
    }
}
