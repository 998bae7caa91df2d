//! `backbone visualize`, and which pixels the places of a network's layers see.

use std::path::Path;

use edgetl::backbone::{ImportRequest, Layers, Options, Package, PreprocessSpec, Provider, ProviderChoice};
use edgetl::tensor::InputBatch;
use ndarray::{Array4, ArrayD};
use tract_onnx::pb;
use tract_onnx::pb::tensor_shape_proto::dimension::Value::DimValue;

use crate::common::{Device, backbone};
use crate::nets::{Net, node, with_int, with_ints, with_strings};

/// As large as the fixture's input: no kernel here sees all of it.
const HEIGHT: usize = 33;
const WIDTH: usize = 41;

fn options() -> Options {
    Options { provider: ProviderChoice::Only(Provider::Tract), threads: 1, ..Options::default() }
}

/// A network of `nodes` from `image` to `map`, whose convolutions have weights `w<kernel>`, `[4,4,k,k]` or, as `first`, `[4,3,3,3]`.
fn network(folder: &Path, nodes: Vec<pb::NodeProto>) -> Package {
    let ones = |count: usize| vec![1.0 / count as f32; count];
    let mut net = Net::gap().constant("first", &[4, 3, 3, 3], &ones(108));
    for kernel in [1, 2, 3, 5] {
        net = net.constant(&format!("w{kernel}"), &[4, 4, kernel, kernel], &ones(16 * (kernel * kernel) as usize));
    }
    let graph = net.graph();
    graph.node = nodes;
    let Some(pb::type_proto::Value::TensorType(image)) =
        graph.input[0].r#type.as_mut().and_then(|r#type| r#type.value.as_mut())
    else {
        panic!("the fixture's input is a tensor")
    };
    let sizes = image.shape.as_mut().unwrap().dim.iter_mut().skip(2).zip([HEIGHT, WIDTH]);
    sizes.for_each(|(dim, size)| dim.value = Some(DimValue(size as i64)));
    let pool = node("GlobalAveragePool", &["map"], &["pool"]);
    graph.node.extend([pool, with_int(node("Flatten", &["pool"], &["flat"]), "axis", 1)]);
    let path = net.outputs(&["flat"]).save(folder, "net");
    let preprocess = PreprocessSpec { size: Some((WIDTH as u32, HEIGHT as u32)), ..PreprocessSpec::default() };
    let request =
        ImportRequest { preprocess, feature: Some("map".into()), last_map_alone: true, ..ImportRequest::default() };
    Package::from_onnx(&path, &request).unwrap()
}

fn conv(input: &str, weights: &str, output: &str, attributes: &[(&str, &[i64])]) -> pb::NodeProto {
    let conv = node("Conv", &[input, weights], &[output]);
    attributes.iter().fold(conv, |conv, (name, ints)| with_ints(conv, name, ints))
}

fn pool(op: &str, input: &str, output: &str, attributes: &[(&str, &[i64])]) -> pb::NodeProto {
    attributes.iter().fold(node(op, &[input], &[output]), |pool, (name, ints)| with_ints(pool, name, ints))
}

/// Holds that places change with the rows and columns that they are said to see, and with no others. All weights are positive
/// and the changed pixels the brightest, so that every pixel that is seen counts.
fn holds(what: &str, nodes: Vec<pb::NodeProto>) {
    let folder = tempfile::tempdir().unwrap();
    let layers = Layers::of(&network(folder.path(), nodes), &options()).unwrap();
    let layer = layers.layer("map").unwrap();
    let reach = layer.reach.unwrap_or_else(|| panic!("{what}: {:?}", layer.uncounted));
    let mut session = layers.session(std::slice::from_ref(&layer), &options()).unwrap();
    let mut look = |is_bright: &dyn Fn(usize, usize) -> bool| {
        let pixel = |y: usize, x: usize| if is_bright(y, x) { 50.0 } else { 1.0 + ((y * 3 + x * 5) % 7) as f32 / 7.0 };
        let input = Array4::from_shape_fn((1, 3, HEIGHT, WIDTH), |(_, _, y, x)| pixel(y, x));
        let outputs = session.forward(&InputBatch::new(input).unwrap()).unwrap();
        layer.planes(&outputs[0]).unwrap()
    };
    let before = look(&|_, _| false);
    // [side][place]: the first pixel that counts and the one behind the last.
    let mut seen = [vec![(usize::MAX, 0); layer.grid.0], vec![(usize::MAX, 0); layer.grid.1]];
    for (side, length) in [(0, HEIGHT), (1, WIDTH)] {
        for pixel in 0..length {
            let after = look(&|y, x| [y, x][side] == pixel);
            for ((_, place), _) in after.indexed_iter().filter(|&(at, value)| (value - before[at]).abs() > 1e-5) {
                let place = [place / layer.grid.1, place % layer.grid.1][side];
                let (from, to) = seen[side][place];
                seen[side][place] = (from.min(pixel), to.max(pixel + 1));
            }
        }
        for (place, &(from, to)) in seen[side].iter().enumerate() {
            let (expected, start) =
                (reach[side].pixels(place, length), reach[side].offset + place as i64 * reach[side].stride);
            let what = format!("{what}: place {place} of side {side} sees {from}..{to}, {expected:?} of {reach:?}");
            assert!(expected.start <= from && to <= expected.end, "{what}");
            // Of what is cut at the border, the first pixel may lie between those of a dilated kernel.
            assert!(start < 0 || expected.start == from, "{what}");
            assert!(start + reach[side].size > length as i64 || expected.end == to, "{what}");
        }
    }
}

