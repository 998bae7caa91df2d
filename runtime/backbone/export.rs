//! A backbone and a head as one ONNX file that any runtime takes.

use super::graph::{Network, ScoringHead};
use super::loader::cut;
use super::metadata::{LABELS_KEY, PREPROCESS_KEY};
use super::{BackboneError, Package};
use crate::manifest::{Channels, FeatureKind, Preprocess};

/// The graph from `image` `[N,3,H,W]` (RGB, 0 to 255, resized and cropped as the manifest says) to `scores` `[N,K]` and
/// `decision` `[N]`, the number of the class that the head says, -1 where it says none.
///
/// How to resize and crop, and the labels, are in the file's metadata (see [`super::Declared`]), so that the file can
/// be imported again.
///
/// # Errors
/// When the package's network cannot be cut at its feature.
///
/// # Panics
/// When the head takes neither the last map of the package's feature nor all of it.
pub fn export_classifier(package: Package, head: &ScoringHead) -> Result<Vec<u8>, BackboneError> {
    let (fingerprint, feature) = (package.fingerprint(), &package.manifest().feature);
    assert!([feature.dim, feature.width()].contains(&head.dim()), "the head is of another backbone");
    // What the head does not read is left out.
    let package = if head.dim() == feature.dim { package.without_taps() } else { package };
    let (mut manifest, onnx) = package.into_parts();
    let network = Network::parse(&onnx)?;
    manifest.feature.map = None;
    let cut = cut(network, &manifest, false)?;
    let kinds: Vec<FeatureKind> = manifest.feature.parts().map(|(_, kind, _)| kind).collect();
    let mut exported = cut.with_head(&manifest.preprocess, &kinds, head);
    let left =
        Preprocess { channels: Channels::Rgb, range: 255.0, mean: [0.0; 3], std: [1.0; 3], ..manifest.preprocess };
    let json = |value: Result<String, serde_json::Error>| value.expect("plain data");
    exported.set_properties([
        (PREPROCESS_KEY.to_owned(), json(serde_json::to_string(&left))),
        (LABELS_KEY.to_owned(), json(serde_json::to_string(&head.labels))),
        ("edgetl.backbone".to_owned(), manifest.name.to_string()),
        ("edgetl.fingerprint".to_owned(), fingerprint.to_string()),
        ("Image.BitmapPixelFormat".to_owned(), "Rgb8".to_owned()),
        ("Image.NominalPixelRange".to_owned(), "NominalRange_0_255".to_owned()),
    ]);
    Ok(exported.to_bytes())
}
