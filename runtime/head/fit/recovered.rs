//! The options of a head whose file does not keep them.

use crate::head::options::{FitOptions, HeadChoice};
use crate::head::report::FitReport;

impl FitOptions {
    /// What `report` tells of the options of a head whose file does not keep them: task, kind, balance and the share that may be
    /// called unknown. The others are those of [`FitOptions::default`].
    pub fn told_by(report: &FitReport) -> Self {
        let usual = Self::default();
        Self {
            task: report.task(),
            head: HeadChoice::Only(report.head),
            balance: report.balance,
            false_reject: report.unknown.false_reject.unwrap_or(usual.false_reject),
            ..usual
        }
    }
}
