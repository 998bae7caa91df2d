//! What a backbone package says of itself: `manifest.toml`.

mod name;

use serde::{Deserialize, Serialize};

pub use name::{BackboneName, BackboneNameError};

use crate::digest::{Digest, Fingerprint};

/// The format of a manifest without taps.
const FORMAT: u32 = 1;
/// The format of a manifest with taps, which programs that know of none refuse.
const FORMAT_WITH_TAPS: u32 = 2;

/// A backbone's identity, preprocessing and feature output.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub format: u32,
    pub name: BackboneName,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub licence: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub source: String,
    pub onnx: Onnx,
    pub preprocess: Preprocess,
    pub feature: Feature,
}

/// The network file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Onnx {
    /// Relative to the manifest.
    pub file: String,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: Digest,
    /// Name of the graph input that takes the image.
    pub input: String,
}

/// From a decoded picture to the network's input.
///
/// `value = (pixel / 255 * range - mean[c]) / std[c]`, with pixels 0 to 255 and `c` in the order of `channels`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocess {
    /// Pixels of the network's input.
    pub width: u32,
    pub height: u32,
    pub resize: Resize,
    /// With `resize = "shortest-side"`: the shortest side, in pixels, before the centre crop to `width` x `height`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortest_side: Option<u32>,
    #[serde(default)]
    pub filter: Filter,
    #[serde(default)]
    pub channels: Channels,
    pub range: f32,
    pub mean: [f32; 3],
    pub std: [f32; 3],
    /// RGB under transparent pixels and around a letterboxed picture.
    #[serde(default)]
    pub background: [u8; 3],
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resize {
    /// Shortest side to `shortest_side`, aspect ratio kept, then a centre crop.
    ShortestSide,
    /// To `width` x `height`, aspect ratio lost.
    Squash,
    /// The whole picture inside `width` x `height`, aspect ratio kept, centred on the background.
    Letterbox,
}

/// As in Pillow: all but `Nearest` are antialiased, that is, they widen with the scale when shrinking.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    #[default]
    Bilinear,
    Bicubic,
    Lanczos,
    Nearest,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Channels {
    #[default]
    Rgb,
    Bgr,
}

/// Where the feature vector comes from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// Name of the tensor in the graph.
    pub output: String,
    pub kind: FeatureKind,
    /// A spatial tensor `[N,C,h,w]` for class-activation maps, where `output` is not one itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<String>,
    /// How many numbers `output` becomes.
    pub dim: usize,
    /// Earlier maps of the network, whose numbers lie behind those of `output` in the feature vector.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taps: Vec<Tap>,
}

/// An earlier map that is taken as well.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tap {
    /// Name of the tensor in the graph.
    pub output: String,
    pub kind: FeatureKind,
    /// How many numbers it becomes.
    pub dim: usize,
}

impl Feature {
    /// Length of the feature vector.
    pub fn width(&self) -> usize {
        self.dim + self.taps.iter().map(|tap| tap.dim).sum::<usize>()
    }

    /// What makes the feature vector, in order: tensor, layout and how many numbers it becomes.
    pub fn parts(&self) -> impl Iterator<Item = (&str, FeatureKind, usize)> {
        let own = (self.output.as_str(), self.kind, self.dim);
        std::iter::once(own).chain(self.taps.iter().map(|tap| (tap.output.as_str(), tap.kind, tap.dim)))
    }

    /// The format of a manifest with this feature.
    pub fn format(&self) -> u32 {
        if self.taps.is_empty() { FORMAT } else { FORMAT_WITH_TAPS }
    }
}

/// The layout of the feature tensor and how it becomes `[N,C]`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FeatureKind {
    /// `[N,C,h,w]`, averaged over h and w.
    Map,
    /// `[N,h,w,C]`, averaged over h and w.
    MapNhwc,
    /// `[N,C]` (or `[N,C,1,1]`), taken as it is.
    Vector,
    /// `[N,T,C]`, averaged over the tokens.
    TokensMean,
    /// `[N,T,C]`, the first token.
    TokensClass,
}

