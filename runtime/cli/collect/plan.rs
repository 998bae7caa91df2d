//! Which pictures `collect` reads, and what is known of each beforehand.

use std::path::PathBuf;

use super::Args;
use crate::causes::causes;
use crate::cli::context::Context;
use crate::cli::failure::{OrHint, failure};
use crate::sources::{self, Item, Refused};

/// Read when neither the command line nor the settings name a source.
const DEFAULT_SOURCE: &str = "data";

/// Pictures with a label each, unless they are wanted without; else those without one are set aside.
pub struct Plan {
    items: Vec<Item>,
    paths: Vec<PathBuf>,
    unlabelled: Vec<PathBuf>,
    refused: Vec<Refused>,
}

impl Plan {
    pub fn new(args: &Args, context: &Context) -> anyhow::Result<Self> {
        let (mut items, mut refused) = (Vec::new(), Vec::new());
        for source in sources(args, context)? {
            let found = sources::scan(&source).or_hint(
                "SOURCE is a folder of folders named after labels, a .csv or .jsonl list, or a picture with --label",
            )?;
            items.extend(found.items);
            refused.extend(found.refused);
        }
        for item in &mut items {
            item.label = args.label.clone().or(item.label.take()).filter(|_| !args.unlabelled);
            item.split = args.split.or(item.split);
            item.group = args.group.clone().or(item.group.take());
            item.path = std::path::absolute(&item.path)?;
        }
        let (items, unlabelled): (Vec<_>, Vec<_>) =
            items.into_iter().partition(|item| item.label.is_some() || args.unlabelled);
        if items.is_empty() {
            refused
                .iter()
                .for_each(|refused| tracing::warn!("`{}`: {}", refused.path.display(), causes(&refused.error)));
            return Err(failure(
                format!("expected labelled pictures, got {} without a label", unlabelled.len()),
                "put them into folders named after their labels, or say --label LABEL; --unlabelled keeps them without one",
            ));
        }
        let paths = items.iter().map(|item| item.path.clone()).collect();
        let unlabelled = unlabelled.into_iter().map(|item| item.path).collect();
        Ok(Self { items, paths, unlabelled, refused })
    }

    pub fn len(&self) -> usize {
        self.items.len()
    }

    pub fn item(&self, index: usize) -> &Item {
        &self.items[index]
    }

    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    pub fn unlabelled(&self) -> &[PathBuf] {
        &self.unlabelled
    }

    /// Folders that are not used, with what is in them.
    pub fn refused(&self) -> &[Refused] {
        &self.refused
    }
}

fn sources(args: &Args, context: &Context) -> anyhow::Result<Vec<PathBuf>> {
    if !args.sources.is_empty() {
        return Ok(args.sources.clone());
    }
    if !context.config.collect.sources.is_empty() {
        return Ok(context.config.collect.sources.clone());
    }
    let default = PathBuf::from(DEFAULT_SOURCE);
    if default.is_dir() {
        return Ok(vec![default]);
    }
    Err(failure("expected a SOURCE, got none, and there is no folder `data` here", "edgetl collect FOLDER"))
}
