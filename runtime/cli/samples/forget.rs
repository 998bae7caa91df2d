//! Removing samples from the store and, when asked, from the heads.

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::failure::OrHint;
use crate::cli::fit_head;
use crate::cli::output::count;
use crate::cli::published::Published;
use crate::store::{Filter, HeadVersion, ShelfError, Store};

#[derive(Serialize)]
struct Removed {
    removed: usize,
    /// False when another process still held the old pages.
    erased: bool,
    /// With `--forget`: the head that was published without them, and how many others were erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    forgotten: Option<Forgotten>,
}

#[derive(Serialize)]
struct Forgotten {
    head: Option<u64>,
    erased_heads: usize,
}

pub fn remove(context: &Context, filter: &Filter, forget: bool) -> anyhow::Result<()> {
    let mut store = context.existing_store()?;
    let removal = store.remove(filter)?;
    if !removal.log_emptied {
        tracing::warn!("another process is reading the store; the removed bytes leave its log when that ends");
    }
    let forgotten = forget.then(|| forget_in_heads(&store, context)).transpose()?;
    let removed = Removed { removed: removal.samples, erased: removal.log_emptied, forgotten };
    context.output.result(&removed, || removed.text())?;
    Ok(())
}

impl Removed {
    fn text(&self) -> String {
        let removed = format!("{} removed", count(self.removed, "sample"));
        match &self.forgotten {
            None => {
                format!("{removed}; published heads keep what they learned: --forget, or a fit-head and old heads gone")
            }
            Some(Forgotten { head: Some(version), erased_heads }) => {
                format!("{removed}; head {version:06} is without them, {} erased", count(*erased_heads, "older head"))
            }
            Some(Forgotten { head: None, erased_heads }) => {
                format!("{removed}; no head can be made of what is left, {} erased", count(*erased_heads, "head"))
            }
        }
    }
}

/// A head says of no sample whether it saw it, so every version but a new one goes.
fn forget_in_heads(store: &Store, context: &Context) -> anyhow::Result<Forgotten> {
    let shelf = context.shelf();
    if matches!(shelf.current_version(), Err(ShelfError::Empty { .. })) {
        return Ok(Forgotten { head: None, erased_heads: shelf.erase_others(None)? });
    }
    let head = without_the_removed(store, context)?;
    let erased_heads = shelf.erase_others(head).or_hint("some of the old heads are still there; try again")?;
    Ok(Forgotten { head: head.map(|version| version.0), erased_heads })
}

/// The live head made anew; `None` when less than two classes are left.
fn without_the_removed(store: &Store, context: &Context) -> anyhow::Result<Option<HeadVersion>> {
    let published = Published::read(context, None)?;
    let left = store.training_set(&published.artifact.fingerprint())?;
    if left.labels().len() < 2 {
        return Ok(None);
    }
    fit_head::publish_refitted(&left, published.artifact.report().head, context).map(Some)
}
