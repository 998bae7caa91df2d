//! `review`: pictures of cameras that would teach the head something, looked at, labelled, dismissed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Serialize;
use serde_json::Value;

use super::context::Context;
use super::failure::failure;
use super::output::{count, percent, table};
use super::remedy::OrRemedy as _;
use crate::atomic_file;
use crate::device::Device;
use crate::labels::Label;
use crate::preprocess::extension;
use crate::printable::printable;
use crate::store::{Filter, ReviewId, ReviewRow};
use crate::watch::Moment;

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// The pictures that wait, what teaches most first
    List {
        /// Write the pictures into this folder, to be looked at
        #[arg(long, value_name = "DIR")]
        save: Option<PathBuf>,
    },
    /// Make samples of pictures: say what they show
    Label {
        /// Numbers of pictures, as `review list` shows them
        #[arg(required = true, value_name = "ID")]
        ids: Vec<i64>,
        #[arg(required = true)]
        label: Label,
    },
    /// Let pictures go that are not worth a label; neither they nor what looks much like them are kept again
    Dismiss {
        /// Numbers of pictures, as `review list` shows them
        #[arg(required_unless_present = "all", value_name = "ID")]
        ids: Vec<i64>,
        /// Every picture that waits
        #[arg(long, conflicts_with = "ids")]
        all: bool,
    },
}

pub fn run(command: Command, context: &Context) -> anyhow::Result<()> {
    match command {
        Command::List { save } => list(context, save.as_deref()),
        Command::Label { ids, label } => self::label(context, &ids, &label),
        Command::Dismiss { ids, all } => dismiss(context, &ids, all),
    }
}

/// A picture that waits.
#[derive(Serialize)]
struct Line {
    id: i64,
    at: Moment,
    camera: String,
    group: String,
    why: &'static str,
    usefulness: f64,
    answer: Value,
    bytes: u64,
    hash: String,
    /// The file that it was written to.
    #[serde(skip_serializing_if = "Option::is_none")]
    picture: Option<String>,
}

impl Line {
    fn new(row: ReviewRow, picture: Option<String>) -> Self {
        Self {
            id: row.id.0,
            at: Moment(row.at),
            camera: row.camera,
            group: row.group,
            why: row.why.as_str(),
            usefulness: row.usefulness,
            answer: serde_json::from_str(&row.answer).unwrap_or_default(),
            bytes: row.bytes,
            hash: row.hash.to_string(),
            picture,
        }
    }

    /// `star 62.0 %`
    fn answer(&self) -> String {
        let label = ["label", "nearest"].into_iter().find_map(|key| self.answer[key].as_str());
        match (label, self.answer["score"].as_f64(), self.answer["value"].as_f64()) {
            (Some(label), Some(score), _) => format!("{} {}", printable(label), percent(score)),
            (_, _, Some(value)) => value.to_string(),
            _ => String::new(),
        }
    }

    fn cells(&self) -> [String; 5] {
        // The second; --json has more.
        let at = self.at.to_string()[..19].replace('T', " ");
        [self.camera.clone(), self.id.to_string(), at, self.why.to_owned(), self.answer()]
    }
}

fn list(context: &Context, save: Option<&Path>) -> anyhow::Result<()> {
    let device = context.device();
    let mut lines = Vec::new();
    for row in device.reviews().or_remedy()? {
        let picture = save.map(|folder| self::save(&device, row.id, folder)).transpose()?.flatten();
        lines.push(Line::new(row, picture));
    }
    if context.output.is_json() {
        lines.iter().try_for_each(|line| context.output.json_line(line))?;
        return Ok(());
    }
    let text = match (lines.is_empty(), save) {
        (true, _) => "no picture waits for review".to_owned(),
        (false, save) => {
            let listed = table(["camera", "id", "taken (UTC)", "why", "answer"], lines.iter().map(Line::cells));
            let way = match save {
                Some(_) => "",
                None => "; --save DIR writes the pictures, named by their numbers",
            };
            format!("{listed}\n\n`edgetl review label ID… LABEL` makes samples of them{way}")
        }
    };
    context.output.text(&text)?;
    Ok(())
}

/// Writes the picture as `ID.ext`; `None` where it is damaged or waits no longer.
fn save(device: &Device, id: ReviewId, folder: &Path) -> anyhow::Result<Option<String>> {
    let bytes = match device.existing_store()?.review(id) {
        Ok(found) => found.map(|(_, bytes)| bytes),
        Err(error) => {
            tracing::warn!("{error}; `edgetl review dismiss {}` lets it go", id.0);
            None
        }
    };
    let Some(bytes) = bytes else { return Ok(None) };
    let path = folder.join(format!("{}.{}", id.0, extension(&bytes)));
    let written = std::fs::create_dir_all(folder).and_then(|()| atomic_file::replace(&path, &bytes));
    written.with_context(|| format!("cannot write `{}`", path.display()))?;
    Ok(Some(path.display().to_string()))
}

/// `review label`
#[derive(Serialize)]
struct Labelled {
    label: Label,
    /// Whether no sample had the label.
    new_class: bool,
    /// The numbers of the samples, by those of the pictures.
    samples: BTreeMap<i64, i64>,
}

fn label(context: &Context, ids: &[i64], label: &Label) -> anyhow::Result<()> {
    let device = context.device();
    let ids = waiting(&device, ids)?;
    let counts = device.existing_store().or_remedy()?.counts_by_label(&Filter::default())?;
    let new_class = !counts.contains_key(&Some(label.clone()));
    let mut samples = BTreeMap::new();
    for id in ids {
        samples.insert(id.0, device.label_review(id, label).or_remedy()?.id.0);
    }
    let labelled = Labelled { label: label.clone(), new_class, samples };
    context.output.result(&labelled, || {
        let new_class = if new_class { format!("\n`{label}` is a new class") } else { String::new() };
        format!(
            "{} of `{label}`; `edgetl fit-head` learns from it{new_class}",
            count(labelled.samples.len(), "new sample")
        )
    })?;
    Ok(())
}

fn dismiss(context: &Context, ids: &[i64], all: bool) -> anyhow::Result<()> {
    let device = context.device();
    let ids = match all {
        true => device.review_ids().or_remedy()?,
        false => waiting(&device, ids)?,
    };
    let dismissed = if ids.is_empty() { 0 } else { device.dismiss(&ids).or_remedy()? };
    context.output.result(&serde_json::json!({ "dismissed": dismissed }), || {
        format!("{} dismissed", count(dismissed, "picture"))
    })?;
    Ok(())
}

/// These numbers, each once and all of them of pictures that wait.
fn waiting(device: &Device, ids: &[i64]) -> anyhow::Result<Vec<ReviewId>> {
    let there = device.review_ids().or_remedy()?;
    let missing: Vec<String> = ids.iter().filter(|id| !there.contains(&ReviewId(**id))).map(i64::to_string).collect();
    if !missing.is_empty() {
        let said = "expected pictures that wait for review, got numbers that none has";
        return Err(failure(
            format!("{said}: {}; nothing was done", missing.join(", ")),
            "`edgetl review list` shows the numbers",
        ));
    }
    let mut once = Vec::new();
    ids.iter().for_each(|id| {
        if !once.contains(&ReviewId(*id)) {
            once.push(ReviewId(*id))
        }
    });
    Ok(once)
}
