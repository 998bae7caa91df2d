//! Kept backbones side by side, on the pictures that are stored.

mod judge;
mod kept;
mod report;
mod timing;

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::Device;
use super::collect::{NotUsed, Observer};
use super::error::DeviceError;
use crate::backbone::Package;
use crate::causes::causes;
use crate::digest::Fingerprint;
use crate::head::FitOptions;
use crate::manifest::{BackboneName, Manifest};
use crate::preprocess::REVISION;
use crate::store::{Filter, Known, SampleRow, Store};
use judge::judge;
pub use kept::{KeptComparison, KeptRow};
pub use report::{CompareReport, ComparedBackbone};

/// Which backbones to compare, and how.
#[derive(Clone, Debug, Default)]
pub struct CompareRequest<'a> {
    /// Empty: all that are kept, and the one that is built in.
    pub names: Vec<BackboneName>,
    /// The longest that a picture may take.
    pub within: Option<Duration>,
    /// How heads are cross-validated; always on classes.
    pub options: FitOptions,
    /// When it is raised, the pictures in hand are finished and no others begun.
    pub stop: Option<&'a AtomicBool>,
}

/// A backbone of which nothing but the manifest has been read.
struct Listed {
    name: BackboneName,
    manifest: Manifest,
    /// Of the network's file.
    bytes: u64,
}

/// The stored pictures with labels.
struct Pictures {
    rows: Vec<SampleRow>,
    /// Those that could not be read, by any backbone.
    unread: Vec<NotUsed>,
}

impl Device {
    /// Puts the labelled pictures of the store through every backbone that has not seen them, keeps the features, and says
    /// how good heads on each of them are, in the same folds, and how long a picture takes.
    ///
    /// # Errors
    /// When nothing is stored, a named backbone is not there, the store cannot be read or written, or the observer ends the work.
    pub fn compare(
        &self,
        request: &CompareRequest<'_>,
        observer: &mut dyn Observer,
    ) -> Result<CompareReport, DeviceError> {
        let start = Instant::now();
        let never = AtomicBool::new(false);
        let stop = request.stop.unwrap_or(&never);
        let mut store = self.existing_store()?;
        let listed = self.listed(&request.names, &store)?;
        let mut pictures = Pictures::stored(&store)?;
        let in_use = self.backbones().in_use_of(&store).ok().map(|package| package.fingerprint());
        let mut compared = Vec::new();
        for listed in listed {
            let mut row = ComparedBackbone::new(&listed, in_use);
            self.see(&mut row, &mut pictures, (stop, &mut store, observer))?;
            compared.push(row);
            if stop.load(Ordering::SeqCst) {
                break;
            }
        }
        let mut report = CompareReport::new(compared, pictures.unread, request.within);
        if stop.load(Ordering::SeqCst) {
            report.interrupted = true;
        } else {
            let options = self.within_memory(&request.options);
            store.snapshot(|store| Ok(judge(self, store, &options, &mut report)))??;
        }
        report.seconds = start.elapsed().as_secs_f64();
        if !report.interrupted {
            Self::keep_comparison(&mut store, &report)?;
        }
        Ok(report)
    }

    /// The named backbones, else all.
    fn listed(&self, names: &[BackboneName], store: &Store) -> Result<Vec<Listed>, DeviceError> {
        let mut listed: Vec<Listed> = self.backbones().list()?.into_iter().map(Listed::from).collect();
        if let Some(package) = Package::embedded() {
            let package = self.backbones().as_kept(store, package)?;
            let built_in = Listed::of(&package);
            let is_kept = |kept: &Listed| kept.name == built_in.name || kept.fingerprint() == built_in.fingerprint();
            if !listed.iter().any(is_kept) {
                listed.push(built_in);
            }
        }
        if let Some(missing) = names.iter().find(|name| !listed.iter().any(|listed| listed.name == **name)) {
            return Err(DeviceError::NoSuchBackbone { name: missing.to_string() });
        }
        let mut seen = HashSet::new();
        listed.retain(|listed| names.is_empty() || names.contains(&listed.name));
        listed.retain(|listed| seen.insert(listed.fingerprint()));
        Ok(listed)
    }

    /// Stores the features that the backbone of `row` lacks, and takes its time. One that does not run is no error: the row
    /// says so.
    fn see(
        &self,
        row: &mut ComparedBackbone,
        pictures: &mut Pictures,
        (stop, store, observer): (&AtomicBool, &mut Store, &mut dyn Observer),
    ) -> Result<(), DeviceError> {
        let package = self.backbones().named(&row.name);
        let loaded = package.and_then(|package| self.load_and_keep(package, pictures.rows.len()));
        let loader = match loaded {
            Ok((name, loader)) => {
                row.name = name;
                loader
            }
            Err(error) => {
                row.reason = Some(causes(&error));
                return Ok(());
            }
        };
        row.provider = Some(loader.provider());
        let lacking = lacking(&pictures.rows, &row.fingerprint, store)?;
        if !lacking.is_empty() {
            let collected = self.collect_stored((&lacking, &loader), stop, store, observer)?;
            row.extracted = collected.stored;
            pictures.note(collected.failed);
        }
        row.seconds_a_picture = self.seconds_a_picture(&loader, &pictures.rows, stop)?;
        Ok(())
    }
}

/// Those of `rows` without features of this backbone; without a thumbnail they may be.
pub(in crate::device) fn lacking(
    rows: &[SampleRow],
    fingerprint: &Fingerprint,
    store: &Store,
) -> Result<Vec<SampleRow>, DeviceError> {
    let mut lacking = Vec::new();
    for row in rows {
        if !matches!(store.known(&row.hash, fingerprint, REVISION)?, Known::Complete(_)) {
            lacking.push(row.clone());
        }
    }
    Ok(lacking)
}

impl Pictures {
    /// # Errors
    /// When there are none.
    fn stored(store: &Store) -> Result<Self, DeviceError> {
        let mut rows = store.samples(&Filter::default())?;
        rows.retain(|row| row.label.is_some());
        if rows.is_empty() { Err(DeviceError::NoSamples) } else { Ok(Self { rows, unread: Vec::new() }) }
    }

    /// Notes each picture once, whichever backbone it was for.
    fn note(&mut self, unread: Vec<NotUsed>) {
        let known: HashSet<String> = self.unread.iter().map(|unread| unread.path.clone()).collect();
        self.unread.extend(unread.into_iter().filter(|unread| !known.contains(&unread.path)));
    }
}

impl Listed {
    fn of(package: &Package) -> Self {
        let manifest = package.manifest().clone();
        Self { name: manifest.name.clone(), manifest, bytes: package.onnx().len() as u64 }
    }

    fn fingerprint(&self) -> Fingerprint {
        self.manifest.fingerprint()
    }
}

impl From<super::Kept> for Listed {
    fn from(kept: super::Kept) -> Self {
        let bytes = kept.bytes();
        Self { name: kept.name, manifest: kept.manifest, bytes }
    }
}
