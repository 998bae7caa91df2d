//! Man pages and shell completions, made from the command line's own definition.

use std::path::PathBuf;

use anyhow::Context;
use clap_complete::{Shell, generate_to};
use serde_json::{Value, json};

#[derive(clap::Args)]
pub struct Args {
    /// The folder to write into; made where there is none
    folder: PathBuf,
}

/// Writes `man/*.1` (one page a sub-command) and `completions/{bash,zsh,fish}/…` below the folder.
pub fn run(args: &Args) -> anyhow::Result<Value> {
    let (pages, completions) = (args.folder.join("man"), args.folder.join("completions"));
    let make = |folder: &PathBuf| {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))
    };
    make(&pages)?;
    clap_mangen::generate_to(edgetl::cli::command(), &pages)
        .with_context(|| format!("cannot write man pages into `{}`", pages.display()))?;
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        let folder = completions.join(shell.to_string());
        make(&folder)?;
        generate_to(shell, &mut edgetl::cli::command(), "edgetl", &folder)
            .with_context(|| format!("cannot write completions into `{}`", folder.display()))?;
    }
    let pages = std::fs::read_dir(&pages)?.count();
    Ok(json!({ "pages": pages, "shells": 3, "folder": args.folder }))
}
