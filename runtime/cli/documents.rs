//! `completions` and `man`: what shells and manuals say of the command line, made from its own definition.

use std::path::PathBuf;

use anyhow::Context as _;
use clap_complete::Shell;
use clap_mangen::Man;
use serde::Serialize;

use super::context::Context;
use super::output::shown;

const PROGRAM: &str = "edgetl";

#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell that is to complete
    shell: Shell,
}

#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// Where to write a page for every command; made where there is none [default: only the page of edgetl, on stdout]
    folder: Option<PathBuf>,
}

#[derive(Serialize)]
struct Completions {
    shell: String,
    script: String,
}

#[derive(Serialize)]
struct Page {
    page: String,
}

#[derive(Serialize)]
struct Pages {
    folder: String,
}

pub fn completions(args: &CompletionsArgs, context: &Context) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut super::command(), PROGRAM, &mut script);
    let completions = Completions { shell: args.shell.to_string(), script: String::from_utf8(script)? };
    context.output.result(&completions, || completions.script.trim_end().to_owned())?;
    Ok(())
}

pub fn man(args: &ManArgs, context: &Context) -> anyhow::Result<()> {
    // `edgetl help` has no page: it is `--help`.
    let command = super::command().disable_help_subcommand(true);
    let Some(folder) = &args.folder else {
        let mut page = Vec::new();
        Man::new(command).render(&mut page)?;
        let page = Page { page: String::from_utf8(page)? };
        context.output.result(&page, || page.page.trim_end().to_owned())?;
        return Ok(());
    };
    std::fs::create_dir_all(folder)
        .and_then(|()| clap_mangen::generate_to(command, folder))
        .with_context(|| format!("cannot write man pages into `{}`", folder.display()))?;
    let pages = Pages { folder: folder.display().to_string() };
    context.output.result(&pages, || format!("a page for every command in `{}`", shown(folder)))?;
    Ok(())
}
