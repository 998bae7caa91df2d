//! Taking samples out of the store, and out of the heads that may have learned from them.

use super::Device;
use super::error::DeviceError;
use super::heads::PublishedHead;
use super::refit::Refit;
use crate::store::{Filter, HeadVersion, PublishError, Replaced, Store};

/// So often samples or heads may change under a refit before it is given up.
const ATTEMPTS: usize = 5;

/// What was taken out.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Removed {
    pub samples: usize,
    /// False when another process still held the old pages.
    pub erased: bool,
    /// Where the heads were to forget too.
    pub forgotten: Option<Forgotten>,
}

/// What became of the heads.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub struct Forgotten {
    /// The head that was published without the samples.
    pub head: Option<HeadVersion>,
    pub erased_heads: usize,
    /// Why there is no head.
    pub reason: Option<String>,
    /// Whether the head was fitted with options that were in part assumed, since its file did not say them all.
    pub assumed_options: bool,
}

impl Device {
    /// Removes the samples that `filter` finds, with their features; collecting passes over them from then on.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub fn remove(&self, filter: &Filter) -> Result<Removed, DeviceError> {
        let mut store = self.existing_store()?;
        let removal = store.remove(filter)?;
        finish(&mut store, removal.samples, removal.log_emptied, None)
    }

    /// [`remove`](Self::remove); then the live head is fitted again without them and every other head is erased. The same
    /// call again goes on with what was cut short.
    ///
    /// # Errors
    /// When the live head could not be fitted again, before anything is removed;
    /// [`DeviceError::HeadsRemember`] when the samples are gone and the heads could not be replaced.
    pub fn forget(&self, filter: &Filter) -> Result<Removed, DeviceError> {
        let mut store = self.existing_store()?;
        self.live()?;
        let removal = store.forget(filter)?;
        store.sweep_pictures()?;
        let forgotten = self.forget_in_heads(&mut store).map_err(|error| DeviceError::HeadsRemember(error.into()))?;
        finish(&mut store, removal.samples, removal.log_emptied, Some(forgotten))
    }

    /// The live head, and how to fit it again.
    fn live(&self) -> Result<Option<(PublishedHead, Refit)>, DeviceError> {
        let Some(head) = self.heads().live()? else { return Ok(None) };
        let refit = Refit::of(&head.artifact, &self.backbones(), self.settings().fit_memory);
        Ok(Some((head, refit.map_err(|error| DeviceError::NoRefit(error.into()))?)))
    }

    /// A head says of no sample whether it saw it, so every version but a new one goes.
    fn forget_in_heads(&self, store: &mut Store) -> Result<Forgotten, DeviceError> {
        for _ in 0..ATTEMPTS {
            match self.refit_and_replace(store)? {
                Ok(forgotten) => return Ok(forgotten),
                Err(error) => tracing::info!("fitting again: {error}"),
            }
        }
        Err(DeviceError::Outrun)
    }

    /// `Ok(Err(_))` when others were faster.
    fn refit_and_replace(&self, store: &mut Store) -> Result<Result<Forgotten, PublishError>, DeviceError> {
        let (version, head, read, assumed_options) = match self.live()? {
            None => (None, None, store.forgettings()?, false),
            Some((published, refit)) => {
                if refit.assumed {
                    tracing::warn!(
                        "head {} was written by an older edgetl, which did not note how it was fitted; fitted again: {}",
                        published.version,
                        refit.text()
                    );
                }
                let refitted = refit.run(store)?;
                (Some(published.version), Some(refitted.head), refitted.read, refit.assumed)
            }
        };
        let reason = head.as_ref().and_then(|head| head.as_ref().err().cloned());
        let bytes = head.and_then(Result::ok).map(|head| head.to_bytes());
        match self.heads().folder().replace_all((version, bytes.as_deref()), store, read) {
            Ok(Replaced { head, erased }) => {
                let assumed_options = assumed_options && head.is_some();
                Ok(Ok(Forgotten { head, erased_heads: erased, reason, assumed_options }))
            }
            Err(error @ (PublishError::Forgotten | PublishError::Superseded)) => Ok(Err(error)),
            Err(PublishError::HeadFolder(error)) => Err(error.into()),
            Err(PublishError::Store(error)) => Err(error.into()),
        }
    }
}

fn finish(
    store: &mut Store,
    samples: usize,
    log_emptied: bool,
    forgotten: Option<Forgotten>,
) -> Result<Removed, DeviceError> {
    // Whoever was reading before may have ended meanwhile.
    let erased = log_emptied || store.erase_log()?;
    // With a change, those are let go of that are older than 30 days, and with them their pictures.
    store.sweep_pictures()?;
    Ok(Removed { samples, erased, forgotten })
}
