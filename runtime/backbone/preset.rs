//! Preprocessing from a few words: what a user says of a network that does not say it itself.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::graph::OwnNormalisation;
use crate::manifest::{Channels, Filter, ManifestError, Preprocess, Resize};

/// A family's usual normalisation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub enum Preset {
    /// `(x / 255 - mean) / std` with ImageNet's mean and standard deviation: torchvision and most of timm.
    #[default]
    ImageNet,
    /// `x / 127.5 - 1`: Inception, MobileNet and EfficientNet-Lite of TensorFlow.
    Inception,
    /// `x`, 0 to 255: the network normalises by itself.
    Raw,
}

#[derive(Debug, thiserror::Error)]
#[error("expected a preset out of imagenet, inception, raw, got `{0}`")]
pub struct ParsePresetError(String);

impl FromStr for Preset {
    type Err = ParsePresetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().to_ascii_lowercase().as_str() {
            "imagenet" => Ok(Self::ImageNet),
            "inception" => Ok(Self::Inception),
            "raw" => Ok(Self::Raw),
            _ => Err(ParsePresetError(text.to_owned())),
        }
    }
}

impl Preset {
    /// Range, mean and standard deviation.
    fn normalisation(self) -> (f32, [f32; 3], [f32; 3]) {
        match self {
            Self::ImageNet => (1.0, [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
            Self::Inception => (255.0, [127.5; 3], [127.5; 3]),
            Self::Raw => (255.0, [0.0; 3], [1.0; 3]),
        }
    }
}

/// `settings` with each of the usual normalisations in its place, under the flags that ask for it.
pub fn usual_normalisations(settings: &Preprocess) -> Vec<(&'static str, Preprocess)> {
    let with = |(flags, preset, bgr, mean): (&'static str, Preset, bool, Option<[f32; 3]>)| {
        let (range, usual, std) = preset.normalisation();
        let channels = if bgr { Channels::Bgr } else { Channels::Rgb };
        (flags, Preprocess { range, mean: mean.unwrap_or(usual), std, channels, ..settings.clone() })
    };
    let caffe = Some([104.0, 117.0, 123.0]);
    [
        ("--preset imagenet", Preset::ImageNet, false, None),
        ("--preset inception", Preset::Inception, false, None),
        ("--preset raw", Preset::Raw, false, None),
        ("--mean 104,117,123 --bgr", Preset::Raw, true, caffe),
        ("--preset imagenet --bgr", Preset::ImageNet, true, None),
        ("--preset inception --bgr", Preset::Inception, true, None),
        ("--preset raw --bgr", Preset::Raw, true, None),
    ]
    .map(with)
    .to_vec()
}

/// What is known of a network's preprocessing; `None` leaves it to the preset and the network's input shape.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct PreprocessSpec {
    pub preset: Option<Preset>,
    /// Width and height of the network's input, in pixels.
    pub size: Option<(u32, u32)>,
    pub resize: Option<Resize>,
    /// Pixels of the shortest side before the centre crop.
    pub shortest_side: Option<u32>,
    pub filter: Option<Filter>,
    pub range: Option<f32>,
    pub mean: Option<[f32; 3]>,
    pub std: Option<[f32; 3]>,
    pub bgr: bool,
    /// RGB under transparent pixels.
    pub background: Option<[u8; 3]>,
}

impl From<&Preprocess> for PreprocessSpec {
    /// All that `preprocess` says; nothing is left to a preset.
    fn from(preprocess: &Preprocess) -> Self {
        let Preprocess { width, height, resize, shortest_side, filter, channels, range, mean, std, background } =
            *preprocess;
        Self {
            preset: None,
            size: Some((width, height)),
            resize: Some(resize),
            shortest_side,
            filter: Some(filter),
            range: Some(range),
            mean: Some(mean),
            std: Some(std),
            bgr: channels == Channels::Bgr,
            background: Some(background),
        }
    }
}

impl From<&OwnNormalisation> for PreprocessSpec {
    /// Nothing but the pixels that a network takes which normalises them itself.
    fn from(own: &OwnNormalisation) -> Self {
        let (least, largest) = own.pixels;
        // `pixel / 255 * (largest - least) + least`.
        let (range, mean) = (largest - least, [-least; 3]);
        Self { range: Some(range), mean: Some(mean), std: Some([1.0; 3]), bgr: own.bgr, ..Self::default() }
    }
}

/// The input size of a network that fixes none and of which none was given.
const USUAL_SIZE: (u32, u32) = (224, 224);

impl PreprocessSpec {
    /// Whether nothing was said about the normalisation, so that the default is a guess.
    pub fn is_guess(&self) -> bool {
        self.preset.is_none() && self.mean.is_none() && self.std.is_none() && self.range.is_none()
    }

