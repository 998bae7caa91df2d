//! Files from elsewhere, brought where commands can read them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use super::context::Context;
use super::environment::variable;
use super::failure::{Interrupted, WrongUsage, hinted};
use super::fetched::Fetched;
use super::interrupt;
use super::progress::Progress;
use crate::digest::Digest;
use crate::hub::catalogue::{self, Entry};
use crate::hub::{Hub, HubError, Plan, Reference, Settings, Watch};
use crate::printable::printable;

/// What is fetched and could not be made a package yet stays so long.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
const FOLDER: &str = "fetch";

/// What a user asked for.
pub struct Wanted {
    reference: Reference,
    /// Where it is one of the catalogue's.
    pub entry: Option<Entry>,
    hub: Hub,
}

/// Files that are here now.
pub struct Brought {
    pub network: PathBuf,
    pub fetched: Fetched,
    folder: PathBuf,
}

impl Wanted {
    pub fn new(named: &Reference) -> anyhow::Result<Self> {
        let (entry, reference) = match named {
            Reference::Catalogue(name) => {
                let (entry, reference) = catalogue::entry(name).map_err(with_remedy)?;
                (Some(entry), reference)
            }
            other => (None, other.clone()),
        };
        Ok(Self { reference, entry, hub: Hub::new(Settings::from_variables(|name| variable(name))) })
    }

    /// From where a person would fetch it.
    pub fn addresses(&self) -> anyhow::Result<Vec<String>> {
        let mut watch = Watch { progress: &mut |_, _| {}, say: &mut say, stop: interrupt::catch()? };
        self.hub.addresses(&self.reference, &mut watch).map_err(with_remedy)
    }

    /// Fetches it, or goes on with that.
    pub fn bring(&self, digest: Option<Digest>, context: &Context) -> anyhow::Result<Brought> {
        let mut bar = None;
        let mut progress = |done, whole| {
            bar.get_or_insert_with(|| Progress::bytes("fetching", whole, context.quiet)).reach(done);
        };
        self.bring_watched(digest, context, (&mut progress, interrupt::catch()?))
    }

    /// The same, followed and stopped by somebody who sits at no terminal.
    pub fn bring_watched(
        &self,
        digest: Option<Digest>,
        context: &Context,
        (progress, stop): (&mut dyn FnMut(u64, Option<u64>), &AtomicBool),
    ) -> anyhow::Result<Brought> {
        let mut watch = Watch { progress, say: &mut say, stop };
        let entry = self.entry.as_ref();
        let plan = self.hub.plan(&self.reference, entry, digest, &mut watch).map_err(with_remedy)?;
        let folder = folder_of(&plan, context);
        let files = self.hub.fetch(&plan, &folder, &mut watch).map_err(with_remedy)?;
        let fetched = Fetched {
            from: plan.origin,
            fetched_bytes: files.bytes,
            checked: files.checked.to_string(),
            licence: plan.licence,
            name: plan.name,
            preprocess: entry.and_then(|entry| entry.preprocess.clone()),
        };
        Ok(Brought { network: files.network, fetched, folder })
    }
}

fn say(line: &str) {
    tracing::info!("{}", printable(line));
}

/// Of its own for each content, so that nothing of another is continued.
fn folder_of(plan: &Plan, context: &Context) -> PathBuf {
    let key = Digest::of_fields([plan.network.address.as_bytes()]).short();
    context.state.path().join(FOLDER).join(key)
}

impl Brought {
    /// Removes what was fetched, and what others left a week ago; what cannot be removed stays.
    pub fn clear(&self) {
        let _ = fs::remove_dir_all(&self.folder);
        let Some(all) = self.folder.parent() else { return };
        let others = fs::read_dir(all).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
        others.filter(|path| is_old(path)).for_each(|path| drop(fs::remove_dir_all(path)));
        // Only where it is empty.
        let _ = fs::remove_dir(all);
    }
}

fn is_old(path: &Path) -> bool {
    let touched = fs::metadata(path).and_then(|folder| folder.modified()).ok();
    touched.and_then(|time| SystemTime::now().duration_since(time).ok()).is_some_and(|age| age > KEPT)
}

