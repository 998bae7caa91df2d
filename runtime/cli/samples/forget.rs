//! Removing samples from the store and, when asked, from the heads.

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::output::count;
use crate::cli::remedy::OrRemedy as _;
use crate::device;
use crate::store::Filter;

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
    let device = context.device();
    let removed = if forget { device.forget(filter) } else { device.remove(filter) }.or_remedy()?;
    if !removed.erased {
        tracing::warn!("another process is reading the store; the removed bytes leave its log when that ends");
    }
    let removed = Removed::new(removed);
    context.output.result(&removed, || removed.text())?;
    Ok(())
}

impl Removed {
    fn new(device::Removed { samples, erased, forgotten, .. }: device::Removed) -> Self {
        let forgotten = forgotten.map(|device::Forgotten { head, erased_heads, reason, assumed_options, .. }| {
            Forgotten { head: head.map(|head| head.0), erased_heads, reason, assumed_options }
        });
        Self { removed: samples, erased, forgotten }
    }

    fn text(&self) -> String {
        let removed = format!("{} removed", count(self.removed, "sample"));
        let heads = match &self.forgotten {
            None => {
                "`edgetl samples undo` brings them back for 30 days; published heads keep what they learned: --forget \
                     erases both"
                    .to_owned()
            }
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
