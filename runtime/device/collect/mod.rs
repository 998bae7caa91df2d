//! Pictures in, features stored.

mod acknowledge;
mod plan;
mod report;
mod sync;
mod unfinished;
mod views;

use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde::Serialize;

use super::Device;
use super::error::DeviceError;
use crate::backbone::{Loader, Package};
use crate::causes::causes;
use crate::digest::{ContentHash, Fingerprint};
use crate::labels::Label;
use crate::manifest::BackboneName;
use crate::predictor::{Extractor, InOrder, golden_vectors};
use crate::preprocess::REVISION;
use crate::store::{Known, SampleRow, Split, Store};
use acknowledge::Acknowledger;
use plan::Plan;
pub use report::{CollectReport, Conflict, NotUsed, OtherSplit, Poor};
pub use sync::{Gone, Moved, SyncPlan};
use unfinished::Unfinished;

/// Which pictures to take, and as what.
#[derive(Clone, Debug, Default)]
pub struct CollectRequest<'a> {
    /// Folders of folders named after labels, lists, pictures.
    pub sources: Vec<PathBuf>,
    /// Of everything in the sources; `None` for what the sources say.
    pub label: Option<Label>,
    /// Likewise.
    pub split: Option<Split>,
    /// Likewise: samples of one group stay together in cross-validation.
    pub group: Option<String>,
    /// How many augmented views of each training picture to keep features of.
    pub views: u32,
    /// Take the sources as pictures whose labels nobody knows.
    pub unlabelled: bool,
    /// Also take what is passed over: pictures that were removed, or on which an earlier run was killed.
    pub again: bool,
    /// The backbone to use from now on; `None` for the one in use.
    pub backbone: Option<Package>,
    /// When it is raised, the pictures in hand are finished and no others begun.
    pub stop: Option<&'a AtomicBool>,
}

impl CollectRequest<'_> {
    /// Everything in `sources`, as they say.
    pub fn new<P: Into<PathBuf>>(sources: impl IntoIterator<Item = P>) -> Self {
        Self { sources: sources.into_iter().map(Into::into).collect(), ..Self::default() }
    }
}

/// A part of the work.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Stage {
    Collecting,
    MakingViews,
}

/// What came of one picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CollectEvent<'a> {
    /// It is on disk.
    Stored {
        path: &'a str,
        label: &'a str,
        id: i64,
    },
    /// Its content was stored before.
    Duplicate {
        path: &'a str,
        label: &'a str,
        id: i64,
    },
    /// It was removed earlier.
    PassedOver {
        path: &'a str,
    },
    Failed {
        path: &'a str,
        reason: &'a str,
    },
    /// It is stored, but no views of it could be made.
    ViewsFailed {
        path: &'a str,
        reason: &'a str,
    },
}

/// Told how collecting goes, on the thread that asked for it. `()` listens to nothing.
pub trait Observer {
    /// `stage` begins, with so many pictures.
    fn begin(&mut self, _stage: Stage, _pictures: usize) {}

    /// One of them is done with.
    fn advance(&mut self) {}

    /// # Errors
    /// Whatever it gives ends the work.
    fn tell(&mut self, _event: &CollectEvent<'_>) -> io::Result<()> {
        Ok(())
    }
}

impl Observer for () {}

impl Device {
    /// Puts every picture of the sources through the backbone, once, and stores its features.
    ///
    /// A picture that cannot be used is listed in the report and changes nothing else. What was told as stored survives a
    /// power cut.
    ///
    /// # Errors
    /// When no source holds a labelled picture, no engine runs, the store cannot be written, or the observer ends the work.
    pub fn collect(
        &self,
        request: &CollectRequest<'_>,
        observer: &mut dyn Observer,
    ) -> Result<CollectReport, DeviceError> {
        let plan = Plan::new(request)?;
        let mut store = self.store()?;
        store.purge_old()?;
        if let Err(error) = store.sweep_pictures() {
            tracing::warn!("pictures that no sample needs cannot be erased: {}", causes(&error));
        }
        let before = self.backbones().named_in_use(&store)?;
        let package = match &request.backbone {
            Some(package) => self.backbones().as_kept(&store, package.clone())?,
            None => self.backbones().in_use_of(&store)?,
        };
        let (name, loader) = self.load_and_keep(package, plan.len())?;
        match &request.backbone {
            Some(_) => self.backbones().take_into_use(&mut store, &name)?,
            None => self.backbones().stay_with(&mut store, &name, before.as_deref())?,
        }
        self.extract((&plan, &loader), request, &mut store, observer)
    }

