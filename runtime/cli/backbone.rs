//! `backbone`: networks, brought in, looked at, chosen and removed.

mod compare;
#[cfg(feature = "fetch")]
pub mod fetch;
mod import;
mod inspect;
mod known;
mod visualize;

use serde::Serialize;

use super::context::Context;
use super::output::table;
use super::remedy::OrRemedy as _;
use crate::device::Kept;
use crate::manifest::BackboneName;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make a backbone of any ONNX image classifier and keep it
    Import(Box<import::Args>),
    /// Fetch a good network by name, from the Hugging Face Hub or any address, and keep it
    #[cfg(feature = "fetch")]
    Fetch(Box<fetch::Args>),
    /// Show the layers of a network, what they cost, and where it is cut
    Inspect(Box<inspect::Args>),
    /// Say which backbone suits the stored pictures: how good, how quick, how large
    Compare(compare::Args),
    /// Show what the layers of a network look for: filters, and the parts of stored pictures that excite them
    Visualize(visualize::Args),
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
        #[cfg(feature = "fetch")]
        Command::Fetch(args) => fetch::run(&args, context),
        Command::Inspect(args) => inspect::run(&args, context),
        Command::Compare(args) => compare::run(&args, context),
        Command::Visualize(args) => visualize::run(&args, context),
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
    let current = context.device().backbones().name_in_use().or_remedy()?;
    let row = |Kept { name, folder, manifest }: Kept| Row {
        in_use: current.as_ref() == Some(&name),
        dim: manifest.feature.width(),
        width: manifest.preprocess.width,
        height: manifest.preprocess.height,
        bytes: folder.join(&manifest.onnx.file).metadata().map_or(0, |file| file.len()),
        fingerprint: manifest.fingerprint().to_string(),
        licence: manifest.licence,
        source: manifest.source,
        path: folder.display().to_string(),
        name,
    };
    let rows: Vec<Row> = context.device().backbones().list().or_remedy()?.into_iter().map(row).collect();
    context.output.result(&rows, || {
        if rows.is_empty() {
            return "no backbone yet: edgetl backbone import MODEL.onnx, or edgetl backbone fetch --list".to_owned();
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
    let device = context.device();
    let package = device.backbones().named(name).or_remedy()?;
    let mut store = device.store().or_remedy()?;
    device.backbones().take_into_use(&mut store, name).or_remedy()?;
    let named = Named { backbone: name, fingerprint: package.fingerprint().to_string() };
    context.output.result(&named, || format!("{name} is in use; its features and heads are its own"))?;
    Ok(())
}

fn remove(context: &Context, name: &BackboneName, force: bool) -> anyhow::Result<()> {
    let fingerprint = context.device().backbones().remove(name, force).or_remedy()?;
    let named = Named { backbone: name, fingerprint: fingerprint.to_string() };
    context.output.result(&named, || format!("removed {name}"))?;
    Ok(())
}
