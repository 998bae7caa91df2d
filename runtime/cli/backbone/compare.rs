//! `backbone compare`: which backbone suits the stored pictures and this machine.

use std::io;
use std::time::Duration;

use crate::cli::context::Context;
use crate::cli::engine::EngineArgs;
use crate::cli::failure::Interrupted;
use crate::cli::interrupt;
use crate::cli::output::{count, interval, percent, table};
use crate::cli::progress::Progress;
use crate::cli::remedy::OrRemedy as _;
use crate::cli::shell::Shell;
use crate::device::{CollectEvent, CompareReport, CompareRequest, ComparedBackbone, Observer, Stage};
use crate::head::FitOptions;
use crate::manifest::BackboneName;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Pictures that a backbone has not seen are read again from where they were collected, and the features \
                        are kept: after `backbone use` nothing has to be collected. Augmented views take no part."
)]
pub struct Args {
    /// Backbones to compare, as `backbone list` names them [default: all, and the one in the box]
    #[arg(value_name = "NAME")]
    names: Vec<BackboneName>,
    /// The longest that one picture may take, as 50ms or 0.2s
    #[arg(long, value_name = "TIME", value_parser = time)]
    within: Option<Duration>,
    /// Decides which pictures share a fold
    #[arg(long, default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    engine: EngineArgs,
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    crate::threads::start_pool();
    let request = CompareRequest {
        names: args.names.clone(),
        within: args.within,
        options: FitOptions { seed: args.seed, ..FitOptions::default() },
        stop: Some(interrupt::catch()?),
    };
    let mut observer = Extracting { progress: None, silent: context.quiet };
    let report = context.device_on(&args.engine).compare(&request, &mut observer).or_remedy()?;
    if report.interrupted {
        let message =
            format!("{} of pictures are kept; the same command goes on", count(report.extracted(), "feature"));
        return Err(Interrupted(message).into());
    }
    context.output.result(&report, || text(&report, &Shell::new(context)))?;
    Ok(())
}

fn time(text: &str) -> Result<Duration, String> {
    let time = humantime::parse_duration(text).ok().filter(|time| !time.is_zero());
    time.ok_or_else(|| format!("expected a time, as 50ms or 0.2s, got `{text}`"))
}

/// Shows how far one backbone is with the pictures.
struct Extracting {
    progress: Option<Progress>,
    silent: bool,
}

impl Observer for Extracting {
    fn begin(&mut self, _: Stage, pictures: usize) {
        // The bar before it ends first.
        self.progress = None;
        self.progress = Some(Progress::new("extracting", pictures, self.silent));
    }

    fn advance(&mut self) {
        self.progress.iter_mut().for_each(Progress::advance);
    }

    fn tell(&mut self, _: &CollectEvent<'_>) -> io::Result<()> {
        Ok(())
    }
}

fn text(report: &CompareReport, shell: &Shell) -> String {
    let asked = count(report.asked, "picture");
    let head = format!("{asked} of {} classes, each judged by a head that had not seen it", report.classes);
    let mut parts = if report.asked > 0 { vec![head] } else { Vec::new() };
    parts.push(rows(report));
    parts.extend(unread(report));
    parts.push(verdict(report, shell).join("\n"));
    format!("{}\n{:.1} s", parts.join("\n\n"), report.seconds)
}

fn rows(report: &CompareReport) -> String {
    let shown = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
    let rows = report.backbones.iter().map(|row| {
        [
            row.name.to_string(),
            if row.in_use { "in use".to_owned() } else { String::new() },
            shown(row.accuracy.map(|accuracy| interval(accuracy, row.low.zip(row.high)))),
            difference(row),
            shown(row.seconds_a_picture.map(|seconds| format!("{:.1}", seconds * 1e3))),
            format!("{:.1}", row.bytes as f64 / 1e6),
        ]
    });
    table(["backbone", "", "held-out accuracy", "to the best", "ms", "MB"], rows)
}

fn difference(row: &ComparedBackbone) -> String {
    match row.difference.zip(row.error) {
        Some((difference, error)) => format!("{:+.1} ± {:.1}", difference * 100.0, error * 100.0),
        None => String::new(),
    }
}