    /// `self` where it says something, `other` where it does not.
    pub fn or(self, other: Self) -> Self {
        let normalised = !self.is_guess();
        let pick = |mine, theirs| if normalised { mine } else { theirs };
        Self {
            preset: if normalised { self.preset } else { other.preset },
            size: self.size.or(other.size),
            resize: self.resize.or(other.resize),
            shortest_side: self.shortest_side.or(if self.size.is_some() { None } else { other.shortest_side }),
            filter: self.filter.or(other.filter),
            range: if normalised { self.range } else { other.range },
            mean: pick(self.mean, other.mean),
            std: pick(self.std, other.std),
            bgr: self.bgr || other.bgr,
            background: self.background.or(other.background),
        }
    }

    /// The whole preprocessing, for a network whose input is `input` (width, height) where it fixes that.
    ///
    /// The shortest side defaults to 256/224 of the input's longer side; a `mean` or `std` without a preset is taken to
    /// be on the 0 to 1 scale if all its numbers are below 2, on the 0 to 255 scale otherwise.
    ///
    /// # Errors
    /// When the outcome is invalid (see [`Preprocess::check`]).
    pub fn resolve(&self, input: Option<(u32, u32)>) -> Result<Preprocess, ManifestError> {
        let (width, height) = self.size.or(input).unwrap_or(USUAL_SIZE);
        let (range, mean, std) = self.preset.unwrap_or(self.implied_preset()).normalisation();
        let resize = self.resize.unwrap_or(Resize::ShortestSide);
        let usual_side = (f64::from(width.max(height)) * 256.0 / 224.0).round() as u32;
        let preprocess = Preprocess {
            width,
            height,
            resize,
            shortest_side: (resize == Resize::ShortestSide).then(|| self.shortest_side.unwrap_or(usual_side)),
            filter: self.filter.unwrap_or_default(),
            channels: if self.bgr { Channels::Bgr } else { Channels::Rgb },
            range: self.range.unwrap_or(range),
            mean: self.mean.unwrap_or(mean),
            std: self.std.unwrap_or(std),
            background: self.background.unwrap_or_default(),
        };
        preprocess.check()?;
        Ok(preprocess)
    }

    fn implied_preset(&self) -> Preset {
        let on_byte_scale = |values: [f32; 3]| values.iter().any(|value| value.abs() >= 2.0);
        match self.mean.is_some_and(on_byte_scale) || self.std.is_some_and(on_byte_scale) {
            true => Preset::Raw,
            false => Preset::ImageNet,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_inception_preset_maps_a_byte_to_minus_one_to_one() {
        let spec = PreprocessSpec { preset: Some(Preset::Inception), ..PreprocessSpec::default() };
        let preprocess = spec.resolve(Some((128, 128))).unwrap();
        assert_eq!((preprocess.width, preprocess.height, preprocess.shortest_side), (128, 128, Some(146)));
        let value = |pixel: f32| (pixel / 255.0 * preprocess.range - preprocess.mean[0]) / preprocess.std[0];
        assert_eq!((value(0.0), value(127.5), value(255.0)), (-1.0, 0.0, 1.0));
    }

    #[test]
    fn nothing_said_is_imagenet_at_the_size_of_the_network_and_known_to_be_a_guess() {
        let spec = PreprocessSpec::default();
        let preprocess = spec.resolve(None).unwrap();
        assert!(spec.is_guess());
        assert_eq!((preprocess.width, preprocess.shortest_side), (224, Some(256)));
        assert_eq!((preprocess.range, preprocess.mean[2], preprocess.std[0]), (1.0, 0.406, 0.229));
    }

    #[test]
    fn a_mean_in_bytes_without_a_preset_is_on_the_byte_scale() {
        let spec = PreprocessSpec { mean: Some([104.0, 117.0, 123.0]), bgr: true, ..PreprocessSpec::default() };
        let preprocess = spec.resolve(Some((224, 160))).unwrap();
        assert_eq!((preprocess.range, preprocess.std, preprocess.channels), (255.0, [1.0; 3], Channels::Bgr));
        assert_eq!(preprocess.shortest_side, Some(256));
    }

    #[test]
    fn what_the_user_says_wins_over_what_the_file_says() {
        let user = PreprocessSpec { size: Some((160, 160)), ..PreprocessSpec::default() };
        let file = PreprocessSpec {
            preset: Some(Preset::Inception),
            size: Some((224, 224)),
            shortest_side: Some(240),
            ..PreprocessSpec::default()
        };
        let both = user.or(file).resolve(None).unwrap();
        assert_eq!((both.width, both.shortest_side, both.range), (160, Some(183), 255.0));
    }

    #[test]
    fn a_shortest_side_below_the_crop_is_refused() {
        let spec = PreprocessSpec { shortest_side: Some(100), ..PreprocessSpec::default() };
        assert!(spec.resolve(Some((224, 224))).is_err());
    }
}