    /// Stores features of another backbone of the samples `rows`. A file that is not the one that was stored any longer is listed
    /// in the report.
    ///
    /// # Errors
    /// As [`Device::collect`].
    pub(in crate::device) fn collect_stored(
        &self,
        (rows, loader): (&[SampleRow], &Loader),
        stop: &AtomicBool,
        store: &mut Store,
        observer: &mut dyn Observer,
    ) -> Result<CollectReport, DeviceError> {
        let request = CollectRequest { stop: Some(stop), ..CollectRequest::default() };
        self.extract((&Plan::of_stored(rows), loader), &request, store, observer)
    }

    /// Opens `package` for so many pictures, and keeps it with golden vectors; gives its name.
    pub(in crate::device) fn load_and_keep(
        &self,
        mut package: Package,
        pictures: usize,
    ) -> Result<(BackboneName, Loader), DeviceError> {
        let loader = self.load(package.clone(), pictures)?;
        if package.golden().is_none() {
            package.set_golden(loader.with_session(golden_vectors)??);
        }
        Ok((self.backbones().keep(&package)?, loader))
    }

    fn extract(
        &self,
        (plan, loader): (&Plan, &Loader),
        request: &CollectRequest<'_>,
        store: &mut Store,
        observer: &mut dyn Observer,
    ) -> Result<CollectReport, DeviceError> {
        let never = AtomicBool::new(false);
        let stop = request.stop.unwrap_or(&never);
        let start = Instant::now();
        let mut report = CollectReport::new(plan, loader);
        let state = self.state().path();
        let unfinished = Unfinished::read(state, request.again)
            .map_err(|source| DeviceError::Unfinished { state: state.to_owned(), source })?;
        let (limits, threads) = (self.settings().limits, self.settings().engine.threads);
        let extractor = Extractor { loader, limits, threads, journal: &unfinished, thumbnails: true };
        let job = Job { plan, extractor, stop, unfinished: &unfinished, again: request.again };
        collect(&job, store, (&mut report, observer))?;
        if request.views > 0 {
            views::collect((&job, request.views), store, (&mut report, observer))?;
        }
        report.look_at(plan, store)?;
        report.finish(start.elapsed(), stop.load(Ordering::SeqCst));
        Ok(report)
    }
}

struct Job<'a> {
    plan: &'a Plan,
    extractor: Extractor<'a>,
    stop: &'a AtomicBool,
    unfinished: &'a Unfinished,
    /// Whether removed pictures are taken as well.
    again: bool,
}

/// What is said of the work: in the end, and while it goes on.
type Told<'a, 'b> = (&'a mut CollectReport, &'a mut (dyn Observer + 'b));

fn collect(job: &Job<'_>, store: &mut Store, (report, observer): Told<'_, '_>) -> Result<(), DeviceError> {
    let fingerprint = job.extractor.loader.manifest().fingerprint();
    let unclaimed = Unclaimed::new(store, fingerprint, job.again)?;
    observer.begin(Stage::Collecting, job.plan.len());
    let mut acknowledger = Acknowledger::new(store, job, fingerprint, (report, observer));
    let mut order = InOrder::default();
    let admit = |index: usize, hash: ContentHash| {
        job.plan.expects(index, &hash) && !job.unfinished.passes_over(&hash) && unclaimed.claim(hash)
    };
    job.extractor.run(job.plan.paths(), job.stop, &admit, &mut |index, outcome| -> Result<(), DeviceError> {
        for (index, outcome) in order.push(index, (index, outcome)) {
            acknowledger.take(index, outcome)?;
        }
        acknowledger.flush_if_due()
    })?;
    acknowledger.finish()
}

/// Decides which of several threads extracts a picture: nobody what is stored or was removed, one what is not.
struct Unclaimed {
    done: Mutex<HashSet<ContentHash>>,
}

impl Unclaimed {
    fn new(store: &Store, fingerprint: Fingerprint, again: bool) -> Result<Self, DeviceError> {
        let mut done = store.complete(&fingerprint, REVISION)?;
        if !again {
            done.extend(store.removed()?);
        }
        Ok(Self { done: Mutex::new(done) })
    }

    fn claim(&self, hash: ContentHash) -> bool {
        self.done.lock().expect("no holder panics").insert(hash)
    }
}

/// What the store has of this picture where that is complete.
fn complete(store: &Store, hash: &ContentHash, fingerprint: &Fingerprint) -> Result<Option<Known>, DeviceError> {
    let known = store.known(hash, fingerprint, REVISION)?;
    Ok(matches!(known, Known::Complete(_)).then_some(known))
}
