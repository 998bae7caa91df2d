//! What `collect` did.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use super::plan::Plan;
use crate::backbone::{Loader, Provider};
use crate::causes::causes;
use crate::cli::output::{count, table};
use crate::labels::Label;
use crate::printable::printable;
use crate::store::{Filter, Store};

#[derive(Serialize)]
pub struct Summary {
    pub seen: usize,
    stored: usize,
    duplicates: usize,
    /// Pictures that were removed and have not been asked for again.
    passed_over: usize,
    /// Augmented views stored.
    views: usize,
    failed: Vec<Failed>,
    conflicts: Vec<Conflict>,
    labels: BTreeMap<String, usize>,
    pub backbone: String,
    fingerprint: String,
    pub provider: Provider,
    seconds: f64,
    images_per_second: f64,
    /// Whether Ctrl-C ended it early.
    pub interrupted: bool,
    /// How many of `failed` are folders.
    #[serde(skip)]
    refused: usize,
}

#[derive(Serialize)]
struct Failed {
    path: String,
    reason: String,
}

/// A picture that is stored under another label than the one it came with now.
#[derive(Serialize)]
struct Conflict {
    path: String,
    offered: Option<Label>,
    kept: Option<Label>,
}

impl Summary {
    pub fn new(plan: &Plan, loader: &Loader) -> Self {
        let unlabelled = plan.unlabelled().iter().map(|path| Failed {
            path: path.display().to_string(),
            reason: "expected a label, got none: not in a folder named after one".to_owned(),
        });
        let refused = plan
            .refused()
            .iter()
            .map(|refused| Failed { path: refused.path.display().to_string(), reason: causes(&refused.error) });
        let manifest = loader.manifest();
        Self {
            seen: plan.len() + plan.unlabelled().len(),
            stored: 0,
            duplicates: 0,
            passed_over: 0,
            views: 0,
            refused: plan.refused().len(),
            failed: refused.chain(unlabelled).collect(),
            conflicts: Vec::new(),
            labels: BTreeMap::new(),
            backbone: manifest.name.to_string(),
            fingerprint: manifest.fingerprint().to_string(),
            provider: loader.provider(),
            seconds: 0.0,
            images_per_second: 0.0,
            interrupted: false,
        }
    }

    pub fn stored(&mut self) {
        self.stored += 1;
    }

    pub fn views(&mut self, number: usize) {
        self.views += number;
    }

    pub fn duplicate(&mut self) {
        self.duplicates += 1;
    }

    pub fn passed_over(&mut self) {
        self.passed_over += 1;
    }

    pub fn failed(&mut self, path: String, reason: String) {
        self.failed.push(Failed { path, reason });
    }

    pub fn conflict(&mut self, path: &Path, offered: Option<Label>, kept: Option<Label>) {
        self.conflicts.push(Conflict { path: path.display().to_string(), offered, kept });
    }

    /// Puts in what the store holds now, and the speed.
    pub fn finish(&mut self, elapsed: Duration, store: &Store, interrupted: bool) -> anyhow::Result<()> {
        let counts = store.counts_by_label(&Filter::default())?;
        self.labels = counts
            .into_iter()
            .map(|(label, number)| (label.map_or_else(String::new, |label| label.to_string()), number))
            .collect();
        self.interrupted = interrupted;
        self.seconds = elapsed.as_secs_f64();
        self.images_per_second = self.stored as f64 / self.seconds.max(1e-9);
        Ok(())
    }

    /// Pictures of this run that are in the store now.
    pub fn kept(&self) -> usize {
        self.stored + self.duplicates
    }

    pub fn nothing_usable(&self) -> bool {
        self.kept() + self.passed_over == 0
    }

    /// Whether a folder could not be used, so that nobody knows what it holds.
    pub fn has_refusals(&self) -> bool {
        self.refused > 0
    }

    pub fn text(&self) -> String {
        let rows = self.labels.iter().map(|(label, number)| [label.clone(), number.to_string()]);
        let mut text = table(["label", "samples"], rows);
        text.push_str(&format!(
            "\n\n{} seen: {} stored, {} known already, {} failed; {:.1} s, {:.0} a second, backbone {} on {}",
            count(self.seen, "picture"),
            self.stored,
            self.duplicates,
            self.failed.len(),
            self.seconds,
            self.images_per_second,
            self.backbone,
            self.provider,
        ));
        if self.views > 0 {
            text.push_str(&format!("\n{} of them stored, to train with", count(self.views, "augmented view")));
        }
        if self.passed_over > 0 {
            let pictures = count(self.passed_over, "picture");
            text.push_str(&format!("\n{pictures} passed over, since removed earlier: --again takes them all the same"));
        }
        if !self.conflicts.is_empty() {
            text.push_str(&format!(
                "\n{} known under another label, which stays: `edgetl samples relabel` changes it",
                count(self.conflicts.len(), "picture")
            ));
        }
        for failed in &self.failed {
            text.push_str(&format!("\nnot used: `{}`: {}", printable(&failed.path), failed.reason));
        }
        text
    }
}
