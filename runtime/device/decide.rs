//! Another decision for a published head, whose weights stay.

use super::Device;
use super::error::{DeviceError, LiveHead};
use super::fit::{Fitted, Published, Read};
use super::heads::PublishedHead;
use crate::head::{FitOptions, Goal, HeadArtifact, decide, fit_with_answers};
use crate::store::{Forgettings, HeadVersion, PublishError, Settling, Store};

/// A head with another decision, which is not published yet.
pub struct Decided {
    pub fitted: Fitted,
    /// The one whose weights it has.
    live: HeadVersion,
}

impl Device {
    /// The live head with the decision that meets `goal`, and that says nothing below `least`; publishes nothing. With
    /// neither, the likeliest class is said. Where `expected` is named, only while that head is live.
    ///
    /// The decision is set by the answers of the held-out pictures that the head keeps; where it keeps none, by those of heads fitted as
    /// this one was, on the samples that are stored now. The likeliest class takes no answers.
    ///
    /// # Errors
    /// When there is no head or another one is live, it answers with no classes; when the goal names none of them. Without answers
    /// of its own, when the samples are of other classes.
    pub fn decide(
        &self,
        (goal, least): (Option<Goal>, Option<f64>),
        expected: Option<HeadVersion>,
    ) -> Result<Decided, DeviceError> {
        let store = self.existing_store()?;
        // Before the head: one that is there after that has learned from nothing that was forgotten until then.
        let forgettings = store.forgettings()?;
        let live = self.heads().read(None)?;
        if let Some(expected) = expected.filter(|expected| *expected != live.version) {
            return Err(DeviceError::OtherLive { expected, live: live.version });
        }
        let backbone = self.backbones().of(&live.artifact.fingerprint())?.manifest().clone();
        let (head, read) = match decide(&live.artifact, goal.clone(), least)? {
            Some(decided) => (decided, forgettings),
            None => self.decide_by_refit(&store, (goal, least), &live)?,
        };
        Ok(Decided { fitted: Fitted { head, answers: None, backbone, read }, live: live.version })
    }

    /// Makes it the live head, in the place of the one whose weights it has.
    ///
    /// # Errors
    /// When another one is live by now; as [`publish`](Self::publish).
    pub fn publish_decided(&self, Decided { fitted, live }: &Decided) -> Result<Published, DeviceError> {
        let settling = (Settling::Published, Some(*live));
        let published =
            self.write(fitted, |folder, bytes, store| folder.settle_fitted(bytes, settling, store, fitted.read));
        published.map_err(|error| match error {
            DeviceError::Publish { source, live: LiveHead::Other(now) }
                if matches!(*source, PublishError::Superseded) =>
            {
                DeviceError::OtherLive { expected: *live, live: now }
            }
            other => other,
        })
    }

    fn decide_by_refit(
        &self,
        store: &Store,
        (goal, least): (Option<Goal>, Option<f64>),
        live: &PublishedHead,
    ) -> Result<(HeadArtifact, Forgettings), DeviceError> {
        let backbone = (&live.artifact.fingerprint(), live.artifact.channels().last);
        let Read { forgettings, dataset, .. } = Read::new(store, backbone, false)?;
        // After the samples: a head that is there now has learned from nothing that was forgotten before they were read.
        let head = self.heads().read(None)?;
        if head.version != live.version {
            return Err(DeviceError::OtherLive { expected: live.version, live: head.version });
        }
        let options = head.artifact.options().cloned();
        let options = options.unwrap_or_else(|| FitOptions::told_by(head.artifact.report()));
        let (refitted, _) = fit_with_answers(&dataset, &FitOptions { goal, least, ..self.within_memory(&options) })?;
        let decided = head.artifact.with_decision_of(&refitted);
        let decided = decided.map_err(|source| DeviceError::Decide { version: head.version, source })?;
        Ok((decided, forgettings))
    }
}
