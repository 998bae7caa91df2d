//! Acting on findings: shown first, done with `--yes`.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::findings::Findings;
use super::reserve::Reserve;
use crate::cli::context::Context;
use crate::cli::failure::WrongUsage;
use crate::cli::output::{count, table};
use crate::dataset::SampleId;
use crate::labels::Label;
use crate::store::{Filter, SampleRow, Store};

/// The doubt from which on a label is changed when nothing else is said.
const DOUBT: f32 = 0.8;

#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum Action {
    /// Give suspects the label that they look like
    Relabel,
    /// Remove the samples with all that belongs to them
    Remove,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum Kind {
    #[default]
    Suspects,
    /// Of each pair, the one that the finding's command names
    Duplicates,
    Outliers,
    Tiny,
    /// Samples whose file is gone or changed
    Sources,
}

#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Acting on findings")]
pub struct Args {
    /// What to do with them; only shown, unless --yes is given
    #[arg(long, value_name = "ACTION")]
    fix: Option<Action>,
    /// Which findings
    #[arg(long, value_name = "KIND", default_value = "suspects", requires = "fix")]
    of: Kind,
    /// Only so many of them, the worst first
    #[arg(long, value_name = "N", requires = "fix")]
    top: Option<usize>,
    /// Only suspects with more doubt than this, from 0 to 1 [default: 0.8; with --top: all]
    #[arg(long, value_name = "DOUBT", requires = "fix")]
    above: Option<f32>,
    /// Change the store
    #[arg(long, requires = "fix")]
    yes: bool,
}

/// One sample that is to change.
#[derive(Serialize)]
struct Change {
    id: i64,
    path: String,
    /// The new label; `None`: removed.
    to: Option<Label>,
}

/// `samples doctor --fix … --json`.
#[derive(Serialize)]
pub struct Plan {
    /// False: only shown.
    applied: bool,
    changes: Vec<Change>,
    /// What is not done, because it would leave a class empty or with too few samples.
    held_back: Vec<Change>,
}

impl Args {
    /// `None` when nothing is to be done.
    pub fn plan(&self, findings: &Findings, rows: &[SampleRow]) -> anyhow::Result<Option<Plan>> {
        let Some(action) = self.fix else { return Ok(None) };
        if action == Action::Relabel && self.of != Kind::Suspects {
            return Err(
                WrongUsage("expected `--fix remove` for findings other than suspects, got `relabel`".into()).into()
            );
        }
        let mut changes = self.chosen(action, findings);
        changes.truncate(self.top.unwrap_or(usize::MAX));
        let rows_by_id: HashMap<i64, &SampleRow> = rows.iter().map(|row| (row.id.0, row)).collect();
        let mut reserve = Reserve::new(rows);
        let spared = |change: &Change| rows_by_id.get(&change.id).is_none_or(|row| reserve.take(row));
        let (changes, held_back) = changes.into_iter().partition(spared);
        Ok(Some(Plan { applied: self.yes, changes, held_back }))
    }

    fn chosen(&self, action: Action, findings: &Findings) -> Vec<Change> {
        let removal = |id: i64, path: &String| Change { id, path: path.clone(), to: None };
        match self.of {
            Kind::Suspects => {
                let least = self.above.unwrap_or(if self.top.is_some() { 0.0 } else { DOUBT });
                let doubted = findings.suspects.iter().filter(|suspect| suspect.doubt > least);
                let to = |label: &Label| (action == Action::Relabel).then(|| label.clone());
                doubted.map(|row| Change { to: to(&row.suggestion), ..removal(row.id, &row.path) }).collect()
            }
            Kind::Duplicates => {
                let path =
                    |row: &super::findings::DuplicateRow| row.paths[usize::from(row.remove == row.ids[1])].clone();
                let mut changes: Vec<Change> =
                    findings.duplicates.iter().map(|row| removal(row.remove, &path(row))).collect();
                let mut seen = std::collections::HashSet::new();
                changes.retain(|change| seen.insert(change.id));
                changes
            }
            Kind::Outliers => findings.outliers.iter().map(|row| removal(row.id, &row.path)).collect(),
            Kind::Tiny => findings.tiny.iter().map(|row| removal(row.id, &row.path)).collect(),
            Kind::Sources => findings.sources.iter().map(|row| removal(row.id, &row.path)).collect(),
        }
    }
}

impl Plan {
    pub fn carry_out(&self, store: &mut Store, context: &Context) -> anyhow::Result<()> {
        if self.applied {
            self.apply(store)?;
        }
        context.output.result(self, || self.text())?;
        Ok(())
    }

    fn apply(&self, store: &mut Store) -> anyhow::Result<()> {
        let mut by_label = BTreeMap::<Option<&Label>, Vec<SampleId>>::new();
        for change in &self.changes {
            by_label.entry(change.to.as_ref()).or_default().push(SampleId(change.id));
        }
        for (label, ids) in by_label {
            match label {
                Some(label) => drop(store.relabel(&Filter::ids(ids), Some(label))?),
                None if !store.remove(&Filter::ids(ids))?.log_emptied => {
                    tracing::warn!(
                        "another process is reading the store; the removed bytes leave its log when that ends"
                    );
                }
                None => {}
            }
        }
        Ok(())
    }

    fn text(&self) -> String {
        let held_back = match self.held_back.len() {
            0 => String::new(),
            number => format!(
                "\n{} held back: without it a class would be empty, lose half of its few pictures, or have fewer than five; \
                 `edgetl samples relabel` and `remove` with --id do it all the same",
                count(number, "sample")
            ),
        };
        if self.changes.is_empty() && self.held_back.is_empty() {
            return "no finding of this kind is doubtful enough: nothing to do".to_owned();
        }
        if self.changes.is_empty() {
            return format!("nothing to do{held_back}");
        }
        let what = |to: &Option<Label>| to.as_ref().map_or_else(|| "remove".to_owned(), |to| format!("relabel {to}"));
        let rows = self.changes.iter().map(|change| [what(&change.to), change.id.to_string(), change.path.clone()]);
        let outcome = match self.applied {
            true => format!("{} changed; `edgetl fit-head` learns from it", count(self.changes.len(), "sample")),
            false => format!(
                "{} would change; nothing has yet: look at the pictures, then add --yes",
                count(self.changes.len(), "sample")
            ),
        };
        format!("{}\n\n{outcome}{held_back}", table(["action", "id", "picture"], rows))
    }
}
