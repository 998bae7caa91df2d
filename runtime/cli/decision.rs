//! How classes are told apart, where the likeliest is not it: the flags, and what comes of it in words.

use super::output;
use super::shares;
use crate::head::{Goal, OperatingClass, OperatingReport, Share};
use crate::labels::Label;

#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Decision")]
pub struct DecisionArgs {
    /// Find this share of a class, such as defect=0.95, with as few false alarms as that allows
    #[arg(long, value_name = "LABEL=SHARE", value_parser = label_share, group = "goal")]
    recall: Option<(Label, f64)>,
    /// Of what is called so, let this share be right, and find as many as that allows
    #[arg(long, value_name = "LABEL=SHARE", value_parser = label_share, group = "goal")]
    precision: Option<(Label, f64)>,
    /// Taking a picture of WRONG for one of TAKEN_FOR costs N times another mistake
    #[arg(long, value_name = "WRONG:TAKEN_FOR=N", value_parser = cost, group = "goal")]
    cost: Option<Cost>,
    /// Say nothing where the class that would be said is less likely than this
    #[arg(long, value_name = "PROBABILITY", value_parser = shares::threshold)]
    threshold: Option<f64>,
}

#[derive(Debug, Clone, PartialEq)]
struct Cost {
    wrong: Label,
    taken_for: Label,
    times: f64,
}

impl DecisionArgs {
    pub fn goal(&self) -> Option<Goal> {
        let recall = self.recall.clone().map(|(label, share)| Goal::Recall { label, share });
        let precision = self.precision.clone().map(|(label, share)| Goal::Precision { label, share });
        let cost = self.cost.clone().map(|Cost { wrong, taken_for, times }| Goal::Cost { wrong, taken_for, times });
        recall.or(precision).or(cost)
    }

    pub fn least(&self) -> Option<f64> {
        self.threshold
    }

    pub fn is_empty(&self) -> bool {
        self.goal().is_none() && self.threshold.is_none()
    }
}

fn label_share(text: &str) -> Result<(Label, f64), String> {
    let expected = || format!("expected LABEL=SHARE with a share above 0 and of at most 1, got `{text}`");
    let (label, share) = text.rsplit_once('=').ok_or_else(expected)?;
    let share: f64 = share.parse().map_err(|_| expected())?;
    let within = share > 0.0 && share <= 1.0;
    within.then_some(()).ok_or_else(expected)?;
    Ok((Label::known(label).map_err(|error| error.to_string())?, share))
}

fn cost(text: &str) -> Result<Cost, String> {
    let expected = || format!("expected WRONG:TAKEN_FOR=N with a number above 0, got `{text}`");
    let (classes, times) = text.rsplit_once('=').ok_or_else(expected)?;
    let (wrong, taken_for) = classes.split_once(':').ok_or_else(expected)?;
    let times: f64 = times.parse().map_err(|_| expected())?;
    (times > 0.0 && times.is_finite() && wrong != taken_for).then_some(()).ok_or_else(expected)?;
    let label = |text: &str| Label::known(text).map_err(|error| error.to_string());
    Ok(Cost { wrong: label(wrong)?, taken_for: label(taken_for)?, times })
}

/// What a decision does, by the pictures that were held out.
pub fn text(report: &OperatingReport) -> String {
    let mut lines = Vec::new();
    if let Some(class) = &report.class {
        lines.push(fares(class));
    }
    if let (Some(class), Some(probability)) = (&report.class, report.probability) {
        lines.push(format!("`{}` is said from a probability of {probability:.3} on", class.label));
    }
    if let (Some(goal), false) = (&report.goal, report.reached) {
        lines.push(format!("the goal ({goal}) is not reached by the pictures held out; this is the nearest to it"));
    }
    if let Some(least) = report.least {
        lines.push(format!("nothing is said below a probability of {least}: of {}", interval(&report.silent)));
    }
    lines.join("\n")
}

fn fares(class: &OperatingClass) -> String {
    let OperatingClass { label, found, right, false_alarms } = class;
    let alarms = match (false_alarms.count, false_alarms.of) {
        (_, 0) => "no other picture was held out".to_owned(),
        (0, of) => format!("raises no false alarm in {of} ({})", one_in(false_alarms)),
        (count, of) => {
            format!("raises 1 false alarm in {} ({})", (of as f64 / count as f64).round(), one_in(false_alarms))
        }
    };
    format!(
        "held out: finds {} of {label} ({} of {}), {alarms}; right when it says so: {}",
        interval(found),
        found.count,
        found.of,
        interval(right)
    )
}

/// `1 in 95 to 1 in 600`, of the ends of the interval.
fn one_in(share: &Share) -> String {
    let often = (1.0 / share.high.max(1e-9)).round();
    match share.count {
        0 => format!("at most 1 in {often}"),
        _ => format!("1 in {often} to 1 in {}", (1.0 / share.low.max(1e-9)).round()),
    }
}

fn interval(share: &Share) -> String {
    share.share.map_or_else(|| "-".to_owned(), |middle| output::interval(middle, Some((share.low, share.high))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_are_read_as_people_write_them_and_labels_may_hold_signs() {
        let label = |text: &str| Label::new(text).unwrap();
        assert_eq!(label_share("defect=0.95"), Ok((label("defect"), 0.95)));
        assert_eq!(label_share("a=b=1"), Ok((label("a=b"), 1.0)));
        assert!(["defect", "defect=0", "defect=1.2", "defect=x", "=0.5"].iter().all(|text| label_share(text).is_err()));
        let read = Cost { wrong: label("defect"), taken_for: label("ok"), times: 20.0 };
        assert_eq!(cost("defect:ok=20"), Ok(read));
        assert!(["defect=20", "defect:ok", "a:b=-1", "a:a=2"].iter().all(|text| cost(text).is_err()));
    }
}
