//! `collect --sync`: how the store differs from a folder, in words.

use std::collections::BTreeMap;

use crate::cli::output::count;
use crate::device::{Moved, SyncPlan};
use crate::labels::Label;
use crate::printable::printable;

/// So much of a long list is shown.
const SHOWN: usize = 10;

pub fn text(plan: &SyncPlan) -> String {
    let mut lines = Vec::new();
    let mut moves: BTreeMap<(String, String), Vec<&Moved>> = BTreeMap::new();
    for moved in &plan.relabelled {
        moves.entry((name(moved.from.as_ref()), name(moved.to.as_ref()))).or_default().push(moved);
    }
    for ((from, to), moved) in &moves {
        let paths = paths(moved.iter().map(|moved| moved.path.as_str()), moved.len());
        lines.push(format!("{} from {from} to {to}: {paths}", count(moved.len(), "picture")));
    }
    if !plan.renamed.is_empty() {
        lines.push(format!("{} under another path, of the same class", count(plan.renamed.len(), "picture")));
    }
    if !plan.gone.is_empty() {
        let paths = paths(plan.gone.iter().map(|gone| gone.path.as_str()), plan.gone.len());
        lines.push(format!("{} gone: {paths}", count(plan.gone.len(), "picture")));
    }
    if plan.new > 0 {
        lines.push(format!("{} not stored yet", count(plan.new, "picture")));
    }
    if lines.is_empty() {
        lines.push("the store agrees with the folder".to_owned());
    }
    lines.join("\n")
}

fn name(label: Option<&Label>) -> String {
    label.map_or_else(|| "no label".to_owned(), |label| format!("`{label}`"))
}

fn paths<'a>(paths: impl Iterator<Item = &'a str>, all: usize) -> String {
    let mut shown: Vec<String> = paths.take(SHOWN).map(|path| format!("`{}`", printable(path))).collect();
    if all > SHOWN {
        shown.push(format!("and {} more", all - SHOWN));
    }
    shown.join(", ")
}
