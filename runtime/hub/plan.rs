//! Which files a reference means.

use std::fmt;
use std::path::PathBuf;

use super::cache::Cached;
use super::catalogue::Entry;
use super::listing::{Listed, Listing};
use super::reference::file_name;
use super::tries::Tries;
use super::{Hub, HubError, Reference, RepositoryFile, Watch};
use crate::backbone::beside;
use crate::digest::Digest;

/// What is fetched, and from where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    pub network: Remote,
    /// Its settings and its external weights.
    pub beside: Vec<Remote>,
    /// As the card of its repository states it.
    pub licence: Option<String>,
    /// What a package is to say of where it is from: address and commit.
    pub origin: String,
    /// How the network is called, where its file says only `model.onnx`.
    pub name: String,
}

/// One file that is elsewhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remote {
    pub address: String,
    /// Its name here.
    pub name: String,
    pub size: Option<u64>,
    pub sha256: Option<Digest>,
    pub checked: Checked,
    /// The same file in the hub's own cache on this machine.
    pub cached: Option<PathBuf>,
    /// Of a repository of the hub, and which.
    pub of: Option<RepositoryFile>,
}

/// Against what a SHA-256 is held.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Checked {
    Given,
    Catalogue,
    Hub,
    Nothing,
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Given => "its SHA-256 is the one given",
            Self::Catalogue => "its SHA-256 is the catalogue's",
            Self::Hub => "its SHA-256 is the one that the hub lists",
            Self::Nothing => "there is no SHA-256 to hold it against",
        })
    }
}

/// What lies beside a network and says how it wants its pixels.
const SETTINGS: [&str; 2] = [beside::CONFIG, beside::PREPROCESSOR];
/// Where a repository usually has its network, the likeliest first.
const USUAL: [&str; 2] = ["onnx/model.onnx", "model.onnx"];

impl Hub {
    /// The files that `reference` means, with their lengths and digests where the hub lists them.
    ///
    /// `entry` is the catalogue's where the user named one; `digest` what a user gave.
    ///
    /// # Errors
    /// When the hub cannot be reached or refuses, there is no such repository, revision or network in it, or several.
    pub fn plan(
        &self,
        reference: &Reference,
        entry: Option<&Entry>,
        digest: Option<Digest>,
        watch: &mut Watch<'_>,
    ) -> Result<Plan, HubError> {
        match reference {
            Reference::Catalogue(name) => Err(HubError::NotInCatalogue { name: name.clone() }),
            Reference::Address(address) => self.address(address, digest),
            Reference::Repository(named) => {
                let mut plan = if self.settings.offline { self.cached(named)? } else { self.listed(named, watch)? };
                if let Some(entry) = entry {
                    entry.name.clone_into(&mut plan.name);
                    plan.licence = Some(entry.licence.clone()).or(plan.licence);
                    self.hold(&mut plan.network, entry)?;
                }
                if let Some(digest) = digest {
                    (plan.network.sha256, plan.network.checked) = (Some(digest), Checked::Given);
                }
                Ok(plan)
            }
        }
    }

