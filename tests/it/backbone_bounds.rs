//! Networks that ask for far more than their file is long: refused in plain words, within a gigabyte and seconds.

use std::path::Path;

use prost::Message;
use serde_json::Value;
use tract_onnx::pb;

use crate::common::{Device, backbone, onnxruntime};

fn node(op: &str, inputs: &[&str], output: &str, attributes: Vec<pb::AttributeProto>) -> pb::NodeProto {
    pb::NodeProto {
        op_type: op.to_owned(),
        name: format!("make {output}"),
        input: inputs.iter().map(|&name| name.to_owned()).collect(),
        output: vec![output.to_owned()],
        attribute: attributes,
        ..Default::default()
    }
}

fn int(name: &str, i: i64) -> pb::AttributeProto {
    pb::AttributeProto { name: name.to_owned(), r#type: 2, i, ..Default::default() }
}

fn integers(name: &str, values: &[i64]) -> pb::TensorProto {
    let dims = vec![values.len() as i64];
    pb::TensorProto { name: name.to_owned(), dims, data_type: 7, int64_data: values.to_vec(), ..Default::default() }
}

/// `gap.onnx` with `nodes` between its map and its pooling: they take `map` and make `grown`, of the same channels.
fn grown(nodes: Vec<pb::NodeProto>, tensors: Vec<pb::TensorProto>) -> Vec<u8> {
    let mut model = pb::ModelProto::decode(std::fs::read(backbone()).unwrap().as_slice()).unwrap();
    let graph = model.graph.as_mut().unwrap();
    let takers = graph.node.iter_mut().flat_map(|node| &mut node.input).filter(|name| *name == "map");
    takers.for_each(|name| *name = "grown".to_owned());
    graph.node.extend(nodes);
    graph.initializer.extend(tensors);
    model.encode_to_vec()
}

/// `first`, joined to itself so many times, as `last`.
fn doubled(first: &str, last: &str, times: usize, axis: i64) -> Vec<pb::NodeProto> {
    let name = |level: usize| match level {
        0 => first.to_owned(),
        level if level == times => last.to_owned(),
        level => format!("{last} {level}"),
    };
    let double =
        |level: usize| node("Concat", &[&name(level), &name(level)], &name(level + 1), vec![int("axis", axis)]);
    (0..times).map(double).collect()
}

/// Networks whose sizes grow in a tensor of the image, in a constant, by one number, and in a branch.
fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let constant = doubled("one", "many", 33, 0);
    let sum = node("ReduceSum", &["many"], "sum", vec![int("keepdims", 0)]);
    let add = node("Add", &["map", "sum"], "grown", vec![]);
    let one = pb::TensorProto {
        name: "one".into(),
        dims: vec![1],
        data_type: 1,
        float_data: vec![1.0],
        ..Default::default()
    };
    let tile = node("Tile", &["map", "times"], "grown", vec![]);
    let branch = |nodes, output: &str| {
        let output = pb::ValueInfoProto { name: output.to_owned(), ..Default::default() };
        let graph = pb::GraphProto { name: "b".into(), node: nodes, output: vec![output], ..Default::default() };
        move |name: &str| pb::AttributeProto {
            name: name.to_owned(),
            r#type: 5,
            g: Some(graph.clone()),
            ..Default::default()
        }
    };
    let then = branch(doubled("map", "inner", 31, 2), "inner")("then_branch");
    let other = branch(vec![node("Identity", &["map"], "same", vec![])], "same")("else_branch");
    let yes = pb::TensorProto { name: "yes".into(), data_type: 9, int32_data: vec![1], ..Default::default() };
    vec![
        ("a tensor joined to itself", grown(doubled("map", "grown", 30, 2), vec![])),
        ("a constant joined to itself", grown([constant, vec![sum, add]].concat(), vec![one])),
        ("a tensor repeated", grown(vec![tile], vec![integers("times", &[1, 1, 30_000, 30_000])])),
        ("a branch", grown(vec![node("If", &["yes"], "grown", vec![then, other])], vec![yes])),
    ]
}

/// Runs a command on the network that must end with 1 and words, not with a signal, and says them.
fn refusal(device: &Device, arguments: &[&str]) -> String {
    let output = device.edgetl(arguments).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {stderr}");
    assert!(stderr.starts_with("error: ") && !stderr.contains("panicked"), "{arguments:?}: {stderr}");
    stderr
}

fn refused_by(engine: &[&str]) {
    for (what, bytes) in hostile() {
        let device = Device::new();
        device.draw("photos", 1, 0);
        std::fs::write(device.path("net.onnx"), bytes).unwrap();
        let import = refusal(&device, &[&["backbone", "import", "net.onnx", "--preset", "raw"], engine].concat());
        let collect = ["collect", "photos", "--backbone", "net.onnx", "--preset", "raw"];
        let collected = refusal(&device, &[&collect, engine].concat());
        println!("{what}: {import}{collected}");
        assert!(!device.state().join("backbones/net").exists(), "{what}");
        let inspect = device.edgetl(&[&["backbone", "inspect", "net.onnx"], engine].concat()).output().unwrap();
        assert!(matches!(inspect.status.code(), Some(0 | 1)), "{what}: {inspect:?}");
    }
}

