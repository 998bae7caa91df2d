//! Another decision for a published head, whose weights stay.

use super::Device;
use super::error::DeviceError;
use super::fit::{Fitted, Read};
use crate::head::{FitOptions, Goal, fit_with_answers};

impl Device {
    /// The live head with the decision that meets `goal`, and that says nothing below `least`; publishes nothing. With
    /// neither, the likeliest class is said.
    ///
    /// The decision is set by answers of heads fitted as this one was, on the samples that are stored now.
    ///
    /// # Errors
    /// When there is no head, it answers with no classes, or with others than those of the samples; when the goal names none
    /// of them.
    pub fn decide(&self, goal: Option<Goal>, least: Option<f64>) -> Result<Fitted, DeviceError> {
        let store = self.existing_store()?;
        let live = self.heads().read(None)?.artifact;
        let backbone = (&live.fingerprint(), live.channels().last);
        let Read { forgettings, dataset, .. } = Read::new(&store, backbone, false)?;
        // After the samples: a head that is there now has learned from nothing that was forgotten before they were read.
        let head = self.heads().read(None)?;
        let options = head.artifact.options().cloned();
        let options = options.unwrap_or_else(|| FitOptions::told_by(head.artifact.report()));
        let (refitted, answers) =
            fit_with_answers(&dataset, &FitOptions { goal, least, ..self.within_memory(&options) })?;
        let decided = head.artifact.with_decision_of(&refitted);
        let decided = decided.map_err(|source| DeviceError::Decide { version: head.version, source })?;
        let backbone = self.backbones().of(&decided.fingerprint())?.manifest().clone();
        Ok(Fitted { head: decided, answers: Some(answers), backbone, read: forgettings })
    }
}
