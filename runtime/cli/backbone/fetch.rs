//! `backbone fetch`: a network from elsewhere becomes a package, in one command.

#[cfg(feature = "serve")]
use std::sync::atomic::AtomicBool;

use serde::Serialize;

use super::import::{self, How};
use crate::cli::bring::Wanted;
use crate::cli::context::Context;
#[cfg(feature = "serve")]
use crate::cli::engine::EngineArgs;
use crate::cli::output::table;
use crate::digest::Digest;
use crate::hub::Reference;
use crate::hub::catalogue;
use crate::printable::printable;

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
    let wanted = Wanted::new(network)?;
    if args.print_url {
        return print_addresses(&wanted, context);
    }
    args.how.check_place()?;
    let brought = wanted.bring(args.sha256, context)?;
    import::import(&brought.network, &args.how, Some(&brought.fetched), context)?;
    brought.clear();
    Ok(())
}

/// Fetches the network `name` of the catalogue, for a service: followed and stopped by others, printing nothing.
///
/// # Errors
/// When it cannot be fetched, or no package be made of it.
#[cfg(feature = "serve")]
pub fn for_service(
    name: &str,
    (engine, context): (&EngineArgs, &Context),
    (progress, stop): (&mut dyn FnMut(u64, Option<u64>), &AtomicBool),
) -> anyhow::Result<()> {
    let wanted = Wanted::new(&Reference::Catalogue(name.to_owned()))?;
    let brought = wanted.bring_watched(None, context, (progress, stop))?;
    import::import(&brought.network, &How::plain(engine.clone()), Some(&brought.fetched), context)?;
    brought.clear();
    Ok(())
}

#[derive(Serialize)]
struct Addresses<'a> {
    addresses: &'a [String],
    sha256: Option<String>,
}

fn print_addresses(wanted: &Wanted, context: &Context) -> anyhow::Result<()> {
    let addresses = &wanted.addresses()?;
    let sha256 = wanted.entry.as_ref().and_then(|entry| entry.sha256).map(|digest| digest.to_string());
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
        let uses: Vec<String> = entries.iter().map(|entry| format!("{:<20} {}", entry.name, entry.good_for)).collect();
        let uses = uses.join("\n");
        format!(
            "{numbers}\n\n{uses}\n\nedgetl backbone fetch NAME brings one; hf:OWNER/REPOSITORY brings any other.\n\
             edgetl backbone compare tells which is best on your own pictures."
        )
    })?;
    Ok(())
}