/// Pictures and backbones without numbers, and why.
fn unread(report: &CompareReport) -> Vec<String> {
    let mut lines: Vec<String> = report
        .backbones
        .iter()
        .filter_map(|row| Some(format!("{} is not compared: {}", row.name, row.reason.as_ref()?)))
        .collect();
    if let Some(first) = report.unread.first() {
        lines.push(format!(
            "{} could not be read again, the first `{}`: {}",
            count(report.unread.len(), "stored picture"),
            first.path,
            first.reason
        ));
    }
    (!lines.is_empty()).then(|| lines.join("\n")).into_iter().collect()
}

/// What the numbers say, in sentences, and what to type.
fn verdict(report: &CompareReport, shell: &Shell) -> Vec<String> {
    let mut lines = Vec::new();
    let unclear: Vec<&str> =
        report.backbones.iter().filter(|row| row.clear == Some(false)).map(|row| row.name.as_str()).collect();
    if !unclear.is_empty() {
        lines.push(format!("no clear difference to the best (within two standard errors): {}", unclear.join(", ")));
    }
    lines.push(recommendation(report));
    let quicker = report.quicker.as_ref().and_then(|name| report.row(name));
    lines
        .extend(quicker.map(|row| {
            format!("quicker, and not clearly worse: {} ({}, {})", row.name, right(row), milliseconds(row))
        }));
    if let Some(name) = report.recommended.as_ref().filter(|name| report.row(name).is_some_and(|row| !row.in_use)) {
        let use_it = shell.edgetl(["backbone", "use", name.as_str()]);
        lines.push(format!("  {use_it} && {}", shell.edgetl(["fit-head"])));
    } else if report.backbones.len() == 1 {
        lines.push("others to compare with:".to_owned());
        let commands = [&["backbone", "fetch", "--list"][..], &["backbone", "import", "MODEL.onnx"]];
        lines.extend(commands.map(|words| format!("  {}", shell.edgetl(words.iter().copied()))));
    }
    lines
}

fn recommendation(report: &CompareReport) -> String {
    let within = report.within.map(|within| format!("{:?}", Duration::from_secs_f64(within)));
    match (report.recommended.as_ref().and_then(|name| report.row(name)), within) {
        (Some(row), None) => format!("recommended: {}, {}", row.name, right(row)),
        (Some(row), Some(within)) => {
            format!("recommended of those within {within}: {}, {} ({})", row.name, right(row), milliseconds(row))
        }
        (None, Some(within)) if report.asked > 0 => match quickest(report) {
            Some(row) => format!(
                "none takes at most {within} a picture; the quickest, {}, takes {}",
                row.name,
                milliseconds(row)
            ),
            None => format!("none is known to take at most {within} a picture: no stored picture could be read again"),
        },
        _ => "nothing is recommended, since nothing could be held out".to_owned(),
    }
}

fn quickest(report: &CompareReport) -> Option<&ComparedBackbone> {
    let timed = report.backbones.iter().filter(|row| row.seconds_a_picture.is_some());
    timed.min_by(|one, other| one.seconds_a_picture.partial_cmp(&other.seconds_a_picture).expect("both are numbers"))
}

fn right(row: &ComparedBackbone) -> String {
    row.accuracy.map_or_else(|| "-".to_owned(), |accuracy| format!("{} right", percent(accuracy)))
}

fn milliseconds(row: &ComparedBackbone) -> String {
    row.seconds_a_picture.map_or_else(|| "-".to_owned(), |seconds| format!("{:.1} ms", seconds * 1e3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        for (text, seconds) in [("50ms", 0.05), ("0.2s", 0.2), ("800 us", 0.0008), ("1.5 s", 1.5), ("2s", 2.0)] {
            assert_eq!(time(text), Ok(Duration::from_secs_f64(seconds)), "{text}");
        }
        for text in ["", "ms", "0ms", "-1s", "2", "soon", "1e400s", "NaN"] {
            assert!(time(text).unwrap_err().contains(&format!("got `{text}`")), "{text}");
        }
    }
}
