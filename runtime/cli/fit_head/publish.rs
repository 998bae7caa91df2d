//! What a fit reads, and how its head is published beside those who forget.

use std::path::PathBuf;

use crate::causes::causes;
use crate::cli::context::Context;
use crate::cli::failure::hinted;
use crate::dataset::{Dataset, Unlabelled};
use crate::digest::Fingerprint;
use crate::head::HeadArtifact;
use crate::store::{Forgettings, HeadShelf, HeadVersion, PublishError, ShelfError, Store, StoreError};

/// All that a fit learns from, of one moment.
pub struct Read {
    pub forgettings: Forgettings,
    pub dataset: Dataset,
    /// Empty where it was not asked for.
    pub unlabelled: Unlabelled,
}

impl Read {
    pub fn new(store: &Store, fingerprint: &Fingerprint, unlabelled: bool) -> Result<Self, StoreError> {
        store.snapshot(|store| {
            let forgettings = store.forgettings()?;
            let dataset = store.training_set(fingerprint)?;
            let unlabelled = if unlabelled { store.unlabelled(fingerprint)? } else { Unlabelled::default() };
            Ok(Self { forgettings, dataset, unlabelled })
        })
    }
}

/// Makes `fitted`, of what was `read`, the live head; gives its number and file.
pub fn publish(
    fitted: &HeadArtifact,
    (store, read): (&mut Store, Forgettings),
    context: &Context,
) -> anyhow::Result<(Option<HeadVersion>, Option<PathBuf>)> {
    let (shelf, bytes) = (context.shelf(), fitted.to_bytes());
    let version = shelf.publish_fitted(&bytes, store, read).map_err(|error| match error {
        PublishError::Forgotten => hinted("fit again, without them: edgetl fit-head", error),
        _ => hinted(live_now(&shelf, &bytes), error),
    })?;
    let heads = shelf.list().map_err(|error| hinted(live_now(&shelf, &bytes), error))?;
    Ok((Some(version), heads.into_iter().find(|head| head.version == version).map(|head| head.path)))
}

/// Which head answers after publishing `bytes` failed: found out, since it may have failed before or after.
fn live_now(shelf: &HeadShelf, bytes: &[u8]) -> String {
    match shelf.current() {
        Ok((version, live)) if live == bytes => format!("the new head is live all the same, as head {version}"),
        Ok((version, _)) => format!("head {version} is live"),
        Err(ShelfError::Empty { .. }) => "no head is live".to_owned(),
        Err(error) => format!("which head is live cannot be found out: {}", causes(&error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_that_is_live_is_found_out() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = HeadShelf::new(folder.path(), 5);
        assert_eq!(live_now(&shelf, b"new"), "no head is live");
        shelf.publish(b"old").unwrap();
        assert_eq!(live_now(&shelf, b"new"), "head 000001 is live");
        shelf.publish(b"new").unwrap();
        assert_eq!(live_now(&shelf, b"new"), "the new head is live all the same, as head 000002");
        std::fs::write(folder.path().join("current"), "somewhere").unwrap();
        assert!(live_now(&shelf, b"new").starts_with("which head is live cannot be found out: expected `"));
    }
}
