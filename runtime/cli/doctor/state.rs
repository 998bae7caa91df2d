//! The state directory: what is in it, and whether it holds together.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::backbone::Package;
use crate::causes::causes;
use crate::cli::context::Context;
use crate::cli::output::{count, table};
use crate::cli::remedy::of_damaged_rows;
use crate::device::Kept;
use crate::digest::Fingerprint;
use crate::head::HeadArtifact;
use crate::labels::Label;
use crate::preprocess::REVISION;
use crate::printable::printable;
use crate::store::{FeatureCount, Filter, HeadFile, HeadFolder, Store, StoreError};

const UNFINISHED: &str = "samples were forgotten, and heads that may have learned from them are still there; the same \
                          `edgetl samples remove --forget` again, or `edgetl fit-head`, erases them";

#[derive(Serialize)]
pub struct State {
    path: String,
    backbones: Vec<Backbone>,
    labels: BTreeMap<String, usize>,
    heads: usize,
    current_head: Option<u64>,
    /// Of an older edgetl: damage in them goes unnoticed.
    heads_without_checksum: Vec<u64>,
    /// What killed processes had left beside the heads; it is removed now.
    leftovers_removed: usize,
    #[serde(skip)]
    pub problems: Vec<String>,
}

#[derive(Serialize)]
struct Backbone {
    name: String,
    fingerprint: String,
    /// Stored samples that have its features.
    samples: usize,
    /// Of these, those whose pictures an older edgetl decoded in another way.
    outdated: usize,
}

impl State {
    pub fn look(context: &Context) -> Self {
        let mut state = Self {
            path: context.state.path().display().to_string(),
            backbones: Vec::new(),
            labels: BTreeMap::new(),
            heads: 0,
            current_head: None,
            heads_without_checksum: Vec::new(),
            leftovers_removed: 0,
            problems: Vec::new(),
        };
        state.look_at_samples(context);
        state.look_at_heads(context);
        state
    }

    fn look_at_samples(&mut self, context: &Context) {
        let read = || -> Result<_, StoreError> {
            let store = Store::open_existing(&context.state.database())?;
            store.check_integrity()?;
            let counts = (store.fingerprints()?, store.counts_by_label(&Filter::default())?);
            Ok((counts, store.check_rows(), store.forgettings()?))
        };
        let counts = match read() {
            Ok(((counts, labels), rows, forgettings)) => {
                self.problems.extend(rows.err().map(damage));
                self.problems.extend(forgettings.is_unfinished().then(|| UNFINISHED.to_owned()));
                let name = |label: Option<Label>| label.map_or_else(String::new, |label| label.to_string());
                self.labels = labels.into_iter().map(|(label, count)| (name(label), count)).collect();
                counts
            }
            Err(StoreError::Missing { .. }) => Vec::new(),
            Err(error) => {
                self.problems.push(causes(&error));
                Vec::new()
            }
        };
        match context.device().backbones().list() {
            Ok(kept) => kept.iter().for_each(|kept| self.look_at_backbone(context, kept, &counts)),
            Err(error) => self.problems.push(causes(&error)),
        }
    }

    /// 0 where the store cannot be read, which is said elsewhere.
    fn outdated(&self, context: &Context, fingerprint: &Fingerprint) -> usize {
        let store = Store::open_existing(&context.state.database());
        store.and_then(|store| store.outdated(fingerprint, REVISION)).unwrap_or(0)
    }

    /// Reads it whole: what is damaged is a problem.
    fn look_at_backbone(&mut self, context: &Context, kept: &Kept, counts: &[FeatureCount]) {
        if let Err(error) = Package::open(&kept.folder) {
            self.problems.push(causes(&error));
            return;
        }
        let fingerprint = kept.manifest.fingerprint();
        let count = counts.iter().find(|count| count.fingerprint == fingerprint);
        self.backbones.push(Backbone {
            name: kept.manifest.name.to_string(),
            fingerprint: fingerprint.to_string(),
            samples: count.map_or(0, |count| count.samples),
            outdated: self.outdated(context, &fingerprint),
        });
    }

    fn look_at_heads(&mut self, context: &Context) {
        let heads = context.device().heads();
        let folder = heads.folder();
        match folder.clear_leftovers() {
            Ok(removed) => self.leftovers_removed = removed,
            Err(error) => self.problems.push(causes(&error)),
        }
        match folder.list() {
            Ok(heads) => {
                self.heads = heads.len();
                heads.iter().for_each(|head| self.look_at_head(folder, head));
            }
            Err(error) => self.problems.push(causes(&error)),
        }
        if self.heads == 0 {
            return;
        }
        match heads.read(None) {
            Ok(published) => {
                self.current_head = Some(published.version.0);
                let fingerprint = published.artifact.fingerprint();
                if let Err(error) = context.device().backbones().of(&fingerprint) {
                    self.problems.push(causes(&error));
                }
            }
            Err(error) => self.problems.push(causes(&error)),
        }
    }

    /// Of the live head, whether it can be used is said elsewhere.
    fn look_at_head(&mut self, folder: &HeadFolder, head: &HeadFile) {
        let Ok(bytes) = folder.read(head.version) else { return };
        match HeadArtifact::from_bytes(&bytes).and_then(|_| HeadArtifact::file_version(&bytes)) {
            Ok(version) if HeadArtifact::has_checksum(version) => {}
            Ok(_) => self.heads_without_checksum.push(head.version.0),
            Err(_) if head.current => {}
            Err(error) => self.problems.push(format!("cannot use head {}: {}", head.version, causes(&error))),
        }
    }

    fn remarks(&self) -> String {
        let mut remarks = String::new();
        if !self.heads_without_checksum.is_empty() {
            let versions: Vec<String> =
                self.heads_without_checksum.iter().map(|version| format!("{version:06}")).collect();
            let versions = versions.join(", ");
            remarks.push_str(&format!("\nwithout a checksum, since an older edgetl wrote them: heads {versions}"));
        }
        for Backbone { name, outdated, .. } in self.backbones.iter().filter(|backbone| backbone.outdated > 0) {
            let features = count(*outdated, "picture");
            remarks.push_str(&format!(
                "\nof {features} the features in {name} are of an older decoding: `edgetl collect` with their folder refreshes them"
            ));
        }
        if self.leftovers_removed > 0 {
            let files = count(self.leftovers_removed, "file");
            remarks.push_str(&format!("\n{files} that killed processes had left beside the heads removed"));
        }
        remarks
    }

    pub fn text(&self) -> String {
        let head = self.current_head.map_or_else(|| "none live".to_owned(), |version| format!("{version:06} live"));
        let mut text = format!("state `{}`: {}, {head}", printable(&self.path), count(self.heads, "head"));
        text.push_str(&self.remarks());
        if !self.backbones.is_empty() {
            let rows = self.backbones.iter().map(|backbone| {
                [backbone.name.clone(), backbone.fingerprint[..12].to_owned(), backbone.samples.to_string()]
            });
            text.push_str(&format!("\n{}", table(["backbone", "fingerprint", "samples"], rows)));
        }
        if !self.labels.is_empty() {
            let rows = self.labels.iter().map(|(label, count)| [label.clone(), count.to_string()]);
            text.push_str(&format!("\n{}", table(["label", "samples"], rows)));
        }
        text
    }
}

fn damage(error: StoreError) -> String {
    match &error {
        StoreError::DamagedRows { ids } => format!("{}; {}", causes(&error), of_damaged_rows(ids)),
        _ => causes(&error),
    }
}
