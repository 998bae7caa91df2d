//! The command line: one file a sub-command, each an `Args` and a `run`.

mod advise;
mod backbone;
mod backup;
#[cfg(feature = "fetch")]
mod bring;
mod collect;
mod config;
mod context;
mod decision;
mod demo;
mod doctor;
mod documents;
mod drift;
mod engine;
mod environment;
mod eval;
mod explain;
mod failure;
mod fetched;
mod fit_head;
mod heads;
mod interrupt;
mod log;
mod network;
mod next_class;
mod output;
#[cfg(feature = "serve")]
mod pair;
mod predict;
mod progress;
mod remedy;
mod report;
mod review;
mod samples;
#[cfg(any(feature = "announce", feature = "serve"))]
mod secret;
#[cfg(feature = "serve")]
mod serve;
mod shares;
mod shell;
mod telling;
mod trial;
mod watch;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use context::Context;
use remedy::OrRemedy as _;

use crate::printable::{printable, printable_lines};

/// Teach this device new image classes: collect pictures, fit a head in seconds, predict.
#[derive(Debug, Parser)]
#[command(name = "edgetl", version, propagate_version = true, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Args)]
struct Global {
    /// Where samples, heads and backbones live [default: $STATE_DIRECTORY, else ./.edgetl]
    #[arg(long, global = true, value_name = "DIR", env = "EDGETL_STATE")]
    state: Option<PathBuf>,
    /// Settings [default: ./edgetl.toml, else /etc/edgetl/edgetl.toml, where there]
    #[arg(long, global = true, value_name = "FILE", env = "EDGETL_CONFIG")]
    config: Option<PathBuf>,
    /// Print results as JSON
    #[arg(long, global = true)]
    json: bool,
    /// Say less on stderr (-q: warnings only, -qq: errors only)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    quiet: u8,
    /// Say more on stderr
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Extract features of pictures once and store them
    Collect(collect::Args),
    /// Cross-validate and fit a head on the stored features, and publish it
    FitHead(Box<fit_head::Args>),
    /// Say what to do next: more pictures, and of which class, another head, another backbone
    Advise(advise::Args),
    /// Name the class of pictures
    Predict(predict::Args),
    /// Show where the head looks and which stored pictures it is reminded of
    Explain(explain::Args),
    /// Measure the head on labelled pictures
    Eval(eval::Args),
    /// Import any ONNX image classifier; list, inspect, choose and remove backbones
    #[command(subcommand)]
    Backbone(backbone::Command),
    /// List, show, activate, roll back and export fitted heads
    #[command(subcommand)]
    Heads(heads::Command),
    /// List, relabel, rename, remove and check stored samples
    #[command(subcommand)]
    Samples(samples::Command),
    /// List, label and dismiss the pictures of cameras that would teach the head most
    #[command(subcommand)]
    Review(review::Command),
    /// Write the whole state (samples, heads, backbones) to one file, also while others use it
    Backup(backup::BackupArgs),
    /// Make a state of what `backup` wrote
    Restore(backup::RestoreArgs),
    /// Look through cameras, and say when something changes before them
    Watch(watch::Args),
    /// Answer over HTTP, and watch the cameras of the settings
    #[cfg(feature = "serve")]
    Serve(serve::Args),
    /// Let a phone in to a running service with a code; list phones, take their tokens back
    #[cfg(feature = "serve")]
    Pair(pair::Args),
    /// Say what this machine can run, what is wrong, and how to mend it
    Doctor(doctor::Args),
    /// Run the whole loop on pictures that edgetl draws itself
    Demo(demo::Args),
    /// Print what a shell needs to complete the command line
    Completions(documents::CompletionsArgs),
    /// Print the manual page, or write one for every command into a folder
    Man(documents::ManArgs),
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    if let Some(code) = trial::child() {
        return code;
    }
    let cli = match parsed(std::env::args_os()) {
        Ok(cli) => cli,
        Err(error) => return wrong_usage(error),
    };
    log::start(&cli.global, cli.command.quieter());
    let run = |context: Context| {
        if cli.command.needs_state() {
            context.device().check_whole().or_remedy()?;
        }
        cli.command.run(&context)
    };
    match Context::new(&cli.global).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failure::report(&error),
    }
}

