//! What an import takes from a file: its data beside itself, its metadata, its classifier's rows, its layers.

use std::path::{Path, PathBuf};

use edgetl::backbone::{
    BackboneError, Import, ImportRequest, Inspection, Loader, Options, Package, PreprocessSpec, Provider,
    ProviderChoice,
    graph::{ExternalError, GraphError},
};
use edgetl::manifest::FeatureKind;
use edgetl::tensor::InputBatch;
use ndarray::{Array2, Array4};
use prost::Message;
use tract_onnx::pb;

const HEIGHT: usize = 8;
const WIDTH: usize = 12;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/backbone").join(format!("{name}.onnx"))
}

fn model(name: &str) -> pb::ModelProto {
    pb::ModelProto::decode(std::fs::read(fixture(name)).unwrap().as_slice()).unwrap()
}

fn entry(key: &str, value: &str) -> pb::StringStringEntryProto {
    pb::StringStringEntryProto { key: key.into(), value: value.into() }
}

/// The features of one fixed image, by tract.
fn features(package: Package) -> Array2<f32> {
    let options = Options { provider: ProviderChoice::Only(Provider::Tract), threads: 1, ..Options::default() };
    let image = Array4::from_shape_fn((1, 3, HEIGHT, WIDTH), |(_, c, y, x)| (c + y * 2 + x) as f32 / 10.0);
    let mut backbone = Loader::new(package, &options).unwrap().session(1).unwrap();
    backbone.forward(&InputBatch::new(image).unwrap()).unwrap().features.0
}

/// Moves the data of every initialiser to `location` beside the model and writes both.
fn save_with_external_data(folder: &Path, location: &str) -> PathBuf {
    let mut model = model("gap");
    let mut data = Vec::new();
    for tensor in &mut model.graph.as_mut().unwrap().initializer {
        let (offset, length) = (data.len(), tensor.raw_data.len());
        data.append(&mut tensor.raw_data);
        tensor.data_location = Some(1);
        tensor.external_data = vec![
            entry("location", location),
            entry("offset", &offset.to_string()),
            entry("length", &length.to_string()),
        ];
    }
    let path = folder.join("net.onnx");
    std::fs::write(&path, model.encode_to_vec()).unwrap();
    std::fs::write(folder.join(location), data).unwrap();
    path
}

#[test]
fn data_beside_the_model_is_brought_into_the_package() {
    let folder = tempfile::tempdir().unwrap();
    let path = save_with_external_data(folder.path(), "weights.bin");
    let before = std::fs::read(&path).unwrap();
    let package = Package::from_onnx(&path, &ImportRequest::default()).unwrap();
    let saved = folder.path().join("package");
    package.save(&saved).unwrap();
    std::fs::remove_file(folder.path().join("weights.bin")).unwrap();
    let whole = Package::from_onnx(&fixture("gap"), &ImportRequest::default()).unwrap();
    assert_eq!(features(Package::open(&saved).unwrap()), features(whole));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn data_outside_the_models_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    let path = save_with_external_data(&inner, "../weights.bin");
    let error = Package::from_onnx(&path, &ImportRequest::default()).unwrap_err();
    let refused =
        matches!(error, BackboneError::Graph(GraphError::External { source: ExternalError::Location(_), .. }));
    assert!(refused, "{error:?}");
}

