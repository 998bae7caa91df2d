//! Writes what was extracted in small transactions, and tells of a sample only after its transaction is on disk.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::plan::Plan;
use super::report::CollectReport;
use super::unfinished::Unfinished;
use super::{CollectEvent, Job, Observer, Told, complete};
use crate::causes::causes;
use crate::device::error::DeviceError;
use crate::digest::{ContentHash, Fingerprint};
use crate::files;
use crate::predictor::{ExtractError, Extracted, Outcome};
use crate::preprocess::REVISION;
use crate::store::{self, FeatureVector, Inserted, Known, NewSample, Store};

/// A transaction ends after so many samples, or when its first has waited so long: a power cut loses no more.
const MOST_WAITING: usize = 64;
const LONGEST_WAIT: Duration = Duration::from_millis(500);

pub struct Acknowledger<'a> {
    store: &'a mut Store,
    plan: &'a Plan,
    unfinished: &'a Unfinished,
    fingerprint: Fingerprint,
    /// Whether removed pictures are taken as well.
    again: bool,
    report: &'a mut CollectReport,
    observer: &'a mut dyn Observer,
    waiting: Vec<(usize, NewSample)>,
    since: Instant,
    /// Pictures seen before their features came, because another thread had taken a copy of theirs first.
    early_copies: HashMap<ContentHash, Vec<usize>>,
}

impl<'a> Acknowledger<'a> {
    pub fn new(
        store: &'a mut Store,
        job: &'a Job<'a>,
        fingerprint: Fingerprint,
        (report, observer): Told<'a, 'a>,
    ) -> Self {
        let (waiting, early_copies) = (Vec::new(), HashMap::new());
        let Job { plan, unfinished, again, .. } = *job;
        Self {
            store,
            plan,
            unfinished,
            fingerprint,
            again,
            report,
            observer,
            waiting,
            since: Instant::now(),
            early_copies,
        }
    }

    /// Takes the outcome of item `index`; items come in the order of the plan.
    pub fn take(&mut self, index: usize, outcome: Outcome) -> Result<(), DeviceError> {
        self.observer.advance();
        match outcome {
            Outcome::Extracted(extracted) => self.keep(index, extracted),
            Outcome::Declined(hash) if !self.plan.expects(index, &hash) => {
                self.fail(index, ExtractError::Changed.to_string())
            }
            Outcome::Declined(hash) => match self.passed_over(&hash)? {
                Some(reason) => {
                    self.report.unfinished();
                    self.fail(index, reason)
                }
                None => self.copy(index, hash),
            },
            Outcome::Failed(error) => self.fail(index, causes(&error)),
        }
    }

    /// Why a picture was not tried; `None` where its features are stored, or another thread has it.
    fn passed_over(&self, hash: &ContentHash) -> Result<Option<String>, DeviceError> {
        let Some(reason) = self.unfinished.reason(hash) else { return Ok(None) };
        Ok(complete(self.store, hash, &self.fingerprint)?.is_none().then_some(reason))
    }

    fn fail(&mut self, index: usize, reason: String) -> Result<(), DeviceError> {
        let path = files::name_of(&self.plan.item(index).path);
        self.tell(&CollectEvent::Failed { path: &path, reason: &reason })?;
        self.report.failed(path, reason);
        Ok(())
    }

    fn keep(&mut self, index: usize, extracted: Extracted) -> Result<(), DeviceError> {
        // The first of several copies in the plan gives label and path, whichever thread was faster.
        let mut copies = self.early_copies.remove(&extracted.hash).unwrap_or_default();
        copies.push(index);
        if let Some(fault) = extracted.quality.fault() {
            self.report.poor(&self.plan.item(copies[0]).path, fault);
        }
        self.enqueue(copies[0], extracted.clone());
        copies[1..].iter().try_for_each(|&copy| self.copy(copy, extracted.hash))
    }

