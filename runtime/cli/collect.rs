//! `collect`: pictures in, features stored.

mod sync;
mod text;

use std::io;
use std::path::PathBuf;

use serde::Serialize;

use super::context::Context;
use super::engine::EngineArgs;
use super::failure::{AlreadyReported, Interrupted, ReaderGone, failure, is_reader_gone};
use super::interrupt;
use super::network::BackboneArgs;
use super::progress::Progress;
use super::remedy::OrRemedy as _;
use crate::device::{CollectEvent, CollectReport, CollectRequest, Observer, Stage, SyncPlan};
use crate::labels::Label;
use crate::store::Split;

/// Read when neither the command line nor the settings name a source.
const DEFAULT_SOURCE: &str = "data";

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Exit code 1: no picture could be used, or a folder or a line of a list was refused. A picture that \
                        could not be used is listed and changes nothing else."
)]
pub struct Args {
    /// Folders of folders named after labels, lists (.csv, .jsonl, …), pictures [default: the settings', else ./data]
    #[arg(value_name = "SOURCE")]
    pub sources: Vec<PathBuf>,
    /// The label of everything in SOURCE
    #[arg(long)]
    label: Option<Label>,
    /// What everything in SOURCE is for: train, validation or test [default: what SOURCE says, else train]
    #[arg(long)]
    split: Option<Split>,
    /// Keep everything in SOURCE together in cross-validation, as the frames of one burst
    #[arg(long)]
    group: Option<String>,
    /// Also keep features of N augmented views (crop, turn, mirror, colour) of each training picture
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=100))]
    views: u32,
    /// Take SOURCE as pictures whose labels nobody knows, for `fit-head --pseudo-labels`
    #[arg(long, conflicts_with_all = ["label", "views"])]
    unlabelled: bool,
    /// Also take what is passed over: pictures that were removed with `samples remove`, or on which an earlier run was
    /// killed
    #[arg(long)]
    again: bool,
    /// Make the store follow the folder SOURCE: pictures moved to another class there are relabelled, those gone are
    /// removed. Says what it would do; --yes does it
    #[arg(long, conflicts_with_all = ["unlabelled", "json_lines", "label"])]
    sync: bool,
    /// Do what --sync says, then collect what is new
    #[arg(long, requires = "sync")]
    yes: bool,
    /// One JSON object on stdout for every sample, written once it is safely stored, then the summary
    #[arg(long)]
    json_lines: bool,
    #[command(flatten)]
    backbone: BackboneArgs,
    #[command(flatten)]
    pub engine: EngineArgs,
}

impl Args {
    /// What `collect SOURCE…` means.
    pub fn of(sources: Vec<PathBuf>) -> Self {
        let (backbone, engine) = (BackboneArgs::default(), EngineArgs::default());
        let (label, split, group) = (None, None, None);
        let [unlabelled, again, json_lines, sync, yes] = [false; 5];
        Self { sources, label, split, group, views: 0, unlabelled, again, sync, yes, json_lines, backbone, engine }
    }
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let synchronised = if args.sync { Some(synchronise(args, context)?) } else { None };
    if args.sync && !args.yes {
        return Ok(());
    }
    let report = collect_all(args, context)?;
    if args.json_lines {
        context.output.json_line(&report)?;
    } else {
        let whole = Report { report: &report, sync: synchronised };
        context.output.result(&whole, || text::of(&report))?;
    }
    if report.interrupted {
        let message = format!("{} of {} pictures are stored; the same command goes on", report.kept(), report.seen);
        return Err(Interrupted(message).into());
    }
    if report.nothing_usable() || report.has_refusals() { Err(AlreadyReported.into()) } else { Ok(()) }
}

/// `collect --json`.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    report: &'a CollectReport,
    /// With --sync: what was done before.
    #[serde(skip_serializing_if = "Option::is_none")]
    sync: Option<SyncPlan>,
}

