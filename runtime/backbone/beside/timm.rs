//! The `config.json` of timm: `pretrained_cfg`, or the same keys at the top.
//!
//! Source: timm 1.0.31, `timm/data/config.py` and `timm/data/transforms_factory.py`.

use serde::Deserialize;
use serde_json::Value;

use super::Said;
use crate::backbone::preset::PreprocessSpec;
use crate::manifest::{Filter, Resize};

#[derive(Deserialize)]
struct Settings {
    /// Channels, height, width.
    input_size: (u32, u32, u32),
    crop_pct: Option<f64>,
    interpolation: Option<String>,
    crop_mode: Option<String>,
    mean: Option<[f32; 3]>,
    std: Option<[f32; 3]>,
}

/// timm's usual share of the picture that the crop keeps.
const USUAL_CROP: f64 = 0.875;

/// `None` where `config` is not timm's.
pub fn preprocess(config: &Value) -> Option<Result<Said, String>> {
    let own = config.get("pretrained_cfg").unwrap_or(config);
    own.get("input_size").filter(|_| config.get("architecture").is_some())?;
    let settings = Settings::deserialize(own).map_err(|error| format!("its settings are not used: {error}"));
    Some(settings.and_then(|settings| said(&settings)))
}

fn said(settings: &Settings) -> Result<Said, String> {
    let (channels, height, width) = settings.input_size;
    if channels != 3 {
        return Err(format!("its settings are not used: expected 3 channels, got {channels}"));
    }
    let share = settings.crop_pct.filter(|share| *share > 0.0 && *share <= 1.0).unwrap_or(USUAL_CROP);
    let resize = match settings.crop_mode.as_deref() {
        Some("squash") => Resize::Squash,
        Some("border") => Resize::Letterbox,
        _ => Resize::ShortestSide,
    };
    let filter = match settings.interpolation.as_deref() {
        // Random is a choice of training.
        Some("bicubic" | "random") | None => Filter::Bicubic,
        Some("bilinear") => Filter::Bilinear,
        Some("lanczos") => Filter::Lanczos,
        Some("nearest") => Filter::Nearest,
        Some(other) => return Err(format!("its settings are not used: the filter `{other}` is not known here")),
    };
    let side = (f64::from(width.max(height)) / share).floor() as u32;
    let spec = PreprocessSpec {
        size: Some((width, height)),
        resize: Some(resize),
        shortest_side: (resize == Resize::ShortestSide).then_some(side),
        filter: Some(filter),
        range: Some(1.0),
        mean: Some(settings.mean.unwrap_or([0.485, 0.456, 0.406])),
        std: Some(settings.std.unwrap_or([0.229, 0.224, 0.225])),
        ..PreprocessSpec::default()
    };
    Ok(Said { spec, warnings: Vec::new() })
}