#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    #[error("expected a manifest in TOML")]
    Syntax(#[from] toml::de::Error),
    #[error(
        "expected manifest format {FORMAT} or {FORMAT_WITH_TAPS}, got {0}: it was written by another version of edgetl"
    )]
    Format(u32),
    #[error("expected manifest format {expected} for a feature of {taps} earlier maps, got {got}")]
    Taps { expected: u32, taps: usize, got: u32 },
    #[error("expected an input of 1 to 4096 pixels a side, got {width}x{height}")]
    InputSize { width: u32, height: u32 },
    #[error(
        "expected `shortest_side` of at least {needed} and at most 8192 with `resize = \"shortest-side\"`, got {got:?}"
    )]
    ShortestSide { needed: u32, got: Option<u32> },
    #[error(
        "expected a finite range, mean and std, with range and std above 0, got range {range}, mean {mean:?}, std {std:?}"
    )]
    Normalisation { range: f32, mean: [f32; 3], std: [f32; 3] },
    #[error("expected a feature of 1 to 1000000 channels, got {0}")]
    Dim(usize),
    #[error("expected `onnx.file` to be a plain file name, got `{0}`")]
    FileName(String),
}

impl Manifest {
    /// Parses and checks the text of a `manifest.toml`.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let head: Head = toml::from_str(text)?;
        if ![FORMAT, FORMAT_WITH_TAPS].contains(&head.format) {
            return Err(ManifestError::Format(head.format));
        }
        let manifest: Self = toml::from_str(text)?;
        manifest.check()?;
        Ok(manifest)
    }

    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("a manifest is plain data")
    }

    fn check(&self) -> Result<(), ManifestError> {
        self.preprocess.check()?;
        if let Some((_, _, dim)) = self.feature.parts().find(|(_, _, dim)| !(1..=1_000_000).contains(dim)) {
            return Err(ManifestError::Dim(dim));
        }
        let (expected, taps) = (self.feature.format(), self.feature.taps.len());
        if self.format != expected {
            return Err(ManifestError::Taps { expected, taps, got: self.format });
        }
        let file = &self.onnx.file;
        if file.is_empty() || file.contains(['/', '\\']) || file == ".." || file == "." {
            return Err(ManifestError::FileName(file.clone()));
        }
        Ok(())
    }

    /// SHA-256 over the ONNX digest, the preprocessing and the feature output, and the taps where there are any.
    ///
    /// The name, the licence, the source and the map for explanations do not enter: they change no feature.
    pub fn fingerprint(&self) -> Fingerprint {
        let json = |value: Result<Vec<u8>, serde_json::Error>| value.expect("plain data");
        let formula = match self.feature.taps.as_slice() {
            [] => b"edgetl fingerprint 1".as_slice(),
            _ => b"edgetl fingerprint 2",
        };
        let mut fields = vec![
            formula.to_vec(),
            self.onnx.sha256.as_bytes().to_vec(),
            self.onnx.input.as_bytes().to_vec(),
            json(serde_json::to_vec(&self.preprocess)),
        ];
        for (output, kind, _) in self.feature.parts() {
            fields.extend([output.as_bytes().to_vec(), json(serde_json::to_vec(&kind))]);
        }
        Fingerprint(Digest::of_fields(fields.iter().map(Vec::as_slice)))
    }

    /// The same backbone on its last map alone.
    pub fn without_taps(&self) -> Self {
        let feature = Feature { taps: Vec::new(), ..self.feature.clone() };
        Self { format: feature.format(), feature, ..self.clone() }
    }
}