/// Says how the store differs from the folder and, with `--yes`, mends it.
fn synchronise(args: &Args, context: &Context) -> anyhow::Result<SyncPlan> {
    let device = context.device();
    let plan = device.sync_plan(&args.request(context)?).or_remedy()?;
    match (args.yes, context.output.is_json()) {
        (true, json) => {
            device.sync(&plan).or_remedy()?;
            if !json {
                context.output.text(&format!("{}\n", sync::text(&plan)))?;
            }
        }
        (false, true) => context.output.json_line(&plan)?,
        (false, false) if plan.is_empty() => context.output.text(&sync::text(&plan))?,
        (false, false) => {
            let text = sync::text(&plan);
            context
                .output
                .text(&format!("{text}\nnothing was changed: --yes does it, `edgetl samples undo` takes it back"))?;
        }
    }
    Ok(plan)
}

/// Collects without printing the report.
pub fn collect_all(args: &Args, context: &Context) -> anyhow::Result<CollectReport> {
    let request = args.request(context)?;
    let mut observer = ProgressObserver::new(args.json_lines, context);
    let collected = context.device_on(&args.engine).collect(&request, &mut observer).or_remedy();
    collected.map_err(|error| if is_reader_gone(&error) { observer.reader_gone().into() } else { error })
}

impl Args {
    fn request(&self, context: &Context) -> anyhow::Result<CollectRequest<'static>> {
        Ok(CollectRequest {
            sources: sources(self, context)?,
            label: self.label.clone(),
            split: self.split,
            group: self.group.clone(),
            views: self.views,
            unlabelled: self.unlabelled,
            again: self.again,
            backbone: self.backbone.package(&self.engine, context)?,
            stop: Some(interrupt::catch()?),
        })
    }
}

fn sources(args: &Args, context: &Context) -> anyhow::Result<Vec<PathBuf>> {
    if !args.sources.is_empty() {
        return Ok(args.sources.clone());
    }
    if !context.config.collect.sources.is_empty() {
        return Ok(context.config.collect.sources.clone());
    }
    let default = PathBuf::from(DEFAULT_SOURCE);
    if default.is_dir() {
        return Ok(vec![default]);
    }
    Err(failure("expected a SOURCE, got none, and there is no folder `data` here", "edgetl collect FOLDER"))
}

/// Shows how far collecting is, and prints each event as a JSON line where that is wanted.
struct ProgressObserver<'a> {
    context: &'a Context,
    json_lines: bool,
    progress: Option<Progress>,
    /// Pictures of which it was told that they are in the store.
    kept: usize,
    pictures: usize,
}

impl<'a> ProgressObserver<'a> {
    fn new(json_lines: bool, context: &'a Context) -> Self {
        Self { context, json_lines, progress: None, kept: 0, pictures: 0 }
    }

    fn reader_gone(&self) -> ReaderGone {
        let (kept, pictures) = (self.kept, self.pictures);
        ReaderGone(format!("{kept} of {pictures} pictures were acknowledged and are stored; the same command goes on"))
    }

    fn warn(&self, path: &str, reason: &str) {
        if let Some(progress) = &self.progress {
            progress.warn(&format!("`{path}`: {reason}"));
        }
    }
}

impl Observer for ProgressObserver<'_> {
    fn begin(&mut self, stage: Stage, pictures: usize) {
        let what = match stage {
            Stage::Collecting => {
                self.pictures = pictures;
                "collecting"
            }
            Stage::MakingViews => "making views",
        };
        // The bar before it ends first.
        self.progress = None;
        self.progress = Some(Progress::new(what, pictures, self.context.quiet));
    }

    fn advance(&mut self) {
        self.progress.iter_mut().for_each(Progress::advance);
    }

    fn tell(&mut self, event: &CollectEvent<'_>) -> io::Result<()> {
        match event {
            CollectEvent::Failed { path, reason } | CollectEvent::ViewsFailed { path, reason } => {
                self.warn(path, reason);
            }
            CollectEvent::Stored { .. } | CollectEvent::Duplicate { .. } => self.kept += 1,
            CollectEvent::PassedOver { .. } => {}
        }
        if self.json_lines { self.context.output.json_line(event) } else { Ok(()) }
    }
}
