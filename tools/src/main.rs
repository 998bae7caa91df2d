//! What `tools/bench` needs of edgetl's library. Every sub-command prints one JSON object.

mod batches;
mod careful;
mod few;
mod fit;
mod large;
mod pictures;
mod splits;
mod stages;
mod synthesize;

use clap::Parser;

#[derive(Parser)]
#[command(about)]
enum Command {
    /// Time the network in batches of several sizes, on one provider
    Batches(batches::Args),
    /// Time decoding, resizing and the network of one picture, each alone on one core
    Stages(stages::Args),
    /// Fill a store with Gaussian clusters
    Synthesize(synthesize::Args),
    /// Fill a store with many samples, as the embedded backbone would
    Large(large::Args),
    /// Draw pictures of six shapes
    Pictures(pictures::Args),
    /// Time one solver on the features of a store
    Fit(fit::Args),
    /// Measure every head on few pictures a class, over random draws
    Few(few::Args),
    /// Measure how often old against new is judged wrong, over random draws
    Careful(careful::Args),
    /// Measure every head over random splits
    Splits(splits::Args),
}

fn main() -> anyhow::Result<()> {
    let result = match Command::parse() {
        Command::Batches(args) => batches::run(&args),
        Command::Stages(args) => stages::run(&args),
        Command::Synthesize(args) => synthesize::run(&args),
        Command::Large(args) => large::run(&args),
        Command::Pictures(args) => pictures::run(&args),
        Command::Fit(args) => fit::run(&args),
        Command::Careful(args) => careful::run(&args),
        Command::Few(args) => few::run(&args),
        Command::Splits(args) => splits::run(&args),
    }?;
    println!("{result}");
    Ok(())
}
