//! `advise --baseline`: did transfer help?

use super::Args;
use crate::advice::{BaselinePoint, BaselineRow};
use crate::cli::context::Context;
use crate::cli::output::{count, interval, table};
use crate::cli::progress::Progress;
use crate::cli::remedy::OrRemedy as _;
use crate::device::BaselineReport;

pub fn measure(args: &Args, context: &Context) -> anyhow::Result<BaselineReport> {
    crate::threads::start_pool();
    let mut progress: Option<Progress> = None;
    let mut advance =
        |pictures| progress.get_or_insert_with(|| Progress::new("extracting", pictures, context.quiet)).advance();
    context.device_on(&args.engine).baseline(&super::options(args), &mut advance).or_remedy()
}

pub fn text(report: &BaselineReport) -> String {
    let right = |row: &BaselineRow| interval(row.accuracy, Some((row.low, row.high)));
    let rows = report
        .points
        .iter()
        .map(|point| [share(point).to_owned(), right(&point.pixels), right(&point.random), right(&point.pretrained)]);
    let unread = match report.unread {
        0 => String::new(),
        unread => format!("; {} could not be read again", count(unread, "other")),
    };
    let mut lines = vec![
        format!("Did transfer help? Right of {}{unread}, held out:", count(report.pictures, "picture")),
        table(["pictures", "raw pixels", "random weights", "pretrained"], rows),
        format!("Raw pixels: the network's input made {}x{}.", report.width, report.height),
        "Random weights: the same network with random weights, what its shape alone gives;".to_owned(),
        "not training from scratch, since only its head learns.".to_owned(),
    ];
    lines.push(verdict(report));
    lines.push(format!("{:.1} s for the comparison", report.seconds));
    lines.join("\n")
}

fn share(point: &BaselinePoint) -> &'static str {
    match point.share {
        share if share < 0.3 => "a quarter",
        share if share < 0.7 => "half",
        _ => "all",
    }
}

/// By how many points the pretrained network is ahead, at each size.
fn verdict(report: &BaselineReport) -> String {
    let points = |row: &BaselineRow| {
        let (behind, error) = (row.behind.unwrap_or_default(), row.error.unwrap_or_default());
        format!("{:+.1} ± {:.1}", behind * 100.0, error * 100.0)
    };
    let each = |point: &BaselinePoint| {
        format!("with {} {} and {}", share(point), points(&point.pixels), points(&point.random))
    };
    let sizes: Vec<String> = report.points.iter().map(each).collect();
    match sizes.is_empty() {
        true => "Not known: no class has pictures of two groups to hold one out.".to_owned(),
        false => format!("Pretraining gave, in points over pixels and over random weights:\n{}.", sizes.join(",\n")),
    }
}