impl Preprocess {
    /// # Errors
    /// When a size, the shortest side or the normalisation is invalid.
    pub fn check(&self) -> Result<(), ManifestError> {
        let Self { width, height, range, mean, std, .. } = *self;
        if !(1..=4096).contains(&width) || !(1..=4096).contains(&height) {
            return Err(ManifestError::InputSize { width, height });
        }
        let needed = width.max(height);
        let fits = |side: u32| (needed..=8192).contains(&side);
        if self.resize == Resize::ShortestSide && !self.shortest_side.is_some_and(fits) {
            return Err(ManifestError::ShortestSide { needed, got: self.shortest_side });
        }
        let positive = |value: f32| value.is_finite() && value > 0.0;
        if !positive(range) || !std.iter().copied().all(positive) || !mean.iter().all(|value| value.is_finite()) {
            return Err(ManifestError::Normalisation { range, mean, std });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"
        format = 1
        name = "net"
        [onnx]
        file = "backbone.onnx"
        sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        input = "input"
        [preprocess]
        width = 96
        height = 64
        resize = "shortest-side"
        shortest_side = 110
        range = 255.0
        mean = [127.5, 127.5, 127.5]
        std = [127.5, 127.5, 127.5]
        [feature]
        output = "feature_map"
        kind = "map"
        dim = 256
    "#;

    #[test]
    fn a_manifest_survives_being_written_and_read() {
        let manifest = Manifest::parse(TEXT).unwrap();
        assert_eq!(Manifest::parse(&manifest.to_toml()).unwrap(), manifest);
    }

    #[test]
    fn what_changes_a_feature_changes_the_fingerprint_and_nothing_else_does() {
        let manifest = Manifest::parse(TEXT).unwrap();
        let mut renamed = manifest.clone();
        renamed.name = "other".parse().unwrap();
        renamed.feature.map = Some("x".into());
        assert_eq!(renamed.fingerprint(), manifest.fingerprint());
        let mut shifted = manifest.clone();
        shifted.preprocess.mean[2] += 1.0;
        let mut bgr = manifest.clone();
        bgr.preprocess.channels = Channels::Bgr;
        let mut cut = manifest.clone();
        cut.feature.output = "other".into();
        for changed in [shifted, bgr, cut] {
            assert_ne!(changed.fingerprint(), manifest.fingerprint());
        }
    }

    #[test]
    fn taps_are_written_read_and_part_of_the_fingerprint_which_stays_without_them() {
        let plain = Manifest::parse(TEXT).unwrap();
        // What programs before there were taps made of it.
        let before = "70862d149b123e18f3ea6208549cd23b0f48590cb63a97886cdd6218de0611b4";
        assert_eq!(plain.fingerprint().to_string(), before);
        let tap = "[[feature.taps]]\noutput = \"middle\"\nkind = \"map\"\ndim = 96\n";
        let text = TEXT.replace("format = 1", "format = 2") + tap;
        let tapped = Manifest::parse(&text).unwrap();
        assert_eq!((tapped.feature.dim, tapped.feature.width()), (256, 352));
        assert_eq!(Manifest::parse(&tapped.to_toml()).unwrap(), tapped);
        assert_eq!((tapped.without_taps(), tapped.without_taps().to_toml()), (plain.clone(), plain.to_toml()));
        let another = Manifest::parse(&text.replace("middle", "other")).unwrap();
        assert_ne!(tapped.fingerprint(), plain.fingerprint());
        assert_ne!(tapped.fingerprint(), another.fingerprint());
        assert!(
            Manifest::parse(&(TEXT.to_owned() + tap)).is_err(),
            "programs that know of no taps would pass over them"
        );
        assert!(Manifest::parse(&TEXT.replace("format = 1", "format = 2")).is_err());
        assert!(Manifest::parse(&text.replace("dim = 96", "dim = 0")).is_err());
    }

    #[test]
    fn impossible_values_are_refused() {
        for (from, to) in [
            ("format = 1", "format = 9"),
            ("width = 96", "width = 0"),
            ("width = 96", "width = 96000"),
            ("shortest_side = 110", "shortest_side = 90"),
            ("shortest_side = 110", ""),
            ("range = 255.0", "range = -1.0"),
            ("std = [127.5, 127.5, 127.5]", "std = [0.0, 1.0, 1.0]"),
            ("dim = 256", "dim = 0"),
            ("file = \"backbone.onnx\"", "file = \"../backbone.onnx\""),
            ("kind = \"map\"", "kind = \"cube\""),
            ("name = \"net\"", "name = \"net\"\nsurprise = 1"),
            ("name = \"net\"", "name = \"../net\""),
        ] {
            assert!(Manifest::parse(&TEXT.replace(from, to)).is_err(), "{to}");
        }
    }
}