#[test]
fn a_place_sees_just_the_pixels_that_kernels_strides_dilations_and_pads_lead_to() {
    let stem = || conv("image", "first", "a", &[("strides", &[2, 1]), ("pads", &[1, 0, 1, 2])]);
    holds("one convolution", vec![conv("image", "first", "map", &[("pads", &[1, 1, 1, 1])])]);
    holds("strides of their own", vec![stem(), conv("a", "w3", "map", &[("strides", &[1, 2])])]);
    holds("dilations", vec![stem(), conv("a", "w3", "map", &[("dilations", &[2, 3]), ("pads", &[2, 3, 2, 3])])]);
    let max = pool("MaxPool", "a", "b", &[("kernel_shape", &[3, 2]), ("strides", &[2, 2]), ("pads", &[1, 0, 1, 0])]);
    holds("a pool between", vec![stem(), max, conv("b", "w2", "map", &[])]);
    let average = pool("AveragePool", "a", "map", &[("kernel_shape", &[2, 3]), ("strides", &[2, 1])]);
    holds("an average", vec![stem(), average]);
}

#[test]
fn a_place_sees_what_any_branch_sees_and_layouts_and_padding_nodes_move_nothing() {
    let stem = || conv("image", "first", "a", &[("strides", &[2, 2]), ("pads", &[1, 1, 1, 1])]);
    let wide = conv("a", "w5", "b", &[("pads", &[2, 2, 2, 2])]);
    let uneven = conv("a", "w2", "c", &[("pads", &[1, 1, 0, 0])]);
    holds("a sum", vec![stem(), wide.clone(), uneven.clone(), node("Add", &["b", "c"], &["map"])]);
    let narrow = conv("a", "w1", "c", &[("strides", &[2, 2])]);
    let strided = conv("a", "w3", "b", &[("strides", &[2, 2]), ("pads", &[1, 1, 1, 1])]);
    let deeper = conv("b", "w3", "d", &[("pads", &[1, 1, 1, 1])]);
    holds("a residual block", vec![stem(), narrow, strided, deeper, node("Add", &["c", "d"], &["map"])]);
    holds(
        "beside each other",
        vec![stem(), wide, uneven, with_int(node("Concat", &["c", "b", "a"], &["map"]), "axis", 1)],
    );
    let same = |auto: &str, output: &str| {
        let conv = conv("a", "w2", output, &[("strides", &[2, 2])]);
        let mut conv = with_strings(conv, "auto_pad", &[]);
        let attribute = conv.attribute.last_mut().unwrap();
        (attribute.r#type, attribute.s) = (pb::attribute_proto::AttributeType::String as i32, auto.as_bytes().to_vec());
        conv
    };
    holds("same, upper", vec![stem(), same("SAME_UPPER", "map")]);
    holds("same, lower", vec![stem(), same("SAME_LOWER", "map")]);
    let there = with_ints(node("Transpose", &["a"], &["t"]), "perm", &[0, 2, 3, 1]);
    let back = with_ints(node("Transpose", &["t"], &["b"]), "perm", &[0, 3, 1, 2]);
    holds("through another layout", vec![stem(), there, back, conv("b", "w3", "map", &[])]);
}

#[test]
fn what_looks_at_the_whole_picture_is_named_and_widens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let package = network(
        folder.path(),
        vec![
            conv("image", "first", "a", &[]),
            node("GlobalAveragePool", &["a"], &["p"]),
            conv("p", "w1", "s", &[]),
            node("Sigmoid", &["s"], &["g"]),
            node("Mul", &["a", "g"], &["map"]),
        ],
    );
    let layers = Layers::of(&package, &options()).unwrap();
    let layer = layers.layer("map").unwrap();
    assert_eq!((layer.reach.unwrap()[0].size, layer.uncounted), (3, vec!["GlobalAveragePool".to_owned()]));
    let squeezed = layers.layer("g").unwrap();
    assert_eq!((squeezed.reach, squeezed.grid, squeezed.channels), (None, (1, 1), 4));
    assert!(layers.layer("w1").is_err() && layers.layer("nothing").is_err());
}

