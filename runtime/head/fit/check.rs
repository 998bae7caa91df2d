//! Options that make sense.

use super::FitError;
use crate::head::{FitOptions, MlpSettings, Optimiser, Task};

/// # Errors
/// When an option is out of its range.
pub fn check(options: &FitOptions) -> Result<(), FitError> {
    if options.folds < 2 {
        return Err(FitError::Folds(options.folds));
    }
    if !(0.0..1.0).contains(&options.false_reject) {
        return Err(FitError::FalseReject(options.false_reject));
    }
    if let Some(budget) = options.budget.filter(|budget| budget.is_nan() || *budget < 0.0) {
        return Err(FitError::Budget(budget));
    }
    if options.select.is_some() && options.task != Task::Classification {
        return Err(FitError::SelectionOfTask(options.task));
    }
    check_training(&options.mlp)?;
    match &options.penalties {
        Some(penalties) if penalties.is_empty() => Err(FitError::NoPenalty),
        Some(penalties) => match penalties.iter().find(|penalty| !(penalty.is_finite() && **penalty > 0.0)) {
            Some(penalty) => Err(FitError::Penalty(*penalty)),
            None => Ok(()),
        },
        None => Ok(()),
    }
}

fn check_training(settings: &MlpSettings) -> Result<(), FitError> {
    let MlpSettings { dropout, weight_decay, label_smoothing, mixup, .. } = *settings;
    let momentum = match settings.optimiser {
        Optimiser::Sgd { momentum } => momentum,
        Optimiser::Adam => 0.0,
    };
    for (what, share) in [("a dropout", dropout), ("a momentum", momentum), ("a label smoothing", label_smoothing)] {
        if !(0.0..1.0).contains(&share) {
            return Err(FitError::Training { what, limits: "of at least 0 and below 1", got: share.into() });
        }
    }
    for (what, value) in [("a weight decay", weight_decay), ("a mixup", mixup)] {
        if !(value.is_finite() && value >= 0.0) {
            return Err(FitError::Training { what, limits: "of at least 0", got: value.into() });
        }
    }
    for (what, count, least) in [
        ("a width", settings.width.unwrap_or(1), 1),
        ("epochs", settings.epochs, 1),
        ("a batch", settings.batch.unwrap_or(2), 2),
    ] {
        if count < least {
            let limits = if least == 1 { "of at least 1" } else { "of at least 2" };
            return Err(FitError::Training { what, limits, got: count as f64 });
        }
    }
    Ok(())
}
