//! What the hub lists of a repository.

use serde::Deserialize;
use serde_json::Value;

use super::client::{Answer, Client};
use super::{HubError, RepositoryFile, Settings};
use crate::digest::Digest;

/// A repository's list of files has a few hundred bytes a file.
const LIMIT: u64 = 32 << 20;

#[derive(Deserialize)]
pub struct Listing {
    /// The commit that the revision is.
    pub sha: String,
    #[serde(default)]
    siblings: Vec<Sibling>,
    #[serde(rename = "cardData", default)]
    card: Option<Value>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    lfs: Option<Lfs>,
}

#[derive(Deserialize)]
struct Lfs {
    sha256: String,
    size: Option<u64>,
}

/// A file of a repository.
pub struct Listed {
    pub file: String,
    pub size: Option<u64>,
    pub sha256: Option<Digest>,
}

impl Listing {
    pub fn of(client: &Client, settings: &Settings, named: &RepositoryFile) -> Result<Self, HubError> {
        let repository = &named.repository;
        let revision = named.revision.as_deref().map(|revision| format!("/revision/{}", revision.replace('/', "%2F")));
        let address =
            format!("{}/api/models/{repository}{}?blobs=true", settings.endpoint, revision.unwrap_or_default());
        let answer = client.get_renamed(&address)?;
        if answer.status() != 200 {
            return Err(refused(&answer, named, client.has_token()));
        }
        let not_the_hub = || HubError::NotTheHub { address: address.clone() };
        let text = answer.bytes(LIMIT)?;
        serde_json::from_slice(&text).map_err(|_| not_the_hub())
    }

    pub fn files(&self) -> impl Iterator<Item = Listed> {
        self.siblings.iter().map(|sibling| Listed {
            file: sibling.rfilename.clone(),
            size: sibling.lfs.as_ref().and_then(|lfs| lfs.size).or(sibling.size),
            sha256: sibling.lfs.as_ref().and_then(|lfs| lfs.sha256.parse().ok()),
        })
    }

    /// The licence as the card states it, and the repository that it was made of.
    pub fn licence(&self) -> (Option<String>, Option<String>) {
        let text = |key: &str| {
            let value = self.card.as_ref()?.get(key)?;
            let first = value.as_array().and_then(|list| list.first()).unwrap_or(value);
            first.as_str().map(str::to_owned)
        };
        let licence = match text("license").as_deref() {
            Some("other") => text("license_name").or_else(|| text("license_link")).or_else(|| text("license")),
            _ => text("license"),
        };
        (licence, text("base_model"))
    }
}

/// What the hub says that it does not give.
pub fn refused(answer: &Answer, named: &RepositoryFile, token: bool) -> HubError {
    let repository = named.repository.clone();
    let (address, status) = (answer.address.clone(), answer.status());
    match (answer.header("x-error-code"), status) {
        (Some("GatedRepo"), _) => HubError::Restricted { repository, token },
        (Some("RevisionNotFound"), _) => {
            HubError::NoRevision { repository, revision: named.revision.clone().unwrap_or_else(|| "main".to_owned()) }
        }
        (Some("RepoNotFound"), _) | (_, 401) => HubError::NoRepository { repository, token },
        (_, 403) => HubError::Restricted { repository, token },
        (_, 404) => HubError::NothingThere { address },
        _ => HubError::Status { address, status },
    }
}