#[test]
fn tokens_lie_where_their_patches_were_and_class_tokens_nowhere() {
    let fixtures = Path::new(backbone()).parent().unwrap();
    for (file, tensor) in [("class_token", "tokens"), ("four_blocks", "attention3_sum")] {
        let package = Package::from_onnx(&fixtures.join(format!("{file}.onnx")), &ImportRequest::default()).unwrap();
        let layers = Layers::of(&package, &options()).unwrap();
        let layer = layers.layer(tensor).unwrap();
        let (rows, columns) = layer.grid;
        assert!(layer.reach.is_some() && rows * 3 == columns * 2, "{file}: {layer:?}");
        let prefix = layer.shape[1] - rows * columns;
        assert_eq!(prefix, 1, "{file}: {layer:?}");
        let values = ArrayD::from_shape_fn(layer.shape.clone(), |at| (at[1] * 100 + at[2]) as f32);
        let planes = layer.planes(&values).unwrap();
        assert_eq!(
            (planes.dim(), planes[[2, 0]]),
            ((layer.channels, rows * columns), (prefix * 100 + 2) as f32),
            "{file}"
        );
        let usual = layers.usual(4);
        assert!(usual.len() == 4 && usual.iter().all(|layer| layer.reach.is_some()), "{file}: {usual:?}");
    }
}

#[test]
fn the_page_and_the_report_show_what_excites_each_layer_and_count_what_is_gone() {
    let device = Device::taught();
    device.json(&["fit-head", "--head", "softmax"]);
    let report = &device.json(&["backbone", "visualize", "--channels", "3"])[0];
    assert_eq!(report["filters"]["shape"][1], 3, "{report}");
    let layers = report["layers"].as_array().unwrap();
    let last = layers.last().unwrap();
    assert!(last["channels"][0]["weight"].as_f64().unwrap() > 0.0, "the head uses the last map: {last}");
    for picture in
        layers.iter().flat_map(|layer| layer["channels"].as_array().unwrap()).map(|channel| &channel["pictures"])
    {
        let scores: Vec<f64> = picture.as_array().unwrap().iter().map(|one| one["score"].as_f64().unwrap()).collect();
        assert!(!scores.is_empty() && scores.is_sorted_by(|a, b| a >= b), "{scores:?}");
        assert!(picture[0]["box"]["width"].as_u64().unwrap() > 0);
    }
    let page = std::fs::read_to_string(device.path("visualized.html")).unwrap();
    assert!(
        page.contains("data:image/png;base64,") && page.contains("default-src 'none'") && !page.contains("<script")
    );
    std::fs::remove_dir_all(device.path("photos/star")).unwrap();
    let looked_at = report["looked_at"].as_u64().unwrap();
    let report =
        &device.json(&["backbone", "visualize", "--layer", last["tensor"].as_str().unwrap(), "--out", "one.html"])[0];
    let gone = report["unread"].as_array().unwrap().len() as u64;
    assert!(
        gone > 0 && report["looked_at"] == looked_at - gone && report["layers"].as_array().unwrap().len() == 1,
        "{report}"
    );
    assert!(device.path("one.html").is_file());
}

#[test]
fn the_network_in_the_box_is_looked_at_from_places_that_see_little_to_places_that_see_much() {
    let report = &Device::new().json(&["backbone", "visualize"])[0];
    let layers = report["layers"].as_array().unwrap();
    let size = |layer: &serde_json::Value| layer["field"]["rows"]["size"].as_i64().unwrap();
    assert!(layers.len() == 4 && layers.is_sorted_by(|a, b| 2 * size(a) < size(b)), "{layers:?}");
    assert!(layers.is_sorted_by(|a, b| a["rows"].as_u64() > b["rows"].as_u64()), "{layers:?}");
}

#[test]
fn a_network_without_stored_pictures_shows_its_filters_and_a_wrong_layer_is_named() {
    let device = Device::new();
    device.json(&["backbone", "import", backbone(), "--name", "net", "--preset", "raw"]);
    let report = &device.json(&["backbone", "visualize", "net"])[0];
    assert!(report["stored"] == 0 && report["provider"].is_null() && report["filters"]["node"].is_string(), "{report}");
    let output = device.edgetl(&["backbone", "visualize", "net", "--layer", "nothing"]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && stderr.contains("`nothing`") && stderr.contains("backbone inspect"),
        "{stderr}"
    );
}
