//! `backbone visualize`: what the layers of a network look for.

mod page;
mod report;

use std::path::PathBuf;

use anyhow::Context as _;

use crate::atomic_file;
use crate::cli::context::Context;
use crate::cli::engine::EngineArgs;
use crate::cli::failure::OrHint as _;
use crate::cli::interrupt;
use crate::cli::output::count;
use crate::cli::progress::Progress;
use crate::cli::remedy::OrRemedy as _;
use crate::device::VisualizeRequest;
use crate::manifest::BackboneName;
use report::Report;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Pictures are read again from where they were collected, 200 at most, spread over the labels. Nothing is stored."
)]
pub struct Args {
    /// A backbone, as `backbone list` names it [default: the one in use]
    #[arg(value_name = "NAME")]
    name: Option<BackboneName>,
    /// The page to write
    #[arg(long, value_name = "FILE", default_value = "visualized.html")]
    out: PathBuf,
    /// A tensor to look at, as `backbone inspect` names it; may be given again [default: four from early to late]
    #[arg(long = "layer", value_name = "TENSOR")]
    layers: Vec<String>,
    /// How many channels of each layer to show
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=1000))]
    channels: u16,
    #[command(flatten)]
    engine: EngineArgs,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let device = context.device_on(&args.engine);
    let request = VisualizeRequest {
        name: args.name.clone(),
        layers: args.layers.clone(),
        channels: args.channels.into(),
        stop: interrupt::catch()?,
    };
    let mut progress: Option<Progress> = None;
    let mut advance = |pictures| {
        progress.get_or_insert_with(|| Progress::new("looking at pictures", pictures, context.quiet)).advance();
    };
    let found = device.visualize(&request, &mut advance).or_remedy()?;
    drop(progress);
    atomic_file::replace(&args.out, page::page(&found, context).html().as_bytes())
        .with_context(|| format!("cannot write the page `{}`", args.out.display()))
        .or_hint("name a file in a folder that can be written: --out FILE.html")?;
    if let Some(first) = found.unread.first() {
        let unread = count(found.unread.len(), "picture");
        tracing::warn!("{unread} could not be read again, the first `{}`: {}", first.path, first.reason);
    }
    let report = Report::new(&found, &args.out);
    context.output.result(&report, || report.text())?;
    Ok(())
}