#[test]
fn metadata_of_the_file_gives_preprocessing_and_labels_and_flags_win() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.onnx");
    let spec = PreprocessSpec {
        size: Some((WIDTH as u32, HEIGHT as u32)),
        mean: Some([10.0, 20.0, 30.0]),
        bgr: true,
        ..PreprocessSpec::default()
    };
    let preprocess = spec.resolve(None).unwrap();
    let labels: Vec<String> = (0..10).map(|class| format!("class {class}")).collect();
    let mut model = model("gap");
    model.metadata_props = vec![
        entry("edgetl.preprocess", &serde_json::to_string(&preprocess).unwrap()),
        entry("edgetl.labels", &serde_json::to_string(&labels).unwrap()),
    ];
    std::fs::write(&path, model.encode_to_vec()).unwrap();
    let import = Import::from_onnx(&path, &ImportRequest::default()).unwrap();
    assert_eq!((import.package.manifest().preprocess.clone(), import.guess), (preprocess, None));
    assert_eq!(import.package.classifier().unwrap().labels, labels);
    assert!(import.warnings.is_empty());
    let flags = PreprocessSpec { mean: Some([0.5; 3]), ..PreprocessSpec::default() };
    let import = Import::from_onnx(&path, &ImportRequest { preprocess: flags, ..ImportRequest::default() }).unwrap();
    assert_eq!(import.package.manifest().preprocess.mean, [0.5; 3]);
}

#[test]
fn a_file_that_says_nothing_is_imported_with_a_guess_and_says_so() {
    let import = Import::from_onnx(&fixture("gap"), &ImportRequest::default()).unwrap();
    assert!(import.guess.is_some() && import.warnings.is_empty(), "{:?}", import.warnings);
}

#[test]
fn a_size_far_from_the_trained_one_is_warned_about() {
    for (size, warned) in [((12, 8), false), ((24, 16), false), ((26, 16), true), ((5, 8), true)] {
        let preprocess = PreprocessSpec { size: Some(size), mean: Some([0.5; 3]), ..PreprocessSpec::default() };
        let request = ImportRequest { preprocess, ..ImportRequest::default() };
        let import = Import::from_onnx(&fixture("gap"), &request).unwrap();
        assert_eq!(!import.warnings.is_empty(), warned, "{size:?}: {:?}", import.warnings);
    }
}

#[test]
fn the_rows_of_the_classifier_are_kept_where_they_multiply_the_feature() {
    for (name, kept) in [
        ("gap", true),
        ("nhwc", true),
        ("convolution_head", true),
        ("normalised", true),
        ("class_token", true),
        ("flatten_head", false),
        ("headless", false),
    ] {
        let package = Package::from_onnx(&fixture(name), &ImportRequest::default()).unwrap();
        let rows = package.classifier().map(|classifier| (classifier.weights.dim(), classifier.bias.len()));
        assert_eq!(rows, kept.then_some(((10, 6), 10)), "{name}");
    }
}

#[test]
fn the_kept_rows_give_the_classifiers_own_scores() {
    let mut model = model("gap");
    let package = Package::from_onnx(&fixture("gap"), &ImportRequest::default()).unwrap();
    let classifier = package.classifier().unwrap().clone();
    let ours = features(package).dot(&classifier.weights.t()) + &classifier.bias;
    // The whole network as a "backbone" whose feature is its scores.
    let graph = model.graph.as_mut().unwrap();
    let scores = graph.output[0].name.clone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("whole.onnx");
    std::fs::write(&path, model.encode_to_vec()).unwrap();
    let request = ImportRequest { feature: Some(scores), ..ImportRequest::default() };
    let theirs = features(Package::from_onnx(&path, &request).unwrap());
    assert!((&ours - &theirs).iter().all(|difference| difference.abs() < 1e-5), "{ours} {theirs}");
}

#[test]
fn tokens_may_be_pooled_in_either_way() {
    for (name, kind) in [("class_token", FeatureKind::TokensMean), ("token_mean", FeatureKind::TokensClass)] {
        let request = ImportRequest { kind: Some(kind), ..ImportRequest::default() };
        let package = Package::from_onnx(&fixture(name), &request).unwrap();
        assert_eq!((package.manifest().feature.kind, package.classifier()), (kind, None));
        assert_eq!(features(package).dim(), (1, 6));
    }
}

