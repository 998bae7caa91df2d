//! What was relabelled and removed, and taking it back.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::failure::failure;
use crate::cli::output::count;
use crate::cli::remedy::OrRemedy as _;
use crate::clock::date;
use crate::labels::Label;
use crate::store::{Change, Undone};

#[derive(Serialize)]
struct ChangeLine {
    id: i64,
    at: String,
    relabelled: Vec<Relabelled>,
    /// How many samples of each label; those without one under the empty name.
    removed: BTreeMap<String, usize>,
}

#[derive(Serialize)]
struct Relabelled {
    from: Option<Label>,
    to: Option<Label>,
    samples: usize,
}

/// `samples history`.
pub fn list(context: &Context) -> anyhow::Result<()> {
    let changes: Vec<ChangeLine> = context.existing_store()?.changes()?.into_iter().map(ChangeLine::new).collect();
    if context.output.is_json() {
        for change in &changes {
            context.output.json_line(change)?;
        }
        return Ok(());
    }
    let lines: Vec<String> = changes.iter().map(|change| format!("{}  {}", change.at, change.text())).collect();
    let text = match lines.is_empty() {
        true => "nothing that could be taken back".to_owned(),
        false => format!("{}\n\n`edgetl samples undo` takes the first of them back", lines.join("\n")),
    };
    context.output.text(&text)?;
    Ok(())
}

/// `samples undo`.
pub fn undo(context: &Context) -> anyhow::Result<()> {
    let mut store = context.existing_store()?;
    let Some(undone) = store.undo()? else {
        return Err(failure(
            "expected a change to take back, got none",
            "relabelling and removing can be taken back for 30 days, until `samples purge` or --forget",
        ));
    };
    let Undone { relabelled, restored, stored_anew, .. } = undone;
    let report = serde_json::json!({ "relabelled": relabelled, "restored": restored, "stored_anew": stored_anew });
    context.output.result(&report, || {
        let mut done = Vec::new();
        if relabelled > 0 {
            done.push(format!("{} with the label of before", count(relabelled, "sample")));
        }
        if restored > 0 {
            done.push(format!("{} brought back", count(restored, "sample")));
        }
        if stored_anew > 0 {
            done.push(format!("{} left, stored anew meanwhile", count(stored_anew, "sample")));
        }
        format!("{}; `edgetl fit-head` learns from it", done.join(", "))
    })?;
    Ok(())
}

/// `samples purge`.
pub fn purge(context: &Context) -> anyhow::Result<()> {
    let purged = context.device().purge().or_remedy()?;
    context.output.result(&serde_json::json!({ "purged": purged }), || match purged {
        0 => "nothing was kept".to_owned(),
        _ => {
            format!("{} can no longer be taken back; the pictures removed by them are erased", count(purged, "change"))
        }
    })?;
    Ok(())
}

impl ChangeLine {
    fn new(Change { id, at, relabelled, removed, .. }: Change) -> Self {
        let relabelled = relabelled.into_iter().map(|((from, to), samples)| Relabelled { from, to, samples });
        let name = |label: Option<Label>| label.map_or_else(String::new, |label| label.to_string());
        let removed = removed.into_iter().map(|(label, samples)| (name(label), samples)).collect();
        Self { id, at: date(at), relabelled: relabelled.collect(), removed }
    }

    fn text(&self) -> String {
        let name =
            |label: &Option<Label>| label.as_ref().map_or_else(|| "no label".to_owned(), |label| format!("`{label}`"));
        let relabelled = self.relabelled.iter().map(|Relabelled { from, to, samples }| {
            format!("{} from {} to {}", count(*samples, "sample"), name(from), name(to))
        });
        let removed = self.removed.iter().map(|(label, samples)| match label.as_str() {
            "" => format!("removed {} without label", count(*samples, "sample")),
            label => format!("removed {} of `{label}`", count(*samples, "sample")),
        });
        let mut parts: Vec<String> = relabelled.chain(removed).collect();
        let more = parts.len().saturating_sub(SHOWN);
        parts.truncate(SHOWN);
        if more > 0 {
            parts.push(format!("and {more} more"));
        }
        parts.join(", ")
    }
}

/// How many parts of a change a line names.
const SHOWN: usize = 4;
