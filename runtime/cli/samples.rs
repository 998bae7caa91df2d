//! `samples`: the store, looked at and edited.

mod doctor;
mod edit;
mod export;
mod forget;
mod history;
mod rescue;

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::context::Context;
use super::failure::{WrongUsage, failure};
use super::output::table;
use crate::clock::date;
use crate::dataset::SampleId;
use crate::files;
use crate::labels::Label;
use crate::store::{Filter, LabelFilter, SampleRow, Split};

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Stored samples, or how many there are of each label
    List {
        #[command(flatten)]
        which: Which,
        /// Only the number of samples of each label
        #[arg(long)]
        count: bool,
    },
    /// Give samples another label
    Relabel {
        /// The new label
        to: Label,
        #[command(flatten)]
        which: Which,
    },
    /// Rename a label everywhere; where the new name is known, the two become one
    Rename {
        #[arg(value_parser = Label::known)]
        from: Label,
        to: Label,
    },
    /// Make two classes one: all samples of FROM become samples of INTO, which must be there
    Merge {
        #[arg(value_parser = Label::known)]
        from: Label,
        #[arg(value_parser = Label::known)]
        into: Label,
    },
    /// Remove samples with their features; the next fit is as if they had never been there, and collect passes over them.
    /// `samples undo` brings them back for 30 days
    Remove {
        #[command(flatten)]
        which: Which,
        /// Remove every sample there is
        #[arg(long, conflicts_with_all = ["ids", "label", "unlabelled", "split", "source"])]
        all: bool,
        /// Erase them at once, publish the live head without them and erase every other head, since these may have seen
        /// them; nothing takes that back
        #[arg(long)]
        forget: bool,
    },
    /// What was relabelled and removed in the last 30 days and can be taken back
    History,
    /// Take back the latest change of labels, or the latest removal
    Undo,
    /// Erase now what is kept to take changes back
    Purge,
    /// Write samples as folders of pictures, a table (samples.csv) and their features (features.npy)
    Export {
        /// A folder that is not there yet, or empty
        folder: PathBuf,
        #[command(flatten)]
        which: Which,
    },
    /// Put what can be read of a damaged store into a new one; stop the service first
    Rescue,
    /// Find wrong labels, near-duplicates, outliers and uneven classes, with the command that mends each
    Doctor(doctor::Args),
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Which samples (all conditions must hold)")]
pub struct Which {
    /// Numbers of samples, as `samples list` shows them
    #[arg(long = "id", value_name = "ID", value_delimiter = ',')]
    ids: Vec<i64>,
    #[arg(long, value_parser = Label::known)]
    label: Option<Label>,
    /// Those without a label
    #[arg(long, conflicts_with = "label")]
    unlabelled: bool,
    #[arg(long)]
    split: Option<Split>,
    /// A picture's path, or a folder above it
    #[arg(long, value_name = "PATH")]
    source: Option<PathBuf>,
}

impl Which {
    fn filter(&self) -> Filter {
        Filter {
            ids: (!self.ids.is_empty()).then(|| self.ids.iter().copied().map(SampleId).collect()),
            label: match (&self.label, self.unlabelled) {
                (Some(label), _) => LabelFilter::OneOf(vec![label.clone()]),
                (None, true) => LabelFilter::Unlabelled,
                (None, false) => LabelFilter::Any,
            },
            split: self.split,
            group: None,
            source: self.source.as_deref().map(source_name),
        }
    }

    /// For looking: every number that is named must be there.
    fn known(&self, context: &Context) -> anyhow::Result<Filter> {
        let named: Vec<SampleId> = self.ids.iter().copied().map(SampleId).collect();
        if !named.is_empty() {
            let there = context.existing_store()?.samples(&Filter::ids(named.clone()))?;
            let missing = named.iter().filter(|id| there.binary_search_by_key(*id, |row| row.id).is_err());
            let missing: Vec<String> = missing.map(|id| id.0.to_string()).collect();
            if !missing.is_empty() {
                return Err(failure(
                    format!(
                        "expected stored samples, got numbers that none has: {}; nothing was done",
                        missing.join(", ")
                    ),
                    "`edgetl samples list` shows the numbers",
                ));
            }
        }
        Ok(self.filter())
    }