    fn enqueue(&mut self, index: usize, Extracted { hash, dimensions, feature, thumbnail, .. }: Extracted) {
        if self.waiting.is_empty() {
            self.since = Instant::now();
        }
        let item = self.plan.item(index);
        let sample = NewSample {
            hash,
            label: item.label.clone(),
            split: item.split.unwrap_or_default(),
            group: item.group.clone(),
            source: files::name_of(&item.path),
            added_at: std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |age| age.as_secs() as i64),
            width: dimensions.width,
            height: dimensions.height,
            thumbnail: (!thumbnail.is_empty()).then_some(thumbnail),
            features: Some(FeatureVector { fingerprint: self.fingerprint, revision: REVISION, values: feature }),
        };
        self.waiting.push((index, sample));
    }

    /// A picture whose content is stored, was removed, is waiting, or is in another thread's hands.
    fn copy(&mut self, index: usize, hash: ContentHash) -> Result<(), DeviceError> {
        if self.waiting.iter().any(|(_, sample)| sample.hash == hash) {
            self.flush()?;
        }
        let Some(Known::Complete(kept)) = complete(self.store, &hash, &self.fingerprint)? else {
            if !self.again && self.store.is_removed(&hash)? {
                return self.pass_over(index);
            }
            self.early_copies.entry(hash).or_default().push(index);
            return Ok(());
        };
        let item = self.plan.item(index);
        let path = files::name_of(&item.path);
        let label = kept.label.as_ref().map_or("", |label| label.as_str());
        self.tell(&CollectEvent::Duplicate { path: &path, label, id: kept.id.0 })?;
        self.report.duplicate();
        if let Some(offered) = item.split.filter(|split| *split != kept.split) {
            self.report.other_split(&item.path, offered, kept.split);
        }
        if item.label.is_some() && kept.label != item.label {
            self.report.conflict(&item.path, item.label.clone(), kept.label);
        }
        Ok(())
    }

    pub fn flush_if_due(&mut self) -> Result<(), DeviceError> {
        let due = self.waiting.len() >= MOST_WAITING || self.since.elapsed() >= LONGEST_WAIT;
        if due { self.flush() } else { Ok(()) }
    }

    pub fn finish(mut self) -> Result<(), DeviceError> {
        self.flush()?;
        let mut left: Vec<usize> = std::mem::take(&mut self.early_copies).into_values().flatten().collect();
        left.sort_unstable();
        left.into_iter().try_for_each(|index| self.fail(index, "the same file as another that was not used".to_owned()))
    }

    fn flush(&mut self) -> Result<(), DeviceError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let (indices, samples): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting).into_iter().unzip();
        let inserted: Vec<Option<Inserted>> = match self.again {
            true => self.store.insert(&samples)?.into_iter().map(Some).collect(),
            false => self.store.insert_unless_removed(&samples)?,
        };
        for (index, inserted) in indices.into_iter().zip(inserted) {
            match inserted {
                Some(inserted) => self.acknowledge(index, inserted)?,
                None => self.pass_over(index)?,
            }
        }
        Ok(())
    }

    fn pass_over(&mut self, index: usize) -> Result<(), DeviceError> {
        self.report.passed_over();
        self.tell(&CollectEvent::PassedOver { path: &files::name_of(&self.plan.item(index).path) })
    }

    fn acknowledge(&mut self, index: usize, inserted: Inserted) -> Result<(), DeviceError> {
        let item = self.plan.item(index);
        let path = files::name_of(&item.path);
        let offered = item.label.as_ref();
        let label = inserted.conflict.as_ref().or(offered).map_or("", |label| label.as_str());
        let id = inserted.id.0;
        match inserted.outcome {
            store::Outcome::Stored | store::Outcome::FeaturesAdded => {
                self.report.stored();
                self.tell(&CollectEvent::Stored { path: &path, label, id })?;
            }
            store::Outcome::Duplicate => {
                self.report.duplicate();
                self.tell(&CollectEvent::Duplicate { path: &path, label, id })?;
            }
        }
        if let Some(kept) = inserted.conflict {
            self.report.conflict(&item.path, item.label.clone(), Some(kept));
        }
        Ok(())
    }

    fn tell(&mut self, event: &CollectEvent<'_>) -> Result<(), DeviceError> {
        self.observer.tell(event).map_err(DeviceError::Told)
    }
}
