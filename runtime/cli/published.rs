//! The published head that `predict`, `eval` and `heads` speak of.

use super::context::Context;
use super::failure::OrHint;
use crate::head::HeadArtifact;
use crate::store::{HeadVersion, ShelfError};

/// A head read from the shelf, with its number.
pub struct Published {
    pub version: HeadVersion,
    pub artifact: HeadArtifact,
}

impl Published {
    /// Version `named`, else the live one.
    pub fn read(context: &Context, named: Option<HeadVersion>) -> anyhow::Result<Self> {
        let shelf = context.shelf();
        let read = match named {
            Some(version) => shelf.read(version).map(|bytes| (version, bytes)),
            None => shelf.current(),
        };
        let (version, bytes) = match read {
            Err(error @ ShelfError::Empty { .. }) => Err(error)
                .or_hint("fit one first: edgetl collect FOLDER, then edgetl fit-head; or name the state: --state DIR"),
            Err(error @ ShelfError::NoSuchVersion { .. }) => {
                Err(error).or_hint("`edgetl heads list` shows what is there")
            }
            other => other.map_err(Into::into),
        }?;
        let artifact = HeadArtifact::from_bytes(&bytes)
            .map_err(|error| anyhow::Error::from(error).context(format!("cannot use head {version}")))
            .or_hint(
                "`edgetl heads rollback` takes an older one, with --to any other; `edgetl fit-head` makes a new one",
            )?;
        Ok(Self { version, artifact })
    }
}
