//! `backbone`: networks, brought in, looked at, chosen and removed.

mod import;
mod inspect;
mod known;

use anyhow::Context as _;
use serde::Serialize;

use super::context::Context;
use super::engine;
use super::failure::{OrHint, failure};
use super::output::table;
use crate::atomic_file;
use crate::backbone::Kept;
use crate::digest::Fingerprint;
use crate::head::HeadArtifact;
use crate::manifest::BackboneName;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make a backbone of any ONNX image classifier and keep it
    Import(Box<import::Args>),
    /// Show the layers of a network, what they cost, and where it is cut
    Inspect(Box<inspect::Args>),
    /// All backbones in the state directory, the one in use marked
    List,
    /// Make a kept backbone the one in use
    Use { name: BackboneName },
    /// Remove a kept backbone; the features that it gave stay
    Remove {
        name: BackboneName,
        /// Even if it is in use or heads were fitted on it
        #[arg(long)]
        force: bool,
    },
}

pub fn run(command: Command, context: &Context) -> anyhow::Result<()> {
    match command {
        Command::Import(args) => import::run(&args, context),
        Command::Inspect(args) => inspect::run(&args, context),
        Command::List => list(context),
        Command::Use { name } => choose(context, &name),
        Command::Remove { name, force } => remove(context, &name, force),
    }
}

#[derive(Serialize)]
struct Row {
    name: BackboneName,
    #[serde(rename = "use")]
    in_use: bool,
    dim: usize,
    width: u32,
    height: u32,
    bytes: u64,
    licence: String,
    source: String,
    fingerprint: String,
    path: String,
}

fn list(context: &Context) -> anyhow::Result<()> {
    let current = engine::current_name(context)?;
    let row = |Kept { name, folder, manifest }: Kept| Row {
        in_use: current.as_ref() == Some(&name),
        dim: manifest.feature.dim,
        width: manifest.preprocess.width,
        height: manifest.preprocess.height,
        bytes: folder.join(&manifest.onnx.file).metadata().map_or(0, |file| file.len()),
        fingerprint: manifest.fingerprint().to_string(),
        licence: manifest.licence,
        source: manifest.source,
        path: folder.display().to_string(),
        name,
    };
    let rows: Vec<Row> = context.backbones().list()?.into_iter().map(row).collect();
    context.output.result(&rows, || {
        if rows.is_empty() {
            return "no backbone yet: edgetl backbone import MODEL.onnx".to_owned();
        }
        let lines = rows.iter().map(|row| {
            [
                row.name.to_string(),
                if row.in_use { "in use".to_owned() } else { String::new() },
                format!("{}x{}", row.width, row.height),
                row.dim.to_string(),
                format!("{:.1} MB", row.bytes as f64 / 1e6),
                row.fingerprint[..12].to_owned(),
            ]
        });
        table(["backbone", "", "input", "features", "size", "fingerprint"], lines)
    })?;
    Ok(())
}

#[derive(Serialize)]
struct Named<'a> {
    backbone: &'a BackboneName,
    fingerprint: String,
}

fn choose(context: &Context, name: &BackboneName) -> anyhow::Result<()> {
    let package = engine::named(context, name)?;
    engine::use_backbone(&mut context.store()?, name)?;
    let named = Named { backbone: name, fingerprint: package.fingerprint().to_string() };
    context.output.result(&named, || format!("{name} is in use; its features and heads are its own"))?;
    Ok(())
}

fn remove(context: &Context, name: &BackboneName, force: bool) -> anyhow::Result<()> {
    let package = engine::named(context, name)?;
    if !force {
        refuse_if_needed(context, name, package.fingerprint())?;
    }
    let folder = context.state.backbones().join(name.as_str());
    atomic_file::remove_folder(&folder)
        .with_context(|| format!("cannot remove `{}`", folder.display()))
        .or_hint("look at what is left of the folder")?;
    let named = Named { backbone: name, fingerprint: package.fingerprint().to_string() };
    context.output.result(&named, || format!("removed {name}"))?;
    Ok(())
}

fn refuse_if_needed(context: &Context, name: &BackboneName, fingerprint: Fingerprint) -> anyhow::Result<()> {
    if engine::current_name(context)?.as_ref() == Some(name) {
        return Err(failure(
            format!("expected a backbone that is not in use, got `{name}`"),
            "choose another first: edgetl backbone use NAME; or --force",
        ));
    }
    let fitted = |bytes: &[u8]| HeadArtifact::from_bytes(bytes).is_ok_and(|head| head.fingerprint() == fingerprint);
    let shelf = context.shelf();
    let heads = shelf.list().unwrap_or_default();
    match heads.iter().find(|head| shelf.read(head.version).is_ok_and(|bytes| fitted(&bytes))) {
        None => Ok(()),
        Some(head) => Err(failure(
            format!("expected a backbone that no head needs, got `{name}`, on which head {} was fitted", head.version),
            "--force removes it all the same; that head cannot predict then",
        )),
    }
}
