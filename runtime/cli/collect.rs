//! `collect`: pictures in, features stored.

mod acknowledge;
mod plan;
mod summary;
mod unfinished;
mod views;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::Context as _;

use super::context::Context;
use super::engine::{BackboneArgs, EngineArgs, limits, remember};
use super::failure::{AlreadyReported, Interrupted, ReaderGone, is_reader_gone};
use super::interrupt;
use super::progress::Progress;
use crate::digest::{ContentHash, Fingerprint};
use crate::labels::Label;
use crate::predictor::{Extractor, InOrder};
use crate::store::{Known, Split, Store};
use acknowledge::Acknowledger;
pub use summary::Summary;
use unfinished::Unfinished;

#[derive(Debug, clap::Args)]
#[command(after_help = "Exit code 1: no picture could be used, or a folder was refused. A picture that could not be \
                        used is listed and changes nothing else.")]
pub struct Args {
    /// Folders of folders named after labels, lists (.csv, .jsonl), pictures [default: the settings', else ./data]
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
        let (unlabelled, again, json_lines) = (false, false, false);
        Self { sources, label, split, group, views: 0, unlabelled, again, json_lines, backbone, engine }
    }
}

pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let summary = collect_all(args, context)?;
    if args.json_lines {
        context.output.json_line(&summary)?;
    } else {
        context.output.result(&summary, || summary.text())?;
    }
    if summary.interrupted {
        let message = format!("{} of {} pictures are stored; the same command goes on", summary.kept(), summary.seen);
        return Err(Interrupted(message).into());
    }
    if summary.nothing_usable() || summary.has_refusals() { Err(AlreadyReported.into()) } else { Ok(()) }
}

/// Collects without printing the summary.
pub fn collect_all(args: &Args, context: &Context) -> anyhow::Result<Summary> {
    let plan = plan::Plan::new(args, context)?;
    let mut store = context.store()?;
    let package = args.backbone.package(&args.engine, context, &store)?;
    let loader = args.engine.load(package.clone(), context, plan.len())?;
    remember(&package, context, &mut store)?;

    let stop = interrupt::catch()?;
    let start = Instant::now();
    let mut summary = Summary::new(&plan, &loader);
    let unfinished = Unfinished::read(context.state.path(), args.again)
        .with_context(|| format!("cannot look at unfinished pictures in `{}`", context.state.path().display()))?;
    let (limits, threads) = (limits(context), args.engine.threads(context));
    let extractor = Extractor { loader: &loader, limits, threads, journal: &unfinished };
    let job = Job { plan: &plan, extractor, stop, unfinished: &unfinished, again: args.again };
    collect(&job, &mut store, &mut summary, &Reporting::new(args, context)).map_err(|error| {
        if !is_reader_gone(&error) {
            return error;
        }
        let (kept, seen) = (summary.kept(), summary.seen);
        ReaderGone(format!("{kept} of {seen} pictures were acknowledged and are stored; the same command goes on"))
            .into()
    })?;
    if args.views > 0 {
        views::collect((&job, args.views), &mut store, &mut summary, context.quiet)?;
    }
    summary.finish(start.elapsed(), &store, stop.load(Ordering::SeqCst))?;
    Ok(summary)
}

/// How progress is told.
struct Reporting<'a> {
    context: &'a Context,
    json_lines: bool,
}

impl<'a> Reporting<'a> {
    fn new(args: &Args, context: &'a Context) -> Self {
        Self { context, json_lines: args.json_lines }
    }
}

struct Job<'a> {
    plan: &'a plan::Plan,
    extractor: Extractor<'a>,
    stop: &'static AtomicBool,
    unfinished: &'a Unfinished,
    /// Whether removed pictures are taken as well.
    again: bool,
}

fn collect(job: &Job<'_>, store: &mut Store, summary: &mut Summary, reporting: &Reporting<'_>) -> anyhow::Result<()> {
    let fingerprint = job.extractor.loader.manifest().fingerprint();
    let unclaimed = Unclaimed::new(store, fingerprint, job.again)?;
    let mut progress = Progress::new("collecting", job.plan.len(), reporting.context.quiet);
    let mut acknowledger = Acknowledger::new(store, job, fingerprint, reporting);
    let mut order = InOrder::default();
    let admit = |_: usize, hash: ContentHash| !job.unfinished.passes_over(&hash) && unclaimed.claim(hash);
    job.extractor.run(job.plan.paths(), job.stop, &admit, &mut |index, outcome| -> anyhow::Result<()> {
        for (index, outcome) in order.push(index, (index, outcome)) {
            progress.advance();
            acknowledger.take(index, outcome, summary, &progress)?;
        }
        acknowledger.flush_if_due(summary)
    })?;
    acknowledger.finish(summary)
}

/// Decides which of several threads extracts a picture: nobody what is stored or was removed, one what is not.
struct Unclaimed {
    done: Mutex<HashSet<ContentHash>>,
}

impl Unclaimed {
    fn new(store: &Store, fingerprint: Fingerprint, again: bool) -> anyhow::Result<Self> {
        let mut done = store.complete(&fingerprint)?;
        if !again {
            done.extend(store.removed()?);
        }
        Ok(Self { done: Mutex::new(done) })
    }

    fn claim(&self, hash: ContentHash) -> bool {
        self.done.lock().expect("no holder panics").insert(hash)
    }
}

/// Whether the store already has features of this picture.
fn is_stored(store: &Store, hash: &ContentHash, fingerprint: &Fingerprint) -> anyhow::Result<Option<Known>> {
    let known = store.known(hash, fingerprint)?;
    Ok(matches!(known, Known::Complete(_)).then_some(known))
}
