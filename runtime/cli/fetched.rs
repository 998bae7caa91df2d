//! Where a network is from that was fetched.

use serde::Serialize;

use crate::backbone::{ImportRequest, PreprocessSpec};
use crate::manifest::{BackboneName, Preprocess};
use crate::printable::printable;

/// Kept with the package and told to the user.
#[derive(Serialize)]
pub struct Fetched {
    /// Address, with the commit.
    pub from: String,
    /// That came over the network; the rest was there.
    pub fetched_bytes: u64,
    /// Against what its SHA-256 was held.
    pub checked: String,
    /// As its repository or the catalogue states it; `null` where neither does.
    pub licence: Option<String>,
    /// What the catalogue calls it, or the repository.
    #[serde(skip)]
    pub name: String,
    /// What the catalogue says of its pixels.
    #[serde(skip)]
    pub preprocess: Option<Preprocess>,
}

impl Fetched {
    /// `request`, with what is known of the network where a user says nothing.
    pub fn said_in(&self, request: ImportRequest) -> ImportRequest {
        let known = self.preprocess.as_ref().map(PreprocessSpec::from).unwrap_or_default();
        let licence =
            if request.licence.is_empty() { self.licence.clone().unwrap_or_default() } else { request.licence };
        ImportRequest {
            name: request.name.or_else(|| Some(BackboneName::of_file(&self.name))),
            licence,
            origin: Some(self.from.clone()),
            preprocess: request.preprocess.or(known),
            ..request
        }
    }

    pub fn text(&self) -> String {
        let licence = self.licence.as_deref().unwrap_or("not stated: look before you use it in a product");
        let licence = format!("licence: {}", printable(licence));
        [format!("from {}", printable(&self.from)), self.checked.clone(), licence].join("\n")
    }
}
