//! Options that make sense.

use crate::head::error::FitError;
use crate::head::models::Task;
use crate::head::options::{FitOptions, Goal, MlpSettings};

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
    check_decision(options)?;
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

fn check_decision(options: &FitOptions) -> Result<(), FitError> {
    if options.task != Task::Classification && (options.goal.is_some() || options.least.is_some()) {
        return Err(FitError::GoalTask(options.task));
    }
    if let Some(got) = options.least.filter(|least| !(0.0..1.0).contains(least)) {
        return Err(FitError::Goal { what: "a least probability of at least 0 and below 1", got });
    }
    match options.goal {
        Some(Goal::Recall { share, .. } | Goal::Precision { share, .. }) if !(share > 0.0 && share <= 1.0) => {
            Err(FitError::Goal { what: "a share above 0 and of at most 1", got: share })
        }
        Some(Goal::Cost { times, .. }) if !(times > 0.0 && times.is_finite()) => {
            Err(FitError::Goal { what: "a cost above 0", got: times })
        }
        _ => Ok(()),
    }
}

fn check_training(settings: &MlpSettings) -> Result<(), FitError> {
    let MlpSettings { dropout, weight_decay, .. } = *settings;
    if !(0.0..1.0).contains(&dropout) {
        return Err(FitError::Training { what: "a dropout", limits: "of at least 0 and below 1", got: dropout.into() });
    }
    if !(weight_decay.is_finite() && weight_decay >= 0.0) {
        return Err(FitError::Training { what: "a weight decay", limits: "of at least 0", got: weight_decay.into() });
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