#[test]
fn inspection_counts_parameters_and_multiply_adds() {
    let inspection = Inspection::of(&fixture("gap"), &ImportRequest::default()).unwrap();
    let layer = |name: &str| inspection.layers.iter().find(|layer| layer.output == name).unwrap();
    // 4 kernels of 3x3x3 and 4 biases, on 4x6 outputs; 6 kernels of 4 and 6 biases; 10 rows of 6 and 10 biases.
    assert_eq!((layer("conv1").parameters, layer("conv1").multiply_adds), (112, Some(4 * 27 * 24)));
    assert_eq!((layer("conv2").parameters, layer("conv2").multiply_adds), (30, Some(6 * 4 * 24)));
    assert_eq!((layer("logits").parameters, layer("logits").multiply_adds), (70, Some(60)));
    assert_eq!(layer("conv1").shape.as_deref(), Some(&[1, 4, 4, 6][..]));
    assert!(layer("map").kept && !layer("pool").kept && !layer("logits").kept);
    assert_eq!((inspection.total.parameters, inspection.backbone.parameters), (212, 142));
    assert_eq!(inspection.total.multiply_adds, 2592 + 576 + 60);
}

#[test]
fn a_network_whose_feature_cannot_be_told_lists_candidates() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.onnx");
    let mut model = model("gap");
    let graph = model.graph.as_mut().unwrap();
    // Scores for every pixel: a segmentation network has no one feature.
    graph.node.truncate(4);
    graph.output[0].name = "map".into();
    graph.output[0].r#type = None;
    std::fs::write(&path, model.encode_to_vec()).unwrap();
    let error = Import::from_onnx(&path, &ImportRequest::default()).unwrap_err();
    let BackboneError::Graph(GraphError::NoFeature(candidates)) = error else { panic!("{error:?}") };
    assert_eq!(candidates[0].to_string(), "`map` [N,6,4,6]");
    let named = ImportRequest { feature: Some("map".into()), ..ImportRequest::default() };
    assert_eq!(Import::from_onnx(&path, &named).unwrap().package.manifest().feature.dim, 6);
    let inspection = Inspection::of(&path, &ImportRequest::default()).unwrap();
    assert!(inspection.feature.is_none() && !inspection.candidates.is_empty());
}

/// One convolution of `channels` 1x1 kernels that takes every `stride`th pixel, and nothing behind it.
fn convolution_alone(channels: i64, stride: i64) -> pb::ModelProto {
    let mut model = model("gap");
    let graph = model.graph.as_mut().unwrap();
    let numbers = vec![0.5f32; channels as usize * 3];
    let weights = pb::TensorProto {
        name: "kernels".into(),
        dims: vec![channels, 3, 1, 1],
        data_type: pb::tensor_proto::DataType::Float as i32,
        raw_data: numbers.iter().flat_map(|number| number.to_le_bytes()).collect(),
        ..Default::default()
    };
    let strides = pb::AttributeProto {
        name: "strides".into(),
        r#type: pb::attribute_proto::AttributeType::Ints as i32,
        ints: vec![stride, stride],
        ..Default::default()
    };
    graph.node = vec![pb::NodeProto {
        op_type: "Conv".into(),
        input: vec![graph.input[0].name.clone(), "kernels".into()],
        output: vec!["map".into()],
        attribute: vec![strides],
        ..Default::default()
    }];
    graph.initializer = vec![weights];
    graph.output.truncate(1);
    graph.output[0].name = "map".into();
    graph.output[0].r#type = None;
    model
}

#[test]
fn a_network_without_a_head_is_cut_at_its_map_where_that_is_coarse_and_deep() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.onnx");
    for (channels, stride, taken) in [(64, 8, true), (64, 4, false), (21, 8, false)] {
        std::fs::write(&path, convolution_alone(channels, stride).encode_to_vec()).unwrap();
        match Import::from_onnx(&path, &ImportRequest::default()) {
            Ok(import) => {
                let feature = &import.package.manifest().feature;
                assert_eq!((taken, feature.kind, feature.dim), (true, FeatureKind::Map, 64), "{}", import.why);
            }
            Err(BackboneError::Graph(GraphError::NoFeature(_))) => assert!(!taken, "{channels} {stride}"),
            Err(error) => panic!("{error:?}"),
        }
    }
}
