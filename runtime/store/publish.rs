//! Publishing heads beside processes that forget samples.
//!
//! | A fit | Forgetting |
//! |---|---|
//! | reads samples and count in one snapshot | removes samples and raises the count in one transaction |
//! | fits | fits what is left |
//! | under the lock of the heads: is the count the same? publishes | under the lock: publishes, erases all other heads |
//!
//! Where the count was raised before the fit looked, the fit does not publish. Where it was raised later, forgetting waits
//! for the lock and erases what the fit published. Nobody waits for the lock inside a transaction.

use super::heads::{HeadFolder, HeadFolderError, HeadVersion, Lock};
use super::{Forgettings, Store, StoreError};

/// Why a head was not published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    #[error("samples were forgotten while the head was fitted, so it was not published: it may have learned from them")]
    Forgotten,
    #[error("another head was published while this one was fitted")]
    Superseded,
    #[error(transparent)]
    HeadFolder(#[from] HeadFolderError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What [`HeadFolder::replace_all`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Replaced {
    pub head: Option<HeadVersion>,
    pub erased: usize,
}

/// Where a fitted head goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Settling {
    /// It becomes the live one.
    Published,
    /// It waits for a look; the live one stays.
    Kept,
}

impl HeadFolder {
    /// Publishes `bytes`, or keeps them for review, after a comparison with the head `live`; the samples were read when `store`
    /// said `read`.
    ///
    /// # Errors
    /// [`PublishError::Forgotten`] or [`PublishError::Superseded`] when the samples or the live head are not these any more.
    pub fn settle_fitted(
        &self,
        bytes: &[u8],
        (settling, live): (Settling, Option<HeadVersion>),
        store: &mut Store,
        read: Forgettings,
    ) -> Result<HeadVersion, PublishError> {
        let lock = self.lock()?;
        let now = unchanged(store, read)?;
        if self.live()? != live {
            return Err(PublishError::Superseded);
        }
        match settling {
            Settling::Published => self.publish_finishing(&lock, bytes, store, now),
            Settling::Kept => Ok(self.keep_under(&lock, bytes)?),
        }
    }

    /// [`HeadFolder::publish`], of a head fitted on samples that were read when `store` said `read`. Where a forgetting was
    /// cut short, this ends it: the other heads are erased.
    ///
    /// # Errors
    /// [`PublishError::Forgotten`] when samples were forgotten since.
    pub fn publish_fitted(
        &self,
        bytes: &[u8],
        store: &mut Store,
        read: Forgettings,
    ) -> Result<HeadVersion, PublishError> {
        let lock = self.lock()?;
        let now = unchanged(store, read)?;
        self.publish_finishing(&lock, bytes, store, now)
    }

    fn publish_finishing(
        &self,
        lock: &Lock,
        bytes: &[u8],
        store: &mut Store,
        now: Forgettings,
    ) -> Result<HeadVersion, PublishError> {
        let version = self.publish_under(lock, bytes)?;
        if now.is_unfinished() {
            let erased = self.erase_but(lock, Some(version)).map_err(PublishError::from);
            if let Err(error) = erased.and_then(|_| Ok(store.finish_forgetting(now)?)) {
                tracing::warn!(%error, "heads that may have learned from forgotten samples cannot be erased");
            }
        }
        Ok(version)
    }

    /// Publishes `bytes`, or nothing, in the place of all heads there are: these are overwritten and removed. `live` is
    /// the head that is to be replaced; the samples were read when `store` said `read`.
    ///
    /// # Errors
    /// [`PublishError::Forgotten`] or [`PublishError::Superseded`] when the samples or the live head are not these any
    /// more: nothing was done. After other errors the new head may be live, and some of the old ones be there.
    pub fn replace_all(
        &self,
        (live, bytes): (Option<HeadVersion>, Option<&[u8]>),
        store: &mut Store,
        read: Forgettings,
    ) -> Result<Replaced, PublishError> {
        if !self.exists() {
            store.finish_forgetting(store.forgettings()?)?;
            return Ok(Replaced { head: None, erased: 0 });
        }
        let lock = self.lock()?;
        let now = unchanged(store, read)?;
        if self.live()? != live {
            return Err(PublishError::Superseded);
        }
        let head = bytes.map(|bytes| self.put(bytes)).transpose()?;
        let erased = self.erase_but(&lock, head)?;
        store.finish_forgetting(now)?;
        Ok(Replaced { head, erased })
    }
}

fn unchanged(store: &Store, read: Forgettings) -> Result<Forgettings, PublishError> {
    let now = store.forgettings()?;
    if now.asked == read.asked { Ok(now) } else { Err(PublishError::Forgotten) }
}
