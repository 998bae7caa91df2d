//! Where models come from: the shelf of heads, and the backbones that they were fitted on.

use super::facts::GoldenCheck;
use super::model::{Eye, Model, NumberedHead, Swap};
use crate::backbone::{BackboneError, EngineError, Loader, Options, Package, Provider};
use crate::digest::Fingerprint;
use crate::head::{ArtifactError, HeadArtifact};
use crate::predictor::{ExtractError, GoldenCheckError, SingleExtractor, check_golden};
use crate::preprocess::Limits;
use crate::store::{HeadShelf, HeadVersion, ShelfError};

/// Finds the package whose features a head was fitted on.
pub type FindPackage = Box<dyn Fn(Fingerprint) -> Result<Package, EngineError> + Send>;

/// All that a model is opened from.
pub struct Source {
    pub shelf: HeadShelf,
    pub packages: FindPackage,
    /// Their threads are those of the one session.
    pub engine: Options,
    pub limits: Limits,
}

#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error(transparent)]
    Shelf(#[from] ShelfError),
    #[error("cannot use head {version}")]
    Head { version: HeadVersion, source: ArtifactError },
    #[error("cannot open the backbone of head {version}")]
    Package { version: HeadVersion, source: EngineError },
    #[error(transparent)]
    Backbone(#[from] BackboneError),
    #[error(transparent)]
    Extract(#[from] ExtractError),
    #[error("backbone `{backbone}` does not give its own features on provider `{provider}`")]
    Golden { backbone: String, provider: Provider, source: Box<GoldenCheckError> },
}

impl Source {
    /// Opens the live head and its backbone, and checks the backbone's golden vectors on the provider that runs.
    pub(super) fn open(&self) -> Result<Model, ModelError> {
        let head = self.head()?;
        Ok(Model::new(self.eye(&head)?, head))
    }

    /// Opens the live head, and its backbone too where that is not `fingerprint`.
    pub(super) fn swap(&self, fingerprint: Fingerprint) -> Result<(HeadVersion, Fingerprint, Swap), ModelError> {
        let head = self.head()?;
        let (version, wanted) = (head.version, head.artifact.fingerprint());
        let swap = match wanted == fingerprint {
            true => Swap::Head(Box::new(head)),
            false => Swap::Model(Box::new(Model::new(self.eye(&head)?, head))),
        };
        Ok((version, wanted, swap))
    }

    fn head(&self) -> Result<NumberedHead, ModelError> {
        let (version, bytes) = self.shelf.current()?;
        let artifact = HeadArtifact::from_bytes(&bytes).map_err(|source| ModelError::Head { version, source })?;
        Ok(NumberedHead { version, artifact })
    }

    fn eye(&self, head: &NumberedHead) -> Result<Eye, ModelError> {
        let package_error = |source| ModelError::Package { version: head.version, source };
        let package = (self.packages)(head.artifact.fingerprint()).map_err(package_error)?;
        let golden = package.golden().cloned();
        let loader = Loader::new(package, &self.engine)?;
        let mut extractor = SingleExtractor::new(&loader, self.limits, self.engine.threads)?;
        let (backbone, provider) = (extractor.manifest().name.to_string(), extractor.provider());
        let golden = match golden.map(|golden| check_golden(extractor.session(), &golden)) {
            None => GoldenCheck::Absent,
            Some(Ok(difference)) => GoldenCheck::Passed { difference },
            Some(Err(error)) => return Err(ModelError::Golden { backbone, provider, source: error.into() }),
        };
        tracing::info!("backbone {backbone} on {provider}");
        Ok(Eye { extractor, golden })
    }
}
