//! ONNX files that are damaged, hostile or something else: each its own error, no panic, no absurd allocation.

use std::path::Path;

use edgetl::backbone::graph::{Foreign, GraphError, Network};
use edgetl::backbone::{BackboneError, ImportRequest, Loader, Options, Package, Provider, ProviderChoice};
use prost::Message;
use rand::{Rng, RngExt, SeedableRng};
use tract_onnx::pb;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/backbone").join(name)).unwrap()
}

/// `gap.onnx` with a change.
fn changed(change: impl FnOnce(&mut pb::GraphProto)) -> Vec<u8> {
    let mut model = pb::ModelProto::decode(fixture("gap.onnx").as_slice()).unwrap();
    change(model.graph.as_mut().unwrap());
    model.encode_to_vec()
}

fn refusal(bytes: &[u8]) -> GraphError {
    Network::parse(bytes).expect_err("a file that must not be trusted")
}

/// Imports `bytes` as a file and loads them with tract.
fn import(bytes: &[u8]) -> Result<Loader, BackboneError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("net.onnx");
    std::fs::write(&path, bytes).unwrap();
    let package = Package::from_onnx(&path, &ImportRequest::default())?;
    Loader::new(package, &Options { provider: ProviderChoice::Only(Provider::Tract), threads: 1, ..Options::default() })
}

#[test]
fn a_truncated_file_is_refused_at_every_length() {
    let bytes = fixture("gap.onnx");
    for length in 0..bytes.len() {
        assert!(import(&bytes[..length]).is_err(), "{length}");
    }
}

#[test]
fn random_bytes_are_refused() {
    let mut random = rand_pcg::Pcg64Mcg::seed_from_u64(7);
    for length in [1, 10, 100, 1000, 10_000] {
        let mut bytes = vec![0; length];
        random.fill_bytes(&mut bytes);
        assert!(import(&bytes).is_err());
    }
}

#[test]
fn a_flipped_byte_is_an_error_or_a_network_but_never_a_panic() {
    let mut random = rand_pcg::Pcg64Mcg::seed_from_u64(8);
    let good = fixture("token_then_norm.onnx");
    for _ in 0..300 {
        let mut bytes = good.clone();
        for _ in 0..random.random_range(1..4) {
            let place = random.random_range(0..bytes.len());
            bytes[place] = random.random();
        }
        let _ = import(&bytes);
    }
}

#[test]
fn files_of_another_kind_are_refused() {
    assert!(matches!(refusal(b""), GraphError::Foreign(Foreign::Empty)));
    assert!(matches!(refusal(b"\x89PNG\r\n\x1a\n and so on"), GraphError::Protobuf(_)));
    let error = import(&fixture("no_image.onnx")).err().unwrap();
    assert!(matches!(error, BackboneError::Graph(GraphError::NoImageInput(_))), "{error:?}");
}

#[test]
fn tensors_that_lie_about_their_size_are_refused_before_anything_is_allocated() {
    for dims in [vec![i64::MAX, 2], vec![-1, 4], vec![1 << 40], vec![1; 20]] {
        let bytes = changed(|graph| graph.initializer[0].dims = dims);
        assert!(matches!(refusal(&bytes), GraphError::TensorDims { .. }));
    }
    let bytes = changed(|graph| graph.initializer[0].dims = vec![1000, 1000, 1000]);
    assert!(matches!(refusal(&bytes), GraphError::TensorData { expected: 4_000_000_000, .. }));
    let bytes = changed(|graph| graph.initializer[0].data_type = 99);
    assert!(matches!(refusal(&bytes), GraphError::TensorType { got: 99, .. }));
}

#[test]
fn graphs_that_are_no_graphs_are_refused() {
    let bytes = changed(|graph| graph.node[0].input[0] = graph.node[3].output[0].clone());
    assert!(matches!(refusal(&bytes), GraphError::Cycle(_)));
    let bytes = changed(|graph| graph.node[1].input[0] = "nowhere".into());
    assert!(matches!(refusal(&bytes), GraphError::Dangling { .. }));
    let bytes = changed(|graph| graph.node[1].output[0] = graph.node[0].output[0].clone());
    assert!(matches!(refusal(&bytes), GraphError::ProducedTwice(_)));
    let bytes = changed(|graph| graph.output[0].name = "nowhere".into());
    assert!(matches!(refusal(&bytes), GraphError::Dangling { .. }));
}

#[test]
fn an_operator_that_does_not_exist_is_an_error_of_the_engine() {
    let bytes = changed(|graph| graph.node[1].op_type = "Frobnicate".into());
    let error = import(&bytes).err().unwrap();
    assert!(matches!(error, BackboneError::Load { .. } | BackboneError::Graph(GraphError::NoFeature(_))), "{error:?}");
}

#[test]
fn naming_a_feature_or_an_input_that_is_not_there_is_an_error() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/backbone/gap.onnx");
    let feature = ImportRequest { feature: Some("nope".into()), ..ImportRequest::default() };
    let error = Package::from_onnx(&path, &feature).unwrap_err();
    assert!(matches!(error, BackboneError::Graph(GraphError::UnknownTensor { .. })));
    let input = ImportRequest { input: Some("nope".into()), ..ImportRequest::default() };
    let error = Package::from_onnx(&path, &input).unwrap_err();
    assert!(matches!(error, BackboneError::Graph(GraphError::UnknownInput { .. })));
    let constant = ImportRequest { feature: Some("w0".into()), ..ImportRequest::default() };
    assert!(Package::from_onnx(&path, &constant).is_err());
}
