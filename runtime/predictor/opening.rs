//! Opening a backbone: on the first engine that runs it and gives the features that it was made with.

use super::golden::{GoldenCheckError, check_first_golden};
use crate::backbone::{BackboneError, Loader, Options, Package, Provider, ProviderChoice};

/// A backbone that runs.
pub struct Opened {
    pub loader: Loader,
    /// The largest difference from the first golden vector, relative; `None` where the package has none.
    pub difference: Option<f32>,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Backbone(#[from] BackboneError),
    #[error("backbone `{backbone}` does not give its own features on provider `{provider}`")]
    Golden { backbone: String, provider: Provider, source: Box<GoldenCheckError> },
}

/// Opens `package`. A provider that was named must give the package's first golden vector; of several, those that do not are
/// stepped over, since features that differ are features of another backbone.
///
/// # Errors
/// When no provider that may be used runs the network and gives its golden vector.
pub fn open(package: Package, options: &Options) -> Result<Opened, OpenError> {
    let golden = package.golden().cloned();
    let mut options = options.clone();
    loop {
        let loader = Loader::new(package.clone(), &options)?;
        let Some(golden) = &golden else { return Ok(Opened { loader, difference: None }) };
        let checked = loader.with_session(|session| check_first_golden(session, golden))?;
        let (backbone, provider) = (loader.manifest().name.to_string(), loader.provider());
        let source = match checked {
            Ok(difference) => return Ok(Opened { loader, difference: Some(difference) }),
            Err(error) => Box::new(error),
        };
        if options.provider != ProviderChoice::Auto || provider == Provider::Tract {
            return Err(OpenError::Golden { backbone, provider, source });
        }
        tracing::warn!("provider `{provider}` is passed over: {source}");
        options.avoided.push(provider);
    }
}
