//! `backbone fetch`: a network from elsewhere becomes a package, in one command.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::import::{self, Fetched, How};
use crate::cli::context::Context;
use crate::cli::environment::variable;
use crate::cli::failure::{Interrupted, WrongUsage, hinted};
use crate::cli::interrupt;
use crate::cli::output::table;
use crate::cli::progress::Progress;
use crate::digest::Digest;
use crate::hub::catalogue::{self, Entry};
use crate::hub::{Hub, HubError, Plan, Reference, Settings, Watch};
use crate::printable::printable;

/// What is fetched and could not be made a package yet stays so long.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
const FOLDER: &str = "fetch";

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A name of the catalogue, hf:OWNER/REPOSITORY[@REVISION][:FILE], or https://…
    #[arg(required_unless_present = "list")]
    network: Option<Reference>,
    /// Show the networks of the catalogue
    #[arg(long, conflicts_with_all = ["network", "print_url"])]
    list: bool,
    /// Print the addresses for a machine that has a network, and fetch nothing
    #[arg(long)]
    print_url: bool,
    /// The SHA-256 that the file must have
    #[arg(long, value_name = "HEX")]
    sha256: Option<Digest>,
    #[command(flatten)]
    how: How,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let Some(network) = args.network.as_ref().filter(|_| !args.list) else { return list(context) };
    let (entry, reference) = match network {
        Reference::Catalogue(name) => {
            let (entry, reference) = catalogue::entry(name).map_err(with_remedy)?;
            (Some(entry), reference)
        }
        other => (None, other.clone()),
    };
    let hub = Hub::new(Settings::from_variables(|name| variable(name)));
    let said = |line: &str| tracing::info!("{}", printable(line));
    if args.print_url {
        let stop = interrupt::catch()?;
        let mut watch = Watch { progress: &mut |_, _| {}, say: &mut |line| said(line), stop };
        return print_addresses(&hub.addresses(&reference, &mut watch).map_err(with_remedy)?, entry.as_ref(), context);
    }
    args.how.check_place()?;
    let stop = interrupt::catch()?;
    let mut progress = None;
    let mut watch = Watch {
        progress: &mut |done, whole| {
            let bar = progress.get_or_insert_with(|| Progress::bytes("fetching", whole, context.quiet));
            bar.reach(done);
        },
        say: &mut |line| said(line),
        stop,
    };
    let plan = hub.plan(&reference, entry.as_ref(), args.sha256, &mut watch).map_err(with_remedy)?;
    let folder = folder_of(&plan, context);
    let fetched = hub.fetch(&plan, &folder, &mut watch).map_err(with_remedy)?;
    drop(progress);
    let about = Fetched {
        from: plan.origin.clone(),
        fetched_bytes: fetched.bytes,
        checked: fetched.checked.to_string(),
        licence: plan.licence.clone(),
        name: plan.name.clone(),
        preprocess: entry.and_then(|entry| entry.preprocess),
    };
    import::import(&fetched.network, &args.how, Some(&about), context)?;
    clear(&folder);
    Ok(())
}

/// Of its own for each content, so that nothing of another is continued.
fn folder_of(plan: &Plan, context: &Context) -> PathBuf {
    let key = Digest::of_fields([plan.network.address.as_bytes()]).short();
    context.state.path().join(FOLDER).join(key)
}

/// Removes what was fetched, and what others left a week ago; what cannot be removed stays.
fn clear(folder: &Path) {
    let _ = fs::remove_dir_all(folder);
    let Some(all) = folder.parent() else { return };
    let is_old = |path: &Path| {
        let touched = fs::metadata(path).and_then(|folder| folder.modified()).ok();
        touched.and_then(|time| SystemTime::now().duration_since(time).ok()).is_some_and(|age| age > KEPT)
    };
    let others = fs::read_dir(all).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    others.filter(|path| is_old(path)).for_each(|path| drop(fs::remove_dir_all(path)));
    // Only where it is empty.
    let _ = fs::remove_dir(all);
}

#[derive(Serialize)]
struct Addresses<'a> {
    addresses: &'a [String],
    sha256: Option<String>,
}

fn print_addresses(addresses: &[String], entry: Option<&Entry>, context: &Context) -> anyhow::Result<()> {
    let sha256 = entry.and_then(|entry| entry.sha256).map(|digest| digest.to_string());
    context.output.result(&Addresses { addresses, sha256: sha256.clone() }, || {
        let mut lines: Vec<String> = addresses.iter().map(|address| printable(address).into_owned()).collect();
        lines.extend(sha256.as_ref().map(|digest| format!("SHA-256 of the first: {digest}")));
        lines
            .push("bring what is there into one folder here, then: edgetl backbone import FOLDER/FILE.onnx".to_owned());
        lines.join("\n")
    })?;
    Ok(())
}

fn list(context: &Context) -> anyhow::Result<()> {
    let entries = catalogue::entries();
    context.output.result(&entries, || {
        let rows = entries.iter().map(|entry| {
            [
                entry.name.clone(),
                format!("{:.0} MB", entry.bytes as f64 / 1e6),
                format!("{0}x{0}", entry.input),
                entry.features.to_string(),
                entry.top1.map_or_else(|| "-".to_owned(), |right| format!("{right:.1} %")),
                entry.licence.clone(),
            ]
        });
        let numbers = table(["network", "size", "input", "features", "ImageNet", "licence"], rows);
        let uses =
            table(["network", "good for"], entries.iter().map(|entry| [entry.name.clone(), entry.good_for.clone()]));
        format!(
            "{numbers}\n\n{uses}\n\nedgetl backbone fetch NAME brings one; hf:OWNER/REPOSITORY brings any other.\n\
             edgetl backbone compare tells which is best on your own pictures."
        )
    })?;
    Ok(())
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