    /// Editing needs a choice: an empty one would mean everything.
    fn choice(&self) -> anyhow::Result<Filter> {
        let filter = self.filter();
        if filter == Filter::default() {
            return Err(
                WrongUsage("expected a choice of samples (--id, --label, --split, --source), got none".into()).into()
            );
        }
        Ok(filter)
    }

    /// For editing: a choice of one sample at least.
    fn chosen(&self, context: &Context) -> anyhow::Result<Filter> {
        self.choice()?;
        let filter = self.known(context)?;
        if context.existing_store()?.samples(&filter)?.is_empty() {
            return Err(failure(
                "expected a choice that samples match, got one that 0 samples match; nothing was done",
                "`edgetl samples list` takes the same conditions and shows what matches",
            ));
        }
        Ok(filter)
    }
}

/// How the store names the source at `path`; a URL, as `samples list` shows some, is its own name.
fn source_name(path: &Path) -> String {
    match path.to_str() {
        Some(url) if url.contains("://") => url.to_owned(),
        _ => files::name_of(&std::path::absolute(path).unwrap_or_else(|_| path.to_owned())),
    }
}

pub fn run(command: Command, context: &Context) -> anyhow::Result<()> {
    match command {
        Command::List { which, count: true } => counts(context, &which.known(context)?),
        Command::List { which, count: false } => list(context, &which.known(context)?),
        Command::Relabel { to, which } => edit::relabel(context, &to, &which.chosen(context)?),
        Command::Rename { from, to } => edit::rename(context, &from, &to),
        Command::Merge { from, into } => edit::merge(context, &from, &into),
        Command::Doctor(args) => doctor::run(&args, context),
        Command::Export { folder, which } => export::run(context, &which.known(context)?, &folder),
        Command::Rescue => rescue::run(context),
        Command::History => history::list(context),
        Command::Undo => history::undo(context),
        Command::Purge => history::purge(context),
        Command::Remove { all: true, forget, .. } => forget::remove(context, &Filter::default(), forget),
        // What is gone from the store may still be in heads, where the same command before this one was cut short.
        Command::Remove { which, forget: true, .. } => forget::remove(context, &which.choice()?, true),
        Command::Remove { which, forget: false, .. } => forget::remove(context, &which.chosen(context)?, false),
    }
}

#[derive(Serialize)]
struct Sample<'a> {
    id: i64,
    hash: String,
    label: Option<&'a Label>,
    split: &'static str,
    group: Option<&'a str>,
    source: &'a str,
    added: String,
    width: u32,
    height: u32,
}

impl<'a> Sample<'a> {
    fn new(row: &'a SampleRow) -> Self {
        Self {
            id: row.id.0,
            hash: row.hash.to_string(),
            label: row.label.as_ref(),
            split: row.split.as_str(),
            group: row.group.as_deref(),
            source: &row.source,
            added: date(row.added_at),
            width: row.width,
            height: row.height,
        }
    }
}

fn list(context: &Context, filter: &Filter) -> anyhow::Result<()> {
    let rows = context.existing_store()?.samples(filter)?;
    let samples: Vec<_> = rows.iter().map(Sample::new).collect();
    if context.output.is_json() {
        for sample in &samples {
            context.output.json_line(sample)?;
        }
        return Ok(());
    }
    let cells = samples.iter().map(|sample| {
        let label = sample.label.map_or_else(String::new, |label| label.to_string());
        let size = format!("{}x{}", sample.width, sample.height);
        // The day; --json has the second.
        let added = sample.added[..10].to_owned();
        [label, sample.id.to_string(), sample.split.to_owned(), added, size, sample.source.to_owned()]
    });
    context.output.text(&table(["label", "id", "split", "added", "pixels", "source"], cells))?;
    Ok(())
}

fn counts(context: &Context, filter: &Filter) -> anyhow::Result<()> {
    let counts = context.existing_store()?.counts_by_label(filter)?;
    let name = |label: &Option<Label>| label.as_ref().map_or_else(String::new, Label::to_string);
    let named: std::collections::BTreeMap<_, _> = counts.iter().map(|(label, count)| (name(label), *count)).collect();
    context.output.result(&named, || {
        table(["label", "samples"], named.iter().map(|(label, number)| [label.clone(), number.to_string()]))
    })?;
    Ok(())
}
