//! Networks as their makers leave them: normalisation inside, scores and names at the end, integers in between.

use std::path::Path;

use edgetl::backbone::graph::{Foreign, GraphError};
use edgetl::backbone::{BackboneError, ClassifierError, Import, ImportRequest, PreprocessSpec, Preset};
use edgetl::manifest::{Channels, FeatureKind};
use tract_onnx::pb;
use tract_onnx::pb::tensor_proto::DataType;

use crate::common::Device;
use crate::nets::{Net, node, with_int, with_ints, with_strings};

fn import(net: &Net, request: &ImportRequest) -> Result<Import, BackboneError> {
    let folder = tempfile::tempdir().unwrap();
    Import::from_onnx(&net.save(folder.path(), "net"), request)
}

fn imported(net: &Net) -> Import {
    import(net, &ImportRequest::default()).unwrap()
}

/// Output, dimension and rows of the classifier that was kept.
fn taken(import: &Import) -> (&str, usize, Option<usize>) {
    let feature = &import.package.manifest().feature;
    (&feature.output, feature.dim, import.package.classifier().map(|classifier| classifier.bias.len()))
}

fn has_no_feature(net: &Net) -> bool {
    matches!(import(net, &ImportRequest::default()), Err(BackboneError::Graph(GraphError::NoFeature(_))))
}

/// Range, mean and channels that a network without a word of its own is imported with.
fn pixels(net: &Net) -> (f32, [f32; 3], Channels) {
    let import = imported(net);
    assert_eq!(import.guess, None);
    assert!(import.pixels.is_some());
    let settings = import.package.manifest().preprocess.clone();
    (settings.range, settings.mean.map(|mean| mean + 0.0), settings.channels)
}

#[test]
fn the_pixels_of_a_network_that_normalises_them_itself_are_raw() {
    let raw = (255.0, [0.0; 3], Channels::Rgb);
    let scaled =
        |scale: f32| Net::gap().constant("s", &[], &[scale]).before(vec![node("Mul", &["s", "image"], &["x"])], "x");
    assert_eq!(pixels(&scaled(1.0 / 255.0)), raw);
    let means = [123.7, 116.3, 103.5];
    let keras =
        Net::gap().constant("mean", &[1, 3, 1, 1], &means).constant("variance", &[3, 1, 1], &[3411.0, 3263.0, 3291.0]);
    let nodes = vec![
        node("Sub", &["image", "mean"], &["centred"]),
        node("Sqrt", &["variance"], &["deviation"]),
        node("Div", &["centred", "deviation"], &["x"]),
    ];
    assert_eq!(pixels(&keras.before(nodes, "x")), raw);
    let batch = ["gain", "bias", "mean", "variance"];
    let values = [[1.0; 3], [0.0; 3], means, [3300.0; 3]];
    let normalised = batch.iter().zip(values).fold(Net::gap(), |net, (name, values)| net.constant(name, &[3], &values));
    let inputs = [&["image"][..], &batch].concat();
    assert_eq!(pixels(&normalised.before(vec![node("BatchNormalization", &inputs, &["x"])], "x")), raw);
}

#[test]
fn a_network_that_takes_pixels_up_to_one_gets_those() {
    let net = Net::gap().constant("mean", &[3, 1, 1], &[0.485, 0.456, 0.406]).constant(
        "std",
        &[3, 1, 1],
        &[0.229, 0.224, 0.225],
    );
    let nodes = vec![node("Sub", &["image", "mean"], &["c"]), node("Div", &["c", "std"], &["x"])];
    assert_eq!(pixels(&net.before(nodes, "x")), (1.0, [0.0; 3], Channels::Rgb));
}

#[test]
fn blue_comes_first_where_the_means_say_so_and_not_where_the_network_turns_the_channels_itself() {
    let means = Net::gap().constant("mean", &[1, 3, 1, 1], &[103.9, 116.8, 123.7]);
    let plain = means.before(vec![node("Sub", &["image", "mean"], &["x"])], "x");
    assert_eq!(pixels(&plain), (255.0, [0.0; 3], Channels::Bgr));
    let turned = Net::gap().constant("mean", &[1, 3, 1, 1], &[103.9, 116.8, 123.7]).integers("order", &[3], &[2, 1, 0]);
    let nodes =
        vec![with_int(node("Gather", &["image", "order"], &["bgr"]), "axis", 1), node("Sub", &["bgr", "mean"], &["x"])];
    assert_eq!(pixels(&turned.before(nodes, "x")), (255.0, [0.0; 3], Channels::Rgb));
}

