//! Writes what was extracted in small transactions, and tells of a sample only after its transaction is on disk.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::plan::Plan;
use super::summary::Summary;
use super::unfinished::Unfinished;
use super::{Job, Reporting, is_stored};
use crate::cli::progress::Progress;
use crate::digest::{ContentHash, Fingerprint};
use crate::predictor::{Extracted, Outcome};
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
    reporting: &'a Reporting<'a>,
    waiting: Vec<(usize, NewSample)>,
    since: Instant,
    /// Pictures seen before their features came, because another thread had taken a copy of theirs first.
    early_copies: HashMap<ContentHash, usize>,
}

#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
enum Event<'a> {
    Stored {
        path: &'a str,
        label: &'a str,
        id: i64,
    },
    Duplicate {
        path: &'a str,
        label: &'a str,
        id: i64,
    },
    /// It was removed.
    PassedOver {
        path: &'a str,
    },
    Failed {
        path: &'a str,
        reason: &'a str,
    },
}

impl<'a> Acknowledger<'a> {
    pub fn new(store: &'a mut Store, job: &'a Job<'a>, fingerprint: Fingerprint, reporting: &'a Reporting<'a>) -> Self {
        let (waiting, early_copies) = (Vec::new(), HashMap::new());
        let Job { plan, unfinished, again, .. } = *job;
        Self { store, plan, unfinished, fingerprint, again, reporting, waiting, since: Instant::now(), early_copies }
    }

    /// Takes the outcome of item `index`; items come in the order of the plan.
    pub fn take(
        &mut self,
        index: usize,
        outcome: Outcome,
        summary: &mut Summary,
        progress: &Progress,
    ) -> anyhow::Result<()> {
        match outcome {
            Outcome::Extracted(extracted) => self.keep(index, extracted, summary),
            Outcome::Declined(hash) => match self.passed_over(&hash)? {
                Some(reason) => self.fail(index, reason, (summary, progress)),
                None => self.copy(index, hash, summary),
            },
            Outcome::Failed(error) => self.fail(index, crate::causes::causes(&error), (summary, progress)),
        }
    }

    /// Why a picture was not tried; `None` where its features are stored, or another thread has it.
    fn passed_over(&self, hash: &ContentHash) -> anyhow::Result<Option<String>> {
        let Some(reason) = self.unfinished.reason(hash) else { return Ok(None) };
        Ok(is_stored(self.store, hash, &self.fingerprint)?.is_none().then_some(reason))
    }

    fn fail(&self, index: usize, reason: String, (summary, progress): (&mut Summary, &Progress)) -> anyhow::Result<()> {
        let path = self.plan.item(index).path.display().to_string();
        progress.warn(&format!("`{path}`: {reason}"));
        self.tell(&Event::Failed { path: &path, reason: &reason })?;
        summary.failed(path, reason);
        Ok(())
    }

    fn keep(&mut self, index: usize, extracted: Extracted, summary: &mut Summary) -> anyhow::Result<()> {
        // The first of several copies in the plan gives label and path, whichever thread was faster.
        let first = self.early_copies.remove(&extracted.hash);
        self.enqueue(first.unwrap_or(index), extracted.clone());
        if first.is_some() {
            self.flush(summary)?;
            return self.copy(index, extracted.hash, summary);
        }
        Ok(())
    }

    fn enqueue(&mut self, index: usize, Extracted { hash, dimensions, feature }: Extracted) {
        if self.waiting.is_empty() {
            self.since = Instant::now();
        }
        let item = self.plan.item(index);
        let sample = NewSample {
            hash,
            label: item.label.clone(),
            split: item.split.unwrap_or_default(),
            group: item.group.clone(),
            source: item.path.to_string_lossy().into_owned(),
            added_at: humantime::Timestamp::from(std::time::SystemTime::now())
                .duration_since(std::time::UNIX_EPOCH)
                .map_or(0, |age| age.as_secs() as i64),
            width: dimensions.width,
            height: dimensions.height,
            thumbnail: None,
            features: Some(FeatureVector { fingerprint: self.fingerprint, values: feature }),
        };
        self.waiting.push((index, sample));
    }

    /// A picture whose content is stored, was removed, is waiting, or is in another thread's hands.
    fn copy(&mut self, index: usize, hash: ContentHash, summary: &mut Summary) -> anyhow::Result<()> {
        if self.waiting.iter().any(|(_, sample)| sample.hash == hash) {
            self.flush(summary)?;
        }
        let Some(Known::Complete(kept)) = is_stored(self.store, &hash, &self.fingerprint)? else {
            if !self.again && self.store.is_removed(&hash)? {
                return self.pass_over(index, summary);
            }
            self.early_copies.entry(hash).or_insert(index);
            return Ok(());
        };
        let item = self.plan.item(index);
        let path = item.path.to_string_lossy();
        let label = kept.label.as_ref().map_or("", |label| label.as_str());
        self.tell(&Event::Duplicate { path: &path, label, id: kept.id.0 })?;
        summary.duplicate();
        if item.label.is_some() && kept.label != item.label {
            summary.conflict(&item.path, item.label.clone(), kept.label);
        }
        Ok(())
    }

    pub fn flush_if_due(&mut self, summary: &mut Summary) -> anyhow::Result<()> {
        let due = self.waiting.len() >= MOST_WAITING || self.since.elapsed() >= LONGEST_WAIT;
        if due { self.flush(summary) } else { Ok(()) }
    }

    pub fn finish(mut self, summary: &mut Summary) -> anyhow::Result<()> {
        self.flush(summary)
    }

    fn flush(&mut self, summary: &mut Summary) -> anyhow::Result<()> {
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
                Some(inserted) => self.acknowledge(index, inserted, summary)?,
                None => self.pass_over(index, summary)?,
            }
        }
        Ok(())
    }

    fn pass_over(&self, index: usize, summary: &mut Summary) -> anyhow::Result<()> {
        summary.passed_over();
        Ok(self.tell(&Event::PassedOver { path: &self.plan.item(index).path.to_string_lossy() })?)
    }

    fn acknowledge(&self, index: usize, inserted: Inserted, summary: &mut Summary) -> anyhow::Result<()> {
        let item = self.plan.item(index);
        let path = item.path.to_string_lossy();
        let offered = item.label.as_ref();
        let label = inserted.conflict.as_ref().or(offered).map_or("", |label| label.as_str());
        let id = inserted.id.0;
        match inserted.outcome {
            store::Outcome::Stored | store::Outcome::FeaturesAdded => {
                summary.stored();
                self.tell(&Event::Stored { path: &path, label, id })?;
            }
            store::Outcome::Duplicate => {
                summary.duplicate();
                self.tell(&Event::Duplicate { path: &path, label, id })?;
            }
        }
        if let Some(kept) = inserted.conflict {
            summary.conflict(&item.path, item.label.clone(), Some(kept));
        }
        Ok(())
    }

    fn tell(&self, event: &Event<'_>) -> std::io::Result<()> {
        if self.reporting.json_lines { self.reporting.context.output.json_line(event) } else { Ok(()) }
    }
}
