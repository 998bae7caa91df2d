//! A published head fitted again, with what it was fitted with, on the samples that the store has now.

use super::backbones::Backbones;
use super::changes::noted;
use super::error::DeviceError;
use super::fit::{FitMode, FitRequest, Read};
use super::known_classes::known_classes;
use crate::causes::causes;
use crate::dataset::Dataset;
use crate::digest::Fingerprint;
use crate::head::{
    FitError, FitOptions, HeadArtifact, HeadChoice, KnownClasses, fit, fit_beside, fit_with_answers, fit_with_guesses,
};
use crate::store::{Forgettings, Store, StoreError};

/// How a head was fitted.
pub(super) struct Refit {
    fingerprint: Fingerprint,
    /// Channels of the last map.
    last: usize,
    options: FitOptions,
    mode: RefitMode,
    /// Whether its file says only part of the options: an older program wrote it.
    pub assumed: bool,
}

enum RefitMode {
    Plain,
    /// With labels guessed at this confidence.
    Guessing(f64),
    /// Beside classes of the backbone's own classifier.
    Beside(KnownClasses),
}

/// What came of it, and when its samples were read.
pub(super) struct Refitted {
    pub read: Forgettings,
    /// `Err` says why no such head can be made of the samples.
    pub head: Result<HeadArtifact, String>,
}

impl Refit {
    /// To be fitted within so many bytes, about.
    ///
    /// # Errors
    /// When the head stands beside classes of a classifier that is there no longer.
    pub fn of(head: &HeadArtifact, backbones: &Backbones, memory: Option<u64>) -> Result<Self, DeviceError> {
        let FitRequest { options, mode } = FitRequest::of(head);
        let mode = match mode {
            FitMode::Plain => RefitMode::Plain,
            FitMode::Guessing { confidence } => RefitMode::Guessing(confidence),
            FitMode::Beside { names } => RefitMode::Beside(known_classes(&backbones.of(&head.fingerprint())?, &names)?),
        };
        Ok(Self {
            fingerprint: head.fingerprint(),
            last: head.channels().last,
            options: FitOptions { memory, ..options },
            mode,
            assumed: head.options().is_none(),
        })
    }

    /// The same, but that it does not try the perceptron where it chooses among heads.
    pub fn without_perceptron(mut self) -> Self {
        if self.options.head == HeadChoice::Auto {
            self.options.head = HeadChoice::Linear;
        }
        self
    }

    /// A head on labelled pictures alone, guesses left out.
    pub fn without_guesses(&self, dataset: &Dataset) -> Result<HeadArtifact, FitError> {
        match &self.mode {
            RefitMode::Plain | RefitMode::Guessing(_) => fit(dataset, &self.options),
            RefitMode::Beside(known) => fit_beside(dataset, known, &self.options),
        }
    }

    /// What is fitted, in words.
    pub fn text(&self) -> String {
        format!("{} by {}", self.options.task, self.options.head)
    }

    pub fn run(&self, store: &Store) -> Result<Refitted, StoreError> {
        let guessing = matches!(self.mode, RefitMode::Guessing(_));
        match Read::new(store, (&self.fingerprint, self.last), guessing) {
            Ok(read) => Ok(Refitted { read: read.forgettings, head: self.fit(&read).map_err(|error| causes(&error)) }),
            // The last sample that had features of this backbone is gone.
            Err(error @ StoreError::OtherBackbones { .. }) => {
                Ok(Refitted { read: store.forgettings()?, head: Err(causes(&error)) })
            }
            Err(error) => Err(error),
        }
    }

    fn fit(&self, read: &Read) -> Result<HeadArtifact, FitError> {
        let (head, answers) = match &self.mode {
            RefitMode::Guessing(confidence) => {
                (fit_with_guesses(&read.dataset, &read.unlabelled, &self.options, *confidence)?, None)
            }
            RefitMode::Beside(known) => (fit_beside(&read.dataset, known, &self.options)?, None),
            RefitMode::Plain => {
                let (head, answers) = fit_with_answers(&read.dataset, &self.options)?;
                (head, Some(answers))
            }
        };
        noted(head, answers.as_ref(), &read.pictures)
    }
}
