//! Removing samples from the store and, when asked, from the heads.

use serde::Serialize;

use crate::cli::context::{Context, explain};
use crate::cli::failure::{OrHint, failure};
use crate::cli::fit_head::Refit;
use crate::cli::output::count;
use crate::cli::published::Published;
use crate::store::{Filter, PublishError, Replaced, Store};

/// So often samples or heads may change under a refit before it is given up.
const ATTEMPTS: usize = 5;

const AGAIN: &str = "the samples are out of the store, and heads that may have learned from them still there: the same \
                     command again goes on with these";

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
    /// Why there is no head.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Whether the head was fitted with options that were in part assumed, since its file did not say them all.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    assumed_options: bool,
}

pub fn remove(context: &Context, filter: &Filter, forget: bool) -> anyhow::Result<()> {
    let mut store = context.existing_store()?;
    let (removal, forgotten) = match forget {
        false => (store.remove(filter)?, None),
        true => {
            // What cannot be fitted again is found out before anything is gone.
            live(context)?;
            let removal = store.forget(filter)?;
            (removal, Some(forget_in_heads(&mut store, context)?))
        }
    };
    let samples = removal.samples;
    // Whoever was reading before may have ended meanwhile.
    let log_emptied = removal.log_emptied || store.erase_log()?;
    if !log_emptied {
        tracing::warn!("another process is reading the store; the removed bytes leave its log when that ends");
    }
    let removed = Removed { removed: samples, erased: log_emptied, forgotten };
    context.output.result(&removed, || removed.text())?;
    Ok(())
}

impl Removed {
    fn text(&self) -> String {
        let removed = format!("{} removed", count(self.removed, "sample"));
        let heads = match &self.forgotten {
            None => "published heads keep what they learned: --forget, or a fit-head and old heads gone".to_owned(),
            Some(Forgotten { head: Some(version), erased_heads, .. }) => {
                format!("head {version:06} is without them, {} erased", count(*erased_heads, "older head"))
            }
            Some(Forgotten { reason: Some(reason), erased_heads, .. }) => {
                format!("no head can be made of what is left ({reason}), {} erased", count(*erased_heads, "head"))
            }
            Some(Forgotten { .. }) => "no head was published".to_owned(),
        };
        format!("{removed}; {heads}\n`edgetl collect` passes over these pictures from now on; with --again it does not")
    }
}

/// The live head, and how to fit it again.
fn live(context: &Context) -> anyhow::Result<Option<(Published, Refit)>> {
    let Some(version) = context.shelf().live()? else { return Ok(None) };
    let published = Published::read(context, Some(version))?;
    let refit = Refit::of(&published.artifact, context)
        .or_hint("fit another head first, which can be fitted again without them: edgetl fit-head")?;
    Ok(Some((published, refit)))
}

/// A head says of no sample whether it saw it, so every version but a new one goes.
fn forget_in_heads(store: &mut Store, context: &Context) -> anyhow::Result<Forgotten> {
    for _ in 0..ATTEMPTS {
        match refit_and_replace(store, context)? {
            Ok(forgotten) => return Ok(forgotten),
            Err(error) => tracing::info!("fitting again: {error}"),
        }
    }
    Err(failure("samples or heads were changed by others, again and again, while the head was fitted anew", AGAIN))
}

/// `Ok(Err(_))` when others were faster.
fn refit_and_replace(store: &mut Store, context: &Context) -> anyhow::Result<Result<Forgotten, PublishError>> {
    let shelf = context.shelf();
    let (version, head, read, assumed_options) = match live(context).or_hint(AGAIN)? {
        None => (None, None, store.forgettings()?, false),
        Some((published, refit)) => {
            if refit.assumed {
                tracing::warn!(
                    "head {} was written by an older edgetl, which did not note how it was fitted; fitted again: {}",
                    published.version,
                    refit.text()
                );
            }
            let refitted = explain(refit.run(store)).or_hint(AGAIN)?;
            (Some(published.version), Some(refitted.head), refitted.read, refit.assumed)
        }
    };
    let reason = head.as_ref().and_then(|head| head.as_ref().err().cloned());
    let bytes = head.and_then(Result::ok).map(|head| head.to_bytes());
    match shelf.replace_all((version, bytes.as_deref()), store, read) {
        Ok(Replaced { head, erased }) => {
            let assumed_options = assumed_options && head.is_some();
            Ok(Ok(Forgotten { head: head.map(|head| head.0), erased_heads: erased, reason, assumed_options }))
        }
        Err(error @ (PublishError::Forgotten | PublishError::Superseded)) => Ok(Err(error)),
        Err(error) => Err(error).or_hint(AGAIN),
    }
}
