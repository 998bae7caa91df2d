//! Class by class: bars, the confusion matrix, and the heads that were tried.

use maud::{Markup, html};

use super::{percent, section, wide};
use crate::head::Candidate;
use crate::labels::{Label, Labels};
use crate::metrics::{ClassMetrics, Confusion};

/// A larger matrix cannot be read; the list of confusions can.
const LARGEST_MATRIX: usize = 40;
const CONFUSIONS: usize = 10;

/// Recall and precision of each class, the worst F1 first.
pub fn bars(labels: &Labels, confusion: &Confusion) -> Markup {
    let mut classes: Vec<(&Label, ClassMetrics)> = labels.iter().zip(confusion.per_class()).collect();
    classes.retain(|(_, metrics)| metrics.count > 0);
    classes.sort_by(|a, b| a.1.f1.total_cmp(&b.1.f1));
    section(
        "Class by class, the weakest first",
        html! {
            div.bars {
                @for (label, metrics) in classes {
                    div {
                        b { (label) } " " small { (metrics.count) " pictures" }
                        (bar(metrics.recall, "var(--one)", "of its pictures are found"))
                        (bar(metrics.precision, "var(--three)", "of those named so are right"))
                    }
                }
            }
            ul.legend {
                li { i style="background:var(--one)" {} "found (recall)" }
                li { i style="background:var(--three)" {} "right when named (precision)" }
            }
        },
    )
}

fn bar(share: f64, colour: &str, meaning: &str) -> Markup {
    html! {
        div.bar title=(format!("{} {meaning}", percent(share))) {
            span { i style=(format!("width:{:.1}%;background:{colour}", share * 100.0)) {} }
            (percent(share))
        }
    }
}

/// What was taken for what: as a matrix where it can be read, and the most frequent confusions.
pub fn confusion(labels: &Labels, confusion: &Confusion) -> Markup {
    let matrix = labels.len() <= LARGEST_MATRIX;
    let most = most_confused(labels, confusion);
    wide(
        "What was taken for what",
        html! {
            @if matrix { (table(labels, confusion)) }
            @if most.is_empty() { p { "Nothing was taken for something else." } }
            @else {
                p.quiet { "Most often: "
                    @for (number, (truth, taken, count)) in most.iter().enumerate() {
                        @if number > 0 { ", " }
                        (truth) " for " (taken) " (" (count) ")"
                    }
                }
            }
        },
    )
}

fn table(labels: &Labels, confusion: &Confusion) -> Markup {
    html! {
        p.quiet { "Rows are what a picture is, columns what it was named; numbers count pictures." }
        div.scroll {
            table.matrix {
                tr { th {} @for label in labels.iter() { th.column { (label) } } }
                @for (truth, label) in labels.iter().enumerate() {
                    tr { th.row title=(label) { (label) } (row(truth, confusion)) }
                }
            }
        }
    }
}

fn row(truth: usize, confusion: &Confusion) -> Markup {
    let counts = confusion.counts();
    let counts = counts.row(truth);
    let total = counts.sum().max(1) as f64;
    html! {
        @for (named, &count) in counts.iter().enumerate() {
            @let share = count as f64 / total;
            @let colour = if named == truth { "hit" } else { "miss" };
            @if count == 0 { td.none { "0" } }
            @else {
                td.strong[share > 0.55] style=(format!("background:rgb(var(--{colour}) / {:.2})", 0.25 + 0.75 * share)) { (count) }
            }
        }
    }
}

fn most_confused<'a>(labels: &'a Labels, confusion: &Confusion) -> Vec<(&'a Label, &'a Label, usize)> {
    let names = labels.as_slice();
    let mut pairs: Vec<_> = confusion
        .pairs()
        .filter(|(truth, named, _)| truth != named)
        .map(|(truth, named, count)| (&names[truth], &names[named], count))
        .collect();
    pairs.sort_by_key(|(_, _, count)| std::cmp::Reverse(*count));
    pairs.truncate(CONFUSIONS);
    pairs
}

/// The table of what cross-validation compared; nothing when it had no choice.
pub fn candidates(candidates: &[Candidate]) -> Markup {
    if candidates.len() < 2 {
        return html! {};
    }
    let optional = |value: Option<f64>, show: fn(f64) -> String| value.map_or_else(|| "–".to_owned(), show);
    section(
        "Heads that were tried",
        html! {
            div.scroll {
                table.list {
                    tr { th { "head" } th { "penalty" } th { "right" } th { "loss" } th { "time" } }
                    @for candidate in candidates {
                        tr {
                            th { (candidate.head) @if candidate.earlier_maps { ", earlier maps too" } }
                            td { (optional(candidate.penalty, |penalty| format!("{penalty:.0e}"))) }
                            td { (optional(candidate.accuracy, percent)) }
                            td { (optional(candidate.nll, |loss| format!("{loss:.3}"))) }
                            td { (optional(candidate.seconds, |seconds| format!("{seconds:.2} s"))) }
                        }
                    }
                }
            }
            p.quiet { "The first was kept: a simpler head is preferred unless another one is better by more than one standard error." }
        },
    )
}
