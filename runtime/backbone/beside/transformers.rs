//! The `preprocessor_config.json` of transformers.
//!
//! Source: transformers 5.24.0, the `image_processing_*.py` of each family; absent fields have its class's defaults.

use serde::Deserialize;
use serde_json::Value;

use super::Said;
use crate::backbone::preset::PreprocessSpec;
use crate::manifest::{Filter, Resize};

const IMAGENET: ([f32; 3], [f32; 3]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
const HALF: ([f32; 3], [f32; 3]) = ([0.5; 3], [0.5; 3]);
const CLIP: ([f32; 3], [f32; 3]) =
    ([0.481_454_66, 0.457_827_5, 0.408_210_73], [0.268_629_54, 0.261_302_6, 0.275_777_1]);

#[derive(Clone, Copy, Deserialize)]
#[serde(untagged)]
enum Size {
    Number(u32),
    Sides { height: u32, width: u32 },
    Shortest { shortest_edge: u32 },
}

#[derive(Deserialize)]
struct File {
    image_processor_type: Option<String>,
    feature_extractor_type: Option<String>,
    size: Option<Size>,
    do_center_crop: Option<bool>,
    crop_size: Option<Size>,
    crop_pct: Option<f64>,
    resample: Option<u32>,
    do_rescale: Option<bool>,
    rescale_factor: Option<f64>,
    rescale_offset: Option<bool>,
    do_normalize: Option<bool>,
    image_mean: Option<[f32; 3]>,
    image_std: Option<[f32; 3]>,
    include_top: Option<bool>,
    do_flip_channel_order: Option<bool>,
}

/// What the class of a file does where the file itself is silent.
struct Family {
    /// Shares of the picture, and a square's side, mean something of their own.
    way: Way,
    size: Size,
    /// Whether a `size` that is a plain number is both sides of a square, and not the shortest side.
    square: bool,
    crop: Option<u32>,
    resample: u32,
    normalisation: Option<([f32; 3], [f32; 3])>,
    bgr: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Plain,
    /// Below 384 pixels the shortest side is `size / crop_pct` and the crop is `size`; else the picture is squashed.
    ConvNext,
    /// The shortest side is `size * 256 / 224`.
    Levit,
    /// Normalised a second time by the standard deviation alone, where the classifier is there.
    EfficientNet,
}

fn family(class: &str) -> Option<Family> {
    let plain = |size, crop, resample, normalisation| Family {
        way: Way::Plain,
        size,
        square: false,
        crop,
        resample,
        normalisation: Some(normalisation),
        bgr: false,
    };
    let square = |side| Size::Sides { height: side, width: side };
    let shortest = |side| Size::Shortest { shortest_edge: side };
    let squared = |family| Family { square: true, ..family };
    Some(match class {
        "ViT" | "Swin" => squared(plain(square(224), None, BILINEAR, HALF)),
        "DeiT" => squared(plain(square(256), Some(224), BICUBIC, HALF)),
        "Beit" => squared(plain(square(224), None, BICUBIC, HALF)),
        "Siglip" => plain(square(224), None, BICUBIC, HALF),
        "Pvt" => squared(plain(square(224), None, BICUBIC, IMAGENET)),
        "MobileNetV1" | "MobileNetV2" => plain(shortest(256), Some(224), BILINEAR, HALF),
        "MobileViT" => Family { normalisation: None, bgr: true, ..plain(shortest(224), Some(256), BICUBIC, HALF) },
        "Bit" | "CLIP" => plain(shortest(224), Some(224), BICUBIC, CLIP),
        "ConvNext" => Family { way: Way::ConvNext, ..plain(shortest(384), None, BICUBIC, HALF) },
        "Levit" => Family { way: Way::Levit, ..plain(shortest(224), Some(224), BICUBIC, IMAGENET) },
        "EfficientNet" => Family { way: Way::EfficientNet, ..squared(plain(square(346), None, BICUBIC, HALF)) },
        _ => return None,
    })
}

const BILINEAR: u32 = 2;
const BICUBIC: u32 = 3;
const USUAL_CROP: f64 = 224.0 / 256.0;
const NOT_USED: &str = "its settings are not used";

/// # Errors
/// Why nothing of it can be used, in words.
pub fn preprocess(config: &Value) -> Result<Said, String> {
    let file = File::deserialize(config).map_err(|error| format!("{NOT_USED}: {error}"))?;
    let family = file.class().and_then(|class| family(&class));
    let mut said = Said { spec: PreprocessSpec::default(), warnings: Vec::new() };
    file.placed(family.as_ref(), &mut said)?;
    file.normalised(family.as_ref(), &mut said.spec);
    said.spec.filter = file.resample.or(family.as_ref().map(|family| family.resample)).map(filter).transpose()?;
    said.spec.bgr = file.do_flip_channel_order.unwrap_or(family.is_some_and(|family| family.bgr));
    Ok(said)
}

impl File {
    /// `MobileNetV2FeatureExtractor` and `MobileNetV2ImageProcessorFast` are `MobileNetV2`.
    fn class(&self) -> Option<String> {
        let name = self.image_processor_type.as_deref().or(self.feature_extractor_type.as_deref())?;
        let end = ["ImageProcessor", "FeatureExtractor"].iter().filter_map(|kind| name.find(kind)).min();
        Some(name[..end.unwrap_or(name.len())].to_owned())
    }

    /// Sizes, crop and resizing.
    fn placed(&self, family: Option<&Family>, said: &mut Said) -> Result<(), String> {
        let spec = &mut said.spec;
        let Some(size) = self.size.or(family.map(|family| family.size)) else { return Ok(()) };
        let square = family.is_some_and(|family| family.square);
        let way = family.map_or(Way::Plain, |family| family.way);
        let crop = self.crop(family);
        let side = match (size, way) {
            (Size::Shortest { shortest_edge: side } | Size::Number(side), Way::ConvNext) => {
                return self.by_share(side, spec);
            }
            (Size::Shortest { shortest_edge: side } | Size::Number(side), Way::Levit) => {
                checked_side(u64::from(side) * 256 / 224)?
            }
            (Size::Number(side), _) if square => return self.squashed((side, side), crop, said),
            (Size::Sides { height, width }, _) => return self.squashed((width, height), crop, said),
            (Size::Number(side) | Size::Shortest { shortest_edge: side }, _) => side,
        };
        let (width, height) = crop.unwrap_or((side, side));
        let least = width.max(height);
        if side < least {
            said.warnings.push(format!(
                "its pictures are {side} pixels on their shortest side with a border around them, here {least} and none"
            ));
        }
        spec.size = Some((width, height));
        spec.resize = Some(Resize::ShortestSide);
        spec.shortest_side = Some(side.max(least));
        Ok(())
    }

    /// The crop, where one is taken.
    fn crop(&self, family: Option<&Family>) -> Option<(u32, u32)> {
        let usual = family.and_then(|family| family.crop);
        let side = |side| (side, side);
        let size = match self.crop_size {
            Some(Size::Number(number) | Size::Shortest { shortest_edge: number }) => Some(side(number)),
            Some(Size::Sides { height, width }) => Some((width, height)),
            None => usual.map(side),
        };
        size.filter(|_| self.do_center_crop.unwrap_or(usual.is_some()))
    }

    fn squashed(&self, size: (u32, u32), crop: Option<(u32, u32)>, said: &mut Said) -> Result<(), String> {
        let Some(crop) = crop.filter(|crop| *crop != size) else {
            (said.spec.size, said.spec.resize) = (Some(size), Some(Resize::Squash));
            return Ok(());
        };
        let side = size.0.min(size.1).max(crop.0).max(crop.1);
        said.warnings.push(format!(
            "its pictures are squashed to {}x{} before the crop; here they keep their shape, {side} pixels on their \
             shortest side",
            size.0, size.1
        ));
        let spec = &mut said.spec;
        (spec.size, spec.resize, spec.shortest_side) = (Some(crop), Some(Resize::ShortestSide), Some(side));
        Ok(())
    }

    fn by_share(&self, side: u32, spec: &mut PreprocessSpec) -> Result<(), String> {
        spec.size = Some((side, side));
        if side >= 384 {
            spec.resize = Some(Resize::Squash);
            return Ok(());
        }
        let share = self.crop_pct.unwrap_or(USUAL_CROP);
        if !(share > 0.0 && share <= 1.0) {
            return Err(format!("{NOT_USED}: expected a `crop_pct` above 0 and up to 1, got {share}"));
        }
        spec.resize = Some(Resize::ShortestSide);
        spec.shortest_side = Some(checked_side((f64::from(side) / share) as u64)?);
        Ok(())
    }

    /// Range, mean and standard deviation, where the file or its class says them.
    fn normalised(&self, family: Option<&Family>, spec: &mut PreprocessSpec) {
        let usual = family.map(|family| family.normalisation);
        let on = self.do_normalize.or(usual.map(|usual| usual.is_some()));
        let (mean, std) = match on {
            Some(false) => ([0.0; 3], [1.0; 3]),
            _ => {
                let usual = usual.flatten();
                let mean = self.image_mean.or(usual.map(|(mean, _)| mean));
                let std = self.image_std.or(usual.map(|(_, std)| std));
                let (Some(mean), Some(std)) = (mean, std) else { return };
                (mean, std)
            }
        };
        let scaled = self.do_rescale.unwrap_or(true);
        let factor = self.rescale_factor.unwrap_or(1.0 / 255.0);
        let twice = family.is_some_and(|family| family.way == Way::EfficientNet) && self.include_top.unwrap_or(true);
        let offset = if self.rescale_offset == Some(true) { 1.0 } else { 0.0 };
        spec.range = Some(if scaled { (255.0 * factor) as f32 } else { 255.0 });
        spec.mean = Some(mean.map(|mean| mean + offset));
        spec.std = Some(if twice && on != Some(false) { std.map(|std| std * std) } else { std });
    }
}

fn checked_side(side: u64) -> Result<u32, String> {
    u32::try_from(side).map_err(|_| format!("{NOT_USED}: expected a side of at most 8192 pixels, got {side}"))
}

/// Pillow's numbers.
fn filter(resample: u32) -> Result<Filter, String> {
    let name = match resample {
        0 => return Ok(Filter::Nearest),
        1 => return Ok(Filter::Lanczos),
        BILINEAR => return Ok(Filter::Bilinear),
        BICUBIC => return Ok(Filter::Bicubic),
        4 => "box",
        5 => "hamming",
        _ => "an unknown one",
    };
    Err(format!(
        "{NOT_USED}: expected the filter nearest, lanczos, bilinear or bicubic, got {name} (resample {resample})"
    ))
}
