//! Where a head looks: maps that add up to what is said, held to PyTorch where a hidden layer is between.

mod shortcut;
mod shown;

use std::path::{Path, PathBuf};

use edgetl::backbone::{Backbone, ImportRequest, Loader, Options, Package, Provider, ProviderChoice};
use edgetl::dataset::Dataset;
use edgetl::explain::{How, class_maps, occluded_maps};
use edgetl::head::{
    ArtifactParts, Channels, FitOptions, Head, HeadArtifact, HeadChoice, HeadKind, Linear, Mlp, OperatingPoint,
    Outputs, fit,
};
use edgetl::labels::ClassIndex;
use edgetl::tensor::InputBatch;
use ndarray::{Array2, Array4};
use serde_json::Value;

use crate::head_data::clusters;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name)
}

/// With maps, on each engine that is here.
fn engines() -> Vec<Options> {
    let on = |provider, library| Options {
        provider: ProviderChoice::Only(provider),
        library,
        threads: 1,
        map: true,
        ..Options::default()
    };
    let runtime = std::env::var_os("EDGETL_ONNXRUNTIME").map(|library| on(Provider::Cpu, Some(library.into())));
    [on(Provider::Tract, None)].into_iter().chain(runtime).collect()
}

fn session(network: &Path, options: &Options) -> Box<dyn Backbone> {
    imported(network, options, &ImportRequest::default())
}

fn imported(network: &Path, options: &Options, request: &ImportRequest) -> Box<dyn Backbone> {
    let package = Package::from_onnx(network, request).unwrap();
    Loader::new(package, options).unwrap().session(1).unwrap()
}

fn image(session: &dyn Backbone) -> InputBatch {
    let size = &session.manifest().preprocess;
    let value = |(_, c, y, x): (usize, usize, usize, usize)| ((c * 7 + y * 5 + x * 3) % 17) as f32 / 8.0 - 1.0;
    InputBatch::new(Array4::from_shape_fn((1, 3, size.height as usize, size.width as usize), value)).unwrap()
}

fn head(kind: HeadKind, dataset: &Dataset, earlier: bool) -> HeadArtifact {
    let options = FitOptions { head: HeadChoice::Only(kind), earlier_maps: Some(earlier), ..FitOptions::default() };
    fit(dataset, &options).unwrap()
}

const CLASSES: [ClassIndex; 3] = [ClassIndex(0), ClassIndex(1), ClassIndex(2)];

/// Maps whose mean and what is beside them are the logit, of each affine head and of a perceptron.
fn assert_adds_up(network: &str, rows: usize, columns: usize) {
    for options in engines() {
        let mut session = session(&fixture(&format!("backbone/{network}.onnx")), &options);
        let feature = session.manifest().feature.clone();
        let earlier = !feature.taps.is_empty();
        let dataset = clusters(3, 14, feature.width());
        let dataset = if earlier { dataset.with_last_map(feature.dim).unwrap() } else { dataset };
        let batch = image(session.as_ref());
        let activations = session.forward(&batch).unwrap();
        for kind in [HeadKind::Softmax, HeadKind::Ridge, HeadKind::Lda, HeadKind::Average, HeadKind::Mlp] {
            let artifact = head(kind, &dataset, earlier);
            let maps = class_maps(&activations, session.manifest(), &artifact, &CLASSES)
                .unwrap_or_else(|| panic!("{network}: no map of {kind:?}"));
            let logits = artifact.logits(&activations.features).unwrap();
            for (class, map) in maps.iter().enumerate() {
                let scale = logits.iter().fold(1.0_f32, |most, logit| most.max(logit.abs()));
                let sum = map.grid.mean().unwrap() + map.beside;
                assert!(
                    (sum - logits[[0, class]]).abs() < 1e-4 * scale,
                    "{network}, {kind:?}: {sum} {}",
                    logits[[0, class]]
                );
                assert_eq!(map.grid.dim(), (rows, columns), "{network}");
                let how = if kind == HeadKind::Mlp { How::Gradient } else { How::Exact };
                assert_eq!(map.how, how);
            }
            // What is drawn differs between classes as their logits do, and sums to nothing over all of them.
            let all: Array2<f32> = maps.iter().fold(Array2::zeros((rows, columns)), |sum, map| sum + &map.against);
            assert!(
                all.iter().all(|value| value.abs() < 1e-3 * maps[0].grid.iter().fold(1.0, |most, v| v.abs().max(most)))
            );
        }
    }
}

#[test]
fn the_mean_of_a_map_and_what_is_beside_it_are_the_logit_on_both_engines_and_for_maps_that_are_no_squares() {
    assert_adds_up("gap", 4, 6);
    assert_adds_up("nhwc", 4, 6);
    assert_adds_up("reduce_mean", 4, 6);
}

#[test]
fn with_earlier_maps_the_means_of_all_of_them_add_up_at_the_size_of_the_finest() {
    let size = session(&fixture("backbone/two_stages.onnx"), &engines()[0]);
    assert!(!size.manifest().feature.taps.is_empty(), "the fixture has an earlier map");
    let mut session = size;
    let batch = image(session.as_ref());
    let activations = session.forward(&batch).unwrap();
    let (_, _, rows, columns) = activations.earlier_maps[0].values().dim();
    assert_adds_up("two_stages", rows, columns);
}