    /// The addresses from which a person would fetch what `reference` means; asks the hub only where that names no file.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub fn addresses(&self, reference: &Reference, watch: &mut Watch<'_>) -> Result<Vec<String>, HubError> {
        match reference {
            Reference::Catalogue(name) => Err(HubError::NotInCatalogue { name: name.clone() }),
            Reference::Address(address) => Ok(vec![address.clone()]),
            Reference::Repository(named @ RepositoryFile { file: Some(file), .. }) => {
                let revision = named.revision.as_deref().unwrap_or("main");
                let files = [file.as_str()].into_iter().chain(SETTINGS);
                Ok(files.map(|file| self.resolve(&named.repository, revision, file)).collect())
            }
            Reference::Repository(named) => {
                let plan = self.listed(named, watch)?;
                Ok([&plan.network].into_iter().chain(&plan.beside).map(|remote| remote.address.clone()).collect())
            }
        }
    }

    /// The catalogue's digest comes first: the hub's says only what the hub has.
    fn hold(&self, network: &mut Remote, entry: &Entry) -> Result<(), HubError> {
        let Some(catalogue) = entry.sha256 else { return Ok(()) };
        if let Some(hub) = network.sha256.filter(|hub| *hub != catalogue) {
            let file = network.name.clone();
            return Err(HubError::CatalogueDiffers { file, catalogue, hub });
        }
        (network.sha256, network.checked) = (Some(catalogue), Checked::Catalogue);
        Ok(())
    }

    fn address(&self, address: &str, digest: Option<Digest>) -> Result<Plan, HubError> {
        if digest.is_none() && !address.starts_with("https://") {
            return Err(HubError::NotEncrypted { address: address.to_owned() });
        }
        let file = file_name(address);
        let network = Remote {
            address: address.to_owned(),
            name: file.to_owned(),
            size: None,
            sha256: digest,
            checked: if digest.is_some() { Checked::Given } else { Checked::Nothing },
            cached: None,
            of: None,
        };
        let name = file.strip_suffix(".onnx").unwrap_or(file).to_owned();
        // What an address carries behind `?` may be a password.
        let origin = address.split(['?', '#']).next().unwrap_or_default().to_owned();
        Ok(Plan { network, beside: Vec::new(), licence: None, origin, name })
    }

    fn listed(&self, named: &RepositoryFile, watch: &mut Watch<'_>) -> Result<Plan, HubError> {
        let listing = self.patiently(named, watch)?;
        let files: Vec<Listed> = listing.files().collect();
        let remote = |file: &str| {
            let listed = files.iter().find(|listed| listed.file == file);
            let sha256 = listed.and_then(|listed| listed.sha256);
            Remote {
                size: listed.and_then(|listed| listed.size),
                checked: if sha256.is_some() { Checked::Hub } else { Checked::Nothing },
                sha256,
                ..self.remote(named, &listing.sha, file)
            }
        };
        let names: Vec<String> = files.iter().map(|listed| listed.file.clone()).collect();
        let licence = match listing.licence() {
            (Some(licence), _) => Some(licence),
            (None, Some(base)) => self.licence_of(&base, watch).map(|licence| format!("{licence} (of {base})")),
            (None, None) => None,
        };
        Ok(Plan { licence, ..self.of_files(named, &listing.sha, &names, remote)? })
    }

    /// From the hub's own cache alone.
    fn cached(&self, named: &RepositoryFile) -> Result<Plan, HubError> {
        let cache = self.settings.cache.clone().unwrap_or_default();
        let missing = || HubError::Offline { wanted: named.to_string(), cache: cache.clone() };
        let cached = Cached::of(&cache, &named.repository);
        let commit = cached.commit(named.revision.as_deref().unwrap_or("main")).ok_or_else(missing)?;
        let plan = self.of_files(named, &commit, &cached.files(&commit), |file| self.remote(named, &commit, file));
        let plan = plan.map_err(|error| match error {
            HubError::NoFile { .. } | HubError::NoNetwork { .. } => missing(),
            other => other,
        })?;
        if plan.network.cached.is_none() { Err(missing()) } else { Ok(plan) }
    }

    fn of_files(
        &self,
        named: &RepositoryFile,
        commit: &str,
        files: &[String],
        remote: impl Fn(&str) -> Remote,
    ) -> Result<Plan, HubError> {
        let file = network_of(named, files)?;
        // Weights that lie outside the file, as in `model.onnx_data` or `model.onnx.data`.
        let external = |other: &&String| {
            other.strip_prefix(file).is_some_and(|rest| rest.starts_with("_data") || rest.starts_with(".data"))
        };
        let settings = files.iter().filter(|file| SETTINGS.contains(&file.as_str()));
        let beside = files.iter().filter(external).chain(settings).map(|file| remote(file)).collect();
        let repository = named.repository.rsplit('/').next().unwrap_or_default();
        let stem = file_name(file).strip_suffix(".onnx").unwrap_or(file_name(file));
        Ok(Plan {
            network: remote(file),
            beside,
            licence: None,
            origin: self.resolve(&named.repository, commit, file),
            name: if stem.starts_with("model") { repository.to_owned() } else { stem.to_owned() },
        })
    }

    fn remote(&self, named: &RepositoryFile, commit: &str, file: &str) -> Remote {
        let cached =
            self.settings.cache.as_ref().and_then(|cache| Cached::of(cache, &named.repository).file(commit, file));
        let sha256 = cached.as_deref().and_then(Cached::digest);
        Remote {
            address: self.resolve(&named.repository, commit, file),
            name: file_name(file).to_owned(),
            size: None,
            checked: if sha256.is_some() { Checked::Hub } else { Checked::Nothing },
            sha256,
            cached,
            of: Some(RepositoryFile { file: Some(file.to_owned()), ..named.clone() }),
        }
    }

    fn resolve(&self, repository: &str, revision: &str, file: &str) -> String {
        let file: String = file.chars().map(|c| if c == ' ' { "%20".to_owned() } else { c.to_string() }).collect();
        format!("{}/{repository}/resolve/{}/{file}", self.settings.endpoint, revision.replace('/', "%2F"))
    }

    fn patiently(&self, named: &RepositoryFile, watch: &mut Watch<'_>) -> Result<Listing, HubError> {
        let mut tries = Tries::default();
        loop {
            match Listing::of(&self.client, &self.settings, named) {
                Ok(listing) => return Ok(listing),
                Err(error) => tries.after(error, watch)?,
            }
        }
    }

    /// Of the repository that a conversion was made of; `None` where it is not told.
    fn licence_of(&self, repository: &str, watch: &mut Watch<'_>) -> Option<String> {
        let Ok(Reference::Repository(named)) = format!("hf:{repository}").parse() else { return None };
        self.patiently(&named, watch).ok()?.licence().0
    }
}

fn network_of<'a>(named: &RepositoryFile, files: &'a [String]) -> Result<&'a str, HubError> {
    let repository = named.repository.clone();
    let networks: Vec<&'a str> = files.iter().map(String::as_str).filter(|file| file.ends_with(".onnx")).collect();
    let owned = || networks.iter().map(|&file| file.to_owned()).collect();
    if let Some(wanted) = &named.file {
        let found = files.iter().find(|file| *file == wanted).map(String::as_str);
        let missing = || HubError::NoFile { repository, file: wanted.clone(), networks: owned() };
        return found.ok_or_else(missing);
    }
    let usual = USUAL.iter().find_map(|usual| networks.iter().copied().find(|file| file == usual));
    match (usual, networks.as_slice()) {
        (Some(file), _) | (None, &[file]) => Ok(file),
        (None, []) => Err(HubError::NoNetwork { repository }),
        (None, _) => Err(HubError::SeveralNetworks { repository, networks: owned() }),
    }
}
