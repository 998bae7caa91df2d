use std::fs;

use serde_json::{Value, json};

use super::*;
use crate::manifest::{Filter, Preprocess, Resize};

fn beside(files: &[(&str, &Value)], network: &str) -> Beside {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("onnx")).unwrap();
    for (name, value) in files {
        fs::write(folder.path().join(name), value.to_string()).unwrap();
    }
    Beside::read(&folder.path().join(network))
}

fn preprocess(config: &Value) -> Preprocess {
    let beside = beside(&[(PREPROCESSOR, config)], "model.onnx");
    assert_eq!(beside.declared.warnings, [""; 0]);
    beside.declared.preprocess.resolve(None).unwrap()
}

/// Configurations as repositories have them, with what they mean; the second half of each was held to transformers' own code
/// on a photograph (greatest difference 6e-7 of a normalised value).
fn cases() -> Vec<(Value, Value)> {
    let common = json!({ "do_resize": true, "do_rescale": true, "do_normalize": true, "rescale_factor": 1.0 / 255.0 });
    let with = |more: Value| {
        let mut config = common.as_object().unwrap().clone();
        config.extend(more.as_object().unwrap().clone());
        Value::Object(config)
    };
    let (mean, std) = (json!([0.485, 0.456, 0.406]), json!([0.229, 0.224, 0.225]));
    let wanted = |width: u32, resize: &str, side: Option<u32>, filter: &str| {
        json!({ "width": width, "height": width, "resize": resize, "shortest_side": side, "filter": filter,
                "channels": "rgb", "range": 1.0, "mean": mean, "std": std })
    };
    let mobilenet = with(json!({
        "image_processor_type": "MobileNetV2ImageProcessor", "size": { "shortest_edge": 256 }, "resample": 2,
        "crop_size": { "height": 224, "width": 224 }, "do_center_crop": true,
        "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5] }));
    let mut mobilenet_wanted = wanted(224, "shortest-side", Some(256), "bilinear");
    (mobilenet_wanted["mean"], mobilenet_wanted["std"]) = (json!([0.5, 0.5, 0.5]), json!([0.5, 0.5, 0.5]));
    let generic = with(json!({
        "feature_extractor_type": "ImageFeatureExtractor", "size": { "shortest_edge": 256 }, "resample": 3,
        "crop_size": { "height": 224, "width": 224 }, "do_center_crop": true, "image_mean": mean, "image_std": std }));
    let share = |side: u32| {
        with(json!({ "feature_extractor_type": "ConvNextFeatureExtractor", "crop_pct": 0.875, "resample": 3,
                     "size": { "shortest_edge": side }, "image_mean": mean, "image_std": std }))
    };
    let efficient = with(json!({
        "image_processor_type": "EfficientNetImageProcessor", "include_top": true, "resample": 0,
        "do_center_crop": false, "crop_size": { "height": 289, "width": 289 }, "rescale_offset": false,
        "size": { "height": 456, "width": 456 }, "image_mean": mean,
        "image_std": [0.478_539_44, 0.473_286_4, 0.474_341_63] }));
    let mobilevit = json!({
        "feature_extractor_type": "MobileViTFeatureExtractor", "do_flip_channel_order": true, "resample": 2,
        "size": { "shortest_edge": 288 }, "crop_size": { "height": 256, "width": 256 }, "do_center_crop": true,
        "do_rescale": true, "rescale_factor": 1.0 / 255.0 });
    let mut mobilevit_wanted = wanted(256, "shortest-side", Some(288), "bilinear");
    mobilevit_wanted["channels"] = json!("bgr");
    (mobilevit_wanted["mean"], mobilevit_wanted["std"]) = (json!([0.0, 0.0, 0.0]), json!([1.0, 1.0, 1.0]));
    vec![
        (mobilenet, mobilenet_wanted),
        (generic, wanted(224, "shortest-side", Some(256), "bicubic")),
        (share(224), wanted(224, "shortest-side", Some(256), "bicubic")),
        (share(384), wanted(384, "squash", None, "bicubic")),
        (efficient, wanted(456, "squash", None, "nearest")),
        (mobilevit, mobilevit_wanted),
    ]
}

fn assert_means(config: &Value, wanted: &Value) {
    let (got, wanted) = (preprocess(config), serde_json::from_value::<Preprocess>(wanted.clone()).unwrap());
    let near = |a: &[f32], b: &[f32]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-6);
    assert!(
        near(&got.mean, &wanted.mean) && near(&got.std, &wanted.std) && near(&[got.range], &[wanted.range]),
        "{got:?}"
    );
    let (mean, std, range) = (got.mean, got.std, got.range);
    assert_eq!(got, Preprocess { mean, std, range, ..wanted }, "{config}");
}

#[test]
fn files_of_six_families_of_transformers_mean_what_its_own_code_does() {
    cases().iter().for_each(|(config, wanted)| assert_means(config, wanted));
}

#[cfg_attr(not(has_shared), ignore = "needs ../shared")]
#[test]
fn six_real_files_mean_what_transformers_own_code_does() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/tools/hub/vectors.json");
    let vectors: Vec<Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert_eq!(vectors.len(), 6);
    vectors.iter().for_each(|vector| assert_means(&vector["config"], &vector["expected"]));
}

#[test]
fn a_file_that_names_its_class_alone_means_the_defaults_of_that_class() {
    let of = |class: &str| preprocess(&json!({ "image_processor_type": class }));
    let vit = of("ViTImageProcessorFast");
    assert_eq!(
        (vit.width, vit.resize, vit.filter, vit.mean, vit.std),
        (224, Resize::Squash, Filter::Bilinear, [0.5; 3], [0.5; 3])
    );
    let mobilenet = of("MobileNetV1FeatureExtractor");
    assert_eq!((mobilenet.width, mobilenet.shortest_side, mobilenet.filter), (224, Some(256), Filter::Bilinear));
    let convnext = preprocess(&json!({ "image_processor_type": "ConvNextImageProcessor", "size": 224 }));
    assert_eq!((convnext.width, convnext.shortest_side, convnext.filter), (224, Some(256), Filter::Bicubic));
    let levit = of("LevitImageProcessor");
    assert_eq!((levit.width, levit.shortest_side, levit.mean[0]), (224, Some(256), 0.485));
    let squared = preprocess(&json!({ "feature_extractor_type": "ViTFeatureExtractor", "size": 384 }));
    assert_eq!((squared.width, squared.height, squared.resize), (384, 384, Resize::Squash));
}

#[test]
fn pixels_are_scaled_as_the_file_says() {
    let base = json!({ "image_processor_type": "ViTImageProcessor", "do_rescale": false });
    assert_eq!(preprocess(&base).range, 255.0);
    let bytes = preprocess(&json!({ "image_processor_type": "ViTImageProcessor", "do_normalize": false,
                                    "do_rescale": false }));
    assert_eq!((bytes.range, bytes.mean, bytes.std), (255.0, [0.0; 3], [1.0; 3]));
    let offset = preprocess(&json!({ "image_processor_type": "EfficientNetImageProcessor", "rescale_offset": true,
                                     "rescale_factor": 1.0 / 127.5, "include_top": false }));
    // 0 and 255 become (-1 - mean) / std and (1 - mean) / std.
    let value = |pixel: f32| (pixel / 255.0 * offset.range - offset.mean[0]) / offset.std[0];
    assert!((value(0.0) + 3.0).abs() < 1e-5 && (value(255.0) - 1.0).abs() < 1e-5);
}

#[test]
fn what_is_done_otherwise_here_or_cannot_be_done_is_said_by_name() {
    let warned = |config: &Value| beside(&[(PREPROCESSOR, config)], "model.onnx").declared;
    let deit = warned(&json!({ "image_processor_type": "DeiTImageProcessor" }));
    assert!(deit.warnings[0].contains("squashed to 256x256 before the crop"), "{deit:?}");
    let settings = deit.preprocess.resolve(None).unwrap();
    assert_eq!((settings.width, settings.shortest_side), (224, Some(256)));
    let hamming = warned(&json!({ "image_processor_type": "ViTImageProcessor", "resample": 5 }));
    assert!(hamming.warnings[0].contains("got hamming (resample 5)") && hamming.preprocess.is_guess(), "{hamming:?}");
    let wrong = warned(&json!({ "image_mean": "grey" }));
    assert!(wrong.warnings[0].contains("are not used") && wrong.preprocess.is_guess(), "{wrong:?}");
    let silent = warned(&json!({ "size": { "shortest_edge": 256 } }));
    assert!(silent.warnings.is_empty() && silent.preprocess.is_guess(), "{silent:?}");
}

#[test]
fn settings_of_timm_are_read_flat_or_nested_and_another_config_is_passed_over() {
    let settings = json!({ "input_size": [3, 288, 256], "crop_pct": 0.95, "interpolation": "bicubic",
                           "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5], "crop_mode": "center" });
    let nested = json!({ "architecture": "resnet18", "num_classes": 1000, "pretrained_cfg": settings });
    let read = beside(&[(CONFIG, &nested)], "onnx/model.onnx");
    let got = read.declared.preprocess.resolve(None).unwrap();
    // 288 / 0.95 = 303.16, floored.
    assert_eq!((got.width, got.height, got.shortest_side, got.filter), (256, 288, Some(303), Filter::Bicubic));
    let mut flat = settings.clone();
    (flat["architecture"], flat["crop_mode"]) = (json!("vit"), json!("squash"));
    let squashed = beside(&[(CONFIG, &flat)], "model.onnx").declared.preprocess.resolve(None).unwrap();
    assert_eq!((squashed.resize, squashed.shortest_side), (Resize::Squash, None));
    let other = beside(&[(CONFIG, &settings)], "model.onnx");
    assert!(other.declared == Declared::default() && other.preprocess_from.is_none());
}

#[test]
fn two_files_that_disagree_are_told_and_the_one_of_the_export_is_taken() {
    let timm = json!({ "architecture": "x", "pretrained_cfg": { "input_size": [3, 224, 224], "interpolation": "bilinear",
                       "crop_pct": 0.875 }, "id2label": { "0": "ant", "1": "bee" } });
    let export = json!({ "feature_extractor_type": "ImageFeatureExtractor", "size": { "shortest_edge": 256 },
                         "resample": 3, "do_center_crop": true, "crop_size": 224,
                         "image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225] });
    let read = beside(&[(CONFIG, &timm), (PREPROCESSOR, &export)], "onnx/model.onnx");
    assert_eq!(
        read.declared.warnings,
        ["`preprocessor_config.json` and `config.json` say different things of the filter; the first is taken"]
    );
    assert_eq!(read.declared.preprocess.filter, Some(Filter::Bicubic));
    assert_eq!(read.declared.labels, ["ant", "bee"]);
    assert!(read.labels_from.is_some_and(|path| path.ends_with(CONFIG)));
}

#[test]
fn a_file_that_is_no_json_is_a_warning_and_nothing_more() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(CONFIG), "<html>").unwrap();
    let read = Beside::read(&folder.path().join("model.onnx"));
    assert!(read.declared.warnings[0].contains("expected JSON") && read.declared.preprocess.is_guess());
}
