//! Backbone and head as one ONNX file: it gives the same probabilities as the two of them, and can be imported again.

use std::path::{Path, PathBuf};

use edgetl::backbone::graph::{HiddenLayer, ScoreDecision, ScoringHead};
use edgetl::backbone::{
    Import, ImportRequest, Loader, Options, Package, PreprocessSpec, Preset, Provider, ProviderChoice,
    export_classifier, library,
};
use edgetl::manifest::{Channels, Preprocess};
use edgetl::tensor::InputBatch;
use ndarray::{Array1, Array2, Array4, Axis};

const HEIGHT: usize = 8;
const WIDTH: usize = 12;

fn head(unit_length: bool) -> ScoringHead {
    ScoringHead {
        hidden: None,
        weights: Array2::from_shape_fn((3, 6), |(k, c)| ((k * 6 + c) % 5) as f32 - 2.0),
        bias: Array1::from(vec![0.5, -0.25, 0.0]),
        unit_length,
        temperature: 0.7,
        labels: vec!["ant".into(), "bee".into(), "wasp".into()],
        decision: ScoreDecision::default(),
    }
}

/// Five hidden neurons before three classes; some of them are below zero on these pixels.
fn deep_head() -> ScoringHead {
    let hidden = HiddenLayer {
        weights: Array2::from_shape_fn((5, 6), |(h, c)| ((h * 6 + c) % 7) as f32 / 4.0 - 0.75),
        bias: Array1::from(vec![0.3, -0.2, 0.9, 0.0, 0.4]),
    };
    let weights = Array2::from_shape_fn((3, 5), |(k, h)| ((k * 5 + h) % 4) as f32 - 1.5);
    ScoringHead { hidden: Some(hidden), weights, ..head(false) }
}

fn probabilities(head: &ScoringHead, mut features: Array2<f32>) -> Array2<f32> {
    if head.unit_length {
        features.rows_mut().into_iter().for_each(|mut row| row /= row.dot(&row).sqrt());
    }
    if let Some(HiddenLayer { weights, bias }) = &head.hidden {
        features = (features.dot(&weights.t()) + bias).mapv(|value| value.max(0.0));
    }
    softmax((features.dot(&head.weights.t()) + &head.bias) / head.temperature)
}

/// RGB pixels, `[2,3,H,W]`, 0 to 255.
fn pixels() -> Array4<f32> {
    Array4::from_shape_fn((2, 3, HEIGHT, WIDTH), |(n, c, y, x)| ((n * 50 + c * 70 + y * 11 + x * 5) % 256) as f32)
}

fn normalised(pixels: &Array4<f32>, preprocess: &Preprocess) -> Array4<f32> {
    Array4::from_shape_fn(pixels.dim(), |(n, c, y, x)| {
        let source = if preprocess.channels == Channels::Bgr { 2 - c } else { c };
        (pixels[[n, source, y, x]] / 255.0 * preprocess.range - preprocess.mean[c]) / preprocess.std[c]
    })
}

fn softmax(logits: Array2<f32>) -> Array2<f32> {
    let exponentials = logits.mapv(f32::exp);
    let sums = exponentials.sum_axis(Axis(1)).insert_axis(Axis(1));
    exponentials / sums
}

/// tract, and ONNX Runtime where it is.
fn engines() -> Vec<Options> {
    let named = std::env::var_os("EDGETL_ONNXRUNTIME").map(PathBuf::from);
    let found = library::search(named.as_deref()).found;
    let providers = [Provider::Tract].into_iter().chain(found.is_some().then_some(Provider::Cpu));
    let library = found.map(|found| found.path);
    let options = |provider| Options {
        provider: ProviderChoice::Only(provider),
        library: library.clone(),
        threads: 1,
        ..Options::default()
    };
    providers.map(options).collect()
}

fn forward(package: Package, options: &Options, batch: Array4<f32>) -> Array2<f32> {
    let mut backbone = Loader::new(package, options).unwrap().session(1).unwrap();
    backbone.forward(&InputBatch::new(batch).unwrap()).unwrap().features.0
}

#[test]
fn the_exported_file_of_a_head_on_one_map_or_on_two_gives_the_probabilities_of_both() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/backbone");
    let folder = tempfile::tempdir().unwrap();
    let exported = folder.path().join("exported.onnx");
    for (name, dim) in [("two_stages", 8), ("two_stages", 14), ("merged_patches", 15), ("four_blocks", 12)] {
        let package = Package::from_onnx(&fixtures.join(format!("{name}.onnx")), &ImportRequest::default()).unwrap();
        let weights = Array2::from_shape_fn((3, dim), |(k, c)| ((k * dim + c) % 5) as f32 - 2.0);
        for head in [ScoringHead { weights: weights.clone(), ..head(false) }, ScoringHead { weights, ..head(true) }] {
            std::fs::write(&exported, export_classifier(package.clone(), &head).unwrap()).unwrap();
            let preprocess = package.manifest().preprocess.clone();
            for options in engines() {
                let features = forward(package.clone(), &options, normalised(&pixels(), &preprocess));
                let want = probabilities(&head, features.slice(ndarray::s![.., ..dim]).to_owned());
                let whole =
                    ImportRequest { feature: Some("scores".into()), last_map_alone: true, ..ImportRequest::default() };
                let import = Import::from_onnx(&exported, &whole).unwrap();
                let got = forward(import.package, &options, pixels());
                let worst = (&got - &want).iter().fold(0.0_f32, |worst, difference| worst.max(difference.abs()));
                assert!(worst < 1e-4, "{name} on {}: {worst}", options.provider);
            }
        }
    }
}

#[test]
fn the_exported_file_gives_the_probabilities_of_backbone_and_head() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/backbone");
    let folder = tempfile::tempdir().unwrap();
    let exported = folder.path().join("exported.onnx");
    for (name, head) in [
        ("gap", head(false)),
        ("window_attention", head(false)),
        ("class_token", head(true)),
        ("token_mean", head(false)),
        ("normalised", head(true)),
        ("opset7", head(true)),
        ("half", head(false)),
        ("nhwc", head(false)),
        ("fixed_batch", head(false)),
        ("gap", deep_head()),
    ] {
        let spec = PreprocessSpec { preset: Some(Preset::ImageNet), bgr: true, ..PreprocessSpec::default() };
        let request = ImportRequest { preprocess: spec, ..ImportRequest::default() };
        let package = Package::from_onnx(&fixtures.join(format!("{name}.onnx")), &request).unwrap();
        std::fs::write(&exported, export_classifier(package.clone(), &head).unwrap()).unwrap();
        let preprocess = package.manifest().preprocess.clone();
        for options in engines() {
            let features = forward(package.clone(), &options, normalised(&pixels(), &preprocess));
            let want = probabilities(&head, features);
            let whole = ImportRequest { feature: Some("scores".into()), ..ImportRequest::default() };
            let import = Import::from_onnx(&exported, &whole).unwrap();
            let read = &import.package.manifest().preprocess;
            assert_eq!(
                (read.range, read.channels, read.shortest_side),
                (255.0, Channels::Rgb, preprocess.shortest_side)
            );
            assert!(import.guess.is_none());
            let got = forward(import.package, &options, pixels());
            let worst = (&got - &want).iter().fold(0.0_f32, |worst, difference| worst.max(difference.abs()));
            assert!(worst < 1e-4, "{name} on {}: {worst}", options.provider);
        }
    }
}