fn input_of_bytes(net: &mut Net) {
    let Some(pb::type_proto::Value::TensorType(tensor)) = &mut net.graph().input[0].r#type.as_mut().unwrap().value
    else {
        panic!("an input is a tensor")
    };
    tensor.elem_type = DataType::Uint8 as i32;
}

#[test]
fn an_input_of_bytes_takes_pixels_as_they_are_and_other_wishes_are_warned_of() {
    let cast = with_int(node("Cast", &["image"], &["x"]), "to", DataType::Float as i64);
    let mut net = Net::gap().before(vec![cast], "x");
    input_of_bytes(&mut net);
    assert_eq!(pixels(&net), (255.0, [0.0; 3], Channels::Rgb));
    let preprocess = PreprocessSpec { preset: Some(Preset::ImageNet), ..PreprocessSpec::default() };
    let asked = import(&net, &ImportRequest { preprocess, ..ImportRequest::default() }).unwrap();
    assert!(asked.warnings.iter().any(|warning| warning.contains("bytes")), "{:?}", asked.warnings);
}

#[test]
fn pixels_are_a_guess_where_the_network_begins_with_a_convolution() {
    assert!(imported(&Net::gap()).guess.is_some());
}

#[test]
fn scores_names_and_ranks_are_stepped_through() {
    let softmax = || node("Softmax", &["logits"], &["scores"]);
    let ends: [(&str, Vec<pb::NodeProto>, &[&str]); 5] = [
        ("softmax", vec![softmax()], &["scores"]),
        ("best", vec![softmax(), with_int(node("ArgMax", &["scores"], &["best"]), "axis", 1)], &["best"]),
        ("top", vec![softmax(), node("TopK", &["scores", "k"], &["top", "which"])], &["top", "which"]),
        (
            "labels",
            vec![
                softmax(),
                with_int(node("ArgMax", &["scores"], &["best"]), "axis", 1),
                pb::NodeProto {
                    domain: "ai.onnx.ml".into(),
                    ..node("ArrayFeatureExtractor", &["labels", "best"], &["label"])
                },
            ],
            &["label"],
        ),
        (
            "largest",
            vec![softmax(), with_ints(node("ReduceMax", &["scores"], &["largest"]), "axes", &[1])],
            &["largest"],
        ),
    ];
    for (name, nodes, outputs) in ends {
        let names: Vec<String> = (0..10).map(|class| format!("class {class}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let net = Net::gap().integers("k", &[1], &[3]).names("labels", &names).behind(nodes).outputs(outputs);
        let import = imported(&net);
        assert_eq!(taken(&import), ("map", 6, Some(10)), "{name}: {}", import.why);
        if name == "labels" {
            assert_eq!(import.package.classifier().unwrap().labels, names);
        }
    }
}

#[test]
fn a_map_of_names_gives_the_classes() {
    let names = ["Hammer", "Säge", "c", "d", "e", "f", "g", "h", "i", "j"];
    let map = pb::NodeProto { domain: "ai.onnx.ml".into(), ..node("ZipMap", &["scores"], &["loss"]) };
    let map = with_strings(map, "classlabels_strings", &names);
    let import = imported(&Net::gap().behind(vec![node("Softmax", &["logits"], &["scores"]), map]).outputs(&["loss"]));
    assert_eq!(
        (taken(&import), &*import.package.classifier().unwrap().labels),
        (("map", 6, Some(10)), &names.map(str::to_owned)[..])
    );
}

#[test]
fn scores_behind_what_is_not_understood_are_no_feature() {
    let odd = |end: pb::NodeProto| {
        let nodes = vec![node("CumSum", &["logits", "axis"], &["odd"]), end];
        Net::gap().integers("axis", &[], &[1]).behind(nodes).outputs(&["end"])
    };
    assert!(has_no_feature(&odd(node("Softmax", &["odd"], &["end"]))));
    assert!(has_no_feature(&odd(node("Sigmoid", &["odd"], &["end"]))));
    let plain = imported(&odd(node("Identity", &["odd"], &["end"])));
    assert!(plain.warnings.iter().any(|warning| warning.contains("features or scores")), "{:?}", plain.warnings);
}

#[test]
fn a_map_of_scores_for_places_is_no_feature() {
    let detector = |channels: usize| {
        let weights = vec![0.1; 6 * channels];
        let net = Net::gap().without("pool").constant("w", &[channels as i64, 6, 1, 1], &weights);
        net.behind(vec![node("Conv", &["map", "w"], &["found"]), node("Sigmoid", &["found"], &["end"])])
            .outputs(&["end"])
    };
    for channels in [1, 2, 3] {
        assert!(has_no_feature(&detector(channels)), "{channels}");
        let pooled = Net::gap().without("pool").constant("w", &[channels as i64, 6, 1, 1], &vec![0.1; 6 * channels]);
        let nodes = vec![
            node("Conv", &["map", "w"], &["few"]),
            node("Relu", &["few"], &["r"]),
            node("GlobalAveragePool", &["r"], &["end"]),
        ];
        assert!(has_no_feature(&pooled.behind(nodes).outputs(&["end"])), "{channels} pooled");
    }
}

#[test]
fn only_what_the_picture_reaches_is_followed_and_what_is_left_out_is_said() {
    let mut scaled = Net::gap().behind(vec![node("Mul", &["temperature", "logits"], &["end"])]).outputs(&["end"]);
    let tensor =
        pb::type_proto::Tensor { elem_type: DataType::Float as i32, shape: Some(pb::TensorShapeProto::default()) };
    let r#type = Some(pb::TypeProto { value: Some(pb::type_proto::Value::TensorType(tensor)), ..Default::default() });
    scaled.graph().input.push(pb::ValueInfoProto { name: "temperature".into(), r#type, ..Default::default() });
    let import = imported(&scaled);
    assert_eq!(taken(&import), ("map", 6, Some(10)));
    assert!(import.warnings.iter().any(|warning| warning.contains("`temperature`")), "{:?}", import.warnings);

    let auxiliary = vec![
        node("GlobalAveragePool", &["relu1"], &["p"]),
        node("Flatten", &["p"], &["f"]),
        node("Gemm", &["f", "wa"], &["aux"]),
    ];
    let net = Net::gap().constant("wa", &[4, 10], &[0.1; 40]).behind(auxiliary).outputs(&["aux", "logits"]);
    let import = imported(&net);
    assert_eq!(taken(&import), ("map", 6, Some(10)));
    assert!(import.warnings.iter().any(|warning| warning.contains("`aux` was not")), "{:?}", import.warnings);
}

/// `gap` whose classifier was quantised dynamically, as ONNX Runtime's `quantize_dynamic` writes it.
fn dynamically_quantised() -> Net {
    let weights: Vec<i8> = (0..60).map(|at| at - 30).collect();
    let net = Net::gap().without("logits").bytes("w", &[6, 10], DataType::Int8, &weights);
    let net = net.bytes("zero", &[], DataType::Int8, &[0]).constant("w_scale", &[], &[0.02]).constant(
        "bias",
        &[10],
        &[0.5; 10],
    );
    net.behind(vec![
        node("DynamicQuantizeLinear", &["flat"], &["q", "q_scale", "q_zero"]),
        node("Mul", &["q_scale", "w_scale"], &["scales"]),
        node("MatMulInteger", &["q", "w", "q_zero", "zero"], &["product"]),
        with_int(node("Cast", &["product"], &["cast"]), "to", DataType::Float as i64),
        node("Mul", &["cast", "scales"], &["scaled"]),
        node("Add", &["scaled", "bias"], &["sum"]),
        node("Softmax", &["sum"], &["end"]),
    ])
    .outputs(&["end"])
}

#[test]
fn a_dynamically_quantised_classifier_is_stepped_through_and_its_rows_are_read() {
    let import = imported(&dynamically_quantised());
    assert_eq!(taken(&import), ("map", 6, Some(10)));
    let classifier = import.package.classifier().unwrap();
    assert!((classifier.weights[[3, 1]] - (13.0 - 30.0) * 0.02).abs() < 1e-6 && classifier.bias[0] == 0.5);
}

#[test]
fn the_rows_of_a_classifier_between_quantise_and_dequantise_are_read() {
    let weights: Vec<i8> = (0..60).map(|at| at - 30).collect();
    let scales: Vec<f32> = (1..=10).map(|row| row as f32 / 100.0).collect();
    let net =
        Net::gap().without("logits").bytes("w", &[10, 6], DataType::Int8, &weights).constant("w_scale", &[10], &scales);
    let net = net.bytes("w_zero", &[10], DataType::Int8, &[0; 10]).constant("scale", &[], &[0.1]).bytes(
        "zero",
        &[],
        DataType::Uint8,
        &[0],
    );
    let nodes = vec![
        with_int(node("DequantizeLinear", &["w", "w_scale", "w_zero"], &["w_float"]), "axis", 0),
        node("QuantizeLinear", &["flat", "scale", "zero"], &["q"]),
        node("DequantizeLinear", &["q", "scale", "zero"], &["d"]),
        with_int(node("Gemm", &["d", "w_float"], &["end"]), "transB", 1),
    ];
    let import = imported(&net.behind(nodes).outputs(&["end"]));
    assert_eq!(taken(&import), ("map", 6, Some(10)));
    assert!((import.package.classifier().unwrap().weights[[2, 5]] - (17.0 - 30.0) * 0.03).abs() < 1e-6);
}

/// A pooled map of integers, as ONNX Runtime's operator-oriented quantisation leaves them.
fn quantised_map() -> Net {
    let net = Net::gap().without("pool").constant("scale", &[], &[0.1]).bytes("zero", &[], DataType::Uint8, &[3]);
    net.behind(vec![
        node("QuantizeLinear", &["map", "scale", "zero"], &["q"]),
        node("MaxPool", &["q"], &["q_map"]),
        pb::NodeProto {
            domain: "com.microsoft".into(),
            ..node("QLinearGlobalAveragePool", &["q_map", "scale", "zero", "scale", "zero"], &["q_pool"])
        },
        node("DequantizeLinear", &["q_pool", "scale", "zero"], &["pool"]),
        node("Flatten", &["pool"], &["flat"]),
        with_int(node("Gemm", &["flat", "w4", "w5"], &["logits"]), "transB", 1),
    ])
}

#[test]
#[cfg_attr(not(has_onnxruntime), ignore = "needs EDGETL_ONNXRUNTIME")]
fn a_map_of_integers_is_dequantised_at_the_cut() {
    let library = crate::common::onnxruntime();
    let mut net = quantised_map();
    let pool = net.graph().node.iter_mut().find(|node| node.op_type == "MaxPool").unwrap();
    *pool = with_ints(pool.clone(), "kernel_shape", &[1, 1]);
    let domain = pb::OperatorSetIdProto { domain: "com.microsoft".into(), version: 1 };
    net.0.opset_import.push(domain);
    let engine = edgetl::backbone::Options { library: Some(library), ..Default::default() };
    let import = import(&net, &ImportRequest { engine, ..ImportRequest::default() }).unwrap();
    assert_eq!(taken(&import), ("q_map_dequantised", 6, Some(10)));
}

#[test]
fn integers_and_names_are_not_offered_and_not_taken() {
    let net = Net::gap().behind(vec![with_int(node("ArgMax", &["logits"], &["best"]), "axis", 1)]).outputs(&["best"]);
    let named = ImportRequest { feature: Some("best".into()), ..ImportRequest::default() };
    let error = import(&net, &named).unwrap_err();
    assert!(matches!(&error, BackboneError::Graph(GraphError::FeatureElement(name)) if name == "best"), "{error:?}");
}

#[test]
fn class_names_are_as_many_as_scores_or_an_error_with_both_numbers() {
    let labels = |count: usize| (0..count).map(|class| format!("class {class}")).collect::<Vec<_>>();
    let request = |count| ImportRequest { labels: labels(count), ..ImportRequest::default() };
    assert_eq!(import(&Net::gap(), &request(10)).unwrap().package.classifier().unwrap().labels, labels(10));
    let error = import(&Net::gap(), &request(2)).unwrap_err();
    assert!(matches!(error, BackboneError::ClassNames(ClassifierError::Names { expected: 10, got: 2 })), "{error:?}");
}

#[test]
fn names_of_the_file_that_are_not_as_many_as_scores_are_left_out_and_it_is_said() {
    let mut net = Net::gap();
    let entry = |key: &str, value: &str| pb::StringStringEntryProto { key: key.into(), value: value.into() };
    net.0.metadata_props = vec![entry("task", "classify"), entry("names", "{0: 'ant', 1: 'bee'}")];
    let import = imported(&net);
    assert!(import.package.classifier().unwrap().labels.is_empty());
    assert!(import.warnings.iter().any(|warning| warning.contains("expected 10") && warning.contains("got 2")));
}

#[test]
fn golden_vectors_are_kept_however_a_network_comes_and_a_later_import_adds_what_is_missing() {
    let device = Device::new();
    device.draw("photos", 2, 0);
    let network = Net::gap().save(&device.path("."), "net");
    let network = network.to_str().unwrap();
    device.json(&["collect", "photos", "--backbone", network, "--preset", "raw"]);
    let kept = device.state().join("backbones/net");
    assert!(kept.join("golden.safetensors").is_file());
    for file in ["golden.safetensors", "classifier.safetensors"] {
        std::fs::remove_file(kept.join(file)).unwrap();
    }
    device.json(&["backbone", "import", network, "--preset", "raw"]);
    assert!(kept.join("golden.safetensors").is_file() && kept.join("classifier.safetensors").is_file());
    assert_eq!(std::fs::read_dir(device.state().join("backbones")).unwrap().count(), 1);
}

#[test]
fn a_package_whose_features_differ_here_is_refused_by_every_command_alike() {
    let device = Device::taught();
    let path = device.state().join("backbones/gap/golden.safetensors");
    let mut golden = edgetl::backbone::Golden::parse(&std::fs::read(&path).unwrap()).unwrap();
    golden.features.mapv_inplace(|value| value * 1.5);
    std::fs::write(&path, golden.to_bytes()).unwrap();
    let picture = walkdir::WalkDir::new(device.path("photos"))
        .into_iter()
        .map(|entry| entry.unwrap().into_path())
        .find(|path| path.is_file());
    let picture = picture.unwrap();
    for provider in ["tract", "auto"] {
        for command in
            [&["predict", picture.to_str().unwrap()][..], &["doctor"], &["serve", "--address", "127.0.0.1:0"]]
        {
            let output = device.edgetl(command).args(["--provider", provider]).output().unwrap();
            assert_eq!(output.status.code(), Some(1), "{command:?} {provider}");
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8_lossy(&text).into_owned();
            assert!(
                text.contains("does not give its own features on provider `tract`"),
                "{command:?} {provider}: {text}"
            );
        }
    }
}

#[test]
fn inspection_shows_the_way_through_the_network_before_its_layers() {
    let device = Device::new();
    let output = device.edgetl(&["backbone", "inspect", crate::common::backbone()]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let at = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part:?} in {text}"));
    assert!(at("takes `image`") < at("cut at `map`") && at("cut at `map`") < at("operator"), "{text}");
}

/// What a network of the shared cases is expected to become.
struct Case {
    file: &'static str,
    /// Feature, dimension and rows; or what the error says.
    outcome: Result<(&'static str, usize, usize), &'static str>,
    range: Option<f32>,
    labels: &'static [&'static str],
}

const CASES: [Case; 15] = {
    const fn right(file: &'static str, feature: &'static str, dim: usize, rows: usize) -> Case {
        Case { file, outcome: Ok((feature, dim, rows)), range: None, labels: &[] }
    }
    const fn wrong(file: &'static str, says: &'static str) -> Case {
        Case { file, outcome: Err(says), range: None, labels: &[] }
    }
    [
        Case { range: Some(255.0), ..right("keras_rescale.onnx", "Relu_22", 96, 5) },
        Case { range: Some(255.0), ..right("keras_uint8.onnx", "Relu_27", 96, 5) },
        Case {
            range: Some(255.0),
            labels: &["Hammer", "Negative", "Säge"],
            ..right("customvision_zipmap.onnx", "Relu_17", 64, 3)
        },
        right("keras_plain_qdyn.onnx", "Relu_19", 96, 5),
        right("mobilenetv3_qop.onnx", "HardSwish_33", 96, 0),
        right("mnv1_qdq.onnx", "26_conv_2d_relu6_DequantizeLinear_Output", 256, 1001),
        Case { labels: &["ant", "5\" bee's", "cat", "dog"], ..right("yolo_names_both_quotes.onnx", "Mul_71", 128, 4) },
        Case { labels: &["Käfer", "蜂", "cat", "d og"], ..right("yolo_names_unicode.onnx", "Mul_71", 128, 4) },
        right("second_scalar.onnx", "Relu_17", 64, 4),
        right("aux_first.onnx", "Relu_17", 64, 4),
        right("dinov2_hidden_only.onnx", "last_hidden_state", 48, 0),
        wrong("grey_input.onnx", "got 1 in `x`"),
        wrong("lfs_pointer.onnx", "Git LFS pointer"),
        wrong("html.onnx", "HTML page"),
        wrong("model.tflite", "TensorFlow Lite"),
    ]
};

#[test]
#[cfg_attr(not(has_shared), ignore = "needs ../shared, with real backbones and photographs")]
#[cfg_attr(not(has_onnxruntime), ignore = "needs EDGETL_ONNXRUNTIME")]
fn every_network_of_the_shared_cases_has_its_right_outcome() {
    let (shared, library) = (crate::common::shared(), crate::common::onnxruntime());
    let engine = edgetl::backbone::Options { library: Some(library), ..Default::default() };
    let request = ImportRequest { engine, ..ImportRequest::default() };
    for Case { file, outcome, range, labels } in &CASES {
        match (Import::from_onnx(&shared.join("cases/onnx").join(file), &request), outcome) {
            (Ok(import), Ok((feature, dim, rows))) => {
                assert_eq!(taken(&import), (*feature, *dim, (*rows > 0).then_some(*rows)), "{file}");
                let settings = &import.package.manifest().preprocess;
                assert!(range.is_none_or(|range| settings.range == range && settings.std == [1.0; 3]), "{file}");
                let own = import.package.classifier().map_or(&[][..], |classifier| &classifier.labels);
                assert_eq!(own, *labels, "{file}");
                let class_token = import.package.manifest().feature.kind == FeatureKind::TokensClass;
                assert_eq!(class_token, *file == "dinov2_hidden_only.onnx");
            }
            (Err(error), Err(says)) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                assert!(cause.contains(says), "{file}: {cause}");
            }
            (Ok(import), Err(_)) => panic!("{file}: {}", import.why),
            (Err(error), Ok(_)) => panic!("{file}: {error:?}"),
        }
    }
}

#[test]
#[cfg_attr(not(has_shared), ignore = "needs ../shared, with real backbones and photographs")]
fn the_labels_of_the_shared_cases_are_counted_and_cleaned() {
    let shared = crate::common::shared();
    let read = |name: &str| std::fs::read_to_string(shared.join("cases/labels").join(name)).unwrap();
    assert_eq!(edgetl::backbone::class_names(&read("labels_tm.txt")), ["Hammer", "Negative", "Säge"]);
    assert_eq!(edgetl::backbone::class_names(&read("labels_bom.txt")), ["Hammer", "Negative", "S"]);
    let labels = edgetl::backbone::class_names(&read("labels2.txt"));
    let network = shared.join("cases/onnx/customvision_zipmap.onnx");
    let error = Import::from_onnx(&network, &ImportRequest { labels, ..ImportRequest::default() }).unwrap_err();
    assert_eq!(error.to_string(), "expected 3 class names, one a score of the network, got 2");
}

#[test]
fn a_file_that_is_no_network_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.onnx");
    std::fs::write(&path, b"PK\x03\x04....model/data.pkl").unwrap();
    let error = Import::from_onnx(Path::new(&path), &ImportRequest::default()).unwrap_err();
    assert!(matches!(error, BackboneError::Graph(GraphError::Foreign(Foreign::PyTorch))), "{error:?}");
}
