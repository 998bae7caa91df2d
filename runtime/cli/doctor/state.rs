//! The state directory: what is in it, and whether it holds together.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cli::context::Context;
use crate::cli::engine::installed;
use crate::cli::output::table;
use crate::cli::published::Published;
use crate::labels::Label;
use crate::store::{Filter, Store, StoreError};

#[derive(Serialize)]
pub struct State {
    path: String,
    backbones: Vec<Backbone>,
    labels: BTreeMap<String, usize>,
    heads: usize,
    current_head: Option<u64>,
    #[serde(skip)]
    pub problems: Vec<String>,
}

#[derive(Serialize)]
struct Backbone {
    name: String,
    fingerprint: String,
    /// Stored samples that have its features.
    samples: usize,
}

impl State {
    pub fn look(context: &Context) -> Self {
        let mut state = Self {
            path: context.state.path().display().to_string(),
            backbones: Vec::new(),
            labels: BTreeMap::new(),
            heads: 0,
            current_head: None,
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
            Ok((store.fingerprints()?, store.counts_by_label(&Filter::default())?))
        };
        let counts = match read() {
            Ok((counts, labels)) => {
                let name = |label: Option<Label>| label.map_or_else(String::new, |label| label.to_string());
                self.labels = labels.into_iter().map(|(label, count)| (name(label), count)).collect();
                counts
            }
            Err(StoreError::Missing { .. }) => Vec::new(),
            Err(error) => {
                self.problems.push(crate::cli::failure::causes(&error));
                Vec::new()
            }
        };
        match installed(context) {
            Ok(packages) => {
                let row = |package: &crate::backbone::Package| {
                    let fingerprint = package.manifest().fingerprint();
                    let count = counts.iter().find(|count| count.fingerprint == fingerprint);
                    Backbone {
                        name: package.manifest().name.clone(),
                        fingerprint: fingerprint.to_string(),
                        samples: count.map_or(0, |count| count.samples),
                    }
                };
                self.backbones = packages.iter().map(row).collect();
            }
            Err(error) => self.problems.push(format!("{error:#}")),
        }
    }

    fn look_at_heads(&mut self, context: &Context) {
        let shelf = context.shelf();
        match shelf.list() {
            Ok(heads) => self.heads = heads.len(),
            Err(error) => self.problems.push(crate::cli::failure::causes(&error)),
        }
        if self.heads == 0 {
            return;
        }
        match Published::read(context, None) {
            Ok(published) => {
                self.current_head = Some(published.version.0);
                let fingerprint = published.artifact.fingerprint();
                if let Err(error) = crate::cli::engine::with_fingerprint(context, fingerprint) {
                    self.problems.push(format!("{error:#}"));
                }
            }
            Err(error) => self.problems.push(format!("{error:#}")),
        }
    }

    pub fn text(&self) -> String {
        let head = self.current_head.map_or_else(|| "none live".to_owned(), |version| format!("{version:06} live"));
        let mut text = format!("state `{}`: {} heads, {head}", self.path, self.heads);
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
