//! `fit-head --unless-worse`.

use std::time::Instant;

use serde::Serialize;

use super::{Args, Report, next_class_of};
use crate::cli::context::Context;
use crate::cli::output::{count, interval};
use crate::cli::remedy::OrRemedy as _;
use crate::device::{Careful, CarefulRequest, FitRequest};
use crate::head::{Changes, ComparisonReport, FitOptions, NewClass, OldAgainstNew, Verdict};

const PUBLISHED: &str = "published";
/// Of a head that is kept for review.
pub const KEPT: &str = "kept";
const NOTHING_NEW: &str = "nothing-new";
const DRY_RUN: &str = "dry-run";

/// Where no head was fitted.
#[derive(Serialize)]
struct NothingNew {
    outcome: &'static str,
    /// That was fitted on the same pictures.
    version: u64,
    /// Whether it waits for review.
    for_review: bool,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let start = Instant::now();
    let device = context.device();
    let device = device.with(crate::device::Settings {
        fit_memory: args.memory.or(device.settings().fit_memory),
        ..device.settings().clone()
    });
    let fit = match device.fit_carefully(&args.careful_request(), &|| false).or_remedy()? {
        Careful::Fitted(fit) => fit,
        Careful::NothingNew { head, waits } => {
            let nothing = NothingNew { outcome: NOTHING_NEW, version: head.0, for_review: waits };
            context.output.result(&nothing, || {
                let waits = if waits {
                    format!("; it waits for review: edgetl heads activate {}", head.0)
                } else {
                    String::new()
                };
                format!("nothing is new: head {head} was fitted in the same way on the same pictures{waits}")
            })?;
            return Ok(());
        }
    };
    let written = if args.dry_run { None } else { Some(device.settle(&fit).or_remedy()?) };
    let outcome = match (&written, fit.is_published()) {
        (None, _) => DRY_RUN,
        (Some(_), true) => PUBLISHED,
        (Some(_), false) => KEPT,
    };
    let options = fit.fitted.head.options().cloned().unwrap_or_default();
    let next_class = next_class_of(&fit.fitted, &options, context)?;
    let report = Report::new(&fit.fitted, written, (Some(outcome), next_class), start);
    context.output.result(&report, || report.text())?;
    Ok(())
}

impl Args {
    /// The recipe of the live head where no flag asks for another.
    fn careful_request(&self) -> CarefulRequest {
        let asked = self.request();
        let recipe = FitRequest { options: FitOptions { note: None, memory: None, ..asked.options }, ..asked };
        let recipe = Some(recipe).filter(|recipe| *recipe != FitRequest::default());
        CarefulRequest { recipe, note: self.note.clone() }
    }
}

/// What a comparison came to, in a few lines.
pub fn text(comparison: &ComparisonReport) -> String {
    let mut lines: Vec<String> = comparison.changes.iter().filter_map(changed).collect();
    if comparison.verdict == Verdict::NotCompared {
        lines.push(comparison.to_string());
        return lines.join("\n");
    }
    if let Some(all) = &comparison.all {
        lines.push(format!("held out from both: {}", numbers(comparison, all)));
    }
    if let Some(known) = comparison.known.as_ref().filter(|known| Some(**known) != comparison.all) {
        let against = comparison.against;
        lines.push(format!("of these, learned by head {against:06}: {}", numbers(comparison, known)));
    }
    lines.extend(comparison.new_classes.iter().map(new_class));
    lines.push(comparison.verdict_in_words());
    lines.join("\n")
}

fn numbers(comparison: &ComparisonReport, compared: &OldAgainstNew) -> String {
    let groups = match compared.groups {
        groups if groups == compared.pictures => String::new(),
        groups => format!(" in {}", count(groups, "group")),
    };
    let (values, gain) = (comparison.values(compared), comparison.gain(compared));
    format!("{}{groups}\n  {values}\n  {gain}", count(compared.pictures, "picture"))
}

/// `12 pictures added, 3 with another label`
fn changed(changes: &Changes) -> Option<String> {
    let Changes { added, relabelled, renamed, removed } = *changes;
    let parts =
        [(added, "added"), (relabelled, "with another label"), (renamed, "of a renamed label"), (removed, "removed")];
    let parts = parts.into_iter().filter(|(number, _)| *number > 0);
    let parts: Vec<String> = parts.map(|(number, what)| format!("{} {what}", count(number, "picture"))).collect();
    (!parts.is_empty()).then(|| format!("since the live head was fitted: {}", parts.join(", ")))
}

fn new_class(NewClass { label, found, .. }: &NewClass) -> String {
    let share = found.share.map_or_else(|| "-".to_owned(), |share| interval(share, Some((found.low, found.high))));
    format!("`{label}` is new: {share} of {} found, held out", found.of)
}
