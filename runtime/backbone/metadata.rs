//! What an ONNX file says of itself in `metadata_props`: preprocessing and class names.
//!
//! Three dialects are read: this project's (`edgetl.preprocess`, a manifest's section as JSON, and `edgetl.labels`, a
//! JSON list), the ONNX specification's for image models (`Image.BitmapPixelFormat`, `Image.NominalPixelRange`) and
//! that of Ultralytics classifiers (`task`, `names`, `imgsz`). What cannot be read is passed over.

use std::collections::BTreeMap;

use super::class_names::python_names;
use super::preset::{PreprocessSpec, Preset};
use crate::manifest::{Preprocess, Resize};

/// Preprocessing as a manifest's section, in JSON.
pub const PREPROCESS_KEY: &str = "edgetl.preprocess";
/// Class names in the order of the scores, a JSON list.
pub const LABELS_KEY: &str = "edgetl.labels";

/// What the file says; empty where it says nothing.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Declared {
    pub preprocess: PreprocessSpec,
    /// In the order of the scores.
    pub labels: Vec<String>,
    /// What it says and cannot be read, a sentence each.
    pub warnings: Vec<String>,
}

impl Declared {
    pub fn read(properties: &BTreeMap<String, String>) -> Self {
        let get = |key: &str| properties.get(key).map(String::as_str);
        if let Some(own) = get(PREPROCESS_KEY).and_then(own_preprocess) {
            let labels = get(LABELS_KEY).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
            return Self { preprocess: own, labels, warnings: Vec::new() };
        }
        if get("task") == Some("classify") {
            let names = get("names").map(python_names);
            let unread = matches!(names, Some(None));
            let labels = names.flatten().unwrap_or_default().iter().map(|name| one_line(name)).collect();
            let warning =
                unread.then(|| "its class names cannot be read, so it has none; name them with --labels".to_owned());
            return Self { preprocess: ultralytics(get("imgsz")), labels, warnings: warning.into_iter().collect() };
        }
        Self { preprocess: image_metadata(&get), ..Self::default() }
    }
}

/// A name has a line of its own in a package.
pub(super) fn one_line(name: &str) -> String {
    name.split(char::is_control).collect::<Vec<_>>().join(" ").trim().to_owned()
}

fn own_preprocess(text: &str) -> Option<PreprocessSpec> {
    serde_json::from_str::<Preprocess>(text).ok().map(|preprocess| PreprocessSpec::from(&preprocess))
}

/// The ONNX specification's image metadata.
fn image_metadata<'a>(get: &impl Fn(&str) -> Option<&'a str>) -> PreprocessSpec {
    let mut spec = PreprocessSpec { bgr: get("Image.BitmapPixelFormat") == Some("Bgr8"), ..PreprocessSpec::default() };
    match get("Image.NominalPixelRange") {
        Some("NominalRange_0_255") => spec.preset = Some(Preset::Raw),
        Some("Normalized_1_1") => spec.preset = Some(Preset::Inception),
        Some("Normalized_0_1") => unit_range(&mut spec),
        _ => {}
    }
    spec
}

/// Ultralytics classifiers take 0 to 1, shortest side and centre crop at the input's own size.
fn ultralytics(size: Option<&str>) -> PreprocessSpec {
    let mut spec = PreprocessSpec { resize: Some(Resize::ShortestSide), ..PreprocessSpec::default() };
    unit_range(&mut spec);
    let numbers: Option<Vec<u32>> =
        size.map(|size| size.split(|c: char| !c.is_ascii_digit()).filter_map(|text| text.parse().ok()).collect());
    if let Some([height, width]) = numbers.as_deref() {
        spec.size = Some((*width, *height));
        spec.shortest_side = Some(*width.max(height));
    }
    spec
}

fn unit_range(spec: &mut PreprocessSpec) {
    (spec.range, spec.mean, spec.std) = (Some(1.0), Some([0.0; 3]), Some([1.0; 3]));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Channels;

    fn declared(entries: &[(&str, &str)]) -> Declared {
        Declared::read(&entries.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect())
    }

    #[test]
    fn our_own_metadata_is_a_whole_preprocessing() {
        let preprocess = PreprocessSpec { size: Some((96, 64)), bgr: true, ..PreprocessSpec::default() };
        let preprocess = preprocess.resolve(None).unwrap();
        let text = serde_json::to_string(&preprocess).unwrap();
        let declared = declared(&[(PREPROCESS_KEY, &text), (LABELS_KEY, r#"["ant","bee"]"#)]);
        assert_eq!(declared.preprocess.resolve(None).unwrap(), preprocess);
        assert!(!declared.preprocess.is_guess());
        assert_eq!(declared.labels, ["ant", "bee"]);
    }

    #[test]
    fn the_specifications_image_metadata_gives_range_and_channel_order() {
        let declared =
            declared(&[("Image.BitmapPixelFormat", "Bgr8"), ("Image.NominalPixelRange", "NominalRange_0_255")]);
        let preprocess = declared.preprocess.resolve(Some((224, 224))).unwrap();
        assert_eq!((preprocess.channels, preprocess.range, preprocess.mean), (Channels::Bgr, 255.0, [0.0; 3]));
    }

    #[test]
    fn an_ultralytics_classifier_gives_size_names_and_unit_range() {
        let declared =
            declared(&[("task", "classify"), ("imgsz", "[224, 192]"), ("names", "{0: 'ant', 1: \"bee's\"}")]);
        let preprocess = declared.preprocess.resolve(None).unwrap();
        assert_eq!((preprocess.width, preprocess.height, preprocess.shortest_side), (192, 224, Some(224)));
        assert_eq!((preprocess.range, preprocess.mean, preprocess.std), (1.0, [0.0; 3], [1.0; 3]));
        assert_eq!(declared.labels, ["ant", "bee's"]);
    }

    #[test]
    fn nothing_readable_is_nothing_said() {
        assert!(declared(&[]).preprocess.is_guess());
        assert!(declared(&[(PREPROCESS_KEY, "{")]).preprocess.is_guess());
        assert!(declared(&[("task", "detect"), ("names", "{0: 'x'")]).labels.is_empty());
        let broken = declared(&[("task", "classify"), ("names", "{0: 'x'")]);
        assert!(broken.labels.is_empty() && broken.warnings[0].contains("--labels"), "{broken:?}");
        assert_eq!(declared(&[("task", "classify"), ("names", r"{0: 'd\tog'}")]).labels, ["d og"]);
    }
}