#[test]
fn a_feature_that_is_the_mean_of_tokens_has_a_map_that_adds_up_and_a_class_token_has_none() {
    let mut session = session(&fixture("backbone/token_mean.onnx"), &engines()[0]);
    let batch = image(session.as_ref());
    let activations = session.forward(&batch).unwrap();
    let tokens = activations.tokens.as_ref().unwrap().dim().1;
    let dataset = clusters(3, 14, session.manifest().feature.width());
    let artifact = head(HeadKind::Ridge, &dataset, false);
    let maps = class_maps(&activations, session.manifest(), &artifact, &CLASSES).expect("a map of tokens");
    assert_eq!(maps[0].grid.len(), tokens - 1, "the class token stands for no place");
    let logits = artifact.logits(&activations.features).unwrap();
    maps.iter().enumerate().for_each(|(class, map)| {
        assert!((map.grid.mean().unwrap() + map.beside - logits[[0, class]]).abs() < 1e-4);
    });
    let mut session = self::session(&fixture("backbone/class_token.onnx"), &engines()[0]);
    let batch = image(session.as_ref());
    let activations = session.forward(&batch).unwrap();
    let dataset = clusters(3, 14, session.manifest().feature.width());
    let artifact = head(HeadKind::Ridge, &dataset, false);
    assert!(class_maps(&activations, session.manifest(), &artifact, &CLASSES).is_none());
    let covered = occluded_maps(session.as_mut(), &batch, &artifact, &CLASSES).unwrap();
    assert!(covered.iter().all(|map| map.how == How::Covered && map.grid.iter().all(|value| value.is_finite())));
}

#[test]
fn a_prototype_head_is_explained_by_covering_and_what_is_not_there_does_not_matter() {
    let mut session = session(&fixture("backbone/gap.onnx"), &engines()[0]);
    let artifact = head(HeadKind::Prototype, &clusters(3, 14, session.manifest().feature.width()), false);
    // One bright corner on nothing: only covering that corner changes anything.
    let size = session.manifest().preprocess.clone();
    let mut input = Array4::zeros((1, 3, size.height as usize, size.width as usize));
    input.slice_mut(ndarray::s![0, .., ..3, ..3]).fill(2.0);
    let input = InputBatch::new(input).unwrap();
    let activations = session.forward(&input).unwrap();
    assert!(class_maps(&activations, session.manifest(), &artifact, &CLASSES).is_none());
    let maps = occluded_maps(session.as_mut(), &input, &artifact, &CLASSES).unwrap();
    let strength = |map: &Array2<f32>, corner: bool| {
        let inside = |(row, column): (usize, usize)| (row < 4 && column < 4) == corner;
        map.indexed_iter().filter(|(place, _)| inside(*place)).map(|(_, value)| value.abs()).fold(0.0, f32::max)
    };
    assert!(maps.iter().any(|map| strength(&map.grid, true) > 3.0 * strength(&map.grid, false)), "{maps:?}");
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

fn matrix(value: &Value) -> Array2<f32> {
    let rows: Vec<Vec<f32>> = value.as_array().unwrap().iter().map(numbers).collect();
    let columns = rows[0].len();
    Array2::from_shape_vec((rows.len(), columns), rows.concat()).unwrap()
}

#[test]
fn through_a_hidden_layer_the_map_is_pytorchs_grad_cam() {
    let reference: Value = serde_json::from_slice(&std::fs::read(fixture("explain/grad_cam.json")).unwrap()).unwrap();
    let layer = |name: &str| Linear {
        weights: matrix(&reference[name]["weights"]),
        bias: numbers(&reference[name]["bias"]).into(),
    };
    let usual = head(HeadKind::Mlp, &clusters(3, 14, 5), false);
    let artifact = HeadArtifact::new(ArtifactParts {
        head: Head::Mlp(Mlp { hidden: layer("hidden"), output: layer("output") }),
        channels: Channels::of_one_map(5),
        outputs: Outputs::Classes,
        operating: OperatingPoint::default(),
        labels: usual.labels().clone(),
        fingerprint: usual.fingerprint(),
        temperature: usual.temperature(),
        unknown: None,
        report: usual.report().clone(),
        options: None,
        learned_from: None,
        answers: None,
    })
    .unwrap();
    for options in engines() {
        let alone = ImportRequest { last_map_alone: true, ..ImportRequest::default() };
        let mut session = imported(&fixture("explain/grad_cam.onnx"), &options, &alone);
        let (height, width) =
            (reference["height"].as_u64().unwrap() as usize, reference["width"].as_u64().unwrap() as usize);
        let image = Array4::from_shape_vec((1, 3, height, width), numbers(&reference["image"])).unwrap();
        let activations = session.forward(&InputBatch::new(image).unwrap()).unwrap();
        let maps = class_maps(&activations, session.manifest(), &artifact, &CLASSES).unwrap();
        for (map, theirs) in maps.iter().zip(reference["maps"].as_array().unwrap()) {
            let theirs = matrix(theirs);
            let ours = map.grid.mapv(|value| value.max(0.0)) / map.grid.len() as f32;
            assert_eq!(ours.dim(), theirs.dim());
            assert!((&ours - &theirs).iter().all(|gap| gap.abs() < 1e-4), "{ours} {theirs}");
        }
    }
}
