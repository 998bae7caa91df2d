//! As many drawn pictures as it takes, in folders named after what they show.

use std::path::PathBuf;

use edgetl::demo::draw_folder;
use serde_json::{Value, json};

#[derive(clap::Args)]
pub struct Args {
    #[arg(long)]
    folder: PathBuf,
    /// Pictures of each of the six shapes
    #[arg(long)]
    each: usize,
    /// The seed of the first; the others follow it
    #[arg(long, default_value_t = 0)]
    first: u64,
}

pub fn run(args: &Args) -> anyhow::Result<Value> {
    draw_folder(&args.folder, args.each, args.first)?;
    Ok(json!({ "each": args.each }))
}