fn parsed(arguments: impl Iterator<Item = OsString>) -> Result<Cli, clap::Error> {
    let mut command = environment::without_empty(Cli::command());
    let matches = command.try_get_matches_from_mut(arguments)?;
    Cli::from_arg_matches(&matches).map_err(|error| error.format(&mut command))
}

/// Prints what was asked for, or what is wrong with the command line, and gives the exit code.
fn wrong_usage(error: clap::Error) -> ExitCode {
    if !error.use_stderr() {
        error.exit();
    }
    // The name of a file may be taken for a flag. Spelt out it is wrong in the same way, or what is wrong is that it is
    // not spelt out.
    let spelt_out = std::env::args_os().map(|argument| printable(&argument.to_string_lossy()).into_owned().into());
    let text = match parsed(spelt_out) {
        Err(error) if error.use_stderr() => printable_lines(&error.render().to_string()).into_owned(),
        _ => format!("{}\n", printable(error.render().to_string().trim_end())),
    };
    let _ = std::io::stderr().write_all(text.as_bytes());
    ExitCode::from(2)
}

/// Whether `text` is understood as settings, for a fuzzer.
#[cfg(any(test, fuzzing))]
pub(crate) fn understood(text: &str) -> bool {
    toml::from_str::<config::Config>(text).is_ok()
}

/// What the command line understands.
pub fn command() -> clap::Command {
    Cli::command()
}

impl Command {
    /// Whether it fits or compares, for which there is a pool of threads.
    fn computes(&self) -> bool {
        matches!(self, Self::FitHead(_) | Self::Advise(_) | Self::Eval(_) | Self::Samples(_) | Self::Demo(_))
    }

    /// By how many `-q` it says less on stderr. A first look is not the place for what this machine lacks: `doctor` says it.
    fn quieter(&self) -> u8 {
        if matches!(self, Self::Demo(_)) { 2 } else { 0 }
    }

    /// Whether it uses the state that the flags name, which has to be whole. The service makes it whole.
    fn needs_state(&self) -> bool {
        #[cfg(feature = "serve")]
        if matches!(self, Self::Serve(_)) {
            return false;
        }
        !matches!(self, Self::Doctor(_) | Self::Demo(_) | Self::Completions(_) | Self::Man(_))
    }

    fn run(self, context: &Context) -> anyhow::Result<()> {
        if self.computes() {
            crate::threads::start_pool();
        }
        match self {
            Self::Collect(args) => collect::run(&args, context),
            Self::FitHead(args) => fit_head::run(&args, context),
            Self::Advise(args) => advise::run(&args, context),
            Self::Predict(args) => predict::run(&args, context),
            Self::Explain(args) => explain::run(&args, context),
            Self::Watch(args) => watch::run(&args, context),
            Self::Eval(args) => eval::run(&args, context),
            Self::Backbone(command) => backbone::run(command, context),
            Self::Heads(command) => heads::run(command, context),
            Self::Samples(command) => samples::run(command, context),
            Self::Review(command) => review::run(command, context),
            Self::Backup(args) => backup::back_up(&args, context),
            Self::Restore(args) => backup::restore(&args, context),
            #[cfg(feature = "serve")]
            Self::Serve(args) => serve::run(&args, context),
            #[cfg(feature = "serve")]
            Self::Pair(args) => pair::run(args, context),
            Self::Doctor(args) => doctor::run(&args, context),
            Self::Demo(args) => demo::run(&args, context),
            Self::Completions(args) => documents::completions(&args, context),
            Self::Man(args) => documents::man(&args, context),
        }
    }
}
