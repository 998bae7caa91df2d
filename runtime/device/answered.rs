//! The stored pictures behind the held-out answers that a head keeps.

use std::collections::HashMap;

use super::Device;
use super::changes::Marked;
use super::error::DeviceError;
use crate::dataset::SampleId;
use crate::digest::Fingerprint;
use crate::head::HeldOutAnswers;
use crate::labels::{ClassIndex, Label};
use crate::store::HeadVersion;

/// Pictures of one class that were called by one.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct AnsweredAlike {
    /// Those that are stored, the least expected answer first.
    pub pictures: Vec<AnsweredPicture>,
    /// How many are stored no longer, or have no label any more.
    pub gone: usize,
}

/// A stored picture, and what was said of it when it was held out.
#[derive(Clone, PartialEq, Debug)]
pub struct AnsweredPicture {
    pub id: SampleId,
    /// That it has now.
    pub label: Label,
    /// How likely its class of then was.
    pub probability: f32,
}

impl Device {
    /// The pictures of class `truth` that head `version`, by its held-out answers and its decision, called `said`, or of which it said
    /// nothing; none where it keeps no answers.
    ///
    /// # Errors
    /// When the head or the store cannot be read.
    pub fn answered_alike(
        &self,
        version: HeadVersion,
        (truth, said): (&Label, Option<&Label>),
    ) -> Result<AnsweredAlike, DeviceError> {
        let head = self.heads().read(Some(version))?.artifact;
        let (Some(kept), Some(answers)) = (head.answers(), HeldOutAnswers::of(&head)) else {
            return Ok(AnsweredAlike::default());
        };
        let index = |label: &Label| head.labels().index_of(label);
        let (Some(truth), Ok(said)) = (index(truth), said.map(|said| index(said).ok_or(())).transpose()) else {
            return Ok(AnsweredAlike::default());
        };
        let is_wanted = |own: ClassIndex, called: Option<ClassIndex>| (own, called) == (truth, said);
        let stored = self.stored_by_mark(&head.fingerprint())?;
        let mut alike = AnsweredAlike::default();
        for (row, called) in answers.said(head.operating()).into_iter().enumerate() {
            if !is_wanted(kept.truth()[row], called) {
                continue;
            }
            match stored.get(&kept.pictures()[row]) {
                Some((id, label)) => {
                    let probability = kept.probabilities()[[row, truth.0]];
                    alike.pictures.push(AnsweredPicture { id: *id, label: label.clone(), probability });
                }
                None => alike.gone += 1,
            }
        }
        alike.pictures.sort_by(|a, b| a.probability.total_cmp(&b.probability));
        Ok(alike)
    }

    fn stored_by_mark(&self, fingerprint: &Fingerprint) -> Result<HashMap<i64, (SampleId, Label)>, DeviceError> {
        let Some(store) = self.store_if_any()? else { return Ok(HashMap::new()) };
        let labelled = store.labelled(fingerprint)?;
        Ok(labelled.into_iter().map(|one| (Marked::of(&one).picture, (one.id, one.label))).collect())
    }
}
