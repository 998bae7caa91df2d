//! What is said where classes are of unequal size, or small.

use crate::cli::output::{interval, percent};
use crate::head::{ClassReport, FitReport, Task};

/// A class that is so many times larger than another makes the accuracy say little of that one.
const UNEVEN: usize = 3;
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
    if largest.count < UNEVEN * smallest.count.max(1) || fit.operating().is_some() {
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

/// Accuracy with its interval, and the mean over classes beside it where they are of unequal size.
pub fn accuracy(fit: &FitReport) -> Option<String> {
    let cv = fit.cv();
    let accuracy = interval(cv.accuracy?, cv.accuracy_interval);
    let counts = || fit.per_class().iter().map(|class| class.count);
    let uneven = counts().max()? >= UNEVEN * counts().min()?.max(1);
    Some(match cv.balanced_accuracy.filter(|_| uneven) {
        Some(balanced) => format!("balanced accuracy {}, accuracy {accuracy}", percent(balanced)),
        None => format!("accuracy {accuracy}"),
    })
}