const BY_HAND: &str = "on a machine with a network, fetch what `edgetl backbone fetch NAME --print-url` names; bring it here and: \
                       edgetl backbone import FILE";

/// A failure with what a user can do about it.
fn with_remedy(error: HubError) -> anyhow::Error {
    let remedy = match &error {
        HubError::Stopped => return Interrupted("the same command goes on where it was".to_owned()).into(),
        HubError::NotInCatalogue { name } => {
            return WrongUsage(format!("{error}; {}", nearest(name))).into();
        }
        HubError::Proxy { .. } => format!("look at HTTPS_PROXY and NO_PROXY; or {BY_HAND}"),
        HubError::Certificate { .. } => format!(
            "where the network has a certificate of its own: SSL_CERT_FILE=company.pem; where the machine has none: \
             install ca-certificates; look at its clock; or {BY_HAND}"
        ),
        HubError::NotTheHub { .. } => format!("log in to the network in a browser, then try again; or {BY_HAND}"),
        HubError::Busy { .. } => format!("the same command goes on where it was, later; or {BY_HAND}"),
        HubError::Silent { .. } => {
            format!("the same command goes on where it was; HF_HUB_DOWNLOAD_TIMEOUT=60 is more patient; or {BY_HAND}")
        }
        HubError::BrokenOff { .. } | HubError::Expired { .. } => {
            format!("the same command goes on where it was; or {BY_HAND}")
        }
        HubError::Offline { .. } => format!("unset HF_HUB_OFFLINE; or {BY_HAND}"),
        HubError::NoRepository { token: false, .. } => "look at the spelling; a private one needs HF_TOKEN".to_owned(),
        HubError::NoRepository { token: true, .. } => "look at the spelling, and at HF_TOKEN".to_owned(),
        HubError::Restricted { .. } => {
            "accept its terms on its page in a browser, and set HF_TOKEN to a token of that account".to_owned()
        }
        HubError::NoRevision { .. } => "leave `@REVISION` out for the newest".to_owned(),
        HubError::SeveralNetworks { repository, networks } => {
            let first = networks.first().map_or("FILE", String::as_str);
            format!("name one: hf:{repository}:{first}")
        }
        HubError::NoFile { repository, networks, .. } if !networks.is_empty() => {
            format!("name one: hf:{repository}:{}", networks[0])
        }
        HubError::NoNetwork { .. } | HubError::NoFile { .. } => {
            "look for a conversion, as those of onnx-community; `edgetl backbone fetch --list` shows some".to_owned()
        }
        HubError::Pointer { .. } => "name the file behind it, as a browser downloads it".to_owned(),
        HubError::Page { .. } => format!("name the address that a browser downloads the file from; or {BY_HAND}"),
        HubError::NotEncrypted { .. } => "name the https:// address, or say what it must be: --sha256 HEX".to_owned(),
        HubError::WrongDigest { .. } | HubError::Length { .. } => {
            "try again; if it stays, what is there is not what was listed: take another".to_owned()
        }
        HubError::CatalogueDiffers { .. } => {
            "where you trust the new one: name it as hf:OWNER/REPOSITORY:FILE instead of by the catalogue".to_owned()
        }
        HubError::Room { .. } => "make room, or name a state on another disk: --state DIR".to_owned(),
        HubError::Write { .. } => "name a directory that can be written: --state DIR, or EDGETL_STATE".to_owned(),
        HubError::Locked { .. } => "wait for it".to_owned(),
        error if error.is_of_connection() => BY_HAND.to_owned(),
        _ => return error.into(),
    };
    hinted(remedy, error)
}

fn nearest(name: &str) -> String {
    let entries = catalogue::entries();
    let distance = |entry: &&Entry| strsim::damerau_levenshtein(&entry.name, name);
    let near = entries.iter().min_by_key(distance).filter(|entry| distance(entry) <= 4);
    match near {
        Some(entry) => format!("`{}` is near it; `edgetl backbone fetch --list` shows all", entry.name),
        None => "`edgetl backbone fetch --list` shows all; any other: hf:OWNER/REPOSITORY".to_owned(),
    }
}
