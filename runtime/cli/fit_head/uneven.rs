//! What is said where classes are of unequal size, or small.

use crate::cli::output::{self, are_uneven, percent};
use crate::head::{ClassReport, FitReport, Task};

/// Classes below this are measured on as few.
const FEW: usize = 10;

/// What to know before the numbers are believed, with what helps.
pub fn warnings(fit: &FitReport) -> Vec<String> {
    if fit.task() != Task::Classification {
        return Vec::new();
    }
    let classes = fit.per_class();
    uneven(classes, fit).into_iter().chain(few(classes)).collect()
}

fn uneven(classes: &[ClassReport], fit: &FitReport) -> Option<String> {
    let smallest = classes.iter().min_by_key(|class| class.count)?;
    let largest = classes.iter().max_by_key(|class| class.count)?;
    if !are_uneven(&[smallest.count, largest.count]) || fit.operating().is_some() {
        return None;
    }
    let recall = smallest.recall.map_or_else(String::new, |recall| format!(", of which {} are found", percent(recall)));
    let balance = if fit.balance { "" } else { "; --balance gives every class the same weight" };
    Some(format!(
        "classes of unequal size: {} of `{}`{recall}, {} of `{}`. --recall {:?}=0.95 finds more of the smaller, for false \
         alarms{balance}",
        smallest.count,
        smallest.label,
        largest.count,
        largest.label,
        smallest.label.as_str(),
    ))
}

fn few(classes: &[ClassReport]) -> Option<String> {
    let small: Vec<String> = classes
        .iter()
        .filter(|class| class.count < FEW)
        .map(|class| format!("`{}` ({})", class.label, class.count))
        .collect();
    let (first, more) = small.split_at(small.len().min(5));
    let rest = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    (!small.is_empty()).then(|| {
        format!("fewer than {FEW} samples of {}{rest}: measured on as few; collect more of them", first.join(", "))
    })
}

/// Accuracy as it is shown; `None` where nothing was measured.
pub fn accuracy(fit: &FitReport) -> Option<String> {
    let cv = fit.cv();
    let counts: Vec<usize> = fit.per_class().iter().map(|class| class.count).collect();
    Some(output::accuracy(cv.accuracy?, cv.accuracy_interval, cv.balanced_accuracy, &counts))
}