#[test]
fn a_network_that_grows_without_bound_is_refused_before_tract_ends_the_program() {
    refused_by(&["--provider", "tract"]);
}

#[test]
#[cfg_attr(not(has_onnxruntime), ignore = "needs EDGETL_ONNXRUNTIME")]
fn a_network_that_grows_without_bound_is_refused_before_onnx_runtime_takes_all_memory() {
    let library = onnxruntime();
    refused_by(&["--provider", "cpu", "--onnxruntime", &library.to_string_lossy()]);
}

#[test]
fn what_a_network_asked_for_is_said_in_plain_words() {
    let device = Device::new();
    std::fs::write(device.path("net.onnx"), grown(doubled("map", "grown", 30, 2), vec![])).unwrap();
    let said = refusal(&device, &["backbone", "import", "net.onnx", "--preset", "raw", "--provider", "tract"]);
    assert!(said.contains("the first run of the network in `net.onnx`") && said.contains("MB of memory"), "{said}");
    assert!(said.contains("hint: ") && said.contains("--trust"), "{said}");
}

#[test]
fn a_package_folder_from_elsewhere_is_tried_too() {
    let device = Device::new();
    device.draw("photos", 1, 0);
    device.json(&["backbone", "import", backbone(), "--preset", "raw", "--out", "package"]);
    let package = device.path("package");
    let network = grown(doubled("map", "grown", 30, 2), vec![]);
    let manifest = std::fs::read_to_string(package.join("manifest.toml")).unwrap();
    let digest = |bytes: &[u8]| edgetl::digest::Digest::of(bytes).to_string();
    let old = digest(&std::fs::read(package.join("backbone.onnx")).unwrap());
    let manifest = manifest.replace(&old, &digest(&network)).replace("output = \"map\"", "output = \"grown\"");
    std::fs::write(package.join("manifest.toml"), manifest).unwrap();
    std::fs::write(package.join("backbone.onnx"), network).unwrap();
    std::fs::remove_file(package.join("golden.safetensors")).unwrap();
    let said = refusal(&device, &["collect", "photos", "--backbone", "package", "--provider", "tract"]);
    assert!(said.contains("the first run of the network in `package`"), "{said}");
}

#[test]
fn a_network_of_a_hundred_thousand_nodes_is_refused_by_their_number() {
    let device = Device::new();
    let name = |level: usize| if level == 0 { "map".to_owned() } else { format!("r{level}") };
    let mut nodes: Vec<_> = (0..100_000).map(|level| node("Relu", &[&name(level)], &name(level + 1), vec![])).collect();
    nodes.push(node("Identity", &[&name(100_000)], "grown", vec![]));
    std::fs::write(device.path("net.onnx"), grown(nodes, vec![])).unwrap();
    let said = refusal(&device, &["backbone", "import", "net.onnx", "--preset", "raw"]);
    assert!(said.contains("expected at most 20000 nodes"), "{said}");
}

#[test]
fn a_panic_of_an_engine_is_an_error_and_prints_nothing_else() {
    let device = Device::new();
    // tract divides by the stride.
    let mut model = pb::ModelProto::decode(std::fs::read(backbone()).unwrap().as_slice()).unwrap();
    for attribute in model.graph.as_mut().unwrap().node.iter_mut().flat_map(|node| &mut node.attribute) {
        if attribute.name == "strides" {
            attribute.ints = vec![0, 0];
        }
    }
    std::fs::write(device.path("net.onnx"), model.encode_to_vec()).unwrap();
    for command in [&["backbone", "import", "net.onnx", "--trust"][..], &["backbone", "inspect", "net.onnx", "--trust"]]
    {
        let output = device.edgetl(&[command, &["--provider", "tract"]].concat()).output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{stderr}");
        assert!(!stderr.contains("panicked at"), "{stderr}");
    }
}

#[test]
fn a_network_with_its_weights_beside_it_is_tried_and_imported() {
    let device = Device::new();
    let mut model = pb::ModelProto::decode(std::fs::read(backbone()).unwrap().as_slice()).unwrap();
    let mut beside = Vec::new();
    for tensor in &mut model.graph.as_mut().unwrap().initializer {
        let bytes: Vec<u8> = match tensor.raw_data.is_empty() {
            true => tensor.float_data.iter().flat_map(|value| value.to_le_bytes()).collect(),
            false => tensor.raw_data.clone(),
        };
        let entry = |key: &str, value: String| pb::StringStringEntryProto { key: key.to_owned(), value };
        tensor.external_data = vec![entry("location", "net.data".into()), entry("offset", beside.len().to_string())];
        tensor.data_location = Some(1);
        tensor.float_data.clear();
        tensor.raw_data.clear();
        beside.extend(bytes);
    }
    std::fs::write(device.path("net.onnx"), model.encode_to_vec()).unwrap();
    std::fs::write(device.path("net.data"), beside).unwrap();
    let fingerprint = |import: Vec<Value>| import[0]["dim"].as_u64();
    assert_eq!(fingerprint(device.json(&["backbone", "import", "net.onnx", "--preset", "raw"])), Some(6));
    assert!(Path::new(&device.state().join("backbones/net/backbone.onnx")).is_file());
}
