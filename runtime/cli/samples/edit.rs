//! Other labels for samples.

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::failure::{WrongUsage, failure};
use crate::cli::output::count;
use crate::labels::Label;
use crate::store::{Filter, Store};

#[derive(Serialize)]
struct Changed {
    changed: usize,
    /// Where no sample had the label.
    new_class: Option<NewClass>,
}

pub fn relabel(context: &Context, to: &Label, filter: &Filter) -> anyhow::Result<()> {
    let mut store = context.existing_store()?;
    let new_class = NewClass::of(to, &store)?;
    let changed = store.relabel(filter, Some(to))?;
    report_change(context, changed, new_class)
}

pub fn rename(context: &Context, from: &Label, to: &Label) -> anyhow::Result<()> {
    if from == to {
        return Err(WrongUsage(format!("expected two labels, got `{from}` twice")).into());
    }
    let mut store = context.existing_store()?;
    let new_class = NewClass::of(to, &store)?;
    let changed = store.rename_label(from, to)?;
    if changed == 0 {
        return Err(failure(
            format!("expected samples labelled `{from}`, got none"),
            "`edgetl samples list --count` shows the labels",
        ));
    }
    report_change(context, changed, new_class)
}

pub fn merge(context: &Context, from: &Label, into: &Label) -> anyhow::Result<()> {
    let counts = context.existing_store()?.counts_by_label(&Filter::default())?;
    if !counts.contains_key(&Some(into.clone())) {
        return Err(failure(
            format!("expected samples labelled `{into}`, got none"),
            format!(
                "`edgetl samples rename {from:?} {into:?}` gives the class a new name",
                from = from.as_str(),
                into = into.as_str()
            ),
        ));
    }
    rename(context, from, into)
}

/// A label that no sample had.
#[derive(Serialize)]
struct NewClass {
    label: Label,
    /// A label that is written much like it.
    like: Option<Label>,
}

impl NewClass {
    /// `None` where `label` is known.
    fn of(label: &Label, store: &Store) -> anyhow::Result<Option<Self>> {
        let counts = store.counts_by_label(&Filter::default())?;
        let known: Vec<&Label> = counts.keys().flatten().collect();
        if known.contains(&label) {
            return Ok(None);
        }
        let distance =
            |other: &Label| strsim::osa_distance(&other.as_str().to_lowercase(), &label.as_str().to_lowercase());
        let nearest = known.into_iter().min_by_key(|other| distance(other));
        let like = nearest.filter(|other| distance(other) <= 1.max(label.as_str().chars().count() / 4)).cloned();
        Ok(Some(Self { label: label.clone(), like }))
    }

    fn text(&self) -> String {
        let like = self
            .like
            .as_ref()
            .map_or_else(String::new, |like| format!("; did you mean `{like}`? `edgetl samples undo` takes it back"));
        format!("\n`{}` is a new class{like}", self.label)
    }
}

fn report_change(context: &Context, changed: usize, new_class: Option<NewClass>) -> anyhow::Result<()> {
    let report = Changed { changed, new_class };
    context.output.result(&report, || {
        let new_class = report.new_class.as_ref().map_or_else(String::new, NewClass::text);
        format!("{} relabelled; `edgetl fit-head` learns from it{new_class}", count(changed, "sample"))
    })?;
    Ok(())
}
